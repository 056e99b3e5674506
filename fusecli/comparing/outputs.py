"""What a comparison leaves in files: the sheet of pictures, the table, and the page."""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from fusecli import formats
from fusecli.atomic import check_may_be_written, replacing
from fusecli.catalog import MODELS, Modality
from fusecli.comparing.alone import Cost
from fusecli.comparing.comparison import Comparison, Entry
from fusecli.comparing.page import page_of
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.errors import UsageError
from fusecli.report import comparison as pages
from fusecli.report.contact_sheet import sheet

_COSTS = tuple(field.name for field in fields(Cost))
_FACTS = ("device", "backend", "weights_sha256")


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where to write the `sheet` of pictures (.png, .jpg, .tif), the `table` (.csv) and the `page` (.html), if at all.

    Files that exist are replaced with `overwrite` alone.
    """

    sheet: Path | None = None
    table: Path | None = None
    page: Path | None = None
    overwrite: bool = False

    @property
    def named(self) -> dict[str, Path]:
        """Those that are asked for, by what they are."""
        paths = {"sheet": self.sheet, "table": self.table, "page": self.page}
        return {what: path for what, path in paths.items() if path is not None}


def check(outputs: Outputs, inputs: Sequence[Path]) -> None:
    """Whether all of it may be written, asked before the long work.

    Raises UsageError for an unknown suffix and for an input; OutputError as `check_may_be_written` does.
    """
    if outputs.sheet is not None:
        _check_is_picture(outputs.sheet)
    if outputs.table is not None and outputs.table.suffix.lower() != ".csv":
        raise UsageError(f"The table cannot be written as {outputs.table.name!r}.", hint="Name it .csv: --csv t.csv")
    if outputs.page is not None:
        pages.check(outputs.page, overwrite=outputs.overwrite)
    for path in outputs.named.values():
        check_may_be_written(path, overwrite=outputs.overwrite)
        formats.check_not_an_input(path, inputs)


def _check_is_picture(sheet: Path) -> None:
    # Of an unknown suffix formats says what `fuse` can write, DICOM and volumes among it.
    with suppress(UsageError):
        if formats.is_picture(sheet):
            return
    raise UsageError(f"{sheet} is not the name of a picture.", hint="Name it .png, .jpg or .tif: -o grid.png")


def write(found: Comparison, outputs: Outputs) -> None:
    """Write what is asked for, each file whole or not at all. Raises as `check` does."""
    if outputs.sheet is not None:
        formats.write(_sheet(found), outputs.sheet, overwrite=outputs.overwrite)
    if outputs.table is not None:
        with replacing(outputs.table, overwrite=outputs.overwrite) as temporary:
            temporary.write_text(as_csv(found), encoding="utf-8")
    if outputs.page is not None:
        pages.write(page_of(found), outputs.page, overwrite=outputs.overwrite)


def as_csv(found: Comparison) -> str:
    """One line for each model, numbers with all their digits, and empty where there is none."""
    text = io.StringIO()
    rows = [dict(_cells(found, entry)) for entry in found.entries]
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _cells(found: Comparison, entry: Entry) -> Iterator[tuple[str, str | float | None]]:
    yield "model", entry.name
    yield "title", MODELS[entry.name].title
    yield "status", "done" if entry.error is None else "failed"
    yield "reason", "" if entry.error is None else entry.error.what
    for key in found.keys:
        yield key, entry.scores[key].value if key in entry.scores else None
    run = entry.run
    yield from ((name, None if run is None else getattr(run.cost, name)) for name in _COSTS)
    yield from ((name, None if run is None else getattr(run, name)) for name in _FACTS)


def _sheet(found: Comparison) -> Image:
    pixels = sheet({**found.sources, **{entry.name: entry.picture for entry in found.entries}})
    grid = Geometry((1, *pixels.shape[:2]))
    return Image(pixels[np.newaxis], grid, Modality.FUSED, Intensity.RGB)
