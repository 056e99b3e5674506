"""Several models on one pair as one page: their pictures, their scores with the best marked, and what they cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusecli.atomic import check_may_be_written, replacing
from fusecli.catalog import METRICS
from fusecli.errors import UsageError
from fusecli.report import page
from fusecli.report.contact_sheet import fitted
from fusecli.report.glossary import DEFINITIONS
from fusecli.report.pictures import png_uri
from fusecli.report.record import is_page

Bytes = NDArray[np.uint8]

ARROWS = {"higher": "↑", "lower": "↓", "zero": "→0"}


@dataclass(frozen=True, slots=True)
class Score:
    """One score of one model: None where the metric has none and for what `reason`; whether no other does better."""

    value: float | None
    is_best: bool = False
    reason: str = ""

    @property
    def text(self) -> str:
        """With four digits after the point, by which the best are told."""
        return "–" if self.value is None else f"{self.value:.4f}"


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """What the page says of one model.

    `scores` are by metric; `costs` texts by the headings of their columns. `picture` is (row, column)
    or (row, column, 3), uint8. `problem` says why there are neither.
    """

    name: str
    title: str
    picture: Bytes | None
    scores: Mapping[str, Score]
    costs: Mapping[str, str]
    ran_by: str
    problem: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ComparisonPage:
    """What the page shows besides the models.

    `sources` are pictures by their captions. `better` is by metric which way is better, and `units` in what it is
    given; both in the order of the table. `where` says which slice is shown, `measured` and `cost_note` how scores and
    costs came about. `facts` are rows of a table about the pair, of which the first four head the page.
    """

    sources: Mapping[str, Bytes]
    columns: Sequence[Column]
    better: Mapping[str, str]
    units: Mapping[str, str]
    where: str
    measured: str
    cost_note: str
    facts: Sequence[tuple[str, str]]
    warnings: Sequence[str]


def check(path: Path, *, overwrite: bool = False) -> None:
    """Raises UsageError for a suffix other than .html, OutputError as `check_may_be_written` does."""
    if not is_page(path):
        raise UsageError(
            f"The page of a comparison cannot be written as {path.name!r}.", hint="Name it .html: --report r.html"
        )
    check_may_be_written(path, overwrite=overwrite)


def write(content: ComparisonPage, path: Path, *, overwrite: bool = False) -> None:
    """Write the page, whole or not at all. Raises as `check` does."""
    check(path, overwrite=overwrite)
    text = to_html(content)
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def to_html(content: ComparisonPage) -> str:
    """The page as text."""
    pictures = {**content.sources, **{column.name: column.picture for column in content.columns}}
    return page.render(
        "comparison.html",
        scripts=("tooltip.js",),
        content=content,
        figures={caption: None if tile is None else png_uri(fitted(tile)) for caption, tile in pictures.items()},
        metrics=[(key, _heading(key, content), ARROWS[better], better) for key, better in content.better.items()],
        missing=_missing(content),
        problems=[column for column in content.columns if column.problem],
        costs=list(dict.fromkeys(name for column in content.columns for name in column.costs)),
    )


def _missing(content: ComparisonPage) -> dict[str, str]:
    """Why there are dashes: the metrics of each reason."""
    found: dict[str, list[str]] = {}
    for column in content.columns:
        for key, score in column.scores.items():
            if score.value is None and key not in found.setdefault(score.reason, []):
                found[score.reason].append(key)
    return {", ".join(keys): reason for reason, keys in found.items() if reason}


def _heading(key: str, content: ComparisonPage) -> str:
    unit = content.units[key]
    title = f"{METRICS[key].title}{'' if unit == '1' else f', in {unit}'}"
    return f"{title[0].upper()}{title[1:]}. {DEFINITIONS.get(key, '')}".strip()
