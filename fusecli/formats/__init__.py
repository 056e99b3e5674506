"""Bytes to Image and back: one file per format, told by content when reading and by suffix when writing."""

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fusecli.errors import ImageError, InputError, OutputError, UsageError

if TYPE_CHECKING:
    from fusecli.core.image import Image
    from fusecli.core.slices import SliceChoice

_PICTURE_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PREAMBLE = 128  # bytes before DICM, and free for any use: PS3.10, 7.1
_READABLE = "DICOM (a file or a folder), NIfTI (.nii, .nii.gz, .hdr/.img), PNG, JPEG, BMP and TIFF"

# What a suffix means. The longest comes first, because .nii.gz ends like a packed file of any kind.
_WRITTEN_AS = {
    ".nii.gz": "NIFTI",
    ".nii": "NIFTI",
    ".png": "PNG",
    ".jpeg": "JPEG",
    ".jpg": "JPEG",
    ".tiff": "TIFF",
    ".tif": "TIFF",
}
WRITABLE_SUFFIXES = tuple(_WRITTEN_AS)


class Info(Protocol):
    """What a file or a series says of itself."""

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON takes them."""


def read(path: Path, *, series: str | None = None, slice_choice: "SliceChoice | None" = None) -> "Image":
    """A file or a folder as an Image in its own unit: HU, SUV, Bq/ml ..., UNIT for grey pictures, RGB for color ones.

    The kind is told by the content, never by the suffix; a folder is taken as DICOM. `series` names one of several
    DICOM series, `slice_choice` one slice of a volume or one page of a TIFF.

    Raises InputError where there is nothing, or more than one candidate; ImageError for content that is unknown, broken
    or unusable; UsageError for a series of a file that has none, or a slice that is not there.
    """
    kind = _kind(path)
    if kind == "DICOM":
        from fusecli.formats import dicom

        return dicom.read(path, series=series, slice_choice=slice_choice)
    if series is not None:
        raise UsageError(
            f"There is no series to choose in {path}.",
            why="Only DICOM has series, and this is another kind of file.",
            hint="Leave --series out.",
        )
    if kind == "NIFTI":
        from fusecli.formats import nifti

        return nifti.read(path, slice_choice=slice_choice)
    from fusecli.formats import raster

    return raster.read(path, slice_choice=slice_choice)


def describe(path: Path) -> list[Info]:
    """What a file says of itself; one entry per series for a DICOM folder. Raises as `read` does."""
    kind = _kind(path)
    if kind == "DICOM":
        from fusecli.formats import dicom

        return [*dicom.describe(path)]
    if kind == "NIFTI":
        from fusecli.formats import nifti

        return [*nifti.describe(path)]
    from fusecli.formats import raster

    return [*raster.describe(path)]


def write(image: "Image", path: Path, *, overwrite: bool = False) -> Path:
    """Write `image` in the format that the suffix names, whole or not at all; the path really written comes back.

    PNG and JPEG of a volume become a folder named like `path` without its suffix; TIFF and NIfTI are one file.
    Pictures take UNIT and RGB images, NIfTI any. No file carries text.

    Raises what `check_writable` raises, OutputError when the disk refuses, UsageError for a picture of raw numbers.
    """
    from fusecli.atomic import replacing

    target = check_writable(path, overwrite, slices=image.geometry.shape[0])
    suffix = _suffix(path)
    with replacing(target) as temporary:
        if _WRITTEN_AS[suffix] == "NIFTI":
            from fusecli.formats import nifti

            nifti.write(image, temporary, packed=suffix == ".nii.gz")
        else:
            from fusecli.formats import raster

            raster.write(image, temporary, _WRITTEN_AS[suffix])
    return target


def check_writable(path: Path, overwrite: bool = False, *, slices: int = 1) -> Path:
    """Where an image of so many slices would be written, checked before the long work starts.

    Raises UsageError for an unknown suffix; OutputError where something stands already and `overwrite` is not set, and
    where the folder is missing or may not be written to. A folder is only ever replaced if all it holds is slices.
    """
    suffix = _suffix(path)
    is_folder = slices > 1 and _WRITTEN_AS[suffix] in ("PNG", "JPEG")
    target = path.with_name(path.name[: -len(suffix)]) if is_folder else path
    _check_parent(target)
    if os.path.lexists(target):
        _check_replaceable(target, overwrite, is_folder)
    return target


def _kind(path: Path) -> str:
    """DICOM, NIFTI or PICTURE."""
    if path.is_dir():
        return "DICOM"
    if not path.exists():
        raise InputError(f"There is no file or folder {path}.", hint=_near_miss(path))
    try:
        with path.open("rb") as file:
            head = file.read(_PREAMBLE + 4)
    except OSError as error:
        raise ImageError(f"{path} cannot be opened.", why=f"{error.strerror or error}.") from error
    if not head:
        raise ImageError(f"{path} is empty.", hint="Copy it again.")
    # A DICOM file may call itself TIFF in its preamble, so DICM is asked first.
    if head[_PREAMBLE:] != b"DICM" and head.startswith(_PICTURE_MAGIC):
        return "PICTURE"
    return _medical_kind(path)


def _medical_kind(path: Path) -> str:
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
    except OSError:
        return f"The folder {path.parent} is not there either."
    close = difflib.get_close_matches(path.name, names, n=1)
    return f"Did you mean {path.with_name(close[0])}?" if close else "Check the spelling."


def _suffix(path: Path) -> str:
    for suffix in WRITABLE_SUFFIXES:
        if path.name.lower().endswith(suffix) and len(path.name) > len(suffix):
            return suffix
    raise UsageError(
        f"The name {path} does not say in which format to write.",
        why=f"Known suffixes: {', '.join(sorted(WRITABLE_SUFFIXES))}.",
        hint=f"For example: -o {path.with_suffix('.png') if path.name else 'fused.png'}",
    )


def _check_parent(target: Path) -> None:
    folder = target.parent
    if not folder.exists():
        raise OutputError(
            f"{target} cannot be written.",
            why=f"There is no folder {folder}.",
            hint=f"Make it first: mkdir -p {folder}",
        )
    if not folder.is_dir():
        raise OutputError(f"{target} cannot be written.", why=f"{folder} is a file, not a folder.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(
            f"{target} cannot be written.",
            why=f"Writing into {folder} is not permitted.",
            hint="Choose another folder.",
        )


def _check_replaceable(target: Path, overwrite: bool, is_folder: bool) -> None:
    if target.is_dir() is not is_folder:
        raise OutputError(
            f"{target} cannot be written.",
            why=f"A {'file' if is_folder else 'folder'} of that name is in the way.",
            hint="Choose another name with -o.",
        )
    if not overwrite:
        raise OutputError(f"{target} exists already.", hint="Choose another name, or allow it: --overwrite")
    if is_folder and any(not entry.match("slice_*[0-9].*") for entry in target.iterdir()):
        raise OutputError(
            f"The folder {target} was not replaced.",
            why="It holds more than slices that fusecli wrote, and all of it would be lost.",
            hint="Choose another name with -o.",
        )
