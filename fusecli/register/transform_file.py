"""Alignments as ITK transform files, which 3D Slicer, elastix and ANTs read and write too."""

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from fusecli.atomic import check_may_be_written, replacing
from fusecli.errors import ImageError, InputError, OutputError, UsageError
from fusecli.register.alignment import FLAT, Alignment

# .mat is MATLAB's level 4 and holds a single transform, without parts.
SUFFIXES = (".tfm", ".txt", ".mat", ".h5", ".hdf5")


def check_transform(path: Path, *, overwrite: bool) -> None:
    """Whether an alignment may be written at `path`, asked before the long work starts.

    Raises UsageError for a suffix that is not one of SUFFIXES; OutputError as `atomic.check_may_be_written` does.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"A transform cannot be written as {path.name!r}.",
            hint=f"Name it {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}: --transform found.tfm",
        )
    check_may_be_written(path, overwrite=overwrite)


def write(alignment: Alignment, path: Path, *, overwrite: bool = False) -> None:
    """Save an alignment: FIXED points to MOVING points in mm of LPS, as SimpleITK's resampling takes it.

    The suffix chooses the format: ITK's text (.tfm, .txt), MATLAB (.mat), HDF5 (.h5, .hdf5).

    Raises as `check_transform`; OutputError for .mat of a transform of several parts.
    """
    check_transform(path, overwrite=overwrite)
    if path.suffix.lower() == ".mat" and alignment.is_composed:
        raise OutputError(
            f"The transform could not be written as {path.name!r}.",
            why="A .mat file holds a single transform, and this one has several parts.",
            hint="Write it as .h5 or .tfm.",
        )
    save: Any = sitk.WriteTransform
    # ITK chooses its writer by the suffix, which a hidden name beside the target must not have.
    with replacing(path, overwrite=overwrite) as temporary, tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / f"transform{path.suffix.lower()}"
        save(alignment.transform, str(made))
        shutil.copyfile(made, temporary)


def read(path: Path) -> Alignment:
    """The alignment in an ITK transform file; its method is "file", and its facts hold the file's sha256.

    Raises InputError when there is no file; ImageError when it holds no transform of 3D points, or one that presses
    space flat.
    """
    if not path.is_file():
        raise InputError(f"There is no transform {path}.", hint="Check the name that follows --apply.")
    load: Any = sitk.ReadTransform
    try:
        transform = load(str(path))
    except RuntimeError as error:
        raise ImageError(
            f"{path} is not a transform that ITK can read.", hint=f"Give a file of {', '.join(SUFFIXES)}."
        ) from error
    if transform.GetDimension() != 3:
        raise ImageError(
            f"{path} moves points of {transform.GetDimension()} coordinates.",
            why="fusecli needs three, also for pictures.",
        )
    alignment = Alignment(transform, "file", {"transform_sha256": hashlib.sha256(path.read_bytes()).hexdigest()})
    matrix = alignment.matrix
    if matrix is not None and abs(np.linalg.det(matrix[:3, :3])) < FLAT:
        raise ImageError(f"{path} presses space flat.", why="Nothing can be resampled by it, and it has no way back.")
    return alignment
