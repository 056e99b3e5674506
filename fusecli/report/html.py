"""One fusion as one page: the images side by side, the scores, and how they came to be. It needs nothing but itself."""

import base64
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.atomic import replacing
from fusecli.core.levels import to_uint8
from fusecli.report import montage, page, pictures, tables
from fusecli.report.pictures import Form
from fusecli.report.planes import Plane, planes_of
from fusecli.report.record import check_report
from fusecli.report.view import View

Volumes = Mapping[str, NDArray[np.uint8]]

SCRIPTS = ("decode.js", "draw.js", "panes.js", "viewer.js", "tooltip.js", "start.js")


def write(view: View, path: Path, *, overwrite: bool = False) -> None:
    """Write the page of `view`, whole or not at all.

    The pictures in it are 8-bit and for viewing; every score comes from the record. The page stays below 25 MB.

    Raises as `record.check_report` does.
    """
    check_report(path, overwrite=overwrite)
    text = to_html(view)
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def to_html(view: View) -> str:
    """The page as text."""
    planes = planes_of(view.pair.fixed.geometry)
    volumes = _volumes(view)
    encoded = pictures.encode(volumes)
    return page.render(
        "report.html",
        scripts=SCRIPTS,
        view=view,
        planes=planes,
        facts=_facts(view, planes, volumes, encoded.form),
        stacks=encoded.stacks,
        form=encoded.form.text,
        figures=montage.figures(view),
        bars=_bars(view),
        metrics=tables.metric_rows(view),
        measured_slices=tables.measured_slices(view),
        run_rows=list(tables.run_rows(view)),
        inputs=tables.input_tables(view),
        timings=tables.timing_rows(view),
        lesion_columns=tables.lesion_columns(view),
        number=tables.number,
        voxel=tables.voxel_text(view),
        check_picture=_check_picture(view),
    )


def _volumes(view: View) -> Volumes:
    """What the page carries: brightness, and color only where no table makes it from brightness."""
    moving = to_uint8(view.pair.moving.voxels) if view.moving_shown is None else view.moving_shown
    fused = view.shown.voxels if view.shown.is_color and view.palette is None else to_uint8(view.fused.voxels)
    return {"fixed": to_uint8(view.pair.fixed.voxels), "moving": moving, "fused": fused}


def _facts(view: View, planes: tuple[Plane, ...], volumes: Volumes, form: Form) -> dict[str, Any]:
    """What the scripts know."""
    steps = (1, form.shrink, form.shrink)
    shape = [max(length // step, 1) for length, step in zip(view.pair.fixed.geometry.shape, steps, strict=True)]
    return {
        "shape": shape,
        "steps": steps,
        "media_type": form.media_type,
        "is_color": {name: volume.ndim == 4 for name, volume in volumes.items()},
        "start": [view.middle, shape[1] // 2, shape[2] // 2],
        "planes": [asdict(plane) for plane in planes],
        "colors": _colors(view),
        "ranges": {role: _range(window) for role, window in view.record.windows.items()},
    }


def _colors(view: View) -> dict[str, str | None]:
    """The color tables, in base64: MOVING's, that of the difference, and FUSED's by (brightness, uptake)."""
    tables_of: Mapping[str, NDArray[np.uint8] | None] = {
        "difference": montage.difference_colors(),
        "moving": view.palette.of_uptake if view.palette else None,
        "fused": view.palette.of_fused if view.palette else None,
    }
    return {
        name: None if table is None else base64.b64encode(table.tobytes()).decode() for name, table in tables_of.items()
    }


def _range(window: Mapping[str, Any]) -> dict[str, Any]:
    """What black and white stand for. An inverted window shows its low end white."""
    low, high = float(window["low"]), float(window["high"])
    if window.get("inverted"):
        low, high = high, low
    unit = str(window.get("unit", ""))
    return {"low": low, "high": high, "unit": "" if unit == "of 0..1" else unit}


def _bars(view: View) -> list[dict[str, Any]]:
    """A color bar for FIXED, MOVING and the difference: its ends, its middle, and what it says."""
    levels = np.arange(256, dtype=np.uint8)
    moving = view.palette.of_uptake if view.palette else levels
    bars = [_bar(role, view.record.windows[role], table) for role, table in (("fixed", levels), ("moving", moving))]
    full = montage.FULL_DIFFERENCE
    difference = montage.difference_colors()[255 - round(255 * full) : 256 + round(255 * full)]
    return [
        *bars,
        {
            "title": "Difference",
            "text": "FUSED minus the source, in brightness 0 to 1",
            "uri": pictures.png_uri(difference[np.newaxis]),
            "ticks": [f"−{full:g}", "0", f"+{full:g}"],
        },
    ]


def _bar(role: str, window: Mapping[str, Any], table: NDArray[np.uint8]) -> dict[str, Any]:
    ends = _range(window)
    middle = (ends["low"] + ends["high"]) / 2
    return {
        "title": role.upper(),
        "text": str(window.get("text", "")),
        "uri": pictures.png_uri(table[np.newaxis]),
        "ticks": [f"{value:g} {ends['unit']}".strip() for value in (ends["low"], middle, ends["high"])],
    }


def _check_picture(view: View) -> str | None:
    if view.registration is None or view.registration.picture is None:
        return None
    return f"data:image/png;base64,{base64.b64encode(view.registration.picture).decode()}"
