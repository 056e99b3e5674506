"""Bytes to Image and back: one file per format, told by content when reading and by suffix when writing."""

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fusecli.atomic import check_may_be_written, replacing
from fusecli.errors import ImageError, InputError, UsageError

if TYPE_CHECKING:
    from fusecli.core.history import Fact
    from fusecli.core.image import Image
    from fusecli.core.pair import Pair
    from fusecli.core.slices import SliceChoice
    from fusecli.formats.dicom.lineage import Lineage

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
_SLICE_NAME = re.compile(r"slice_[0-9]{3,}\.(png|jpg)")  # what raster.write calls the slices of a volume
_INSTANCE_NAME = re.compile(r"IM[0-9]{4,}\.dcm")  # what secondary_capture.write calls its files


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
            hint="Leave --fixed-series / --moving-series out.",
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
    slices, suffix = image.geometry.shape[0], _suffix(path)
    target = check_writable(path, overwrite, slices=slices)
    with replacing(target, overwrite=overwrite, folder_of=_folder_of(path, slices)) as temporary:
        if _WRITTEN_AS[suffix] == "NIFTI":
            from fusecli.formats import nifti

            nifti.write(image, temporary, packed=suffix == ".nii.gz")
        else:
            from fusecli.formats import raster

            raster.write(image, temporary, _WRITTEN_AS[suffix])
    return target


def write_dicom(
    image: "Image",
    path: Path,
    lineage: "Lineage",
    pair: "Pair",
    *,
    layout: str = "series",
    overwrite: bool = False,
    options: "Mapping[str, Fact] | None" = None,
) -> Path:
    """Write `image`, fused of `pair`, as DICOM Secondary Capture in FIXED's study, whole or not at all.

    `layout` is "series", a file per slice, or "multiframe". `path` becomes a folder, or, named .dcm, the only file.
    `lineage` is what `dicom.lineage` says of the two series; `options` decide the pixels and stand in no history.

    Raises what `check_writable` raises, and what `dicom.secondary_capture.write` does.
    """
    from fusecli.formats.dicom import secondary_capture

    folder_of = _folder_of_dicom(path)
    target = check_writable(path, overwrite, slices=image.geometry.shape[0], dicom=layout)
    with replacing(target, overwrite=overwrite, folder_of=folder_of) as temporary:
        secondary_capture.write(
            image, temporary, lineage, pair, layout=layout, as_file=folder_of is None, options=options or {}
        )
    return target


def check_writable(path: Path, overwrite: bool = False, *, slices: int = 1, dicom: str | None = None) -> Path:
    """Where an image of so many slices would be written, checked before the long work starts.

    `dicom` is the layout, "series" or "multiframe", where DICOM is written; else the suffix names the format.

    Raises UsageError for an unknown suffix, and for many DICOM files under the name of one; OutputError where something
    stands already and `overwrite` is not set, and where the folder is missing or may not be written to. A folder is
    only ever replaced if all it holds is slices.
    """
    if dicom is not None:
        _check_holds_all(path, slices, dicom)
        check_may_be_written(path, overwrite=overwrite, folder_of=_folder_of_dicom(path))
        return path
    folder_of = _folder_of(path, slices)
    target = path.with_name(path.name[: -len(_suffix(path))]) if folder_of else path
    check_may_be_written(target, overwrite=overwrite, folder_of=folder_of)
    return target


def check_not_beside_sources(target: Path, inputs: Sequence[Path]) -> None:
    """Whether DICOM written at `target` stays out of the folders that are read.

    Raises UsageError when it does not.
    """
    for source in inputs:
        if source.is_dir() and any(_is_same(source, folder) for folder in _real(target).parents):
            raise UsageError(
                f"{target} lies in the input folder {source}.",
                why="There the fused series would be taken for one of the sources the next time.",
                hint="Write it beside that folder.",
            )


def check_not_an_input(target: Path, inputs: Sequence[Path]) -> None:
    """Whether writing `target`, a file or a folder of slices, leaves every input alone, whatever may be overwritten.

    Links are followed, and two names of one file are told by the file. A result may lie in an input folder, as long as
    it is none of the DICOM files in it.

    Raises UsageError when `target` is an input, is a DICOM file in an input folder, or is a folder that holds an input.
    """
    for source in inputs:
        if _is_same(target, source) or _is_dicom_in(target, source):
            raise UsageError(
                f"{target} is an input.",
                why="The result would take its place, and the original would be lost.",
                hint="Choose another name.",
            )
        if any(_is_same(target, folder) for folder in _real(source).parents):
            raise UsageError(
                f"The folder {target} holds the input {source}.",
                why="The result would take the place of that folder, and the original would be lost.",
                hint="Choose another name.",
            )


def _kind(path: Path) -> str:
    """DICOM, NIFTI or PICTURE."""
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
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return f"The folder {path.parent} is not there either."
    close = difflib.get_close_matches(path.name, names, n=1)
    return f"Did you mean {path.with_name(close[0])}?" if close else "Check the spelling."


def _suffix(path: Path) -> str:
    for suffix in WRITABLE_SUFFIXES:
        # A name of dots alone would make . or .. the folder of the slices.
        if path.name.lower().endswith(suffix) and path.name[: -len(suffix)].strip("."):
            return suffix
    raise UsageError(
        f"The name {path} does not say in which format to write.",
        why=f"Known suffixes: {', '.join(sorted(WRITABLE_SUFFIXES))}.",
        hint=f"For example: -o {path.with_suffix('.png') if path.name else 'fused.png'}. DICOM: --format dicom",
    )


def _folder_of(path: Path, slices: int) -> re.Pattern[str] | None:
    """How the files are called, where so many slices become a folder of them."""
    return _SLICE_NAME if slices > 1 and _WRITTEN_AS[_suffix(path)] in ("PNG", "JPEG") else None


def _folder_of_dicom(path: Path) -> re.Pattern[str] | None:
    return None if path.suffix.lower() == ".dcm" else _INSTANCE_NAME


def _check_holds_all(path: Path, slices: int, layout: str) -> None:
    other = next((suffix for suffix in WRITABLE_SUFFIXES if path.name.lower().endswith(suffix)), None)
    if other is not None:
        raise UsageError(
            f"{path} is the name of a {other} file, and DICOM was asked for.",
            hint=f"Name a folder: -o {path.name[: -len(other)] or 'fused'}; or leave out --format and --dicom.",
        )
    if slices > 1 and layout == "series" and _folder_of_dicom(path) is None:
        raise UsageError(
            f"{path} is the name of one file, and a DICOM series of {slices} slices has as many.",
            hint=f"Name a folder: -o {path.with_suffix('')}; or write one multi-frame file: --dicom multiframe",
        )


def _is_same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):  # one of them is not there, or has a name that no file can have
        return _real(one) == _real(other)


def _real(path: Path) -> Path:
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):
        return path.absolute()


def _is_dicom_in(target: Path, folder: Path) -> bool:
    try:
        if not (target.is_file() and folder.is_dir()):
            return False
    except OSError:
        return False
    from fusecli.formats import dicom

    return dicom.is_dicom(target) and any(_is_same(target, file) for file in folder.rglob("*"))
