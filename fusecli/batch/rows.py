"""A row: what is known of a case before its options are understood."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from fusecli.errors import UsageError

OWN_COLUMNS = ("id", "fixed", "moving")


@dataclass(frozen=True, slots=True)
class Row:
    """One case as it was found: its files, and the options that it has to itself, in the words of the command line.

    Without `moving`, `fixed` is a study that holds both images. `where` says where it was found, for messages.
    """

    id: str
    fixed: Path
    moving: Path | None
    where: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of a source in its order, and what a reader should know of files that are in none of them."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def check_columns(names: Iterable[str], options: Iterable[str], *, where: str) -> None:
    """Raises UsageError for a column that is neither a case's own nor an option, with the nearest one that is."""
    known = (*OWN_COLUMNS, *options)
    for name in names:
        if name in known:
            continue
        near = get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}."
        raise UsageError(f"{where} has a column {name!r}, which is not known.", hint=hint)


def closed_note(closed: Iterable[Path]) -> tuple[str, ...]:
    """A sentence about folders that cannot be read, so that cases in them are not missed silently; none of none."""
    names = sorted(str(folder) for folder in closed)
    return (f"Cannot be read, so no case is taken from there: {listed(names)}.",) if names else ()


def listed(names: Iterable[str], *, shown: int = 20) -> str:
    """Names in a sentence, the first so many of them."""
    every = list(names)
    more = len(every) - shown
    return ", ".join(every[:shown]) + (f" and {more} more" if more > 0 else "")
