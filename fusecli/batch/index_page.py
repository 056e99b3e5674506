"""A batch on one page, from its table of results, with a small picture of each result that is a picture itself."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from fusecli import formats
from fusecli.atomic import check_may_be_written
from fusecli.batch.tables import JSON_LINES
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.levels import to_uint8
from fusecli.core.slices import SliceChoice
from fusecli.errors import FusecliError, UsageError
from fusecli.report import index, pictures
from fusecli.report.record import is_own_page, is_page

THUMBNAIL_SIDE = 96
_PICTURES = (".png", ".jpg")


def check_page(path: Path | None, folder: Path, *, overwrite: bool) -> None:
    """Whether the page may be written; None: nowhere. A page of an earlier run is replaced, as its tables are.

    `folder` is that of the results, which the batch makes itself.

    Raises UsageError for a suffix other than .html, and OutputError as `check_may_be_written` does.
    """
    if path is None:
        return
    if not is_page(path):
        raise UsageError(f"{path} is not the name of a page.", hint="Name it .html: --report index.html")
    if folder.exists() or path.absolute().parent != folder.absolute():
        check_may_be_written(path, overwrite=overwrite or is_own_page(path))


def write_page(folder: Path, path: Path | None, *, overwrite: bool = False) -> None:
    """Write the page of all cases in `folder`, as its results.jsonl has them; None: nowhere.

    Raises OutputError when it cannot be written.
    """
    if path is None:
        return
    lines = (folder / JSON_LINES).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    start = path.absolute().parent
    rows = [{**row, "thumbnail": _thumbnail(folder, row), "report": _link(folder, row, start)} for row in rows]
    index.write(rows, path, overwrite=overwrite or is_own_page(path))


def _link(folder: Path, row: dict[str, Any], start: Path) -> str | None:
    """The way from a folder to the page of a case; None where it has none."""
    page = folder.absolute() / str(row.get("report") or "")
    return Path(os.path.relpath(page, start)).as_posix() if row.get("report") and page.is_file() else None


def _thumbnail(folder: Path, row: dict[str, Any]) -> bytes | None:
    """A PNG of the result, or of the middle slice of a folder of them; None where it is no picture."""
    picture = _picture(folder / row["output"]) if row.get("output") and not row["exit_code"] else None
    if picture is None:
        return None
    try:
        image = formats.read(picture, slice_choice=SliceChoice(index=0))
    except FusecliError:
        return None  # a result that was removed or damaged since is no reason to have no page
    return pictures.png(pictures.scaled(_bytes_of(image), THUMBNAIL_SIDE))


def _picture(path: Path) -> Path | None:
    if path.is_dir():
        slices = sorted(file for file in path.iterdir() if file.suffix.lower() in _PICTURES)
        return slices[len(slices) // 2] if slices else None
    return path if path.suffix.lower() in _PICTURES and path.is_file() else None


def _bytes_of(image: Image) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    voxels = image.voxels[0]
    return np.asarray(voxels) if image.intensity is Intensity.RGB else to_uint8(voxels)
