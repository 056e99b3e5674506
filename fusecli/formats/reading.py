"""Bytes to Image: which format a file or a folder has, told by its content, and the format's own reader."""

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fusecli.errors import ImageError, InputError, UsageError
from fusecli.formats.archive import is_zip, unpacked
from fusecli.settings import ReadSettings

if TYPE_CHECKING:
    from fusecli.core.image import Image
    from fusecli.core.slices import SliceChoice
    from fusecli.formats.dicom.series import Volume

_PICTURE_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PREAMBLE = 128  # bytes before DICM, and free for any use: PS3.10, 7.1
_READABLE = "DICOM (a file, a folder or a ZIP), NIfTI (.nii, .nii.gz, .hdr/.img), PNG, JPEG, BMP and TIFF"


class Info(Protocol):
    """What a file or a series says of itself."""

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON takes them."""


def read(
    path: Path | str,
    *,
    series: "str | Volume | None" = None,
    slice_choice: "SliceChoice | None" = None,
    settings: ReadSettings | None = None,
) -> "Image":
    """A file or a folder as an Image in its own unit: HU, SUV, Bq/ml ..., UNIT for grey pictures, RGB for color ones.

    The kind is told by the content, never by the suffix; a folder or a ZIP is taken as DICOM. `series` names one of
    several DICOM series by UID or number, or is what `opened_pair` chose; `slice_choice` one slice of a volume or one
    page of a TIFF; `settings` count for DICOM alone.

    Raises InputError where there is nothing, or more than one candidate; ImageError for content that is unknown, broken
    or unusable; UsageError for a series of a file that has none, or a slice that is not there.
    """
    path = Path(path)
    kind = kind_of(path)
    if kind == "DICOM":
        from fusecli.formats import dicom

        with unpacked(path) as place:
            return dicom.read(place, series=series, slice_choice=slice_choice, settings=settings or ReadSettings())
    if series is not None:
        raise UsageError(
            f"There is no series to choose in {path}.",
            why="Only DICOM has series, and this is another kind of file.",
            hint="Leave --fixed-series / --moving-series out.",
        )
    if kind == "NIFTI":
        from fusecli.formats import nifti

        return nifti.read(path, slice_choice=slice_choice)
    from fusecli.formats import raster

    return raster.read(path, slice_choice=slice_choice)


def describe(path: Path, *, show_identity: bool = False) -> list[Info]:
    """What a file says of itself; one entry per series for a DICOM folder or ZIP, and whose it is where that is asked.

    Raises as `read` does.
    """
    kind = kind_of(path)
    if kind == "DICOM":
        from fusecli.formats import dicom

        with unpacked(path) as place:
            return [*dicom.describe(place, show_identity=show_identity)]
    if kind == "NIFTI":
        from fusecli.formats import nifti

        return [*nifti.describe(path)]
    from fusecli.formats import raster

    return [*raster.describe(path)]


def kind_of(path: Path) -> str:
    """DICOM, NIFTI or PICTURE; a folder or a ZIP is DICOM. Raises as `read` does for what is not there or unknown."""
    try:
        if path.is_dir():
            return "DICOM"
        is_there = path.exists()
    except OSError as error:  # a name that is too long, or a folder that may not be looked into
        raise InputError(f"{path} cannot be found.", why=f"{error.strerror or error}.") from error
    if not is_there:
        raise InputError(f"There is no file or folder {path}.", hint=_near_miss(path))
    try:
        with path.open("rb") as file:
            head = file.read(_PREAMBLE + 4)
    except OSError as error:
        raise ImageError(f"{path} cannot be opened.", why=f"{error.strerror or error}.") from error
    if not head:
        raise ImageError(f"{path} is empty.", hint="Copy it again.")
    if is_zip(path):
        return "DICOM"
    # A DICOM file may call itself TIFF in its preamble, so DICM is asked first.
    if head[_PREAMBLE:] != b"DICM" and head.startswith(_PICTURE_MAGIC):
        return "PICTURE"
    return _medicalkind_of(path)


def _medicalkind_of(path: Path) -> str:
    from fusecli.formats import nifti

    if nifti.is_nifti(path):
        return "NIFTI"
    from fusecli.formats import dicom

    if dicom.is_dicom(path):
        return "DICOM"
    raise ImageError(f"{path} is no image that fusecli knows.", why=f"It reads {_READABLE}, each by its content.")


def _near_miss(path: Path) -> str:
    try:
        names = sorted(sibling.name for sibling in path.parent.iterdir())
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return f"The folder {path.parent} is not there either."
    close = difflib.get_close_matches(path.name, names, n=1)
    return f"Did you mean {path.with_name(close[0])}?" if close else "Check the spelling."
