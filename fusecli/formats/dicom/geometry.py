"""From the planes of a series to one grid in LPS: in display order, sorted along the slice normal, and checked.

Source: DICOM PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1. The slice step comes from the positions alone: vendors use
SliceThickness and SpacingBetweenSlices in too many ways.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fusecli.core.geometry import POSITION_TOLERANCE_MM, Geometry
from fusecli.errors import ImageError
from fusecli.formats.dicom.display import Flips, display_flips
from fusecli.formats.dicom.frames import COSINE_TOLERANCE, Frame, Plane, functional_group
from fusecli.formats.dicom.header import number, tag_name, text
from fusecli.formats.dicom.regular import Filling, filling_of

Value = TypeVar("Value")

# Positions are written rounded: 3.27 beside 3.29 mm is one spacing, more than 1 % of it is a gap. Of microscopic slices
# a part of their spacing counts, for there a slice is as thin as the rounding.
GAP_TOLERANCE_MM, GAP_TOLERANCE_AT_MOST = 0.05, 0.1
GAP_TOLERANCE = 0.01
# MR leaves gaps of up to a slice between two slices; more is a selection of slices.
MOST_APART = 2.0
# A position written with one decimal is off by 0.05 mm, and the line through all of them by a little more.
ROUNDED_MM, ROUNDED_AT_MOST = 0.055, 0.25
# Small differences that add up must not move a slice by more than this part of the spacing to either side.
MOST_DRIFT = 0.125


@dataclass(frozen=True, slots=True, eq=False)
class Arranged:
    """The slices of a series in display order: sorted frames, their grid after `flips`, and what to warn of.

    The planes of the frames stay as the files state them. `filling` makes the slices of the grid from the frames where
    they lie unevenly, and has its own warnings; without it they are the frames one by one.
    """

    frames: list[Frame]
    geometry: Geometry
    flips: Flips
    warnings: tuple[str, ...]
    filling: Filling | None = None

    @property
    def nearest(self) -> list[Frame]:
        """For each slice of the grid the frame that it is, or that it lies nearest to."""
        if self.filling is None:
            return self.frames
        above = self.filling.share > 0.5
        return [self.frames[place] for place in self.filling.lower + above]

    def sources(self, index: int) -> list[int]:
        """Of which frames slice `index` of the grid is made."""
        return [index] if self.filling is None else self.filling.sources(index)

    def slice(self, index: int) -> "Arranged":
        """One slice of the grid alone, with its frames."""
        filling = None if self.filling is None else self.filling.of_slice(index)
        frames, geometry = [self.frames[place] for place in self.sources(index)], self.geometry.slices(index, index + 1)
        return replace(self, frames=frames, geometry=geometry, filling=filling)


def arrange(frames: Sequence[Frame], *, allow_gaps: bool = False) -> Arranged:
    """The frames sorted along the slice normal of their grid in display order, with the flips that lead to it.

    Slice 0 is the lowest along the normal: for an axial series the one nearest the feet. A tilted gantry gives a
    sheared grid, which the affine carries as it is. Without planes the order stays and the grid has no place.
    With `allow_gaps` slices that lie unevenly get an even grid, and a filling.

    Raises ImageError for slices of different size, orientation or spacing, and for a stack with duplicates or gaps.
    """
    size = _same(frames, "size", [frame.size for frame in frames])
    references = [text(frame.file.header, "FrameOfReferenceUID") for frame in frames]
    reference = _same(frames, "frame of reference", references) or None
    stored = [frame.plane for frame in frames if frame.plane is not None]
    if len(stored) < len(frames):
        return _without_place(frames, size, reference)
    _check_parallel(frames, stored)
    flips = display_flips(stored[0])
    planes = [flips.of_plane(plane, size) for plane in stored]
    order = np.argsort([plane.position @ planes[0].normal for plane in planes], kind="stable")
    ordered, sorted_planes = [frames[k] for k in order], [planes[k] for k in order]
    step, warnings, filling = _slice_step(ordered, sorted_planes, allow_gaps)
    count = len(ordered) if filling is None else len(filling.lower)
    geometry = Geometry((count, *size), _affine(sorted_planes[0], step), reference)
    return Arranged(ordered, geometry, flips, warnings, filling)


def slice_gaps(frames: Sequence[Frame]) -> tuple[float, float] | None:
    """The smallest and the largest distance between neighbours along the normal, in mm; None for less than two places.

    The frames may be in any order; those without a place do not count.
    """
    planes = [frame.plane for frame in frames if frame.plane is not None]
    if len(planes) < 2:
        return None
    gaps = np.diff(np.sort([plane.position @ planes[0].normal for plane in planes]))
    return float(gaps.min()), float(gaps.max())


def tilt_degrees(geometry: Geometry) -> float:
    """By how much the stack leans: the angle between the way from slice to slice and the slice normal, 0..90."""
    columns, rows = geometry.directions[:, 2], geometry.directions[:, 1]
    along = abs(float(np.cross(columns, rows) @ geometry.directions[:, 0]))
    return float(np.degrees(np.arccos(min(along, 1.0))))


def _without_place(frames: Sequence[Frame], size: tuple[int, int], reference: str | None) -> Arranged:
    _same(frames, "kind", ["without a place" if frame.plane is None else "with a place" for frame in frames])
    missing = f"The image has no place in the patient: {', '.join(frames[0].missing)} missing."
    return Arranged(list(frames), Geometry((len(frames), *size), None, reference), Flips(), (missing,))


def _same(frames: Sequence[Frame], what: str, values: Sequence[Value]) -> Value:
    odd = next((k for k, value in enumerate(values) if value != values[0]), None)
    if odd is not None:
        raise _mixed(what, (frames[0], values[0]), (frames[odd], values[odd]))
    return values[0]


def _check_parallel(frames: Sequence[Frame], planes: Sequence[Plane]) -> None:
    first = planes[0]
    for frame, plane in zip(frames, planes, strict=True):
        turned = np.abs(np.concatenate([plane.row - first.row, plane.column - first.column])).max()
        if turned > COSINE_TOLERANCE:
            raise _mixed("orientation", (frames[0], _cosines(first)), (frame, _cosines(plane)))
        if not np.allclose(plane.spacing_mm, first.spacing_mm, rtol=COSINE_TOLERANCE):
            raise _mixed("pixel spacing", (frames[0], first.spacing_mm), (frame, plane.spacing_mm))


def _cosines(plane: Plane) -> str:
    return " ".join(f"{cosine:.3f}" for cosine in (*plane.row, *plane.column))


def _mixed(what: str, one: tuple[Frame, object], other: tuple[Frame, object]) -> ImageError:
    return ImageError(
        f"The slices of this series differ in {what}.",
        why=f"{one[0].label}: {one[1]}; {other[0].label}: {other[1]}.",
        hint="Put the slices that belong together into a folder of their own, or give a single file.",
    )


def _slice_step(
    frames: Sequence[Frame], planes: Sequence[Plane], allow_gaps: bool
) -> tuple[NDArray[np.float64], tuple[str, ...], Filling | None]:
    """From one slice to the next, in mm LPS, (3,), warnings, and a filling where there are gaps; all are sorted."""
    if len(frames) == 1:
        return (*_single_step(frames[0], planes[0]), None)
    positions = np.array([plane.position for plane in planes])
    depths = positions @ planes[0].normal
    gaps = np.diff(depths)
    _check_places(frames, gaps, planes[0].same_place_mm)
    _check_straight(frames, positions, depths)
    filling = None
    if not _is_even(depths):
        if not allow_gaps:
            raise _uneven(frames, gaps)
        filling = filling_of(depths, _usual(gaps), _tolerance_mm(_usual(gaps)))
    count = len(frames) if filling is None else len(filling.lower)
    step = np.asarray((positions[-1] - positions[0]) / (count - 1))
    return step, (*_shear(positions, planes[0].normal), *_thin(frames[0], float(gaps.max()))), filling


def _single_step(frame: Frame, plane: Plane) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    from_header = _thickness(frame)
    if from_header and from_header > 0:
        return plane.normal * from_header, ()
    warning = f"{tag_name('SliceThickness')} is missing, so the one slice is taken to be 1 mm thick."
    return plane.normal, (warning,)


def _thin(frame: Frame, widest_mm: float) -> tuple[str, ...]:
    """What to warn of where slices are so far apart that others may have been left out."""
    try:
        thickness = _thickness(frame)
    except ImageError:  # no reason to refuse slices that say where they lie
        return ()
    if not thickness or widest_mm <= MOST_APART * thickness + GAP_TOLERANCE_MM:
        return ()
    return (
        f"The slices are {thickness:g} mm thick, and up to {widest_mm:.2f} mm apart: what is between was not measured.",
    )


def _thickness(frame: Frame) -> float | None:
    return number(functional_group(frame.file.header, frame.index, "PixelMeasuresSequence"), "SliceThickness")


def _check_places(frames: Sequence[Frame], gaps: NDArray[np.float64], same_place_mm: float) -> None:
    twins = np.flatnonzero(gaps < same_place_mm)
    if not twins.size:
        return
    names = [f"{frames[k].label} and {frames[k + 1].label}" for k in twins[:3]]
    raise ImageError(
        "The series has more than one slice at the same place.",
        why=f"{twins.size} of {gaps.size} neighbours coincide, and no element tells them apart: {'; '.join(names)}.",
        hint="Put the slices of one acquisition into a folder of their own, or give a single file.",
    )


def _is_even(depths: NDArray[np.float64]) -> bool:
    """Whether neither a gap nor, as small differences add up, a slice is off by more than rounding explains.

    Where positions are written with one decimal, gaps of 1.2 and 1.3 mm are one spacing, and only the slices tell.
    """
    gaps, count = np.diff(depths), np.arange(len(depths))
    off_line = float(np.ptp(depths - np.polyval(np.polyfit(count, depths, 1), count))) / 2
    usual = _usual(gaps)
    is_one_spacing = np.abs(gaps - usual).max() <= _tolerance_mm(usual) and off_line <= MOST_DRIFT * usual
    return bool(is_one_spacing or off_line <= min(ROUNDED_MM, ROUNDED_AT_MOST * usual))


def _usual(gaps: NDArray[np.float64]) -> float:
    # Of two gaps the smaller: a slice is lost, none is doubled.
    return float(np.sort(gaps)[(gaps.size - 1) // 2])


def _uneven(frames: Sequence[Frame], gaps: NDArray[np.float64]) -> ImageError:
    usual = _usual(gaps)
    odd = np.flatnonzero(np.abs(gaps - usual) > _tolerance_mm(usual))
    places = [f"{gaps[k]:.2f} mm between {frames[k].label} and {frames[k + 1].label}" for k in odd[:3]]
    found = f"there is {'; '.join(places)}" if places else "they drift away from that"
    lost = round(float(gaps[odd].sum()) / usual) - odd.size
    return ImageError(
        "Slices are missing." if lost > 0 else "The slices are not evenly spaced.",
        why=f"Slices are {usual:.2f} mm apart, and {found}.",
        hint="Fetch the missing slices from the archive, or fill the gaps from their neighbours: --allow-gaps",
    )


def _check_straight(frames: Sequence[Frame], positions: NDArray[np.float64], depths: NDArray[np.float64]) -> None:
    """Every slice lies on the line from the first to the last, whatever the gaps are."""
    share = ((depths - depths[0]) / (depths[-1] - depths[0]))[:, None]
    sideways = np.linalg.norm(positions - positions[0] - share * (positions[-1] - positions[0]), axis=1)
    worst = int(sideways.argmax())
    if sideways[worst] > _tolerance_mm(_usual(np.diff(depths))):
        raise ImageError(
            "The slices do not lie behind one another in a straight line.",
            why=f"{frames[worst].label} is shifted by {sideways[worst]:.2f} mm against the line of the others.",
            hint="Put the slices that belong together into a folder of their own, or give a single file.",
        )


def _shear(positions: NDArray[np.float64], normal: NDArray[np.float64]) -> tuple[str, ...]:
    """What to warn of where the stack leans: more than the rounding of positions or of direction cosines explains."""
    way = positions[-1] - positions[0]
    depth = way @ normal
    if np.linalg.norm(way - depth * normal) <= max(COSINE_TOLERANCE * depth, POSITION_TOLERANCE_MM):
        return ()
    return ("The axes of the image are not at right angles (sheared), as a tilted gantry leaves them.",)


def _tolerance_mm(spacing_mm: float) -> float:
    return max(GAP_TOLERANCE * spacing_mm, min(GAP_TOLERANCE_MM, GAP_TOLERANCE_AT_MOST * spacing_mm))


def _affine(first: Plane, step: NDArray[np.float64]) -> NDArray[np.float64]:
    """4 x 4: index (slice, row, column) to mm LPS. A row index runs along the column direction, and the other way."""
    affine = np.eye(4)
    between_rows, between_columns = first.spacing_mm
    affine[:3, :3] = np.column_stack([step, first.column * between_rows, first.row * between_columns])
    affine[:3, 3] = first.position
    return affine
