"""MEF_SSIM: structural similarity to the patch that two sources would ideally give together."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics.kernels import Levels, checked_levels, require_side, smooth
from fusecli.metrics.local_moments import covariance, local
from fusecli.metrics.structure import WINDOW, halve

SIDE = len(WINDOW)
PIXELS = SIDE * SIDE
C = (0.03 * 255) ** 2
FAINT = 0.001  # added to the contrast of a patch, which is divided by
STEEPEST = 10.0  # exponent by which the stronger patch wins where both show one pattern
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001)  # of the scales, finest first
EPSILON = float(np.finfo(np.float64).eps)


def mef_ssim(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How alike the fusion is, patch by patch, to the best that both sources give together: a mean, -1..1.

    All three are (row, column) with values in 0..1; the sources may be exchanged. The ideal patch of 11 x 11 pixels has
    the larger contrast of the two, and a pattern that is their mean weighted by contrast, the steeper the more alike
    they are. Brightness does not count, so adding a constant to any image changes nothing.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1; ShapeError below 11 x 11.
    Source: Ma, Zeng and Wang, IEEE Trans. Image Processing 24(11), 2015, equations 4 to 13, at one scale.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The same for grey levels 0..255."""
    require_side(fused.shape, SIDE, metric="MEF-SSIM", need="window needs")
    share_a, share_b = _ideal(fixed, moving)
    a, b, f = (local(image, WINDOW) for image in (fixed, moving, fused))
    crossed = 2 * share_a * share_b * covariance(a, b)
    ideal = share_a**2 * a.variance + crossed + share_b**2 * b.variance
    shared = share_a * covariance(a, f) + share_b * covariance(b, f)
    return float(np.mean((2 * shared + C) / (ideal + f.variance + C)))


def over_scales(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The product over three scales, each to the power of its weight, which one toolkit calls MS_SSIM."""
    product, images = 1.0, (fixed, moving, fused)
    for scale, weight in enumerate(SCALE_WEIGHTS):
        if scale > 0:
            images = (halve(images[0]), halve(images[1]), halve(images[2]))
        product *= max(of_levels(*images), 0.0) ** (weight / sum(SCALE_WEIGHTS))
    return product


def _ideal(fixed: Levels, moving: Levels) -> tuple[Levels, Levels]:
    """By which factors the patches of both sources, less their means, add up to the ideal one."""
    power_a, power_b = _energy(fixed, fixed), _energy(moving, moving)
    product = _energy(fixed, moving)
    contrast_a, contrast_b = np.sqrt(power_a) + FAINT, np.sqrt(power_b) + FAINT
    together = np.sqrt(np.maximum(power_a + power_b + 2 * product, 0))
    agreement = (together + EPSILON) / (np.sqrt(power_a) + np.sqrt(power_b) + EPSILON)
    steepness = np.minimum(np.tan(np.pi / 2 * np.clip(agreement, EPSILON, 1 - EPSILON)), STEEPEST)
    weight_a, weight_b = (((contrast / SIDE) ** steepness + EPSILON) for contrast in (contrast_a, contrast_b))
    # A patch is divided by its own contrast, so that only its pattern is weighted.
    share_a, share_b = weight_a / (weight_a + weight_b) / contrast_a, weight_b / (weight_a + weight_b) / contrast_b
    length = np.sqrt(np.maximum(share_a**2 * power_a + 2 * share_a * share_b * product + share_b**2 * power_b, 0))
    gain = np.divide(np.maximum(contrast_a, contrast_b), length, out=np.ones_like(length), where=length > 0)
    return share_a * gain, share_b * gain


def _energy(a: Levels, b: Levels) -> Levels:
    """Sum over each patch of the product of two images less their means there; 0 or more where they are one."""
    # Sums of whole levels are exact, so that a flat patch has exactly no energy.
    box = np.ones(SIDE)
    energy = smooth(a * b, box) - smooth(a, box) * smooth(b, box) / PIXELS
    return np.maximum(energy, 0) if a is b else energy
