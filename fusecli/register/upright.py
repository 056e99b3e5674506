"""A slice turned the way that pictures are shown: the face up, or the top of the head."""

from dataclasses import dataclass

import numpy as np

from fusecli.core.geometry import Geometry
from fusecli.register.deformable_field import Field


@dataclass(frozen=True, slots=True)
class Turn:
    """Rows and columns change places, where `transposed`, and then the rows their order, where `flipped`."""

    transposed: bool = False
    flipped: bool = False

    def of(self, picture: Field) -> Field:
        """A picture, (rows, columns), turned."""
        turned = picture.T if self.transposed else picture
        return np.ascontiguousarray(turned[::-1] if self.flipped else turned)

    def back(self, field: Field) -> Field:
        """Displacements on the turned picture, (rows, columns, 2), as they are on the picture itself."""
        if self.flipped:
            field = field[::-1] * np.array([-1, 1], dtype=field.dtype)
        if self.transposed:
            field = field.transpose(1, 0, 2)[..., ::-1]
        return np.ascontiguousarray(field)


def upright(geometry: Geometry) -> Turn:
    """What brings the slices of `geometry` upright: anterior to the top where they are axial, else superior.

    NIfTI mostly stores rows from back to front. Which side is left does not change. A picture without a place stays as
    it is.
    """
    if not geometry.is_patient:
        return Turn()
    normal, rows, columns = geometry.directions.T
    top = np.array([0.0, -1, 0]) if np.abs(normal).argmax() == 2 else np.array([0.0, 0, 1])  # LPS
    transposed = abs(columns @ top) > abs(rows @ top)
    return Turn(bool(transposed), bool((columns if transposed else rows) @ top > 0))
