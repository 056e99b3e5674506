"""Q_CV: visible difference from the sources, in the regions that draw the eye (Chen and Varshney)."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fusecli.errors import ImageError
from fusecli.metrics.kernels import Levels, checked_levels, magnitude, sobel
from fusecli.metrics.liu.contrast_sensitivity import cycles_per_degree, filtered
from fusecli.metrics.liu.histogram import stretched

REGION = 16  # side in pixels
EMPHASIS = 5  # power of the gradient, by which strong edges draw the eye
FIELD_DEGREES = 4  # angle under which the eye sees a side of the image

# Slope of the contrast sensitivity over cycles per degree: as published, and as Z. Liu's toolkit has it.
MANNOS_SAKRISON, TOOLKIT_SLOPE = 0.114, 0.144


def q_cv(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How far the fusion visibly is from both sources where these have strong edges: squared grey levels, 0 is best.

    All three are (row, column) with values in 0..1; the sources may be exchanged. 0 only where all three are one image.
    Each region of 16 x 16 pixels, or what is left of it at the border, has the mean squared difference after a
    contrast sensitivity filter, weighed by the sum of the fifth powers of the source's Sobel gradients: a few regions
    decide. A side of the image counts as 4 degrees of the field of view, so the score changes with the size in pixels.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1, at least 2 x 2; ImageError if
    neither source has an edge.
    Source: Chen and Varshney, Information Fusion 8(2), 2007; the sensitivity of Mannos and Sakrison, IEEE Trans.
    Information Theory 20(4), 1974; Liu et al. 2012, eq. 46.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(
    fixed: Levels,
    moving: Levels,
    fused: Levels,
    *,
    slope: float = MANNOS_SAKRISON,
    stretch: bool = False,
    black_beyond: bool = False,
) -> float:
    """The same for grey levels 0..255.

    Z. Liu's toolkit, and VIFB which took it over, have `slope=TOOLKIT_SLOPE`; `stretch`, each image to 0..255 between
    its own extremes, which hides a loss of contrast and refuses a constant fusion; and `black_beyond`, which makes the
    frame of a bright image an edge and lets the regions at the border count less.
    """
    if stretch:
        fixed, moving, fused = stretched(fixed=fixed, moving=moving, fused=fused)
    sensitivity = _sensitivity(fused.shape, slope)
    border: Literal["constant", "edge"] = "constant" if black_beyond else "edge"
    error, there = 0.0, 0.0
    for source in (fixed, moving):
        saliency, _ = _regions(magnitude(*sobel(source, border)) ** EMPHASIS)
        squared, pixels = _regions(filtered(source - fused, sensitivity) ** 2)
        error += float(np.sum(saliency * squared / (REGION**2 if black_beyond else pixels)))
        there += float(np.sum(saliency))
    if there == 0:
        raise ImageError(
            "Neither FIXED nor MOVING has an edge, so no region draws the eye.",
            why="The Sobel gradient of both is 0 everywhere.",
            hint="Choose a slice that shows anatomy and uptake, or check the window.",
        )
    return error / there


def _sensitivity(shape: tuple[int, ...], slope: float) -> Levels:
    """Gain of the eye at each frequency of a real Fourier transform."""
    frequency = slope * cycles_per_degree(shape, FIELD_DEGREES)
    return np.asarray(2.6 * (0.0192 + frequency) * np.exp(-(frequency**1.1)))


def _regions(values: Levels) -> tuple[Levels, Levels]:
    """Sum over each region, and how many pixels it has."""
    starts = [np.arange(0, side, REGION) for side in values.shape]
    sums = np.add.reduceat(np.add.reduceat(values, starts[0], axis=0), starts[1], axis=1)
    sides = [np.diff(start, append=side) for start, side in zip(starts, values.shape, strict=True)]
    return np.asarray(sums), np.outer(*sides).astype(np.float64)
