"""DICOM's standard color tables, PS3.6 annex B.1."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from fusecli.catalog import PALETTES
from fusecli.core.luma import luma
from fusecli.errors import UsageError


def lookup(unit: NDArray[np.floating], palette: str) -> NDArray[np.uint8]:
    """RGB, (..., 3), of brightness or uptake in 0..1, (...,), by a table of catalog.PALETTES; "none" gives grey.

    0 is the first of the 256 entries and 1 the last; values outside are clipped.

    Raises UsageError for a palette that does not exist.
    Source: DICOM PS3.6 B.1, well-known color palettes.
    """
    if palette not in PALETTES:
        raise UsageError(f"There is no palette '{palette}'.", hint=f"Choose one of: {', '.join(PALETTES)}.")
    entries = np.rint(np.clip(unit, 0, 1) * 255).astype(np.uint8)
    return np.asarray(np.take(_table(PALETTES[palette]), entries, axis=0))


def position_of_luma(brightness: NDArray[np.floating], palette: str) -> NDArray[np.floating]:
    """Where in a palette, 0..1, its own luma reaches `brightness`, 0..1, (...,); 1 for one that does not grow brighter.

    Raises UsageError for a palette that does not exist.
    """
    own = luma(lookup(np.arange(256) / 255, palette))
    if (np.diff(own) < 0).any():
        return np.ones_like(brightness)
    return np.asarray(np.interp(brightness, own, np.arange(256) / 255, right=1.0))


@cache
def _table(uid: str | None) -> NDArray[np.uint8]:
    """The 256 colors of the palette with this UID, (256, 3), read-only; grey for None."""
    levels = np.arange(256, dtype=np.uint8)
    if uid is None:
        table = np.repeat(levels[:, np.newaxis], 3, axis=1)
    else:
        # pydicom carries the standard's own tables as files, so that nobody has to copy 3072 numbers by hand.
        from pydicom.pixels.processing import apply_color_lut

        table = np.array(apply_color_lut(levels, palette=uid), dtype=np.uint8)
    table.setflags(write=False)
    return table
