"""Pictures side by side on one sheet, each with its caption."""

import math
from collections.abc import Mapping

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from numpy.typing import NDArray

from fusecli.report.pictures import scaled

Bytes = NDArray[np.uint8]

COLUMNS = 4
SIDES = (256, 512)  # pixels, of the longer side of a picture: smaller ones are enlarged, larger ones made smaller
GAP = 8
TEXT = 16
_CAPTION = 2 * TEXT
_PAPER, _INK, _FAINT = (24, 26, 28), (240, 240, 240), (150, 150, 150)


def sheet(tiles: Mapping[str, Bytes | None]) -> Bytes:
    """The pictures by their captions, four to a row, (row, column, 3), uint8, captions above.

    A picture is (row, column) or (row, column, 3), uint8; in place of one that is None stands a word. Enlarged pixels
    stay squares.

    Raises ValueError without a single picture.
    """
    sized = {caption: None if tile is None else fitted(tile) for caption, tile in tiles.items()}
    height, width = _cell(sized)
    columns = min(COLUMNS, len(sized))
    rows = math.ceil(len(sized) / columns)
    size = (columns * (width + GAP) + GAP, rows * (height + _CAPTION) + GAP)
    paper = PIL.Image.new("RGB", size, _PAPER)
    for n, (caption, tile) in enumerate(sized.items()):
        place = (GAP + n % columns * (width + GAP), n // columns * (height + _CAPTION))
        _put(paper, place, caption, tile, (width, height))
    return np.asarray(paper)


def fitted(picture: Bytes) -> Bytes:
    """A picture, (row, column) or (row, column, 3), large enough to see and small enough for a page."""
    longer = max(picture.shape[:2])
    smallest, largest = SIDES
    whole = longer * math.ceil(smallest / longer)
    return picture if longer == whole <= largest else scaled(picture, min(whole, largest))


def _cell(tiles: Mapping[str, Bytes | None]) -> tuple[int, int]:
    """Rows and columns in which the largest picture and the longest caption have room."""
    shapes = [tile.shape[:2] for tile in tiles.values() if tile is not None]
    if not shapes:
        raise ValueError("a sheet needs a picture")
    font = PIL.ImageFont.load_default(TEXT)
    text = max(math.ceil(font.getlength(caption)) for caption in tiles)
    return max(rows for rows, _ in shapes), max(text, *(columns for _, columns in shapes))


def _put(
    paper: PIL.Image.Image, place: tuple[int, int], caption: str, tile: Bytes | None, cell: tuple[int, int]
) -> None:
    left, top = place
    draw, font = PIL.ImageDraw.Draw(paper), PIL.ImageFont.load_default(TEXT)
    draw.text((left, top + _CAPTION // 2), caption, font=font, fill=_INK, anchor="lm")
    if tile is not None:
        paper.paste(PIL.Image.fromarray(tile).convert("RGB"), (left, top + _CAPTION))
        return
    middle = (left + cell[0] // 2, top + _CAPTION + cell[1] // 2)
    draw.text(middle, "failed", font=font, fill=_FAINT, anchor="mm")
