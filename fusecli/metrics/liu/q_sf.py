"""Q_SF: spatial frequency against the most that the sources have."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.errors import ImageError
from fusecli.metrics.kernels import Levels, checked_levels

# Along a row, down a column, and the two diagonals, which are √2 as long: (rows down, columns right, weight).
DIRECTIONS = ((0, 1, 1.0), (1, 0, 1.0), (1, 1, 0.5**0.5), (1, -1, 0.5**0.5))


def q_sf(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How much busier the fusion is than the livelier source at each place: -1 to about 1; 0 is best.

    All three are (row, column) with values in 0..1; the sources may be exchanged. Below 0, detail was lost (-1: the
    fusion is constant); above 0, there is noise or sharpening. The differences that count are the larger of the two
    sources at each place, in four directions.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1, at least 2 x 2; ImageError if
    both sources are constant.
    Source: Zheng, Essock, Hansen and Haun, Information Fusion 8(2), 2007; Liu et al. 2012, eq. 26. The diagonals weigh
    √½ before the sum, as in Z. Liu's toolkit.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The same for grey levels 0..255."""
    kept, there = 0.0, 0.0
    for down, right, weight in DIRECTIONS:
        kept += weight * float(np.sum(_difference(fused, down, right) ** 2))
        larger = np.maximum(*(np.abs(_difference(source, down, right)) for source in (fixed, moving)))
        there += weight * float(np.sum(larger**2))
    if there == 0:
        raise ImageError(
            "Both FIXED and MOVING are constant, so how much of their detail the fusion keeps is not defined.",
            why="No two neighbouring pixels differ in either.",
            hint="Choose a slice that shows anatomy and uptake, or check the window.",
        )
    return float(np.sqrt(kept / there)) - 1


def _difference(levels: Levels, down: int, right: int) -> Levels:
    """Of each pixel from the one so far away, where both exist."""
    rows, columns = levels.shape
    left, first = max(-right, 0), max(right, 0)
    width = columns - abs(right)
    return levels[down:, first : first + width] - levels[: rows - down, left : left + width]
