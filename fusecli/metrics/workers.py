"""One piece of work for each of many items, on all cores, in their order."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]


def worked_through(
    work: Callable[[Item], Result], items: Sequence[Item], *, threads: int, progress: Progress | None = None
) -> Iterator[Result]:
    """The results in the order of the items, whatever the number of threads; of one, in this very thread.

    `progress` hears of the items done and of all. The first error ends it, and what has not begun is left.
    """
    if threads < 2:
        yield from _told(map(work, items), len(items), progress)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from _told(pool.map(work, items), len(items), progress)


def _told(results: Iterator[Result], total: int, progress: Progress | None) -> Iterator[Result]:
    for done, result in enumerate(results, start=1):
        if progress is not None:
            progress(done, total)
        yield result
