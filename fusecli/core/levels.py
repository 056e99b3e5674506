"""Brightness as the 8 bits that pictures have."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_uint8(unit: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """0..1 to 0..255, rounded to the nearest; what lies outside is clipped and never wraps around."""
    return np.asarray(np.rint(np.clip(unit, 0, 1) * 255), dtype=np.uint8)
