"""Mutual information of two 3 x 3 windows, each taken as a distribution over its nine cells."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics.kernels import Levels

CELLS = 9
STEPS = 2 * CELLS - 1  # of a staircase from the first cell of both to the last
SMALLEST = np.finfo(np.float64).tiny
NOTHING = 1e-12  # covariance below which two distributions cannot vary together


def normalized_information(p: Levels, q: Levels) -> Levels:
    """How well each of two distributions over cells, (9, N), tells the other: 0 not at all, about 1 wholly.

    Twice the mutual information by the sum of both entropies; 0 where both are a single cell. The joint distribution
    lies between independence and the closest bond of the sign of their correlation; beyond them, where the
    correlation is stronger than the bond allows, it has negative cells, of whose logarithm the real part counts.

    Source: Nelsen, Communications in Statistics - Simulation and Computation 16(1), 1987.
    """
    likeness = _correlation(p, q)
    # The bond of opposites is that of likes with the cells of one distribution counted backwards.
    q = np.where(likeness < 0, q[::-1], q)
    mass, apart, covariance = _bond(p, q)
    spread = _standard_deviation(p) * _standard_deviation(q)
    weight = np.divide(np.abs(likeness) * spread, covariance, out=np.zeros_like(spread), where=covariance > NOTHING)
    alone = _entropy(p) + _entropy(q)
    together = _joint_entropy(weight, mass, apart, alone)
    return np.divide(2 * (alone - together), alone, out=np.zeros_like(alone), where=alone > 0)


def _correlation(p: Levels, q: Levels) -> Levels:
    """Pearson's correlation of the probabilities of two distributions; 0 where one of them is even."""
    p, q = p - p.mean(axis=0), q - q.mean(axis=0)
    spread = np.sqrt(np.sum(p**2, axis=0) * np.sum(q**2, axis=0))
    return np.asarray(np.divide(np.sum(p * q, axis=0), spread, out=np.zeros_like(spread), where=spread > NOTHING))


def _bond(p: Levels, q: Levels) -> tuple[Levels, Levels, Levels]:
    """Of the closest bond of likes: its probability on the staircase of 17 cells that it fills, their probability under
    independence, (17, N) both, and the covariance of the cell numbers.

    Both distributions are laid end to end from 0 to 1. Wherever a cell of either ends, a step begins.
    """
    ends = _merged_ends(p, q)
    count = ends.shape[1]
    rows = np.zeros((STEPS, count), np.int64)
    rows[1:] = 1 - (ends & 1)
    rows = _running_sum(rows)
    columns = np.arange(STEPS)[:, np.newaxis] - rows
    places = rows * columns
    here = np.arange(count)
    rows *= count
    rows += here
    columns *= count
    columns += here
    mass = np.diff(ends.view(np.float64), axis=0, prepend=0.0, append=1.0)
    return mass, p.take(rows) * q.take(columns), np.sum(mass * places, axis=0) - _mean(p) * _mean(q)


def _merged_ends(p: Levels, q: Levels) -> NDArray[np.int64]:
    """Where each cell of both but the last one ends, in order, (16, N): bits of a float64, the lowest set for q.

    The order of positive floats is that of their bits, so an end takes its origin along through the sorting.
    """
    ends = np.concatenate([_ends(p) & ~1, _ends(q)[::-1] | 1])
    # One rises and the other falls, which four rounds of exchanges sort (Batcher, AFIPS 1968).
    for distance in (8, 4, 2, 1):
        before, after = np.moveaxis(ends.reshape(-1, 2, distance, p.shape[1]), 1, 0)
        larger = np.maximum(before, after)
        np.minimum(before, after, out=before)
        after[:] = larger
    return ends


def _ends(distribution: Levels) -> NDArray[np.int64]:
    ends: Levels = np.minimum(_running_sum(distribution[:-1].copy()), 1.0)
    return ends.view(np.int64)


def _running_sum(values: NDArray[Any]) -> NDArray[Any]:
    # Along the first axis numpy's cumsum takes each column by itself, and 10 times as long.
    for before, here in pairwise(values):
        here += before
    return values


def _joint_entropy(weight: Levels, mass: Levels, apart: Levels, alone: Levels) -> Levels:
    """Entropy of weight · bond + (1 - weight) · independence, of which only the staircase needs to be worked out."""
    rest = 1 - weight
    independent = rest * apart
    off = rest * alone - _times_log(rest)
    return np.asarray(off + np.sum(_times_log(independent) - _times_log(independent + weight * mass), axis=0))


def _times_log(shares: Levels) -> Levels:
    # Logarithms of all shares are faster than of those above 0; 0 times that of the smallest number is the limit, 0.
    return np.asarray(shares * np.log2(np.maximum(np.abs(shares), SMALLEST)))


def _entropy(distributions: Levels) -> Levels:
    """Shannon entropy in bits."""
    return np.asarray(-np.sum(_times_log(distributions), axis=0))


def _mean(distributions: Levels) -> Levels:
    """Of the number of the cell, 0..8."""
    return np.asarray(np.arange(CELLS) @ distributions)


def _standard_deviation(distributions: Levels) -> Levels:
    """Of the number of the cell, 0..8."""
    squares = np.arange(CELLS) ** 2 @ distributions
    return np.asarray(np.sqrt(np.maximum(squares - _mean(distributions) ** 2, 0)))
