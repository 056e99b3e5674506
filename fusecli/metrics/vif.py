"""VIF: visual information fidelity, in the pixel domain."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics.kernels import (
    Levels,
    checked_levels,
    gaussian_window,
    require_side,
    require_variation,
    smooth,
    strips,
)
from fusecli.metrics.local_moments import Local, covariance, local

# One scale each; the standard deviation is a fifth of the size.
WINDOWS = tuple(gaussian_window(size, sd=size / 5) for size in (17, 9, 5, 3))
EYE_NOISE = 2.0  # variance of the noise that stands for the eye, in squared grey levels
FLAT = 1e-10  # local variance below which a place shows nothing, in squared grey levels

# Going back from the 3 x 3 window of the last scale: a side of n needs 2n - 1 pixels before the halving, and the
# smoothing before that takes 2, 4 and 8 pixels: 3 -> 7 -> 17 -> 41.
SMALLEST_SIDE = 41


def vif(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How much of the information in both sources an eye could still find in the fusion: the sum of two shares.

    All three are (row, column) with values in 0..1; the sources may be exchanged. Each share is 0 if nothing of a
    source is left and 1 if the fusion is that source, and passes 1 only where the fusion has more contrast than the
    source. Many papers print the mean of the two, half of this. A copy of one source scores more than 1, so read VIF
    together with SCD.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1; ShapeError below 41 x 41, the
    least that four scales need; ImageError if a source is constant.
    Source: Sheikh and Bovik, IEEE Trans. Image Processing 15(2), 2006, in the pixel-domain form that its authors
    published as VIFP: windows of 17, 9, 5 and 3 pixels kept inside the image, halving between scales.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The same for grey levels 0..255."""
    return sum(shares(fixed, moving, fused))


def of_source(source: Levels, fused: Levels) -> float:
    """One of the two shares, for grey levels 0..255."""
    return _shares([source], fused)[0]


def shares(fixed: Levels, moving: Levels, fused: Levels) -> tuple[float, float]:
    """The two shares that VIF adds up, of FIXED and of MOVING, for grey levels 0..255."""
    require_four_scales(fixed.shape)
    require_variation(fixed=fixed, moving=moving)
    of_fixed, of_moving = _shares([fixed, moving], fused)
    return of_fixed, of_moving


def require_four_scales(shape: tuple[int, ...]) -> None:
    """Raise ShapeError for an image, (row, column), that is too small for VIF."""
    require_side(shape, SMALLEST_SIDE, metric="VIF", need="four scales need")


def _shares(sources: list[Levels], fused: Levels) -> list[float]:
    require_four_scales(fused.shape)
    images = [*sources, fused]
    total = np.zeros((len(sources), 2))  # (source, [kept, there])
    for scale, window in enumerate(WINDOWS):
        if scale > 0:
            images = [smooth(image, window)[::2, ::2] for image in images]
        for strip in strips(images[0].shape, len(window)):
            *own, result = [moments(image[strip], window) for image in images]
            for k, source in enumerate(own):
                _, kept, there = information(source, result, EYE_NOISE)
                total[k] += kept.sum(), there.sum()
    return [float(kept / there) for kept, there in total]


def moments(image: Levels, window: Levels) -> Local:
    """The local moments of an image of one scale, its variance never below 0."""
    found = local(image, window)
    return replace(found, variance=np.maximum(found.variance, 0))


def information(source: Local, fused: Local, noise: float) -> tuple[Levels, Levels, Levels]:
    """Of one scale, at each place: the gain, information of the source still in the fusion, and all that was there.

    `noise` is the variance of the noise that stands for the eye.
    """
    shared = covariance(source, fused)
    gain = shared / (source.variance + FLAT)
    distortion = np.maximum(fused.variance - gain * shared, FLAT)
    # Where the fusion is flat, or shows the source inverted, nothing of the source is kept.
    gain[(fused.variance < FLAT) | (gain < 0)] = 0
    signal = np.where(source.variance < FLAT, 0, source.variance)
    return gain, np.log1p(gain**2 * signal / (distortion + noise)), np.log1p(signal / noise)
