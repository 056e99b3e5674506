"""Q_M: details of the sources that the fusion keeps at two scales."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.errors import ImageError
from fusecli.metrics.kernels import Levels, checked_levels, require_side

EXPONENTS = (2 / 3, 1 / 3)  # of the finer scale and of the coarser one
SMALLEST_SIDE = 2 ** len(EXPONENTS)
BANDS = 3


def q_m(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How nearly the Haar details of the fusion equal those of both sources, large ones counting more: 0 to 1.

    All three are (row, column) with values in 0..1; the sources may be exchanged. A detail that differs by d grey
    levels counts exp(-d), so it tests equality rather than likeness: an average of the sources scores low, a copy of
    either high. Moving all images by one pixel changes it, because the Haar blocks stay where they are.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1; ShapeError below 4 x 4; ImageError
    if neither source has a detail.
    Source: Wang and Liu, ICSP 2008; Liu et al. 2012, eq. 24. An odd last row or column is left out, and so is a
    scale at which neither source has a detail.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels, *, summed: bool = False) -> float:
    """The same for grey levels 0..255; `summed` adds the three bands up as Z. Liu's toolkit does, to 0..3."""
    require_side(fused.shape, SMALLEST_SIDE, metric="Q_M", need="two scales need")
    kept, exponents = [], []
    for exponent in EXPONENTS:
        (fixed, of_fixed), (moving, of_moving), (fused, of_fused) = map(_haar, (fixed, moving, fused))
        energies = [np.sum(details**2, axis=0) for details in (of_fixed, of_moving)]
        there = float(np.sum(energies))
        if there > 0:
            equal = (np.mean(np.exp(-np.abs(details - of_fused)), axis=0) for details in (of_fixed, of_moving))
            kept.append(sum(float(np.sum(e * w)) for e, w in zip(equal, energies, strict=True)) / there)
            exponents.append(exponent)
    if not kept:
        raise ImageError(
            "Neither FIXED nor MOVING has a detail, so how many of them the fusion keeps is not defined.",
            why="Their Haar details are 0 at both scales.",
            hint="Choose a slice that shows anatomy and uptake, or check the window.",
        )
    return float(np.prod(np.power(kept, np.divide(exponents, sum(exponents))))) * (BANDS if summed else 1)


def _haar(levels: Levels) -> tuple[Levels, Levels]:
    """One step of the orthonormal Haar transform: what is left, and the details (3, rows // 2, columns // 2)."""
    rows, columns = (side // 2 * 2 for side in levels.shape)
    upper, lower = levels[0:rows:2, :columns], levels[1:rows:2, :columns]
    sums, differences = upper + lower, upper - lower
    left, right = slice(0, None, 2), slice(1, None, 2)
    details = (
        sums[:, left] - sums[:, right],
        differences[:, left] + differences[:, right],
        differences[:, left] - differences[:, right],
    )
    return (sums[:, left] + sums[:, right]) / 2, np.stack(details) / 2
