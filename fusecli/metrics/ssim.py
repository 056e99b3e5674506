"""SSIM: structural similarity to the sources."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from fusecli.metrics.kernels import Levels, checked_levels, require_side, strips
from fusecli.metrics.structure import WINDOW, contrast_structure, luminance, moments

SMALLEST_SIDE = 7  # the side of the window


def ssim(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How alike the fusion is to both sources in brightness, contrast and pattern: the mean of two similarities, -1..1.

    All three are (row, column) with values in 0..1; the sources may be exchanged. Some papers print the sum of the two,
    twice this. It is 1 only where all three are one image, so no fusion of two different sources reaches 1; a place
    that is flat in both is alike in pattern, so black surroundings raise it.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1; ShapeError below 7 x 7.
    Source: Wang, Bovik, Sheikh and Simoncelli, IEEE Trans. Image Processing 13(4), 2004, with the uniform 7 x 7 window
    kept inside the image and the sample covariance that scikit-image has by default, not the paper's Gaussian one.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The same for grey levels 0..255."""
    return (of_source(fixed, fused) + of_source(moving, fused)) / 2


def of_source(source: Levels, fused: Levels) -> float:
    """One of the two similarities, for grey levels 0..255."""
    require_side(fused.shape, SMALLEST_SIDE, metric="SSIM", need="window needs")
    total = places = 0.0
    for strip in strips(fused.shape, SMALLEST_SIDE):
        rows = strip.stop - strip.start - SMALLEST_SIDE + 1
        mean = structural_similarity(source[strip], fused[strip], data_range=255)  # type: ignore[no-untyped-call]
        total, places = total + rows * mean, places + rows
    return float(total / places)


def gaussian(source: Levels, fused: Levels, *, peak: float = 255.0) -> float:
    """The paper's own form: a Gaussian window of 11 x 11 inside the image, population moments, a scale of 0..`peak`.

    The images are grey levels 0..255 whatever the peak.
    """
    require_side(fused.shape, len(WINDOW), metric="SSIM", need="Gaussian window needs")
    local = moments(source, fused)
    return float(np.mean(luminance(local, peak) * contrast_structure(local, peak)))
