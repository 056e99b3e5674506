"""How far a batch is: a bar on a terminal, lines elsewhere, nothing with --quiet. All on stderr."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

from fusecli.cli import console

if TYPE_CHECKING:
    from fusecli.batch.job import Tally

Show = Callable[["Tally"], None]
LINE_EVERY_S = 30.0


@contextmanager
def display(total: int) -> Iterator[Show]:
    """What to call with the tally after each case."""
    if console.is_quiet():
        yield lambda tally: None
    elif sys.stderr.isatty():
        yield from _bar(total)
    else:
        yield _lines(total)


def pace(ended: int, total: int, seconds: float) -> str:
    """Cases per second, and how long the rest will take at that pace."""
    rate = ended / max(seconds, 1e-9)
    return f"{rate:.3g} cases/s, {duration((total - ended) / max(rate, 1e-9))} left"


def duration(seconds: float) -> str:
    """Seconds as a person says them: 48 s, 12 min, 3.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _bar(total: int) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TextColumn("{task.fields[failed]}"),
    )
    stderr = Console(stderr=True, highlight=False)
    # stdout is not its business: there the results go, perhaps into a pipe.
    with Progress(*columns, console=stderr, transient=True, redirect_stdout=False) as bar:
        task, started = bar.add_task("", total=total, pace="", failed=""), perf_counter()

        def show(tally: "Tally") -> None:
            failed = f"[red]{len(tally.failures)} failed[/]" if tally.failures else ""
            now = pace(tally.ended, total, perf_counter() - started)
            bar.update(task, completed=tally.ended, pace=now, failed=failed)

        yield show


def _lines(total: int) -> Show:
    started = said = perf_counter()
    tenth = -(-total // 10)

    def show(tally: "Tally") -> None:
        nonlocal said
        now = perf_counter()
        if tally.ended % tenth == 0 or tally.ended == total or now - said > LINE_EVERY_S:
            said = now
            failed = f", {len(tally.failures)} failed" if tally.failures else ""
            console.say(f"{tally.ended} of {total} cases, {pace(tally.ended, total, now - started)}{failed}")

    return show
