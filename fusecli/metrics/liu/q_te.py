"""Q_TE: Tsallis mutual information with both sources."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics.kernels import Levels, checked_levels, require_variation
from fusecli.metrics.liu.histogram import entropies_bits, joint_shares, stretched

NAVA, CVEJIC = 0.43137, 1.85  # the order q of the entropy in two papers


def q_te(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How much Tsallis information the fusion shares with both sources, by what the sources hold: 0 and up.

    All three are (row, column) with values in 0..1; the sources may be exchanged. 0 for a constant fusion. Its upper
    end depends on the histograms, and is below 1 even where all three are one image, so compare it only between fusions
    of the same pair.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1, and neither source is constant.
    Source: Nava, Cristóbal and Escalante-Ramírez, SPIE Newsroom 2007, q = 0.43137; Liu et al. 2012, eq. 8.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(
    fixed: Levels,
    moving: Levels,
    fused: Levels,
    *,
    order: float = NAVA,
    normalized: bool = True,
    as_toolkit: bool = False,
) -> float:
    """The same for grey levels 0..255.

    `normalized=False` is the plain sum of the two, of Cvejic, Canagarajah and Bull, Electronics Letters 42(11), 2006,
    who take the order CVEJIC. `as_toolkit` has two mistakes of Z. Liu's code: the joint histogram is divided by the
    marginals in exchanged order, so that stretching each image to 0..255, as it does, matters; and the normalization is
    by powers of the Shannon entropies plus, not minus, what is shared. It raises ImageError for a constant fusion too.
    """
    require_variation(fixed=fixed, moving=moving)
    if as_toolkit:
        fixed, moving, fused = stretched(fixed=fixed, moving=moving, fused=fused)
    shared = sum(_shared(joint_shares(source, fused), order, exchanged=as_toolkit) for source in (fixed, moving))
    if not normalized:
        return shared
    joint = joint_shares(fixed, moving)
    common = _shared(joint, order, exchanged=as_toolkit)
    if as_toolkit:
        of_fixed, of_moving, _ = entropies_bits(joint)
        return float(shared / (of_fixed**order + of_moving**order + common))
    held = _tsallis(joint.sum(axis=1), order) + _tsallis(joint.sum(axis=0), order) - common
    return shared / held if held > 0 else 0.0


def _shared(joint: Levels, order: float, *, exchanged: bool) -> float:
    """Tsallis mutual information of two images."""
    apart = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    if exchanged:
        apart = apart.T
    counted = (joint > 0) & (apart > 0)
    return float(1 - np.sum(joint[counted] ** order / apart[counted] ** (order - 1))) / (1 - order)


def _tsallis(shares: Levels, order: float) -> float:
    return float(1 - np.sum(shares[shares > 0] ** order)) / (order - 1)
