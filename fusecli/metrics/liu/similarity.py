"""Similarity of two images at each place, in which a flat place is told from the rounding that smoothing leaves."""

from dataclasses import replace

import numpy as np

from fusecli.metrics import local_moments
from fusecli.metrics.kernels import Levels
from fusecli.metrics.local_moments import Local

# Guards of the brightness and of the contrast term: those of Wang et al., and so small that they only stop 0 / 0.
WANG = ((0.01 * 255) ** 2, (0.03 * 255) ** 2)
TINY = (2e-16, 2e-16)

# Local variance below which a place is flat, in squared grey levels: rounding leaves 1e-11, while one level at the
# edge of an 11 x 11 window makes 1e-6.
FLAT = 1e-8


def local(levels: Levels, window: Levels, *, rounding: float = 0.0) -> Local:
    """Local moments under window ⊗ window; what lies below FLAT is no variance.

    `rounding` times the squared mean stands in its place, for a toolkit that takes for variance what rounding leaves.
    """
    found = local_moments.local(levels, window)
    return replace(found, variance=np.where(np.abs(found.variance) < FLAT, rounding * found.mean**2, found.variance))


def covariance(first: Local, second: Local) -> Levels:
    """Local covariance, 0 where one of the two is flat."""
    is_flat = (first.variance == 0) | (second.variance == 0)
    return np.where(is_flat, 0, local_moments.covariance(first, second))


def similarity(first: Local, second: Local, shared: Levels, guards: tuple[float, float]) -> Levels:
    """SSIM at each place, of two images with the local covariance `shared`."""
    brightness = (2 * first.mean * second.mean + guards[0]) / (first.mean**2 + second.mean**2 + guards[0])
    return np.asarray(brightness * (2 * shared + guards[1]) / (first.variance + second.variance + guards[1]))


def saliency_share(fixed: Local, moving: Local) -> Levels:
    """Share of FIXED in the local variance of both sources; half where neither varies."""
    both = fixed.variance + moving.variance
    return np.divide(fixed.variance, both, out=np.full_like(both, 0.5), where=both != 0)
