"""NABF: edges that the fusion made up, modified N^AB/F."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics.kernels import SNAP, Levels, checked_levels, magnitude, sobel

# Scale, steepness and midpoint of the two sigmoids.
STRENGTH = (0.9999, 19.0, 0.5)
ORIENTATION = (0.9995, 22.0, 0.5)

VISIBLE = 2.0  # gradient, in grey levels per pixel, from which an edge counts by its strength
FAINT = 0.001  # weight of what is below that
EXPONENT = 1.5  # by which a strong edge counts more


def nabf(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How much of the edges of the fusion neither source has: artifacts, 0 to 1; lower is better.

    All three are (row, column) with values in 0..1; the sources may be exchanged. Only pixels count where the gradient
    of the fusion exceeds that of both sources: 0 for a copy of a source and for a flat image, and more for noise,
    ringing and sharpening. It says nothing of what was lost. Scores of 10⁻⁸ come from edges too faint to see.
    Transposing all images may change it a little, because a place without a gradient still has an orientation.

    Beyond its edge the image is mirrored without repeating its last row.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1, at least 2 x 2.
    Source: Shreyamsha Kumar, Signal, Image and Video Processing 7, 2013, after Petrovic and Xydeas, ICCV 2005. The
    toolkit that many published tables come from passes FIXED where the fusion belongs, and measures something else.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The same for grey levels 0..255."""
    lost, is_stronger, weight = losses(fixed, moving, fused)
    return float(np.sum(lost, where=is_stronger)) / weight


def losses(fixed: Levels, moving: Levels, fused: Levels) -> tuple[Levels, NDArray[np.bool_], float]:
    """What Q^AB/F, L^AB/F and N^AB/F share out among them, for grey levels 0..255.

    At each pixel, what the fusion has not unchanged of both edges, weighted; whether its edge is the strongest of the
    three; and the sum of all weights.
    """
    result = _edges(fused)
    sources = [_edges(fixed), _edges(moving)]
    weights = [_weight(strength) for strength, _ in sources]
    lost = sum((1 - _kept(source, result)) * weight for source, weight in zip(sources, weights, strict=True))
    is_stronger = result[0] > np.maximum(sources[0][0], sources[1][0]) + SNAP
    return np.asarray(lost), is_stronger, sum(float(weight.sum()) for weight in weights)


def _edges(levels: Levels) -> tuple[Levels, Levels]:
    """Strength of the gradient at each pixel, 8 times that per pixel, and its orientation in -π/2..π/2."""
    down, right = sobel(levels, border="reflect")
    slope = np.divide(right, down, out=np.copysign(np.inf, right), where=down != 0)
    # A place without a gradient lies along the columns, which `_kept` still compares.
    return magnitude(down, right), np.arctan(np.where((down == 0) & (right == 0), 0, slope))


def _weight(strength: Levels) -> Levels:
    per_pixel = strength / 8
    # An edge of exactly that strength counts, however its gradient was rounded.
    return np.where(per_pixel > VISIBLE - SNAP, per_pixel**EXPONENT, FAINT)


def _kept(source: tuple[Levels, Levels], fused: tuple[Levels, Levels]) -> Levels:
    """Share of each pixel's edge that the fusion has unchanged, 0..1."""
    weaker, stronger = np.minimum(source[0], fused[0]), np.maximum(source[0], fused[0])
    ratio = np.divide(weaker, stronger, out=np.zeros_like(weaker), where=stronger > 0)
    # Orientations of +90° and -90° are one, and so score alike.
    alignment = np.abs(np.abs(source[1] - fused[1]) - np.pi / 2) / (np.pi / 2)
    return np.asarray(np.sqrt(_sigmoid(ratio, STRENGTH) * _sigmoid(alignment, ORIENTATION)))


def _sigmoid(share: Levels, shape: tuple[float, float, float]) -> Levels:
    scale, steepness, midpoint = shape
    return np.asarray(scale / (1 + np.exp(steepness * (midpoint - share))))
