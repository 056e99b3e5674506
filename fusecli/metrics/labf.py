"""LABF: edges of the sources that the fusion lost, L^AB/F."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics.kernels import Levels, checked_levels
from fusecli.metrics.nabf import losses


def labf(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How much of the edges of both sources the fusion lost or weakened, strong edges counting more: 0 to 1.

    All three are (row, column) with values in 0..1; the sources may be exchanged. Lower is better. It counts where the
    fusion's gradient is not above both sources'; where it is, what differs counts in NABF. The edges kept, by the same
    measure, are 1 - LABF - NABF; QABF measures them with other constants, so the three do not add up to 1.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1, at least 2 x 2.
    Source: Petrovic and Xydeas, ICCV 2005, with the constants of Shreyamsha Kumar, Signal, Image and Video Processing
    7, 2013, as in `nabf`.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The same for grey levels 0..255."""
    lost, is_stronger, weight = losses(fixed, moving, fused)
    return float(np.sum(lost, where=~is_stronger)) / weight
