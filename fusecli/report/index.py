"""A batch on one page: every case a row, failures with their reason, and what stands apart marked."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fusecli.atomic import check_may_be_written, replacing
from fusecli.catalog import METRICS
from fusecli.report import page
from fusecli.report.glossary import DEFINITIONS
from fusecli.report.outliers import FEWEST, LIMIT, outliers
from fusecli.report.tables import number

Row = Mapping[str, Any]

# What a browser sorts without a pause, and pictures that a page of them can carry.
MOST_ROWS = 10_000
MOST_PICTURE_BYTES = 15_000_000
FAILED = "failed"
SCRIPTS = ("tooltip.js", "index.js")


@dataclass(frozen=True, slots=True)
class Cell:
    """One score in the table: as text, as a number to sort by ("" if there is none), and whether it stands apart."""

    text: str
    sort: str
    is_outlier: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table. `link` and `picture` are "" where there are none."""

    id: str
    status: str
    reason: str
    exit_code: str
    output: str
    link: str
    picture: str
    scores: tuple[Cell, ...]

    @property
    def is_failure(self) -> bool:
        return self.status == FAILED or self.exit_code not in ("", "0")

    @property
    def is_outlier(self) -> bool:
        return any(score.is_outlier for score in self.scores)


def write(rows: Sequence[Row], path: Path, *, overwrite: bool = False, title: str = "Batch") -> None:
    """Write a page of all cases of a batch, whole or not at all.

    A row has `id`, `status` ("failed", or "done", or any other word), `reason`, `exit_code`, `output`, `metrics` {KEY:
    value or None}, `thumbnail` (the bytes of a PNG, or None) and `report` (the path of its own page relative to this
    one, or None). Only `id` and `status` must be there. Past 10,000 rows those that neither failed nor stand apart are
    left out first, and past 15 MB the pictures; the page says so.

    Raises OutputError as `check_may_be_written` does.
    """
    check_may_be_written(path, overwrite=overwrite)
    text = to_html(rows, title=title)
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def to_html(rows: Sequence[Row], *, title: str = "Batch") -> str:
    """The page as text."""
    keys = _keys(rows)
    marks = {key: outliers([_finite(_metrics(row).get(key)) for row in rows]) for key in keys}
    with_pictures = sum(len(row.get("thumbnail") or b"") for row in rows) <= MOST_PICTURE_BYTES
    cases = [_case(row, keys, [marks[key][n] for key in keys], with_pictures) for n, row in enumerate(rows)]
    return page.render(
        "index.html",
        scripts=SCRIPTS,
        title=title,
        cases=_kept(cases),
        total=len(cases),
        counts=_counts(cases),
        outlying=sum(case.is_outlier for case in cases),
        metrics=[(key, METRICS[key].title if key in METRICS else key, DEFINITIONS.get(key, key)) for key in keys],
        pictures_left_out=not with_pictures,
        limit=LIMIT,
        fewest=FEWEST,
    )


def _keys(rows: Sequence[Row]) -> list[str]:
    """The metrics of all rows, each once, in the order in which they come."""
    return list(dict.fromkeys(key for row in rows for key in _metrics(row)))


def _metrics(row: Row) -> Mapping[str, float | None]:
    return row.get("metrics") or {}


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _case(row: Row, keys: Sequence[str], marks: Sequence[bool], with_pictures: bool) -> Case:
    picture = row.get("thumbnail") if with_pictures else None
    return Case(
        id=str(row["id"]),
        status=str(row["status"]),
        reason=str(row.get("reason") or ""),
        exit_code="" if row.get("exit_code") is None else str(row["exit_code"]),
        output=str(row.get("output") or ""),
        link=_link(row.get("report")),
        picture=f"data:image/png;base64,{base64.b64encode(picture).decode()}" if picture else "",
        scores=tuple(
            _cell(_finite(_metrics(row).get(key)), is_outlier) for key, is_outlier in zip(keys, marks, strict=True)
        ),
    )


def _link(report: Any) -> str:
    # With "./" in front and its colon quoted, a name such as "javascript:..." stays the name of a file.
    return f"./{quote(str(report))}" if report else ""


def _cell(value: float | None, is_outlier: bool) -> Cell:
    return Cell(number(value), "" if value is None else repr(value), is_outlier)


def _kept(cases: Sequence[Case]) -> list[Case]:
    if len(cases) <= MOST_ROWS:
        return list(cases)
    # Sorting by a truth value keeps the order of the batch within both groups.
    plain_last = sorted(range(len(cases)), key=lambda n: not (cases[n].is_failure or cases[n].is_outlier))
    return [cases[n] for n in sorted(plain_last[:MOST_ROWS])]


def _counts(cases: Sequence[Case]) -> dict[str, int]:
    """How many cases have each status, the commonest first."""
    statuses = [case.status for case in cases]
    return {status: statuses.count(status) for status in sorted(set(statuses), key=lambda s: (-statuses.count(s), s))}
