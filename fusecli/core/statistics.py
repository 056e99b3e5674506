"""Facts about all numbers of a volume, gathered slab by slab: the same as if the whole lay in memory at once."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.core.scratch import slabs

Mask = NDArray[np.bool_]

_HALF = 1 << 16


def lowest(volume: NDArray[Any]) -> float:
    """The smallest number of a volume, (slice, ...)."""
    return min(float(volume[part].min()) for part in slabs(volume))


def highest(volume: NDArray[Any]) -> float:
    """The largest number of a volume, (slice, ...)."""
    return max(float(volume[part].max()) for part in slabs(volume))


def total(volume: NDArray[Any]) -> float:
    """The sum of a volume, (slice, ...), in double precision."""
    return sum(float(volume[part].sum(dtype=np.float64)) for part in slabs(volume))


def count(volume: NDArray[Any], test: Callable[[NDArray[Any]], Mask] = np.asarray) -> int:
    """How many numbers of a volume, (slice, ...), pass a test that is put to some slices at a time."""
    return sum(int(np.count_nonzero(test(volume[part]))) for part in slabs(volume))


def percentiles(
    volume: NDArray[np.float32], shares: Sequence[float], *, above: float = -np.inf, inclusive: bool = False
) -> tuple[float, ...]:
    """The numbers of a finite volume, (slice, ...), float32, below which these shares of it lie, in per cent.

    Each is a number of the volume itself, the one whose rank is nearest, as numpy's method "nearest" has it. Only what
    lies above `above` counts; `inclusive`: that number too. There is no volume at once in memory: two passes count the
    upper and the lower halves of the bits.

    Raises ValueError where nothing counts.
    """
    least = _keys(np.array([above], dtype=np.float32))[0] + np.uint32(not inclusive)
    upper = np.zeros(_HALF, dtype=np.int64)
    for part in slabs(volume):
        upper += np.bincount(_kept(volume[part], least) >> 16, minlength=_HALF)
    size = int(upper.sum())
    if size == 0:
        raise ValueError("there is no number to rank")
    ranks = [int(np.around((size - 1) * np.true_divide(share, 100))) for share in shares]
    halves = [int(np.searchsorted(np.cumsum(upper), rank, side="right")) for rank in ranks]
    lower = _lower_halves(volume, least, set(halves))
    found = []
    for rank, half in zip(ranks, halves, strict=True):
        within = rank - int(upper[:half].sum())
        found.append(half * _HALF + int(np.searchsorted(np.cumsum(lower[half]), within, side="right")))
    return tuple(float(number) for number in _numbers(np.array(found, dtype=np.uint32)))


def _kept(slab: NDArray[np.float32], least: np.uint32) -> NDArray[np.uint32]:
    keys = _keys(slab)
    return keys[keys >= least]


def _keys(numbers: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Whole numbers in the order of finite float32: IEEE 754 orders its bits so, but for the sign. -0 counts as 0."""
    bits = (numbers.ravel() + np.float32(0)).view(np.uint32)
    return np.where(bits >> 31 == 1, ~bits, bits | np.uint32(1 << 31))


def _numbers(keys: NDArray[np.uint32]) -> NDArray[np.float32]:
    """The inverse of `_keys`."""
    return np.where(keys >> 31 == 1, keys & np.uint32((1 << 31) - 1), ~keys).view(np.float32)


def _lower_halves(volume: NDArray[np.float32], least: np.uint32, halves: set[int]) -> dict[int, NDArray[np.int64]]:
    """How often each lower half of the bits occurs below each of some upper halves."""
    counts = {half: np.zeros(_HALF, dtype=np.int64) for half in halves}
    for part in slabs(volume):
        keys = _kept(volume[part], least)
        for half, found in counts.items():
            found += np.bincount(keys[keys >> 16 == half] & np.uint32(_HALF - 1), minlength=_HALF)
    return counts
