"""Which slice of a series is meant: by its number, or by its place in the patient."""

import numpy as np

from fusecli.core.geometry import Geometry
from fusecli.core.history import Step
from fusecli.core.image import Image
from fusecli.errors import UsageError
from fusecli.settings import SliceChoice

__all__ = ["SliceChoice", "one_slice", "slice_index", "slice_positions_mm"]


def slice_index(geometry: Geometry, choice: SliceChoice) -> int:
    """The index of the chosen slice.

    Raises UsageError for an index past either end, a position farther than one slice from the nearest, or a position
    in an image that has no place in the patient.
    """
    if choice.index is not None:
        return _checked_index(geometry, choice.index)
    if choice.position_mm is None:
        raise ValueError("a slice choice needs an index or a position")
    if not geometry.is_patient:
        raise UsageError(
            f"There is no slice at {choice.position_mm:g} mm.",
            why="This image does not say where it lies in the patient.",
            hint="Choose the slice by its number: --slice N, counted from 0.",
        )
    positions = slice_positions_mm(geometry)
    nearest = int(np.abs(positions - choice.position_mm).argmin())
    if abs(positions[nearest] - choice.position_mm) > geometry.spacing_mm[0]:
        raise UsageError(
            f"There is no slice at {choice.position_mm:g} mm.",
            why=f"The slices lie between {positions.min():.1f} and {positions.max():.1f} mm.",
            hint="Choose a position in between, or a slice by its number: --slice N, counted from 0.",
        )
    return nearest


def one_slice(image: Image, choice: SliceChoice) -> Image:
    """The chosen slice alone, at its place.

    Raises UsageError as `slice_index` does.
    """
    index = slice_index(image.geometry, choice)
    geometry = image.geometry.slices(index, index + 1)
    return image.stepped(Step("slice", {"index": index}), voxels=image.voxels[index : index + 1], geometry=geometry)


def slice_positions_mm(geometry: Geometry) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Where each slice lies along the slice normal, in mm, (slices,)."""
    rows, columns = geometry.directions[:, 1], geometry.directions[:, 2]
    normal = np.cross(columns, rows)
    starts = geometry.points(np.array([[k, 0, 0] for k in range(geometry.shape[0])]))
    return np.asarray(starts @ (normal / np.linalg.norm(normal)))


def _checked_index(geometry: Geometry, index: int) -> int:
    if 0 <= index < geometry.shape[0]:
        return index
    raise UsageError(
        f"There is no slice {index}.",
        why=f"The series has {geometry.shape[0]} slices, numbered 0 to {geometry.shape[0] - 1} along the slice normal.",
        hint="Choose one of these, or a position: --slice 45mm",
    )
