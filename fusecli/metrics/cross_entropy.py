"""CE: how unlike the histogram of the fusion is to those of its sources."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics.histograms import LEVELS, counts_of, whole_levels
from fusecli.metrics.kernels import Levels, checked_levels

UNSEEN = 0.5  # pixels added to each level, so that a level which the fusion lacks costs much and not without end


def cross_entropy(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How unlike the grey levels of the fusion are to those of both sources, in bit: the mean of two, 0 if alike.

    All three are (row, column) with values in 0..1; the sources may be exchanged. Lower is better. Each is the relative
    entropy sum p log2(p / q) of the source's histogram p and that of the fusion, q; where a level lies does not matter.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1, at least 2 x 2.
    Source: Kullback and Leibler, Annals of Mathematical Statistics 22(1), 1951, with half a pixel added to each of the
    256 levels (Krichevsky and Trofimov, IEEE Trans. Information Theory 27(2), 1981). Toolkits leave out the levels that
    one of the two lacks instead, and so prefer a constant image.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The same for grey levels 0..255."""
    result = _share(fused)
    return float(np.mean([np.sum(p * np.log2(p / result)) for p in (_share(fixed), _share(moving))]))


def over_common_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """As VIFB computes it: only over the levels that both images have, so that it can be negative."""
    result = counts_of(whole_levels(fused)) / fused.size
    terms = []
    for source in (fixed, moving):
        own = counts_of(whole_levels(source)) / source.size
        common = (own > 0) & (result > 0)
        terms.append(float(np.sum(own[common] * np.log2(own[common] / result[common]))))
    return sum(terms) / 2


def _share(levels: Levels) -> Levels:
    return np.asarray((counts_of(whole_levels(levels)) + UNSEEN) / (levels.size + UNSEEN * LEVELS))
