"""A color bar beside a picture: which color stands for which uptake, at which brightness."""

from dataclasses import dataclass

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from numpy.typing import NDArray

_TICKS = 5  # numbers beside the bar
_SMALLEST_TEXT = 9  # pixels: below it, digits cannot be told apart
_TEXT_SHARE = 0.035  # of the picture's height
_FIELD_WIDTH = 5  # in heights of the text: enough for the word below
_ACROSS = "brightness"
_FRAME = (110, 110, 110)


@dataclass(frozen=True, slots=True, eq=False)
class Legend:
    """What a picture is colored by: `colors`, (256, 256, 3), uint8, by brightness and then by a measured quantity.

    The quantity goes from `low` to `high` in `unit`, brightness from black to white.
    """

    colors: NDArray[np.uint8]
    low: float
    high: float
    unit: str


def beside(pages: NDArray[np.uint8], legend: Legend) -> NDArray[np.uint8]:
    """RGB pictures, (page, row, column, 3), with the color bar on black at their right, numbers and unit beside it.

    `pages` is (page, row, column) or (page, row, column, 3), 8-bit; what they show is not touched.
    """
    color = pages if pages.ndim == 4 else np.repeat(pages[..., np.newaxis], 3, axis=-1)
    strip = _strip(pages.shape[1], legend)
    return np.concatenate([color, np.broadcast_to(strip, (len(pages), *strip.shape))], axis=2)


def _strip(height: int, legend: Legend) -> NDArray[np.uint8]:
    size = max(_SMALLEST_TEXT, round(height * _TEXT_SHARE))
    font = PIL.ImageFont.load_default(size)
    side, gap = _FIELD_WIDTH * size, size // 2
    top = 2 * size + gap
    bottom = max(top + 1, height - 2 * size - gap)
    # In a low picture only the two ends have room.
    ticks = _TICKS if bottom - top >= 2 * _TICKS * size else 2
    texts = [f"{value:.3g}" for value in np.linspace(legend.low, legend.high, ticks)]
    width = max(font.getlength(text) for text in (*texts, legend.unit))
    picture = PIL.Image.new("RGB", (round(4 * gap + side + width), height))
    draw = PIL.ImageDraw.Draw(picture)
    # Its dark colors would have no border on black.
    draw.rectangle((gap - 1, top - 1, gap + side, bottom), outline=_FRAME)
    picture.paste(_field(legend.colors, side, bottom - top), (gap, top))
    draw.text((gap + side / 2, height - size - gap / 2), _ACROSS, font=font, fill="white", anchor="mm")
    draw.text((2 * gap + side, size), legend.unit, font=font, fill="white", anchor="lm")
    for text, row in zip(texts, np.linspace(bottom - 1, top, ticks), strict=True):
        draw.text((2 * gap + side, row), text, font=font, fill="white", anchor="lm")
    return np.asarray(picture)


def _field(colors: NDArray[np.uint8], width: int, height: int) -> PIL.Image.Image:
    """From dark at the left to bright, and from the least uptake at the bottom to the most."""
    brightness = np.rint(np.linspace(0, 255, width)).astype(int)
    uptake = np.rint(np.linspace(255, 0, height)).astype(int)
    return PIL.Image.fromarray(colors[brightness, uptake[:, np.newaxis]])
