"""What the structural metrics share: the terms of SSIM under a Gaussian window, and the step to the next scale."""

from dataclasses import dataclass

import numpy as np

from fusecli.metrics.kernels import Levels, gaussian_window
from fusecli.metrics.local_moments import covariance, local

WINDOW = gaussian_window(11, sd=1.5)  # of Wang et al. 2004, and of the measures built upon it


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Local means, population variances and covariance of images a and b, at each place of the window."""

    mean_a: Levels
    mean_b: Levels
    variance_a: Levels
    variance_b: Levels
    covariance: Levels


def moments(a: Levels, b: Levels, window: Levels = WINDOW) -> Moments:
    """The moments of two images of one size, smaller than they are by the size of the window less one."""
    first, second = local(a, window), local(b, window)
    variance_a, variance_b = (np.maximum(one.variance, 0) for one in (first, second))
    return Moments(first.mean, second.mean, variance_a, variance_b, covariance(first, second))


def luminance(m: Moments, peak: float = 255.0) -> Levels:
    """How alike the local means are, 0..1: SSIM's first term, with the constant (0.01 peak)²."""
    c = (0.01 * peak) ** 2
    return (2 * m.mean_a * m.mean_b + c) / (m.mean_a**2 + m.mean_b**2 + c)


def contrast_structure(m: Moments, peak: float = 255.0) -> Levels:
    """How alike the local contrast and pattern are, -1..1: SSIM's other two terms, with the constant (0.03 peak)²."""
    c = (0.03 * peak) ** 2
    return (2 * m.covariance + c) / (m.variance_a + m.variance_b + c)


def halve(levels: Levels) -> Levels:
    """The mean of each 2 x 2 pixels; an odd last row or column is repeated."""
    padded = np.pad(levels, [(0, side % 2) for side in levels.shape], mode="edge")
    return (padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2]) / 4
