"""QABF: edge information that the fusion keeps, Q^AB/F."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.errors import ImageError
from fusecli.metrics.kernels import SNAP, Levels, checked_levels, magnitude, sobel_inside, strips

# Scale, steepness and midpoint of the two sigmoids.
STRENGTH = (0.9994, 15.0, 0.5)
ORIENTATION = (0.9879, 22.0, 0.8)


def qabf(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How much of the edges of both sources the fusion keeps, strong edges counting more: 0 to 0.975.

    All three are (row, column) with values in 0..1; the sources may be exchanged. Transposing all images may change
    the score a little, because orientations are compared without wrapping; turning them by 180° does not.

    As in the toolkits that published tables come from, and unlike the paper: the image is surrounded by black, so the
    frame of a bright image is an edge; where two gradients are equal their ratio is taken to be the gradient itself,
    which below 1 grey level counts as an edge lost; orientations of +90° and -90° count as opposite.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1, at least 2 x 2; ImageError if
    neither source has an edge.
    Source: Xydeas and Petrovic, Electronics Letters 36(4), 2000.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The same for grey levels 0..255."""
    surrounded = [np.pad(image, 1) for image in (fixed, moving, fused)]
    kept = weight = 0.0
    for strip in strips(surrounded[0].shape, 3):
        *sources, result = [_edges(image[strip]) for image in surrounded]
        kept += sum(float(np.sum(_kept(source, result) * source[0])) for source in sources)
        weight += sum(float(strength.sum()) for strength, _ in sources)
    if weight == 0:
        raise ImageError(
            "Neither FIXED nor MOVING has an edge, so how many of them the fusion keeps is not defined.",
            why="The Sobel gradient of both is 0 everywhere.",
            hint="Choose a slice that shows anatomy and uptake, or check the window.",
        )
    return kept / weight


def _edges(levels: Levels) -> tuple[Levels, Levels]:
    """Strength of the gradient at each pixel inside the outermost ones, and its orientation in -π/2..π/2."""
    down, right = sobel_inside(levels)
    # Where a float32 image is even along its rows, `right` is rounding, whose sign must not choose between ±π/2.
    slope = np.divide(-down, right, out=np.full_like(down, np.inf), where=np.abs(right) > SNAP)
    return magnitude(down, right), np.arctan(slope)


def _kept(source: tuple[Levels, Levels], fused: tuple[Levels, Levels]) -> Levels:
    """Share of each pixel's edge that the fusion keeps, 0..0.975."""
    weaker, stronger = np.minimum(source[0], fused[0]), np.maximum(source[0], fused[0])
    ratio = np.divide(weaker, stronger, out=np.zeros_like(weaker), where=stronger > 0)
    # Gradients of 8-bit pictures that differ do so by 1 / (2 · 1443) or more, so only equal ones lie within SNAP.
    ratio = np.where(stronger - weaker < SNAP, weaker, ratio)
    alignment = 1 - np.abs(source[1] - fused[1]) / (np.pi / 2)
    return _sigmoid(ratio, STRENGTH) * _sigmoid(alignment, ORIENTATION)


def _sigmoid(share: Levels, shape: tuple[float, float, float]) -> Levels:
    scale, steepness, midpoint = shape
    return np.asarray(scale / (1 + np.exp(steepness * (midpoint - share))))
