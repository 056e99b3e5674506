"""Q_S: structural similarity to the source that is livelier at each place (Piella)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.errors import ImageError
from fusecli.metrics.kernels import Levels, checked_levels, require_side
from fusecli.metrics.liu.similarity import WANG, covariance, local, saliency_share, similarity
from fusecli.metrics.structure import WINDOW


def q_s(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How alike the fusion is to the sources, each weighed by its share of the local variance: -1 to 1.

    All three are (row, column) with values in 0..1; the sources may be exchanged. 1 where all three are one image;
    black surroundings that the fusion leaves black count as alike and raise it.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1; ShapeError below 11 x 11.
    Source: Piella and Heijmans, ICIP 2003; Liu et al. 2012, eq. 35, with the SSIM of Wang et al. (Gaussian window
    of 11 x 11, standard deviation 1.5, kept inside the image) in place of the paper's index without guards.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(
    fixed: Levels,
    moving: Levels,
    fused: Levels,
    *,
    weighted: bool = False,
    flat_weight: float = 0.0,
    rounding: float = 0.0,
) -> float:
    """The same for grey levels 0..255.

    `weighted` is Q_W of the paper: places count by the larger local variance of the two sources, those where both are
    flat by `flat_weight` (0.5 in Z. Liu's toolkit). It raises ImageError if no place counts.

    Z. Liu's toolkit takes the rounding that is left in a flat bright place for a variance, which beside black is all of
    it: `rounding` is its size beside the squared mean.
    """
    require_side(fused.shape, len(WINDOW), metric="Q_S", need="window needs")
    a, b, f = (local(image, WINDOW, rounding=rounding) for image in (fixed, moving, fused))
    share = saliency_share(a, b)
    alike = share * similarity(a, f, covariance(a, f), WANG) + (1 - share) * similarity(b, f, covariance(b, f), WANG)
    if not weighted:
        return float(np.mean(alike))
    weight = np.where(a.variance + b.variance > 0, np.maximum(a.variance, b.variance), flat_weight)
    if not weight.any():
        raise ImageError(
            "FIXED and MOVING are constant, so there is no place by which to weigh the fusion.",
            why="Their variance is 0 in every window.",
            hint="Choose a slice that shows anatomy and uptake, or check the window.",
        )
    return float(np.sum(weight * alike) / np.sum(weight))
