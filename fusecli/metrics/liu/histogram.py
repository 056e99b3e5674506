"""Grey level histograms of two images, and the entropies that the information metrics are made of."""

import numpy as np

from fusecli.metrics.histograms import LEVELS, entropy_bits, joint_counts, whole_levels
from fusecli.metrics.kernels import Levels, require_variation


def joint_shares(first: Levels, second: Levels) -> Levels:
    """Share of the pixels with each pair of grey levels, (256, 256): `first` down, `second` across, summing to 1.

    Levels are rounded, halves up, and clipped to 0..255.
    """
    return np.asarray(joint_counts(whole_levels(first), whole_levels(second)) / first.size)


def stretched(**images: Levels) -> list[Levels]:
    """Each image stretched to whole levels 0..255 between its own extremes, halves up, as Z. Liu's toolkit begins.

    Raises ImageError for a constant image, which has no extremes; the toolkit returns NaN.
    """
    require_variation(**images)
    return [np.floor((image - image.min()) / np.ptp(image) * (LEVELS - 1) + 0.5) for image in images.values()]


def entropies_bits(joint: Levels) -> tuple[float, float, float]:
    """Shannon entropies of the first image, of the second, and of both together."""
    return entropy_bits(joint.sum(axis=1)), entropy_bits(joint.sum(axis=0)), entropy_bits(joint)
