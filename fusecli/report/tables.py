"""What stands in the tables of a page: numbers as people read them, and the record in words."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fusecli.catalog import METRICS
from fusecli.report.view import Cell, View

DIGITS = 4
_ARROWS = {
    "higher": ("↑", "higher is better"),
    "lower": ("↓", "lower is better"),
    "zero": ("→0", "nearer to 0 is better"),
}


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One score: `value` and `spread` as text, `arrow` and `better` for which way is better, `missing` why not."""

    key: str
    title: str
    definition: str
    value: str
    spread: str
    unit: str
    arrow: str
    better: str
    missing: str


def metric_rows(view: View) -> list[MetricRow]:
    """The scores of the record, in its order."""
    return [_metric_row(view, key, score) for key, score in view.record.metrics.items()]


def _metric_row(view: View, key: str, score: Mapping[str, Any]) -> MetricRow:
    info = METRICS.get(key)
    arrow, better = _ARROWS.get(str(score["better"]), ("", ""))
    return MetricRow(
        key=key,
        title=info.title if info else key,
        definition=view.definitions.get(key, info.title if info else ""),
        value=number(score["value"]),
        spread=f"± {score['sd']:.2g}" if score.get("sd") is not None else "",
        unit="" if score["unit"] == "1" else str(score["unit"]),
        arrow=arrow,
        better=better,
        missing=str(score.get("reason") or ""),
    )


def measured_slices(view: View) -> str:
    """Over how many slices the scores are means: "24", or "22 to 24"; "" for one slice."""
    counts = sorted({score["slices"] for score in view.record.metrics.values() if score.get("slices") is not None})
    return " to ".join(str(count) for count in dict.fromkeys((*counts[:1], *counts[-1:])))


def number(value: Cell) -> str:
    """A number with four digits, a dash for None, and text as it is."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, float) or not math.isfinite(value):
        return str(value)
    if value == 0 or abs(value) >= 9999.5:
        return f"{value:.0f}"
    # "#" keeps zeros at the end, so that columns of numbers have one precision.
    return f"{value:#.{DIGITS}g}".rstrip(".")


def run_rows(view: View) -> Iterator[tuple[str, str]]:
    """How the fusion was made, by name."""
    record = view.record
    yield "Output", record.output.name
    yield "Model", str(record.model["name"])
    yield "Weights, SHA-256", record.model["sha256"] or "none: a rule without weights"
    yield "Device and backend", f"{record.device}, {record.backend}"
    if view.shown.is_color:
        yield "Color", view.palette.name if view.palette else "of the source"
    yield "Grid (slices, rows, columns)", " × ".join(map(str, view.pair.fixed.geometry.shape))
    yield "Voxel (slice, row, column)", voxel_text(view)
    yield "Covered by MOVING", "all" if view.pair.coverage is None else f"{view.pair.coverage.mean():.1%}"
    yield "Affine to LPS, in mm", _affine(record.geometry.get("affine_lps"))
    yield "Frame of reference", str(record.geometry.get("frame_of_reference") or "unknown")


def voxel_text(view: View) -> str:
    """The size of a voxel, in mm."""
    geometry = view.pair.fixed.geometry
    if not geometry.is_patient:
        return "unknown"
    return " × ".join(f"{side:.3g}" for side in geometry.spacing_mm) + " mm"


def input_tables(view: View) -> list[dict[str, Any]]:
    """For each source its facts and its history, as rows."""
    return [
        {
            "role": role.upper(),
            "facts": [(_NAMES[key], number(facts.get(key))) for key in _NAMES],
            "steps": [_step(step) for step in facts.get("history", ())],
        }
        for role, facts in view.record.inputs.items()
    ]


_NAMES = {"modality": "Modality", "format": "Format", "sha256": "SHA-256", "series_uid": "Series UID"}


def _step(step: Mapping[str, Cell]) -> tuple[str, str]:
    facts = (f"{key} {number(value)}" for key, value in step.items() if key not in ("step", "text"))
    return str(step["step"]).replace("_", " "), str(step.get("text") or "; ".join(facts))


def _affine(rows: Any) -> str:
    if not rows:
        return "unknown"
    return "; ".join(" ".join(f"{value:.6g}" for value in row) for row in rows[:3])


def timing_rows(view: View) -> list[tuple[str, str]]:
    """Seconds per step."""
    return [(name.replace("_", " "), f"{seconds:.2f}") for name, seconds in view.record.timings_s.items()]


def lesion_columns(view: View) -> list[str]:
    """The columns of the lesion table."""
    return [key for key in view.lesions[0] if key != "voxel"] if view.lesions else []
