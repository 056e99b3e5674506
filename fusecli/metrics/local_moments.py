"""What an image looks like under a window that slides over it: local mean, variance and covariance."""

from dataclasses import dataclass

import numpy as np

from fusecli.metrics.kernels import Levels, smooth


@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """An image, and its mean and population variance at each place where the window lies inside.

    Rounding may leave the variance of a flat place a little below 0.
    """

    levels: Levels
    window: Levels
    mean: Levels
    variance: Levels


def local(levels: Levels, window: Levels) -> Local:
    """The moments of an image under window ⊗ window, smaller than it by the size of the window less one."""
    mean = smooth(levels, window)
    return Local(levels, window, mean, np.asarray(smooth(levels**2, window) - mean**2))


def covariance(first: Local, second: Local) -> Levels:
    """Local covariance of two images of one size under one window."""
    return np.asarray(smooth(first.levels * second.levels, first.window) - first.mean * second.mean)
