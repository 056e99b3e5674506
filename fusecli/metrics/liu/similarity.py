"""Local means, variances and covariances under a Gaussian window, and the similarity made of them."""

from dataclasses import dataclass

import numpy as np

from fusecli.metrics.kernels import Levels, smooth

# Guards of the brightness and of the contrast term: those of Wang et al., and so small that they only stop 0 / 0.
WANG = ((0.01 * 255) ** 2, (0.03 * 255) ** 2)
TINY = (2e-16, 2e-16)

# Local variance below which a place is flat, in squared grey levels: rounding leaves 1e-11, while one level at the
# edge of an 11 x 11 window makes 1e-6.
FLAT = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """An image, and its mean and variance under the window around each place where the window lies inside."""

    levels: Levels
    window: Levels
    mean: Levels
    variance: Levels


def local(levels: Levels, window: Levels, flat: float = FLAT) -> Local:
    """Local statistics under window ⊗ window; a variance below `flat` is taken for rounding and set to 0."""
    mean = smooth(levels, window)
    variance = smooth(levels**2, window) - mean**2
    return Local(levels, window, mean, np.where(np.abs(variance) < flat, 0, variance))


def covariance(first: Local, second: Local) -> Levels:
    """Local covariance, 0 where one of the two is flat."""
    raw = smooth(first.levels * second.levels, first.window) - first.mean * second.mean
    return np.where((first.variance == 0) | (second.variance == 0), 0, raw)


def similarity(first: Local, second: Local, shared: Levels, guards: tuple[float, float]) -> Levels:
    """SSIM at each place, of two images with the local covariance `shared`."""
    brightness = (2 * first.mean * second.mean + guards[0]) / (first.mean**2 + second.mean**2 + guards[0])
    return np.asarray(brightness * (2 * shared + guards[1]) / (first.variance + second.variance + guards[1]))


def saliency_share(fixed: Local, moving: Local) -> Levels:
    """Share of FIXED in the local variance of both sources; half where neither varies."""
    both = fixed.variance + moving.variance
    return np.divide(fixed.variance, both, out=np.full_like(both, 0.5), where=both != 0)
