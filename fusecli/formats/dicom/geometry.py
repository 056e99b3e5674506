"""From the planes of a series to one grid in LPS: in display order, sorted along the slice normal, and checked.

Source: DICOM PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1. The slice step comes from the positions alone: vendors use
SliceThickness and SpacingBetweenSlices in too many ways.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fusecli.core.geometry import POSITION_TOLERANCE_MM, Geometry
from fusecli.errors import ImageError
from fusecli.formats.dicom.display import Flips, display_flips
from fusecli.formats.dicom.frames import COSINE_TOLERANCE, Frame, Plane, functional_group
from fusecli.formats.dicom.header import number, tag_name, text

Value = TypeVar("Value")

# Positions are written rounded: 3.27 beside 3.29 mm is one spacing, more than 1 % of it is a gap.
GAP_TOLERANCE_MM = 0.05
GAP_TOLERANCE = 0.01
# Nearer than this, two slices are at one place.
SAME_PLACE_MM = 0.001


@dataclass(frozen=True, slots=True, eq=False)
class Arranged:
    """The slices of a series in display order: sorted frames, their grid after `flips`, and what to warn of.

    The planes of the frames stay as the files state them.
    """

    frames: list[Frame]
    geometry: Geometry
    flips: Flips
    warnings: tuple[str, ...]


def arrange(frames: Sequence[Frame]) -> Arranged:
    """The frames sorted along the slice normal of their grid in display order, with the flips that lead to it.

    Slice 0 is the lowest along the normal: for an axial series the one nearest the feet. A tilted gantry gives a
    sheared grid, which the affine carries as it is. Without planes the order stays and the grid has no place.

    Raises ImageError for slices of different size, orientation or spacing, and for a stack with gaps or duplicates.
    """
    size = _same(frames, "size", [frame.size for frame in frames])
    references = [text(frame.file.header, "FrameOfReferenceUID") for frame in frames]
    reference = _same(frames, "frame of reference", references) or None
    shape = (len(frames), *size)
    stored = [frame.plane for frame in frames if frame.plane is not None]
    if len(stored) < len(frames):
        _same(frames, "kind", ["without a place" if frame.plane is None else "with a place" for frame in frames])
        missing = f"The image has no place in the patient: {', '.join(frames[0].missing)} missing."
        return Arranged(list(frames), Geometry(shape, None, reference), Flips(), (missing,))
    _check_parallel(frames, stored)
    flips = display_flips(stored[0])
    planes = [flips.of_plane(plane, size) for plane in stored]
    order = np.argsort([plane.position @ planes[0].normal for plane in planes], kind="stable")
    ordered, sorted_planes = [frames[k] for k in order], [planes[k] for k in order]
    step, warnings = _slice_step(ordered, sorted_planes)
    return Arranged(ordered, Geometry(shape, _affine(sorted_planes[0], step), reference), flips, warnings)


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


def _slice_step(frames: Sequence[Frame], planes: Sequence[Plane]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """From one slice to the next, in mm LPS, (3,), and warnings; `frames` and `planes` are sorted."""
    if len(frames) == 1:
        return _single_step(frames[0], planes[0])
    positions = np.array([plane.position for plane in planes])
    steps = np.diff(positions, axis=0)
    gaps = steps @ planes[0].normal
    _check_duplicates(frames, gaps)
    _check_gaps(frames, gaps)
    _check_straight(frames, steps, float(np.median(gaps)))
    return np.asarray((positions[-1] - positions[0]) / (len(frames) - 1)), _shear(positions, planes[0].normal)


def _single_step(frame: Frame, plane: Plane) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    from_header = number(functional_group(frame.file.header, frame.index, "PixelMeasuresSequence"), "SliceThickness")
    if from_header and from_header > 0:
        return plane.normal * from_header, ()
    warning = f"{tag_name('SliceThickness')} is missing, so the one slice is taken to be 1 mm thick."
    return plane.normal, (warning,)


def _check_duplicates(frames: Sequence[Frame], gaps: NDArray[np.float64]) -> None:
    twins = np.flatnonzero(gaps < SAME_PLACE_MM)
    if not twins.size:
        return
    names = [f"{frames[k].label} and {frames[k + 1].label}" for k in twins[:3]]
    raise ImageError(
        "The series has more than one slice at the same place.",
        why=f"{twins.size} of {gaps.size} neighbours coincide: {'; '.join(names)}.",
        hint="It may be a dynamic, gated or multi-echo series, or a file copied twice: keep one image of each place.",
    )


def _check_gaps(frames: Sequence[Frame], gaps: NDArray[np.float64]) -> None:
    usual = float(np.sort(gaps)[(gaps.size - 1) // 2])  # of two gaps the smaller: a slice is lost, none is doubled
    odd = np.flatnonzero(np.abs(gaps - usual) > _tolerance_mm(usual))
    if not odd.size:
        return
    places = [f"{gaps[k]:.2f} mm between {frames[k].label} and {frames[k + 1].label}" for k in odd[:3]]
    lost = round(float(gaps[odd].sum()) / usual) - odd.size
    raise ImageError(
        "Slices are missing." if lost > 0 else "The slices are not evenly spaced.",
        why=f"Slices are {usual:.2f} mm apart, and there is {'; '.join(places)}.",
        hint="Fetch the missing slices from the archive, or give the file of one slice.",
    )


def _check_straight(frames: Sequence[Frame], steps: NDArray[np.float64], usual_mm: float) -> None:
    sideways = np.linalg.norm(steps - np.median(steps, axis=0), axis=1)
    worst = int(sideways.argmax())
    if sideways[worst] > _tolerance_mm(usual_mm):
        raise ImageError(
            "The slices do not lie behind one another in a straight line.",
            why=f"{frames[worst + 1].label} is shifted by {sideways[worst]:.2f} mm against its neighbours.",
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
    return max(GAP_TOLERANCE * spacing_mm, GAP_TOLERANCE_MM)


def _affine(first: Plane, step: NDArray[np.float64]) -> NDArray[np.float64]:
    """4 x 4: index (slice, row, column) to mm LPS. A row index runs along the column direction, and the other way."""
    affine = np.eye(4)
    between_rows, between_columns = first.spacing_mm
    affine[:3, :3] = np.column_stack([step, first.column * between_rows, first.row * between_columns])
    affine[:3, 3] = first.position
    return affine
