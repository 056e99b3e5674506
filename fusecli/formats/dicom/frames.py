"""The slices of a DICOM file, single or multi-frame, and the plane of each.

Source: DICOM PS3.3 C.7.6.2 (Image Plane), C.7.6.16.2 (functional groups), C.8.4.15 (NM), C.8.8.3 (dose grid).
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from fusecli.errors import ImageError
from fusecli.formats.dicom.header import DicomFile, items, number, numbers, tag_name, texts

# Direction cosines are written with 4 to 6 decimals.
COSINE_TOLERANCE = 1e-3
# Nearer than this along the normal, two slices are at one place: scanners round positions to 2 decimals and more.
# Microscopic slices lie nearer than that, and are told by the size of their pixels.
SAME_PLACE_MM, SAME_PLACE_IN_PIXELS = 0.01, 0.1
# More frames than any scanner writes; a broken count must not fill the memory.
MOST_FRAMES = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A slice in the patient: the centre of its first pixel in mm LPS, (3,); the directions of a row and of a column,
    (3,) each, of length 1; and the distances in mm between rows and between columns.
    """

    position: NDArray[np.float64]
    row: NDArray[np.float64]
    column: NDArray[np.float64]
    spacing_mm: tuple[float, float]

    @property
    def normal(self) -> NDArray[np.float64]:
        """Direction across the slice: row direction x column direction."""
        return np.cross(self.row, self.column)

    @property
    def name(self) -> str:
        """The anatomical plane that it is nearest to: sagittal, coronal or axial."""
        return ("sagittal", "coronal", "axial")[int(np.abs(self.normal).argmax())]

    @property
    def same_place_mm(self) -> float:
        """How far along the normal another slice may lie and still be at the place of this one."""
        return min(SAME_PLACE_MM, SAME_PLACE_IN_PIXELS * min(self.spacing_mm))

    @property
    def numbers(self) -> NDArray[np.float64]:
        """Position, directions and spacing in one row, (11,), to compare planes by."""
        return np.concatenate([self.position, self.row, self.column, self.spacing_mm])


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One slice: which frame of which file, and its plane; None where the file does not say where it lies.

    `missing` names the elements without which there is no plane.
    """

    file: DicomFile
    index: int
    plane: Plane | None
    missing: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """How messages name the slice."""
        return self.file.path.name if self.index == 0 else f"{self.file.path.name} frame {self.index + 1}"

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns. Raises ImageError when the header gives none."""
        rows, columns = number(self.file.header, "Rows"), number(self.file.header, "Columns")
        if not rows or not columns:
            raise ImageError(f"{self.file.path.name} has no rows and columns.", hint="Export the file again.")
        return int(rows), int(columns)


def frames_of(file: DicomFile) -> list[Frame]:
    """The frames of a file: one for a single slice, many for a multi-frame file, in the file's order.

    Raises ImageError for an orientation that is none, a pixel without size, or an impossible number of frames.
    """
    count = _frame_count(file)
    described = len(items(file.header, "PerFrameFunctionalGroupsSequence"))
    if 0 < described < count:
        raise ImageError(
            f"{file.path.name} says that it has {count} frames, and describes {described}.",
            why=f"{tag_name('PerFrameFunctionalGroupsSequence')} is shorter than {tag_name('NumberOfFrames')}.",
            hint="Export the file again.",
        )
    if described or count == 1:
        return [_frame(file, index) for index in range(count)]
    first = _frame(file, 0)
    return _stacked([replace(first, index=index) for index in range(count)], _stack_offsets(file.header, count))


def functional_group(header: Dataset, index: int, keyword: str) -> Dataset:
    """The functional group of one frame: its own, else the shared one, else the data set itself (not enhanced)."""
    own = items(header, "PerFrameFunctionalGroupsSequence")[index : index + 1]
    for group in (*own, *items(header, "SharedFunctionalGroupsSequence")[:1]):
        found = items(group, keyword)
        if found:
            return found[0]
    return header


