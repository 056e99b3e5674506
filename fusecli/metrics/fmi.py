"""FMI: feature mutual information, of edge maps."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics.kernels import SNAP, Levels, checked_levels, magnitude, require_side, sobel

Patterns = NDArray[np.int64]

SIDE = 3  # of the window
CELLS = SIDE * SIDE
CUTOFF = 2  # an edge is stronger than this many times the root mean square of all gradients
NOTHING = 1e-12  # covariance below which two distributions cannot vary together
BLOCK = 4096  # pairs of patterns at a time, which bounds the memory to a few MB


def fmi(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How well the edges of the fusion tell where those of both sources are: the mean of two shares, about 0 to 1.

    All three are (row, column) with values in 0..1; the sources may be exchanged. Each share is the mean normalized
    mutual information of all 3 x 3 windows of two edge maps. Transposing all images
    may change it a little. Windows that are the same count as 1, so an image without
    edges is told perfectly by another one, and a black background raises the score: compare it only between fusions
    of the same pair.

    This is what the toolkits that published tables come from call FMI_pixel, though its feature is not the pixels but
    an edge map: Sobel, thinned, stronger than twice the root mean square gradient, and no edge on the frame.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1; ShapeError below 3 x 3.
    Source: Haghighat and Razian, "Fast-FMI", IEEE AICT 2014; the joint distribution of two windows is the mixture of
    Nelsen, Communications in Statistics - Simulation and Computation 16(1), 1987.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The same for grey levels 0..255."""
    require_side(fused.shape, SIDE, metric="FMI", need="window needs")
    result = _patterns(_edges(fused))
    return float(np.mean([_share(_patterns(_edges(source)), result) for source in (fixed, moving)]))


def _edges(levels: Levels) -> NDArray[np.bool_]:
    """Where the gradient is strong and largest across its edge; of two equal neighbours, the one further on."""
    down, right = sobel(levels, border="edge")
    strength = magnitude(down, right)
    steep, flat = np.abs(down), np.abs(right)
    here = strength[1:-1, 1:-1]
    along_row = _is_crest(strength[1:-1, :-2], here, strength[1:-1, 2:]) & (flat >= steep - SNAP)[1:-1, 1:-1]
    along_column = _is_crest(strength[:-2, 1:-1], here, strength[2:, 1:-1]) & (steep >= flat - SNAP)[1:-1, 1:-1]
    strong = here > CUTOFF * np.sqrt(np.mean(strength**2))
    return np.pad(strong & (along_row | along_column), 1)


def _is_crest(before: Levels, here: Levels, after: Levels) -> NDArray[np.bool_]:
    # Gradients of 8-bit pictures that differ do so by 1 / (2 · 1443) or more, so only equal ones lie within SNAP.
    return (before <= here + SNAP) & (here > after + SNAP)


def _patterns(edges: NDArray[np.bool_]) -> Patterns:
    """Each window of an edge map as a number of 9 bits, its cells taken column by column."""
    rows, columns = (side - SIDE + 1 for side in edges.shape)
    numbers = np.zeros((rows, columns), np.int64)
    for cell in range(CELLS):
        column, row = divmod(cell, SIDE)
        numbers |= edges[row : row + rows, column : column + columns].astype(np.int64) << cell
    return numbers


def _share(source: Patterns, fused: Patterns) -> float:
    """Mean normalized information of all windows, worked out once for each pair of patterns that occurs."""
    times = np.bincount((source << CELLS | fused).ravel())
    pairs = np.flatnonzero(times)
    blocks = [pairs[start : start + BLOCK] for start in range(0, len(pairs), BLOCK)]
    information = np.concatenate([_information(block >> CELLS, block & (1 << CELLS) - 1) for block in blocks])
    return float(times[pairs] @ information / times.sum())


def _information(source: Patterns, fused: Patterns) -> Levels:
    """Normalized mutual information of pairs of patterns (N,): 1 if they are the same, 0 if neither tells the other."""
    p, q = _distribution(source), _distribution(fused)
    alone = _entropy(p) + _entropy(q)
    shared = alone - _entropy(_joint(p, q).reshape(len(p), -1))
    normalized = np.divide(2 * shared, alone, out=np.zeros_like(alone), where=alone > 0)
    return np.where(source == fused, 1, normalized)


def _distribution(patterns: Patterns) -> Levels:
    """Each pattern as a distribution over its cells, (N, 9): even over its edges, or over all cells without one."""
    bits = patterns[:, np.newaxis] >> np.arange(CELLS) & 1
    bits[patterns == 0] = 1
    return np.asarray(bits / bits.sum(axis=1, keepdims=True))


def _entropy(distributions: Levels) -> Levels:
    """Shannon entropy in bits along the last axis."""
    # The mixture can leave a cell a little below 0, of whose logarithm the real part is taken, as Fast-FMI does.
    size = np.abs(distributions)
    return np.asarray(-np.sum(distributions * np.log2(size, out=np.zeros_like(size), where=size > 0), axis=-1))


def _joint(p: Levels, q: Levels) -> Levels:
    """Joint distributions (N, 9, 9) of p and q: between independence and the closest bond of their sign."""
    likeness = _correlation(p, q)
    p_sums, q_sums = np.cumsum(p, axis=1)[:, :, np.newaxis], np.cumsum(q, axis=1)[:, np.newaxis, :]
    independent = p_sums * q_sums
    together = likeness[:, np.newaxis, np.newaxis] >= 0
    bond = np.where(together, np.minimum(p_sums, q_sums), np.maximum(p_sums + q_sums - 1, 0))
    # Hoeffding: the covariance under a bond is what its cumulative distribution has more than independence.
    covariance = np.sum(bond - independent, axis=(1, 2))
    spread = _standard_deviation(p) * _standard_deviation(q)
    weight = np.divide(likeness * spread, covariance, out=np.zeros_like(spread), where=np.abs(covariance) > NOTHING)
    mixture = independent + weight[:, np.newaxis, np.newaxis] * (bond - independent)
    return np.asarray(np.diff(np.diff(mixture, axis=1, prepend=0), axis=2, prepend=0))


def _correlation(p: Levels, q: Levels) -> Levels:
    """Pearson's correlation of the probabilities of two distributions; 0 where one of them is even."""
    p, q = p - p.mean(axis=1, keepdims=True), q - q.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.sum(p**2, axis=1) * np.sum(q**2, axis=1))
    return np.asarray(np.divide(np.sum(p * q, axis=1), spread, out=np.zeros_like(spread), where=spread > NOTHING))


def _standard_deviation(distributions: Levels) -> Levels:
    """Of the number of the cell, 0..8."""
    cells = np.arange(CELLS)
    return np.asarray(np.sqrt(np.maximum(distributions @ cells**2 - (distributions @ cells) ** 2, 0)))
