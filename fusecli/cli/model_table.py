"""What a person reads of models compared on one pair: scores with the best marked, and what each cost."""

import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusecli.cli import console
from fusecli.cli.score_table import UNDEFINED

if TYPE_CHECKING:
    from fusecli.comparing.comparison import Comparison, Entry

_NAMES, _NUMBER, _MARGINS = 16, 12, 5  # characters of the first column, of the others at least, and around a key
_IN_A_PIPE = 120


def remarks(found: "Comparison", outputs: Mapping[str, Path]) -> None:
    """On stderr: warnings, windows, why models failed, why a metric has no value, and what was written."""
    console.warn(found.warnings)
    console.say_windows(found.pair)
    console.warn([f"{entry.name} failed. {_reason(entry)}" for entry in found.failed])
    reasons = (score.reason for entry in found.entries for score in entry.scores.values() if score.value is None)
    for reason in dict.fromkeys(filter(None, reasons)):
        keys = (key for entry in found.entries for key, score in entry.scores.items() if score.reason == reason)
        console.say(f"{', '.join(dict.fromkeys(keys))}: {reason}")
    for what, path in outputs.items():
        console.say(f"The {what} is {path}")


def show(found: "Comparison") -> None:
    """On stdout: as many metrics side by side as there is room for, and below them time and memory."""
    width = shutil.get_terminal_size((_IN_A_PIPE, 24)).columns
    column = max(_NUMBER, _MARGINS + max(map(len, found.keys)))
    for keys in _parts(found.keys, (width - _NAMES) // column):
        console.show(_scores(found, keys), to_stdout=True, width=width)
    console.show(_costs(found), to_stdout=True, width=width)
    slices = found.measured_slices
    console.say(
        f"* no other model does better. {'' if slices == 1 else f'Scores are means over {slices} slices. '}"
        "Each model ran once, in a process of its own: processor seconds are those of all cores while fusing, and "
        "memory is the most that the process held."
    )


def _parts(keys: Sequence[str], most: int) -> list[Sequence[str]]:
    """The keys in parts of at most so many, and of much the same length."""
    parts = math.ceil(len(keys) / max(1, most))
    length = math.ceil(len(keys) / parts)
    return [keys[start : start + length] for start in range(0, len(keys), length)]


def _scores(found: "Comparison", keys: Sequence[str]) -> Any:
    from fusecli.report.comparison import ARROWS

    done = next(entry for entry in found.entries if entry.error is None)
    table = _table("model", *(f"{key} {ARROWS[done.scores[key].better]}" for key in keys))
    for entry in found.entries:
        table.add_row(entry.name, *(_score(found, entry, key) for key in keys))
    return table


def _score(found: "Comparison", entry: "Entry", key: str) -> str:
    score = entry.scores.get(key)
    if score is None or score.value is None:
        return f"{UNDEFINED}  "
    return f"{score.value:.4f} {'*' if found.is_best(entry, key) else ' '}"


def _costs(found: "Comparison") -> Any:
    done = next(entry.run for entry in found.entries if entry.run is not None)
    headings = list(done.cost.texts)
    table = _table("model", *headings)
    table.add_column("ran by")
    for entry in found.entries:
        if entry.run is None:
            table.add_row(entry.name, *[UNDEFINED for _ in headings], "failed")
        else:
            texts = (text or UNDEFINED for text in entry.run.cost.texts.values())
            table.add_row(entry.name, *texts, f"{entry.run.backend}, {entry.run.device}")
    return table


def _reason(entry: "Entry") -> str:
    error = entry.error
    return "" if error is None else " ".join(filter(None, (error.what, error.on_screen or error.why, error.hint)))


def _table(first: str, *others: str) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(first, no_wrap=True)
    for title in others:
        table.add_column(title, justify="right", no_wrap=True)
    return table
