"""A color bar beside a picture: which color stands for which uptake."""

from dataclasses import dataclass

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from numpy.typing import NDArray

_TICKS = 5  # numbers beside the bar
_SMALLEST_TEXT = 9  # pixels: below it, digits cannot be told apart
_TEXT_SHARE = 0.035  # of the picture's height


@dataclass(frozen=True, slots=True, eq=False)
class Legend:
    """`colors` is (256, 3), uint8, from `low` to `high` of a measured quantity in `unit`."""

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
    bar, gap = size, size // 2
    top, bottom = 2 * size + gap, height - size
    # In a low picture only the two ends have room.
    ticks = _TICKS if bottom - top >= 2 * _TICKS * size else 2
    texts = [f"{value:.3g}" for value in np.linspace(legend.low, legend.high, ticks)]
    width = max(font.getlength(text) for text in (*texts, legend.unit))
    picture = PIL.Image.new("RGB", (round(3 * gap + bar + width), height))
    picture.paste(_bar(legend.colors, bar, max(1, bottom - top)), (gap, top))
    draw = PIL.ImageDraw.Draw(picture)
    draw.text((gap, size // 2), legend.unit, font=font, fill="white")
    for text, row in zip(texts, np.linspace(bottom - 1, top, ticks), strict=True):
        draw.text((2 * gap + bar, row), text, font=font, fill="white", anchor="lm")
    return np.asarray(picture)


def _bar(colors: NDArray[np.uint8], width: int, height: int) -> PIL.Image.Image:
    """The palette from its last entry at the top to its first at the bottom."""
    entries = np.rint(np.linspace(255, 0, height)).astype(int)
    return PIL.Image.fromarray(np.repeat(colors[entries][:, np.newaxis], width, axis=1))
