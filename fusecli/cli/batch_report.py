"""What a person, or a program, is told of a batch: its plan, its cases, and how it ended."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fusecli.cli import console
from fusecli.cli.batch_progress import display, duration
from fusecli.errors import BatchError, FusecliError

if TYPE_CHECKING:
    from fusecli.batch.job import Job, Outcome, Tally
    from fusecli.batch.plan import Plan

OnOutcome = Callable[["Outcome", "Tally"], None]
FAILURES_SHOWN = 10
READER_GONE = 141  # what shells say of a process that SIGPIPE ended


def show_plan(plan: "Plan", *, as_json: bool) -> None:
    """On stdout: a line for each case, what it is made of and into, and whether it is done."""
    states = Counter[str]()
    for job in plan.jobs:
        state = _state(job)
        states[state] += 1
        moving = None if job.moving is None else str(job.moving)
        facts = {"id": job.id, "fixed": str(job.fixed), "moving": moving, "output": job.name, "state": state}
        console.emit(json.dumps(facts, ensure_ascii=False) if as_json else "\t".join(t or "" for t in facts.values()))
    console.say(", ".join(f"{count} {state}" for state, count in states.items()))


def _state(job: "Job") -> str:
    from fusecli.batch.case import is_done

    try:
        return "done" if job.resume and is_done(job) else "to do"
    except FusecliError:
        return "unreadable"


@contextmanager
def watching(total: int, *, as_json: bool) -> Iterator[OnOutcome]:
    """What `run_batch` calls after each case: the first failures are told at once, and how far it is."""
    ended = 0
    with display(total) as show:

        def on_outcome(outcome: "Outcome", tally: "Tally") -> None:
            nonlocal ended
            ended = tally.ended
            if as_json:
                console.emit(json.dumps(outcome.row, ensure_ascii=False))
            elif outcome.row["exit_code"] and len(tally.failures) <= FAILURES_SHOWN:
                console.say(f"Failed: {outcome.job.id} ({outcome.row['exit_code']}). {outcome.row['reason']}")
            show(tally)

        try:
            yield on_outcome
        except BaseException as end:
            console.say(f"Stopped after {ended} of {total} cases; the same command again does the rest.")
            if isinstance(end, SystemExit) and not end.code:
                # Whoever read stdout has gone, which elsewhere is no mistake; here work is left undone.
                sys.exit(READER_GONE)
            raise


def summarize(tally: "Tally", seconds: float) -> None:
    """On stderr: how many cases ended how, and how long it took."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("cases", justify="right")
    table.add_column("ended")
    for status, count in tally.counts.items():
        if count and status != "failed":
            table.add_row(str(count), status.value)
    codes = Counter(row["exit_code"] for row in tally.failures.values())
    for code, count in sorted(codes.items()):
        table.add_row(str(count), f"failed with exit code {code}")
    console.show(table)
    console.say(f"{tally.ended} cases in {duration(seconds)}, {tally.ended / max(seconds, 1e-9):.3g} cases/s.")


def failed(tally: "Tally", folder: Path) -> BatchError:
    """The error that a batch with failures ends with."""
    return BatchError(
        f"{len(tally.failures)} of {tally.total} cases failed.",
        why=f"{folder / 'results.csv'} has the reason of each.",
        hint="The same command again tries them anew, and leaves the others alone.",
    )