def _frame_count(file: DicomFile) -> int:
    count = number(file.header, "NumberOfFrames")
    if count is None:
        return 1
    if not 1 <= count <= MOST_FRAMES:
        raise ImageError(
            f"{file.path.name} says that it has {count:g} frames.",
            why=f"{tag_name('NumberOfFrames')} is between 1 and {MOST_FRAMES}.",
            hint="Export the file again.",
        )
    return int(count)


def _frame(file: DicomFile, index: int) -> Frame:
    found = {
        keyword: _plane_numbers(file.header, index, sequence, keyword, count)
        for sequence, keyword, count in (
            ("PlanePositionSequence", "ImagePositionPatient", 3),
            ("PlaneOrientationSequence", "ImageOrientationPatient", 6),
            ("PixelMeasuresSequence", "PixelSpacing", 2),
        )
    }
    missing = tuple(tag_name(keyword) for keyword, values in found.items() if not values)
    if missing:
        return Frame(file, index, None, missing)
    return Frame(file, index, _plane(file, *found.values()))


def _plane_numbers(header: Dataset, index: int, sequence: str, keyword: str, count: int) -> tuple[float, ...]:
    group = functional_group(header, index, sequence)
    found = numbers(group, keyword)
    if not found:
        # A nuclear medicine file keeps the plane of its first slice with the detector.
        found = next((numbers(detector, keyword) for detector in items(header, "DetectorInformationSequence")), ())
    return found if len(found) == count else ()


def _plane(
    file: DicomFile, position: tuple[float, ...], cosines: tuple[float, ...], spacing: tuple[float, ...]
) -> Plane:
    row, column = np.array(cosines[:3]), np.array(cosines[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(row @ column)) > COSINE_TOLERANCE:
        raise ImageError(
            f"The orientation of {file.path.name} is broken.",
            why=f"{tag_name('ImageOrientationPatient')} is not two unit vectors at a right angle.",
            hint="Export the file again; without an orientation it cannot be placed in the patient.",
        )
    if min(spacing) <= 0:
        raise ImageError(
            f"The pixels of {file.path.name} have no size.",
            why=f"{tag_name('PixelSpacing')} is {spacing[0]:g} x {spacing[1]:g} mm.",
            hint="Export the file again.",
        )
    return Plane(np.array(position), row / lengths[0], column / lengths[1], (spacing[0], spacing[1]))


def _stack_offsets(header: Dataset, count: int) -> tuple[float, ...] | None:
    """How far each frame lies from the first along the normal, in mm; None where frames are no stack (a film, views).

    A dose grid lists its offsets; a reconstructed NM volume has only the distance from slice to slice, with a sign, and
    a vector that says of which slice each frame is, where gates or energy windows repeat the slices. Without that
    vector the frames of each energy window are taken in their order.
    """
    listed = numbers(header, "GridFrameOffsetVector")
    if len(listed) == count:
        return tuple(offset - listed[0] for offset in listed)
    step = number(header, "SpacingBetweenSlices")
    slices, kinds = numbers(header, "SliceVector"), texts(header, "ImageType")
    if step and len(slices) == count and {"RECON TOMO", "RECON GATED TOMO"} & set(kinds):
        return tuple(step * (place - 1) for place in slices)
    if not step or "RECON TOMO" not in kinds:
        return None
    windows = numbers(header, "EnergyWindowVector")
    seen = {window: itertools.count() for window in windows} if len(windows) == count else {}
    return tuple(step * (next(seen[windows[index]]) if seen else index) for index in range(count))


def _stacked(frames: Sequence[Frame], offsets_mm: tuple[float, ...] | None) -> list[Frame]:
    if offsets_mm is None:
        missing = (tag_name("PlanePositionSequence"), tag_name("SpacingBetweenSlices"))
        return [replace(frame, plane=None, missing=frame.missing or missing) for frame in frames]
    return [_moved(frame, offset) for frame, offset in zip(frames, offsets_mm, strict=True)]


def _moved(frame: Frame, offset_mm: float) -> Frame:
    if frame.plane is None:
        return frame
    plane = replace(frame.plane, position=frame.plane.position + offset_mm * frame.plane.normal)
    return replace(frame, plane=plane)
