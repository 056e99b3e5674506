"""The two series that a fused image is made of, read once more for what a derived DICOM object says of them.

An Image never carries a patient's name or the UIDs of instances, so whoever writes DICOM reads the headers again. What
is found here goes into DICOM files and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, floor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from fusecli.core.geometry import Geometry
from fusecli.core.slices import SliceChoice, slice_index
from fusecli.errors import ImageError, PairError, UsageError
from fusecli.formats.dicom.choosing import find_volume
from fusecli.formats.dicom.display import Flips
from fusecli.formats.dicom.frames import Frame
from fusecli.formats.dicom.geometry import arrange
from fusecli.formats.dicom.header import is_dicom, tag_name, text
from fusecli.formats.dicom.identity import patient_of
from fusecli.formats.dicom.series import Volume

# Indices nearer than this to a slice are on it: positions are written rounded.
ON_A_SLICE = 1e-3
# A Gaussian is cut where nothing of it is left in 8 bits.
SIGMAS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Parent:
    """One source series: its slices in the order in which `read` numbers them, and their grid after `flips`."""

    frames: Sequence[Frame]
    geometry: Geometry
    flips: Flips

    @property
    def header(self) -> Dataset:
        """What the series says of patient, study and scanner: the header of its first slice."""
        return self.frames[0].file.header

    def cut_to(self, choice: SliceChoice) -> "Parent":
        """The chosen slice alone. Raises UsageError when it is not there."""
        index = slice_index(self.geometry, choice)
        return replace(self, frames=self.frames[index : index + 1], geometry=self.geometry.slices(index, index + 1))


@dataclass(frozen=True, slots=True, eq=False)
class Lineage:
    """FIXED, cut to the slices that the result has, and MOVING."""

    fixed: Parent
    moving: Parent

    def moving_frames(self, index: int, *, smoothed_by_voxels: float = 0.0) -> Sequence[Frame]:
        """The slices of MOVING that slice `index` of the result is interpolated from; none outside MOVING's field.

        `smoothed_by_voxels` is the standard deviation by which MOVING was blurred first.
        """
        onto, own = self.fixed.geometry, self.moving.geometry
        if not (onto.is_patient and own.is_patient):
            return self.moving.frames[index : index + 1]  # taken as aligned, slice by slice
        last = np.array(onto.shape) - 1
        corners = np.array([[index, row, column] for row in (0, last[1]) for column in (0, last[2])], dtype=np.float64)
        return frames_reached(self.moving, onto.points(corners), smoothed_by_voxels=smoothed_by_voxels)


def frames_reached(parent: Parent, points: NDArray[np.float64], *, smoothed_by_voxels: float = 0.0) -> Sequence[Frame]:
    """The slices of a series between which `points` lie, (N, 3), mm in LPS; none outside its field of view."""
    reached = parent.geometry.indices(points)[:, 0]
    low, high, count = float(reached.min()), float(reached.max()), len(parent.frames)
    if high < -0.5 or low > count - 0.5:
        return ()
    more = ceil(SIGMAS * smoothed_by_voxels)
    first, stop = floor(low + ON_A_SLICE) - more, ceil(high - ON_A_SLICE) + more + 1
    return parent.frames[min(max(first, 0), count - 1) : max(stop, 1)]


def parent_of(
    path: Path, *, series: str | Volume | None = None, slice_choice: SliceChoice | None = None, role: str
) -> Parent:
    """The series at `path`, whose image a derived one of the same class keeps the numbers of.

    Raises what `read` raises for it; UsageError, naming it by `role`, when it is not DICOM; ImageError when it does
    not say which study it belongs to.
    """
    _check_is_dicom(role, path)
    found = _parent(path, series, allow_gaps=False)
    _check_study(role, found.header)
    return found if slice_choice is None else found.cut_to(slice_choice)


def lineage(
    fixed: Path,
    moving: Path,
    *,
    fixed_series: str | Volume | None = None,
    moving_series: str | Volume | None = None,
    slice_choice: SliceChoice | None = None,
    allow_gaps: bool = False,
) -> Lineage:
    """What a DICOM object made of these two says of its sources, from their headers alone.

    With `allow_gaps` a slice that was not measured counts as its nearest neighbour.

    Raises what `read` raises for the same series; UsageError when one of the two is not DICOM; PairError when they name
    different patients; ImageError when FIXED does not say which study it belongs to.
    """
    for role, path in (("FIXED", fixed), ("MOVING", moving)):
        _check_is_dicom(role, path)
    own, other = _parent(fixed, fixed_series, allow_gaps), _parent(moving, moving_series, allow_gaps)
    _check_one_patient(own.header, other.header)
    _check_study("FIXED", own.header)
    if slice_choice is None:
        return Lineage(own, other)
    is_cut = len(other.frames) > 1 and not (own.geometry.is_patient and other.geometry.is_patient)
    return Lineage(own.cut_to(slice_choice), other.cut_to(slice_choice) if is_cut else other)


_OTHER_FORMATS = "Write NIfTI or pictures instead: -o fused.nii.gz, or -o fused.png"


def _check_is_dicom(role: str, path: Path) -> None:
    if path.is_file() and not is_dicom(path):
        raise UsageError(
            f"{role} is not DICOM, so the result cannot be.",
            why="A DICOM result takes over patient and study, and names the images it was made of.",
            hint=_OTHER_FORMATS,
        )


def _parent(path: Path, series: str | Volume | None, allow_gaps: bool) -> Parent:
    arranged = arrange(find_volume(path, series).frames, allow_gaps=allow_gaps)
    return Parent(arranged.nearest, arranged.geometry, arranged.flips)


def _check_study(role: str, header: Dataset) -> None:
    if not text(header, "StudyInstanceUID"):
        raise ImageError(
            f"{role} does not say which study it belongs to, so no DICOM can be written.",
            why=f"{tag_name('StudyInstanceUID')} is missing.",
            hint=_OTHER_FORMATS,
        )


def _check_one_patient(fixed: Dataset, moving: Dataset) -> None:
    """Whether both may lie in one patient's record; a series without an ID may, its user says so."""
    own, other = patient_of(fixed), patient_of(moving)
    if own is not None and other is not None and own.is_other_than(other):
        raise PairError(
            "FIXED and MOVING name different patients, so no DICOM is written: it would lie in the record of one.",
            why=f"{tag_name('PatientID')} or {tag_name('IssuerOfPatientID')} differs.",
            hint=f"If they are of one person all the same: {_OTHER_FORMATS[0].lower()}{_OTHER_FORMATS[1:]}",
        )
