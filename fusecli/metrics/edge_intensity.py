"""EI: edge intensity."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics.kernels import Levels, checked_levels, magnitude, sobel_inside, strips


def edge_intensity(fused: NDArray[Any]) -> float:
    """How strong the edges of an image are: the mean magnitude of its Sobel gradient, in grey levels; 0 if flat.

    `fused` is (row, column) with values in 0..1. The 3 x 3 Sobel kernels are not scaled, so inside a ramp of one level
    per pixel the magnitude is 8; beyond its edge the image goes on with its last value, so that the frame is no edge.
    Noise and sharpening raise it, so compare it only between fusions of the same pair.

    Raises ShapeError or ImageError unless `fused` is one finite image on 0..1, at least 2 x 2.
    Source: as VIFB computes it (Zhang, Ye and Xiao, CVPR Workshops 2020); Sobel's kernels after Gonzalez and Woods,
    Digital Image Processing, 4th edition, section 10.2.
    """
    return of_levels(*checked_levels(fused=fused))


def of_levels(fused: Levels) -> float:
    """The same for grey levels 0..255."""
    extended = np.pad(fused, 1, mode="edge")
    total = sum(float(magnitude(*sobel_inside(extended[strip])).sum()) for strip in strips(extended.shape, 3))
    return total / fused.size
