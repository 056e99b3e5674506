"""MS_SSIM: structural similarity at five scales."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics.kernels import Levels, checked_levels, require_side
from fusecli.metrics.structure import WINDOW, contrast_structure, halve, luminance, moments

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, finest first: table 1 of the paper

# Four halvings have to leave one place of the window.
SMALLEST_SIDE = (len(WINDOW) - 1) * 2 ** (len(WEIGHTS) - 1) + 1


def ms_ssim(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How alike the fusion is to both sources from fine to coarse: the mean of two similarities, 0..1.

    All three are (row, column) with values in 0..1; the sources may be exchanged. 1 only where all three are one image.
    A scale at which an image is inverted counts as 0, and with it the whole.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1; ShapeError below 161 x 161.
    Source: Wang, Simoncelli and Bovik, Asilomar Conference on Signals, Systems and Computers 2003. What
    Evaluation-for-Image-Fusion calls MS_SSIM is MEF_SSIM at three scales.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The same for grey levels 0..255."""
    return (of_source(fixed, fused) + of_source(moving, fused)) / 2


def of_source(source: Levels, fused: Levels) -> float:
    """One of the two similarities, for grey levels 0..255."""
    require_side(fused.shape, SMALLEST_SIDE, metric="MS-SSIM", need="five scales need")
    likeness = 1.0
    for scale, weight in enumerate(WEIGHTS):
        if scale > 0:
            source, fused = halve(source), halve(fused)
        local = moments(source, fused)
        similarity = contrast_structure(local)
        if scale == len(WEIGHTS) - 1:
            similarity = luminance(local) * similarity
        likeness *= max(float(np.mean(similarity)), 0.0) ** weight
    return likeness
