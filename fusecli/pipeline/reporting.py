"""What a fusion leaves beside its result: the record as JSON or CSV, or a page with the images."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fusecli import color
from fusecli.report import html, record
from fusecli.report.pictures import png
from fusecli.report.view import Palette, RegistrationCheck, View

if TYPE_CHECKING:
    from fusecli.pipeline import Fusion


def write_report(done: "Fusion", path: Path, *, overwrite: bool = False) -> None:
    """Write the report of a fusion in the form that the suffix names. Raises as `record.check_report` does."""
    if record.is_page(path):
        html.write(view_of(done), path, overwrite=overwrite)
    else:
        record.write(done.record, path, overwrite=overwrite)


def view_of(done: "Fusion") -> View:
    """What the page of a fusion shows."""
    how = done.coloring
    return View(
        done.record,
        done.pair,
        done.fused,
        done.shown,
        palette=None if how.palette is None else _palette(how.palette),
        moving_shown=how.colors if how.is_of_moving else None,
        registration=_check_of(done),
    )


def _check_of(done: "Fusion") -> RegistrationCheck | None:
    """What the page says of the alignment: its verdict, and what was measured before and after."""
    found = done.registration
    if found is None:
        return None
    before, after = found.before.as_dict(), found.after.as_dict()
    return RegistrationCheck(
        method=found.alignment.method,
        verdict="believable" if found.believable else "not believable",
        is_good=found.believable,
        reasons=(*found.reasons, *found.notes),
        quality={name.replace("_", " "): (before[name], after[name]) for name in after},
        picture=None if done.alignment_picture is None else png(done.alignment_picture.voxels[0]),
    )


def _palette(name: str) -> Palette:
    levels = np.arange(256) / 255
    brightness, uptake = np.meshgrid(levels, levels, indexing="ij")
    return Palette(name, color.lookup(levels, name), color.paint_uptake(brightness, uptake, name))
