"""Brightness as the 8 bits that pictures have."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.core import scratch


def to_uint8(unit: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """0..1 to 0..255, rounded to the nearest; what lies outside is clipped and never wraps around."""
    if unit.ndim < 3:
        return _levels(unit)
    levels = scratch.empty(unit.shape, np.uint8)
    for part in scratch.slabs(unit, levels):
        levels[part] = _levels(unit[part])
    return levels


def _levels(unit: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(unit, 0, 1) * 255), dtype=np.uint8)
