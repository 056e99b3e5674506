"""SF: spatial frequency."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics.kernels import Levels, checked_levels


def spatial_frequency(fused: NDArray[Any]) -> float:
    """How busy an image is: the root mean square of neighbouring differences, in grey levels; 0 for a flat image.

    `fused` is (row, column) with values in 0..1. The mean square along rows and the one along columns are added. Finer
    detail and more noise raise it alike, so compare it only between fusions of the same pair.

    Raises ShapeError or ImageError unless `fused` is one finite image on 0..1, at least 2 x 2.
    Source: Eskicioglu and Fisher, IEEE Trans. Commun. 43(12), 1995. Divides by the number of differences; toolkits
    that divide by the number of pixels get a slightly lower value.
    """
    return of_levels(*checked_levels(fused=fused))


def of_levels(fused: Levels) -> float:
    """The same for grey levels 0..255."""
    down, right = np.diff(fused, axis=0), np.diff(fused, axis=1)
    return float(np.sqrt(np.mean(down**2) + np.mean(right**2)))
