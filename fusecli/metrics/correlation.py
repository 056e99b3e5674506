"""CC: correlation with the sources."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics.kernels import SNAP, Levels, checked_levels, require_variation


def correlation(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How well the fusion follows both sources up to brightness and contrast: the mean of two correlations, -1..1.

    All three are (row, column) with values in 0..1; the sources may be exchanged. A constant fusion follows nothing: 0,
    where toolkits that divide 0 by 0 return no number.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1, at least 2 x 2; ImageError if a
    source is constant.
    Source: Pearson, Proc. Royal Society of London 58, 1895.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The same for grey levels 0..255."""
    require_variation(fixed=fixed, moving=moving)
    return (pearson(fixed, fused) + pearson(moving, fused)) / 2


def pearson(a: Levels, b: Levels, *, of_constant: float = 0.0) -> float:
    """Correlation of two images of grey levels, -1..1; `of_constant` if one of them is constant."""
    a, b = a - a.mean(), b - b.mean()
    spread_a, spread_b = np.sqrt(np.mean(a**2)), np.sqrt(np.mean(b**2))
    # Of float32 images a constant is constant only to rounding, and correlating rounding is noise.
    if min(spread_a, spread_b) < SNAP:
        return of_constant
    return float(np.mean(a * b) / (spread_a * spread_b))
