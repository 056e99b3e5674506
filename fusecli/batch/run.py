"""A batch from its plan to its tables: one run at a time in a folder, and nothing lost, whatever ends it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from fusecli.atomic import check_may_be_written
from fusecli.batch import records
from fusecli.batch.engines import Engine
from fusecli.batch.job import Outcome, Tally
from fusecli.batch.making import WORKSHOP
from fusecli.batch.plan import Plan
from fusecli.batch.tables import TABLES, write_tables
from fusecli.errors import OutputError
from fusecli.leftovers import is_unfinished


def run_batch(
    plan: Plan, folder: Path, engine: Engine, on_outcome: Callable[[Outcome, Tally], None], *, overwrite: bool = False
) -> Tally:
    """Do every case of the plan that is not done, and write results.csv and results.jsonl into the folder.

    `on_outcome` is called after each case. Whatever ends a run, an interruption too, the tables are written, of all
    cases that the folder has records of, and no worker is left. `overwrite` lets the tables take the place of files
    that no batch made.

    Raises OutputError where the folder cannot be written to, where another run is at work in it, and when not even the
    record of a case can be written: then no case after it is tried.
    """
    tally = Tally(len(plan.jobs))
    with _taken(folder, overwrite=overwrite):
        try:
            with closing(engine.run(plan.jobs)) as outcomes:
                for outcome in outcomes:
                    tally.add(outcome)
                    on_outcome(outcome, tally)
                    _check_recorded(outcome, tally)
        except BaseException:
            with suppress(OutputError):  # what ended the run is what the user has to hear
                write_tables(folder, tally.failures)
            raise
        write_tables(folder, tally.failures)
    return tally


@contextmanager
def _taken(folder: Path, *, overwrite: bool) -> Iterator[None]:
    """The folder to ourselves, with what it needs, and without what a killed run left behind."""
    if not (folder / WORKSHOP).is_dir():
        _check_tables(folder, overwrite)
    lock = _locked(folder)
    try:
        _sweep(folder)
        yield
    finally:
        _sweep(folder)
        lock.release()


def _locked(folder: Path) -> BaseFileLock:
    lock = FileLock(folder / WORKSHOP / "lock", timeout=0)
    try:
        for place in (folder / WORKSHOP, folder / records.FOLDER):
            place.mkdir(parents=True, exist_ok=True)
        # The system lets go of it when the process ends, however it does.
        lock.acquire()
    except Timeout:
        raise OutputError(
            f"Another batch is at work in {folder}.", hint="Wait for its end, or choose another folder: -o"
        ) from None
    except OSError as error:
        raise OutputError(f"{folder} cannot be written to.", why=f"{error.strerror or error}.") from error
    return lock


def _check_tables(folder: Path, overwrite: bool) -> None:
    if folder.is_dir():
        for name in TABLES:
            check_may_be_written(folder / name, overwrite=overwrite)


def _sweep(folder: Path) -> None:
    """Remove what killed workers left: unfinished results in the workshop, and unfinished records and pages."""
    for path in (folder / WORKSHOP).glob("*"):  # of nothing, where somebody removed the folder
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
    for place in (folder / records.FOLDER, folder / records.PAGES):
        for path in place.glob(".*"):
            if is_unfinished(Path(path.name)):
                path.unlink(missing_ok=True)


def _check_recorded(outcome: Outcome, tally: Tally) -> None:
    if not outcome.is_recorded:
        raise OutputError(
            f"The run was stopped: not even the record of {outcome.job.id} could be written.",
            why=str(outcome.row["reason"]),
            hint=f"Put that right, then run the same command again: {tally.total - tally.ended} cases were not tried.",
        )
