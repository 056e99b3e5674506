"""SD: standard deviation."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics.kernels import Levels, checked_levels


def standard_deviation(fused: NDArray[Any]) -> float:
    """The contrast of an image as a whole: the root mean square distance from its mean, in grey levels, 0..127.5.

    `fused` is (row, column) with values in 0..1. Noise raises it, and so does a black surround.

    Raises ShapeError or ImageError unless `fused` is one finite image on 0..1, at least 2 x 2.
    Source: the population's standard deviation, which divides by the number of pixels.
    """
    return of_levels(*checked_levels(fused=fused))


def of_levels(fused: Levels) -> float:
    """The same for grey levels 0..255."""
    return float(np.std(fused))
