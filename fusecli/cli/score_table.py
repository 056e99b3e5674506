"""Scores as tables for a person to read."""

from collections.abc import Mapping
from typing import Any

from fusecli.catalog import METRICS, QUICK_METRICS
from fusecli.cli import console

Scores = Mapping[str, Mapping[str, Any]]

UNDEFINED = "-"
CLINICAL_UNITS = dict.fromkeys(("share", "share_of_fixed_in_moving", "of_fixed", "of_moving"), "1") | {
    "voxels": "voxel"
}
DIRECTIONS = {"higher": "higher", "lower": "lower", "zero": "near 0"}


def score_table(scores: Scores, *, to_stdout: bool = False) -> None:
    """Scores by group: name, value (of a volume the mean and its SD), unit, which way is better, what it measures."""
    with_sd = any(score.get("sd") is not None for score in scores.values())
    table = _table("metric", "value", *(["SD"] if with_sd else []), "unit", "better", "what it measures")
    group = None
    for name, score in scores.items():
        info = METRICS[name]
        if len(scores) > len(QUICK_METRICS) and group not in (None, info.group):
            table.add_section()
        group = info.group
        spread = [_number(score.get("sd"))] if with_sd else []
        table.add_row(name, _number(score["value"]), *spread, score["unit"], DIRECTIONS[score["better"]], info.title)
    console.show(table, to_stdout=to_stdout)
    notes = {name: score["reason"] for name, score in scores.items() if score["value"] is None}
    for reason in dict.fromkeys(notes.values()):
        console.say(f"{', '.join(name for name in notes if notes[name] == reason)}: {reason}")


def slice_table(slices: Mapping[int, Scores]) -> None:
    """The scores of every slice, one row each, on stdout."""
    keys = list(next(iter(slices.values())))
    table = _table("slice", *keys)
    for k, scores in slices.items():
        table.add_row(str(k), *(_number(scores[key]["value"]) for key in keys))
    console.show(table, to_stdout=True, width=max(120, 16 * (len(keys) + 1)))


def clinical_table(facts: Mapping[str, Any]) -> None:
    """The clinical facts, a line for each with its unit, on stdout."""
    table = _table("clinical", "value", "unit", "")
    for subject, values in facts.items():
        for name, value in _flat(values):
            unit = values.get("unit") or CLINICAL_UNITS.get(name, "grey level")
            table.add_row(subject.replace("_", " "), _number(value), str(unit), name.replace("_", " "))
    console.show(table, to_stdout=True)


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, float | None]]:
    rows: list[tuple[str, float | None]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name} ")
        elif not isinstance(value, str | bool):
            rows.append((prefix + name, value))
    return rows


def _number(value: float | None) -> str:
    if value is None:
        return UNDEFINED
    return str(value) if isinstance(value, int) else f"{value:.4f}"


def _table(*columns: str) -> Any:
    """On a narrow terminal the words give way, and never the numbers."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    words = {"unit", "better", "what it measures", ""}
    for k, name in enumerate(columns):
        if name in words:
            table.add_column(name)
        else:
            table.add_column(name, no_wrap=True, min_width=6 if k == 0 else 9, justify="left" if k == 0 else "right")
    return table
