"""Pixels that fill a picture up and were never measured. Source: DICOM PS3.3 C.7.5.1.1.2 (pixel padding)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from fusecli.formats.dicom.header import quiet, text

AIR_HU = -1024.0
BRIGHTEST_HU = 3071.0  # of a CT of 12 bits; only for a slice that has nothing else to compare with


def padding_of(header: Dataset) -> tuple[int, int] | None:
    """The lowest and the highest stored number of the padding; None where the file has none, or one that is broken.

    PixelPaddingRangeLimit (0028,0121) makes a range of PixelPaddingValue (0028,0120).
    """
    with quiet():
        try:
            value = int(header.PixelPaddingValue)
            limit = int(header.get("PixelPaddingRangeLimit", value))
        except Exception:  # missing, empty or broken: then every pixel counts as measured
            return None
    return min(value, limit), max(value, limit)


def without_padding(
    rescaled: NDArray[np.float32], stored: NDArray[Any], header: Dataset, padding: tuple[int, int] | None
) -> NDArray[np.float32]:
    """`rescaled`, (row, column), with nothing in place of padding that could pass for the brightest or the darkest.

    Nothing is -1024 HU of a CT, and 0 of everything else. Padding among the numbers that were measured stays, for it
    may be one of them; so does what lies below air in a CT, which is shown as air anyway.
    """
    if padding is None:
        return rescaled
    is_padding = _is_within(stored, padding)
    if not is_padding.any():
        return rescaled
    is_ct = text(header, "Modality") == "CT"
    filled, measured = rescaled[is_padding], rescaled[~is_padding]
    is_below = not is_ct and filled.max() < measured.min(initial=np.inf)
    is_above = filled.min() > measured.max(initial=BRIGHTEST_HU if is_ct and not measured.size else -np.inf)
    if is_below or is_above:
        return np.where(is_padding, np.float32(AIR_HU if is_ct else 0.0), rescaled)
    return rescaled


def _is_within(stored: NDArray[Any], padding: tuple[int, int]) -> NDArray[np.bool_]:
    """Which stored numbers are padding, be it written with a sign or without, as files confuse the two."""
    low, high = (np.array(limit).astype(stored.dtype) for limit in padding)
    if low > high:
        return np.asarray((stored >= low) | (stored <= high))
    return np.asarray((stored >= low) & (stored <= high))
