"""Which method is better, pair by pair and on the whole."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Numbers = NDArray[np.float64]

DIGITS = 4  # after the point, of a mean in a table
RANK_DIGITS = 2  # of a mean rank


def goodness(values: NDArray[Any], better: str) -> Numbers:
    """The values turned so that more is better: as they are, negated, or their distance from zero negated.

    `better` is "higher", "lower" or "zero".
    """
    turned = {"higher": values, "lower": -values, "zero": -np.abs(values)}[better]
    return np.asarray(turned, dtype=np.float64)


def mean_ranks(values: NDArray[Any], better: str) -> Numbers:
    """The mean place of each method over all pairs, 1 for one that is always best; (methods,).

    `values` is (pairs, methods). Methods that are equal in a pair share the mean of their places.
    """
    return np.asarray(rankdata(-goodness(values, better), axis=1).mean(axis=0))


def places(good: NDArray[Any], digits: int = DIGITS) -> tuple[int, ...]:
    """The place of each method, 1 for the best; `good` is (methods,), and more is better.

    Methods that cannot be told apart at `digits` after the point, as tables show them, have one place, and the next
    best has the next number.
    """
    shown = np.round(good, digits).tolist()
    order = sorted(set(shown), reverse=True)
    return tuple(order.index(number) + 1 for number in shown)
