"""VIFF: visual information fidelity for fusion."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics import vif
from fusecli.metrics.kernels import Levels, checked_levels, require_variation, smooth, strips

EYE_NOISE = 0.005 * 255**2  # variance of the noise that stands for the eye, in squared grey levels
GUARD = 1e-7  # added at each place to both sums of a scale
SCALE_WEIGHTS = (1.0, 0.0, 0.15, 1.0)  # finest first


def viff(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How much of the information of the better kept source, place by place, an eye could still find in the fusion.

    All three are (row, column) with values in 0..1. At each place only the source counts that the fusion shows with the
    larger gain; so, unlike VIF, dropping one source where the other is strong costs little. 0 if nothing is left, 1
    if all three are one image, more only where the fusion has more contrast than the sources. Where both gains are
    equal MOVING counts, which is the only difference that exchanging the sources makes.

    Raises ShapeError or ImageError as `vif` does.
    Source: Han, Cai, Cao and Xu, Information Fusion 14(2), 2013, for grey images. MMIF-CDDFuse calls VIF by this name.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The same for grey levels 0..255."""
    vif.require_four_scales(fixed.shape)
    require_variation(fixed=fixed, moving=moving)
    images, total = [fixed, moving, fused], 0.0
    for scale, (window, weight) in enumerate(zip(vif.WINDOWS, SCALE_WEIGHTS, strict=True)):
        if scale > 0:
            images = [smooth(image, window)[::2, ::2] for image in images]
        if weight > 0:
            total += weight * _share(images, window)
    return total / sum(SCALE_WEIGHTS)


def _share(images: list[Levels], window: Levels) -> float:
    """Of one scale: information kept, of all that there was in the source with the larger gain at each place."""
    total = np.zeros(2)  # kept, there
    for strip in strips(images[0].shape, len(window)):
        *sources, result = [vif.moments(image[strip], window) for image in images]
        (gain_a, *of_a), (gain_b, *of_b) = [vif.information(source, result, EYE_NOISE) for source in sources]
        total += [np.sum(np.where(gain_a > gain_b, a, b) + GUARD) for a, b in zip(of_a, of_b, strict=True)]
    return float(total[0] / total[1])
