"""FMI: feature mutual information."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics.fmi_features import Feature, edges, feature_of
from fusecli.metrics.kernels import Levels, checked_levels, require_side
from fusecli.metrics.window_information import CELLS, normalized_information

Patterns = NDArray[np.int64]

SIDE = 3  # of the window
WINDOWS = 2048  # at a time, whose working set stays in the cache


def fmi(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How well the edges of the fusion tell where those of both sources are: the mean of two shares, about 0 to 1.

    All three are (row, column) with values in 0..1; the sources may be exchanged. Each share is the mean normalized
    mutual information of all 3 x 3 windows of two edge maps. Transposing all images may change it a little. Windows
    that are the same count as 1, so an image without edges is told perfectly by another one, and a black background
    raises the score: compare it only between fusions of the same pair.

    This is what the toolkits that published tables come from call FMI_pixel, though its feature is not the pixels but
    an edge map: Sobel, thinned, stronger than twice the root mean square gradient, and no edge on the frame.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1; ShapeError below 3 x 3.
    Source: Haghighat and Razian, "Fast-FMI", IEEE AICT 2014; the joint distribution of two windows is the mixture of
    Nelsen, Communications in Statistics - Simulation and Computation 16(1), 1987.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(
    fixed: Levels, moving: Levels, fused: Levels, *, feature: Feature = "edge", rounding: bool = False
) -> float:
    """The same for grey levels 0..255, of edges or of another feature.

    `fmi_features.feature_of` says which there are, and what `rounding` keeps of dct and wavelet as Fast-FMI does.
    """
    require_side(fused.shape, SIDE, metric="FMI", need="window needs")
    if feature == "edge":
        # An edge map has only 2^9 different windows, so each pair of them is worked out once.
        result = _patterns(edges(fused))
        return float(np.mean([_share(_patterns(edges(source)), result) for source in (fixed, moving)]))
    return _mean_information(*(feature_of(image, feature, rounding=rounding) for image in (fixed, moving, fused)))


def _patterns(edges: NDArray[np.bool_]) -> Patterns:
    """Each window of an edge map as a number of 9 bits, its cells taken column by column."""
    return np.asarray(sum(cell.astype(np.int64) << number for number, cell in enumerate(_cells(edges))))


def _share(source: Patterns, fused: Patterns) -> float:
    """Mean normalized information of all windows, worked out once for each pair of patterns that occurs."""
    times = np.bincount((source << CELLS | fused).ravel())
    pairs = np.flatnonzero(times)
    windows = [pairs >> shift >> np.arange(CELLS)[:, np.newaxis] & 1 for shift in (CELLS, 0)]
    of_source, of_fused = (_Windows(bits.astype(np.float64)) for bits in windows)
    return float(times[pairs] @ _information(of_source, of_fused) / times.sum())


def _mean_information(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """Mean normalized information of all windows with those of the two sources, a few rows at a time."""
    rows, columns = (side - SIDE + 1 for side in fused.shape)
    height = max(1, WINDOWS // columns)
    total = 0.0
    for top in range(0, rows, height):
        strips = (image[top : top + height + SIDE - 1] for image in (fixed, moving, fused))
        *sources, result = (_Windows(np.stack(_cells(strip)).reshape(CELLS, -1)) for strip in strips)
        total += sum(float(_information(source, result).sum()) for source in sources)
    return float(total / (2 * rows * columns))


def _cells(feature: NDArray[Any]) -> list[NDArray[Any]]:
    """What each cell of the window holds as it slides over the feature, cells taken column by column."""
    rows, columns = (side - SIDE + 1 for side in feature.shape)
    places = (divmod(cell, SIDE) for cell in range(CELLS))
    return [feature[row : row + rows, column : column + columns] for column, row in places]


class _Windows:
    """Windows (9, N), each as a distribution over its cells: stretched from 0, or even where it is constant."""

    def __init__(self, values: Levels) -> None:
        self.values = values
        raised = values - values.min(axis=0)
        total = raised.sum(axis=0)
        self.constant = total == 0
        raised += self.constant
        self.distribution = raised / np.where(self.constant, CELLS, total)


def _information(source: _Windows, fused: _Windows) -> Levels:
    """Normalized mutual information of pairs of windows: 1 where they are the same or both constant."""
    same = (source.values == fused.values).all(axis=0) | (source.constant & fused.constant)
    different = ~same
    information = np.ones(len(same))
    if different.any():
        p, q = (windows.distribution[:, different] for windows in (source, fused))
        information[different] = normalized_information(p, q)
    return information
