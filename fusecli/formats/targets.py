"""Where an image is written, and whether it may be: checked before the long work starts, and again when it ends."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from fusecli.atomic import check_may_be_written
from fusecli.errors import UsageError

# What a suffix means. The longest comes first, because .nii.gz ends like a packed file of any kind.
WRITTEN_AS = {
    ".nii.gz": "NIFTI",
    ".nii": "NIFTI",
    ".png": "PNG",
    ".jpeg": "JPEG",
    ".jpg": "JPEG",
    ".tiff": "TIFF",
    ".tif": "TIFF",
}
WRITABLE_SUFFIXES = tuple(WRITTEN_AS)
NUMBERS = "numbers"
_SLICE_NAME = re.compile(r"slice_[0-9]{3,}\.(png|jpg)")  # what raster.write calls the slices of a volume
_INSTANCE_NAME = re.compile(r"IM[0-9]{4,}\.dcm")  # what secondary_capture.write calls its files


def check_writable(path: Path, overwrite: bool = False, *, slices: int = 1, dicom: str | None = None) -> Path:
    """Where an image of so many slices would be written, checked before the long work starts.

    `dicom` is the layout where DICOM is written, "series" or "multiframe" of a fused image, NUMBERS of a grey one that
    keeps them, slice by slice; else the suffix names the format.

    Raises UsageError for an unknown suffix, and for many DICOM files under the name of one; OutputError where something
    stands already and `overwrite` is not set, and where the folder is missing or may not be written to. A folder is
    only ever replaced if all it holds is slices.
    """
    if dicom is not None:
        _check_holds_all(path, slices, dicom)
        check_may_be_written(path, overwrite=overwrite, folder_of=folder_of_dicom(path))
        return path
    folder_of = folder_of_slices(path, slices)
    target = path.with_name(path.name[: -len(suffix_of(path))]) if folder_of else path
    check_may_be_written(target, overwrite=overwrite, folder_of=folder_of)
    return target


def check_not_beside_sources(target: Path, inputs: Sequence[Path]) -> None:
    """Whether DICOM written at `target` stays out of the folders that are read.

    Raises UsageError when it does not.
    """
    for source in inputs:
        if source.is_dir() and any(is_same(source, folder) for folder in _real(target).parents):
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
        if is_same(target, source) or _is_dicom_in(target, source):
            raise UsageError(
                f"{target} is an input.",
                why="The result would take its place, and the original would be lost.",
                hint="Choose another name.",
            )
        if any(is_same(target, folder) for folder in _real(source).parents):
            raise UsageError(
                f"The folder {target} holds the input {source}.",
                why="The result would take the place of that folder, and the original would be lost.",
                hint="Choose another name.",
            )


def is_picture(path: Path) -> bool:
    """Whether the suffix names a format that viewers show pixel by pixel, without millimetres.

    Raises UsageError for an unknown suffix.
    """
    return WRITTEN_AS[suffix_of(path)] != "NIFTI"


def suffix_of(path: Path) -> str:
    """The suffix of `path` in lower case, one of WRITABLE_SUFFIXES.

    Raises UsageError for another.
    """
    for suffix in WRITABLE_SUFFIXES:
        # A name of dots alone would make . or .. the folder of the slices.
        if path.name.lower().endswith(suffix) and path.name[: -len(suffix)].strip("."):
            return suffix
    raise UsageError(
        f"The name {path} does not say in which format to write.",
        why=f"Known suffixes: {', '.join(sorted(WRITABLE_SUFFIXES))}.",
        hint=f"For example: -o {path.with_suffix('.png') if path.name else 'fused.png'}. DICOM: --format dicom",
    )


def folder_of_slices(path: Path, slices: int) -> re.Pattern[str] | None:
    """How the files are called, where so many slices become a folder of them."""
    return _SLICE_NAME if slices > 1 and WRITTEN_AS[suffix_of(path)] in ("PNG", "JPEG") else None


def folder_of_dicom(path: Path) -> re.Pattern[str] | None:
    """How the files of a DICOM folder are called; None for `path` named .dcm, which is one file."""
    return None if path.suffix.lower() == ".dcm" else _INSTANCE_NAME


def _check_holds_all(path: Path, slices: int, layout: str) -> None:
    other = next((suffix for suffix in WRITABLE_SUFFIXES if path.name.lower().endswith(suffix)), None)
    if other is not None:
        raise UsageError(
            f"{path} is the name of a {other} file, and DICOM was asked for.",
            hint=f"Name a folder: -o {path.name[: -len(other)] or 'fused'}; or leave out --format and --dicom.",
        )
    if slices > 1 and layout != "multiframe" and folder_of_dicom(path) is None:
        instead = "; or write one multi-frame file: --dicom multiframe" if layout == "series" else ""
        raise UsageError(
            f"{path} is the name of one file, and a DICOM series of {slices} slices has as many.",
            hint=f"Name a folder: -o {path.with_suffix('')}{instead}",
        )


def is_same(one: Path, other: Path) -> bool:
    """Whether two names are of one file or folder: links are followed; one that is not there is told by its path."""
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

    return dicom.is_dicom(target) and any(is_same(target, file) for file in folder.rglob("*"))
