"""What travels between the plan, the workers and the records: one case to do, and how it went."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from fusecli.errors import FusecliError
from fusecli.settings import FuseSettings


class Status(StrEnum):
    """How a case ended. SKIPPED: an earlier run did it, and its result is whole."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """One case: fuse `fixed` and `moving` into the file or folder `name` in `folder`.

    Without `moving`, `fixed` is a study that holds both images. `name` has the suffix of its format, or none for DICOM.
    With `resume` a case that is done already is left alone; with `page` it has a page of its own too.
    """

    id: str
    fixed: Path
    moving: Path | None
    folder: Path
    name: str
    settings: FuseSettings
    resume: bool = True
    page: bool = False

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The files or folders that the case is made of."""
        return (self.fixed,) if self.moving is None else (self.fixed, self.moving)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a case went. `row` is its line of results.jsonl; `is_recorded` tells whether its record is on disk."""

    job: Job
    status: Status
    row: dict[str, Any] = field(default_factory=dict)
    is_recorded: bool = True


@dataclass(slots=True)
class Tally:
    """What became of the cases so far. `failures` has the rows of those that failed, by the name of their output."""

    total: int
    counts: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))
    failures: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def ended(self) -> int:
        """How many cases have an outcome."""
        return sum(self.counts.values())

    def add(self, outcome: Outcome) -> None:
        """Count an outcome."""
        self.counts[outcome.status] += 1
        if outcome.status is Status.FAILED:
            self.failures[outcome.job.name] = outcome.row


def explained(error: BaseException) -> FusecliError:
    """Any error as one that a reader can act on, with an exit code; of one that is not ours only its kind is told.

    The text of a stranger's error may hold what a file says of the patient.
    """
    if isinstance(error, FusecliError):
        return error
    if isinstance(error, MemoryError):
        from fusecli.errors import MemoryLimitError

        return MemoryLimitError("There is not enough memory for this case.", hint="Use fewer workers: --workers 1")
    return FusecliError(
        f"fusecli met a bug of its own ({type(error).__name__}).",
        hint="Run this case alone to see more: fusecli --debug fuse FIXED MOVING -o OUT",
    )
