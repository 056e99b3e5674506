"""Q_CB: visible local contrast that the fusion keeps (Chen and Blum)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics.kernels import Levels, checked_levels, gaussian_window, smooth
from fusecli.metrics.liu.contrast_sensitivity import cycles_per_degree, filtered
from fusecli.metrics.liu.histogram import stretched

# Difference of Gaussians: widths in cycles per degree, and weight of the narrower one.
WIDE, NARROW, NARROW_WEIGHT = 15.3870, 1.3456, 0.7622
FIELD_DEGREES = 15  # angle under which the eye sees a side of the image

WINDOW = 31
CENTRE_SD, SURROUND_SD = 2.0, 4.0
MASKING = (3, 2, 1e-4)  # exponents above and below, and constant, of the masked contrast

# Response, in grey levels, below which the eye sees black: what is left there of the filters is mostly rounding.
BLACK = 1e-3


def q_cb(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How much of the sources' visible local contrast the fusion keeps, the stronger source counting more: 0 to 1.

    All three are (row, column) with values in 0..1; the sources may be exchanged. Every pixel counts the same, so black
    surroundings that the fusion leaves black raise it. Contrast counts by its size, not its sign, so an inversion of a
    low contrast goes unnoticed. A side of the image counts as 15 degrees of the field of view, so the score changes
    with the size in pixels.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1, at least 2 x 2.
    Source: Chen and Blum, Image and Vision Computing 27(10), 2009, with a difference of Gaussians as contrast
    sensitivity; Liu et al. 2012, eq. 52.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(
    fixed: Levels,
    moving: Levels,
    fused: Levels,
    *,
    black: float = BLACK,
    stretch: bool = False,
    black_beyond: bool = False,
) -> float:
    """The same for grey levels 0..255.

    Z. Liu's toolkit, and VIFB which took it over, have `stretch`, each image to 0..255 between its own extremes, which
    hides a loss of contrast and refuses a constant fusion; `black_beyond`, which surrounds the image by black and does
    not normalize the windows; and `black=0`, which on a wide black background compares rounding with rounding.
    """
    if stretch:
        fixed, moving, fused = stretched(fixed=fixed, moving=moving, fused=fused)
    frequency = cycles_per_degree(fused.shape, FIELD_DEGREES)
    gain = np.exp(-((frequency / WIDE) ** 2)) - NARROW_WEIGHT * np.exp(-((frequency / NARROW) ** 2))
    a, b, f = (_masked(_contrast(filtered(image, gain), black, black_beyond)) for image in (fixed, moving, fused))
    both = a**2 + b**2
    share = np.divide(a**2, both, out=np.full_like(both, 0.5), where=both > 0)
    return float(np.mean(share * _kept(a, f) + (1 - share) * _kept(b, f)))


def _contrast(seen: Levels, black: float, black_beyond: bool) -> Levels:
    """Size of the local contrast: a small neighbourhood against a larger one, less 1."""
    padded = np.pad(seen, WINDOW // 2, mode="constant" if black_beyond else "edge")
    centre, surround = (smooth(padded, _window(sd, black_beyond)) for sd in (CENTRE_SD, SURROUND_SD))
    ratio = np.divide(centre, surround, out=np.ones_like(centre), where=np.abs(surround) > black)
    return np.asarray(np.abs(ratio - 1))


def _window(sd: float, black_beyond: bool) -> Levels:
    window = gaussian_window(WINDOW, sd)
    # The density of a Gaussian, whose sum the window falls short of by its tails.
    return window * (1 / (sd * np.sqrt(2 * np.pi)) / window[WINDOW // 2]) if black_beyond else window


def _masked(contrast: Levels) -> Levels:
    """Contrast as the eye responds to it."""
    above, below, constant = MASKING
    return np.asarray(contrast**above / (contrast**below + constant))


def _kept(source: Levels, fused: Levels) -> Levels:
    """Share of the contrast that the fusion keeps, or the inverse where it has more; 1 where neither has any."""
    larger = np.maximum(source, fused)
    return np.divide(np.minimum(source, fused), larger, out=np.ones_like(larger), where=larger > 0)
