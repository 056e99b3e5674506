"""Q_NCIE: nonlinear correlation information entropy of sources and fusion."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics.histograms import LEVELS
from fusecli.metrics.kernels import Levels, checked_levels, require_variation
from fusecli.metrics.liu.histogram import entropies_bits, joint_shares


def q_ncie(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How strongly sources and fusion depend on each other in any way: 0.802 (not at all) to 1.

    All three are (row, column) with values in 0..1; any two may be exchanged, so it also counts how alike the sources
    are, which no fusion can change: compare it only between fusions of the same pair. Differences between methods
    show in its third digit.

    As in Liu et al. and unlike Wang and Shen, the levels are counted as they are, not by rank, so an image depends
    on itself by its entropy / 8, and 1 is reached only where all three are one image that uses 256 levels evenly.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1, and neither source is constant.
    Source: Wang, Shen and Zhang, Physica D 200(3-4), 2005; Liu et al. 2012, eq. 14.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The same for grey levels 0..255."""
    require_variation(fixed=fixed, moving=moving)
    correlations = np.eye(3)
    images = (fixed, moving, fused)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        correlations[second, first] = _correlation(images[first], images[second])
    shares = np.linalg.eigvalsh(correlations, UPLO="L") / len(images)
    present = shares[shares > 0]
    return float(1 + np.sum(present * np.log(present)) / np.log(LEVELS))


def _correlation(first: Levels, second: Levels) -> float:
    """Mutual information to the base of 256."""
    of_first, of_second, together = entropies_bits(joint_shares(first, second))
    return (of_first + of_second - together) / math.log2(LEVELS)
