"""Files that claim to be one image: copies are taken once, and contradictions are refused."""

import filecmp
from collections.abc import Sequence

import numpy as np

from fusecli.errors import ImageError
from fusecli.formats.dicom.frames import frames_of
from fusecli.formats.dicom.header import DicomFile, text
from fusecli.formats.dicom.pixels import decode


def without_copies(files: Sequence[DicomFile]) -> tuple[tuple[DicomFile, ...], tuple[str, ...]]:
    """The files of a series, each SOPInstanceUID (0008,0018) once, and what to warn of.

    Two files of one UID are one image if their bytes are equal, or their rescaled pixels and their planes are.

    Raises ImageError for two files of one UID that show different things.
    """
    kept: dict[str, DicomFile] = {}
    copies = 0
    for number, file in enumerate(files):
        uid = text(file.header, "SOPInstanceUID") or f"without a UID, {number}"
        first = kept.setdefault(uid, file)
        if first is not file:
            _check_equal(first, file)
            copies += 1
    if not copies:
        return tuple(files), ()
    warning = f"{copies} of {len(files)} files are copies of others, with the same SOPInstanceUID and the same pixels."
    return tuple(kept.values()), (f"{warning} Each image is used once.",)


def _check_equal(one: DicomFile, other: DicomFile) -> None:
    try:
        is_equal = filecmp.cmp(one.path, other.path, shallow=False) or _shows_the_same(one, other)
    except OSError as error:
        raise ImageError(f"{other.path.name} cannot be opened.", why=f"{error.strerror or error}.") from error
    if not is_equal:
        raise ImageError(
            "Two files claim to be the same image, and show different things.",
            why=f"{_named(one, other)} have one SOPInstanceUID (0008,0018), and differ in pixels or place.",
            hint="Find out which one is right, and take the other one out of the folder.",
        )


def _shows_the_same(one: DicomFile, other: DicomFile) -> bool:
    own, theirs = frames_of(one), frames_of(other)
    if len(own) != len(theirs) or own[0].size != theirs[0].size:
        return False
    for a, b in zip(own, theirs, strict=True):
        if (a.plane is None) != (b.plane is None):
            return False
        if a.plane and b.plane and not np.allclose(a.plane.numbers, b.plane.numbers):
            return False
    pixels = (decode(file, file.path.read_bytes(), range(len(own))) for file in (one, other))
    return all(a.shape == b.shape and bool((a == b).all()) for (_, a), (_, b) in zip(*pixels, strict=True))


def _named(one: DicomFile, other: DicomFile) -> str:
    """Both files by name, with the folders where the names are the same."""
    if one.path.name != other.path.name:
        return f"{one.path.name} and {other.path.name}"
    return f"{one.path.parent.name}/{one.path.name} and {other.path.parent.name}/{other.path.name}"
