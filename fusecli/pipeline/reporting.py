"""What a fusion leaves beside its result: the record as JSON or CSV, or a page with the images."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fusecli import color
from fusecli.report import html, record
from fusecli.report.pictures import png
from fusecli.report.view import Cell, Palette, RegistrationCheck, View

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
        lesions=tuple(_lesion_row(lesion, done) for lesion in done.record.lesions or ()),
    )


def _lesion_row(lesion: Mapping[str, Any], done: "Fusion") -> dict[str, Cell | tuple[int, int, int]]:
    """A lesion as the table of the page has it: a place in millimetres, or in pixels where nothing says more."""
    uptake, contrast, where = lesion["uptake"] or {}, lesion["contrast"] or {}, lesion["centre_mm"]
    moving = f"{done.pair.moving.modality} {{}} ({uptake['unit']})" if uptake.get("unit") else "MOVING {}"
    slice_, row, column = lesion["voxel"]
    place: dict[str, Cell] = {"Voxels": lesion["voxels"]}
    if where is not None:
        place = {"x, y, z (mm, LPS)": ", ".join(f"{mm:.1f}" for mm in where), "Volume (ml)": lesion["volume_ml"]}
    return {
        "Lesion": lesion["lesion"] if lesion["label"] is None else lesion["label"],
        **place,
        moving.format("max"): uptake.get("max"),
        moving.format("mean"): uptake.get("mean"),
        "Contrast kept of MOVING": contrast.get("of_moving"),
        "Contrast kept of FIXED": contrast.get("of_fixed"),
        "voxel": (slice_, row, column),
    }


def _check_of(done: "Fusion") -> RegistrationCheck | None:
    """What the page says of the alignment: its verdict, and what was measured before and after."""
    found = done.registration
    if found is None:
        return None
    before, after = found.before.as_dict(), found.after.as_dict()
    return RegistrationCheck(
        method=found.alignment.method,
        verdict=found.verdict,
        is_good=found.verdict == "believable",
        reasons=(*found.reasons, *found.notes),
        quality={name.replace("_", " "): (before[name], after[name]) for name in after},
        picture=None if done.alignment_picture is None else png(done.alignment_picture.voxels[0]),
    )


def _palette(name: str) -> Palette:
    return Palette(name, color.lookup(np.arange(256) / 255, name), color.painted_colors(name))
