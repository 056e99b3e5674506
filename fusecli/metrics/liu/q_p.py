"""Q_P: features of the sources that the fusion keeps, by phase congruency (Zhao)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.errors import ImageError
from fusecli.metrics.kernels import Levels, checked_levels, require_side, varies
from fusecli.metrics.liu.phase_congruency import phase_congruency
from fusecli.metrics.local_moments import Local, covariance, local
from fusecli.metrics.structure import WINDOW

FEATURE = 0.1  # phase congruency above which there is one
GUARD = 1e-4


def q_p(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How well features of the fusion follow those of either source, whatever their contrast: about 0 to 1.

    All three are (row, column) with values in 0..1; the sources may be exchanged. The product of three mean local
    correlations: of phase congruency, of edges and of corners, each with the source, or the stronger of both at each
    pixel, that it follows best. A copy of one source scores 1. Where the fusion is flat beside a feature the
    guards make it 1, so it does not see that a feature was wiped out; a constant fusion scores 0 here by definition.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1; ShapeError below 11 x 11;
    ImageError if neither source has a feature.
    Source: Zhao, Laganiere and Liu, Int. J. Innovative Computing, Information and Control 3(6A), 2007; Liu et al. 2012,
    eq. 30. The window is Gaussian, 11 x 11, standard deviation 1.5, with no feature beyond the edge.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels, *, as_toolkit: bool = False) -> float:
    """The same for grey levels 0..255.

    `as_toolkit`: Z. Liu's code has the slips that `phase_congruency` names, and sets the sources, but not the fusion,
    to 0 where they have no feature, so that even a copy of both scores below 1.
    """
    require_side(fused.shape, len(WINDOW), metric="Q_P", need="window needs")
    if not varies(fused):
        return 0.0
    a, b, f = phase_congruency([fixed, moving, fused], as_toolkit=as_toolkit)
    of_fixed = a.congruency > b.congruency
    masks = [a.congruency > FEATURE, b.congruency > FEATURE]
    masks.append(masks[0] | masks[1])
    if not masks[-1].any():
        raise ImageError(
            "Neither FIXED nor MOVING has a feature, so how many of them the fusion keeps is not defined.",
            why=f"Their phase congruency is nowhere above {FEATURE}.",
            hint="Choose a slice that shows anatomy and uptake, or check the window.",
        )
    score = 1.0
    for first, second, result in zip(a.maps(), b.maps(), f.maps(), strict=True):
        references = [first, second, np.where(of_fixed, first, second)]
        if as_toolkit:
            references = [np.where(mask, reference, 0) for reference, mask in zip(references, masks, strict=True)]
        score *= _correlation(references, masks, result)
    return score


def _correlation(references: list[Levels], masks: list[NDArray[np.bool_]], fused: Levels) -> float:
    """Mean local correlation of the fusion with the reference it follows best, over the pixels of the last mask."""
    result = _everywhere(fused)
    best = np.full(fused.shape, -np.inf)
    for reference, mask in zip(references, masks, strict=True):
        present = _everywhere(reference)
        follows = (covariance(present, result) + GUARD) / (np.sqrt(np.abs(present.variance * result.variance)) + GUARD)
        best = np.maximum(best, np.where(mask, follows, 0))
    return float(best[masks[-1]].mean())


def _everywhere(features: Levels) -> Local:
    """The local moments at each pixel."""
    return local(np.pad(features, len(WINDOW) // 2), WINDOW)
