"""EPI: edge preservation index."""

from typing import Any

from numpy.typing import NDArray

from fusecli.metrics.correlation import pearson
from fusecli.metrics.kernels import Levels, checked_levels, require_side, require_variation

SMALLEST_SIDE = 4  # of 3 x 3 pixels the Laplacian has one value, and one value correlates with nothing


def epi(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How well edges and fine detail of the fusion follow those of both sources: the mean of two correlations, -1..1.

    All three are (row, column) with values in 0..1; the sources may be exchanged. What is correlated are the responses
    to the Laplacian of four neighbours, only where these lie inside the image. 1 if the detail is that of the source up
    to contrast; a constant fusion has no detail: 0.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1, at least 4 x 4; ImageError if a
    source is constant.
    Source: Sattar, Floreby, Salomonsson and Lövström, IEEE Trans. Image Processing 6(6), 1997. Other programs add a
    border of zeros, whose frame then dominates bright images, or correlate Sobel magnitudes.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The same for grey levels 0..255."""
    require_variation(fixed=fixed, moving=moving)
    return (of_source(fixed, fused) + of_source(moving, fused)) / 2


def of_source(source: Levels, fused: Levels) -> float:
    """One of the two correlations, for grey levels 0..255."""
    require_side(fused.shape, SMALLEST_SIDE, metric="EPI", need="Laplacian needs")
    return pearson(_laplacian(source), _laplacian(fused))


def _laplacian(levels: Levels) -> Levels:
    neighbours = levels[:-2, 1:-1] + levels[2:, 1:-1] + levels[1:-1, :-2] + levels[1:-1, 2:]
    return neighbours - 4 * levels[1:-1, 1:-1]
