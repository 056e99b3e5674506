"""Display order: by which flips the patient's left comes to lie on the right of the picture.

Source: DICOM PS3.3 C.7.6.2.1.1: x grows to the patient's left, y to the back, z to the head.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.formats.dicom.frames import Plane

# Toward which end of each patient axis (x, y, z) pixels are shown: the left, the back, the feet.
SHOWN_TOWARD = (1, 1, -1)
# An axis half way between two patient axes must not be turned by the rounding of its cosines.
COSINE_DECIMALS = 3


@dataclass(frozen=True, slots=True)
class Flips:
    """Which axes of a slice are reversed for display. A flip moves no pixel in the patient and changes no value."""

    columns: bool = False
    rows: bool = False

    @property
    def names(self) -> str:
        """What is flipped, as history says it; empty for nothing."""
        return ", ".join(name for name, flipped in (("columns", self.columns), ("rows", self.rows)) if flipped)

    def of_plane(self, plane: Plane, size: tuple[int, int]) -> Plane:
        """The plane of a slice of `size` (rows, columns) after the flips: its first pixel is then another one."""
        (rows, columns), (between_rows, between_columns) = size, plane.spacing_mm
        if self.columns:
            far = plane.position + plane.row * between_columns * (columns - 1)
            plane = replace(plane, position=far, row=0.0 - plane.row)
        if self.rows:
            far = plane.position + plane.column * between_rows * (rows - 1)
            plane = replace(plane, position=far, column=0.0 - plane.column)
        return plane

    def of_pixels(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """A view of (frame, row, column) or (frame, row, column, 3) with its axes flipped."""
        return pixels[:, :: -1 if self.rows else 1, :: -1 if self.columns else 1]


def display_flips(plane: Plane) -> Flips:
    """The flips after which columns and rows each run toward the left, the back or the feet of the patient.

    Which of the three depends on the patient axis that the axis of the picture is closest to. Axes are never swapped.
    """
    return Flips(columns=_runs_away(plane.row), rows=_runs_away(plane.column))


def _runs_away(direction: NDArray[np.float64]) -> bool:
    closest = int(np.abs(direction).round(COSINE_DECIMALS).argmax())
    return bool(direction[closest] * SHOWN_TOWARD[closest] < 0)
