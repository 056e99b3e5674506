"""Q_G: gradient information that the fusion keeps."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fusecli.errors import ImageError
from fusecli.metrics.kernels import SNAP, Levels, checked_levels, magnitude, sobel

# Steepness and midpoint of the two sigmoids.
STRENGTH = (10.0, 0.5)
ORIENTATION = (20.0, 0.75)
NOTHING = 1e-5  # stands for a derivative or a gradient of 0


def q_g(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How much of the gradients of both sources the fusion keeps, strong ones counting more: 0 to 0.987.

    All three are (row, column) with values in 0..1; the sources may be exchanged. It is QABF with gentler sigmoids,
    without its three departures from the paper: beyond its edge an image goes on with its last value, equal
    gradients are wholly kept, and edges at +90° and -90° are one.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1, at least 2 x 2; ImageError if
    neither source has an edge.
    Source: Xydeas and Petrovic, Electronics Letters 36(4), 2000; Liu et al. 2012, eq. 20.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels, *, as_toolkit: bool = False) -> float:
    """The same for grey levels 0..255.

    `as_toolkit`: Z. Liu's code weighs the two sources at each pixel and then takes the plain mean over all pixels, so
    every pixel of a flat background counts as one whose gradient of 0 is kept (0.987); and surrounds images by black.
    """
    border: Literal["constant", "edge"] = "constant" if as_toolkit else "edge"
    result, *sources = (_gradient(*sobel(image, border=border)) for image in (fused, fixed, moving))
    kept = [_kept(source, result) for source in sources]
    weights = [strength for strength, _ in sources]
    if as_toolkit:
        return float(np.mean((kept[0] * weights[0] + kept[1] * weights[1]) / (weights[0] + weights[1])))
    if max(float(strength.max()) for strength in weights) <= NOTHING:
        raise ImageError(
            "Neither FIXED nor MOVING has an edge, so how much of them the fusion keeps is not defined.",
            why="The Sobel gradient of both is 0 everywhere.",
            hint="Choose a slice that shows anatomy and uptake, or check the window.",
        )
    return float(np.sum(kept[0] * weights[0] + kept[1] * weights[1]) / np.sum(weights[0] + weights[1]))


def _gradient(down: Levels, right: Levels) -> tuple[Levels, Levels]:
    """Strength, at least NOTHING, and orientation in -π/2..π/2."""
    strength = magnitude(down, right)
    # Where a float32 image is even along its rows, `right` is rounding, whose sign must not choose between ±π/2.
    slope = down / np.where(np.abs(right) > SNAP, right, NOTHING)
    return np.where(strength > SNAP, strength, NOTHING), np.arctan(slope)


def _kept(source: tuple[Levels, Levels], fused: tuple[Levels, Levels]) -> Levels:
    """Share of each pixel's gradient that the fusion keeps, 0..0.987."""
    ratio = np.minimum(source[0], fused[0]) / np.maximum(source[0], fused[0])
    alignment = np.abs(np.abs(source[1] - fused[1]) - np.pi / 2) / (np.pi / 2)
    return _sigmoid(ratio, STRENGTH) * _sigmoid(alignment, ORIENTATION)


def _sigmoid(share: Levels, shape: tuple[float, float]) -> Levels:
    steepness, midpoint = shape
    return np.asarray(1 / (1 + np.exp(steepness * (midpoint - share))))
