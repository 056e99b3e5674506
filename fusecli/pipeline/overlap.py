"""How far the fields of view of two images overlap, in millimetres along the axes of the patient."""

from dataclasses import dataclass

import numpy as np

from fusecli.core.geometry import Geometry, box
from fusecli.core.history import Fact

# Along x, y and z of LPS: PS3.3 C.7.6.2.1.1.
_AXES = {"x": "from right to left", "y": "from front to back", "z": "from feet to head"}


@dataclass(frozen=True, slots=True)
class Overlap:
    """What two fields of view share along x, y and z of LPS, in mm, and how long each of them is.

    A negative number is the distance between the two. Of an oblique field of view the box around it counts.
    """

    shared_mm: tuple[float, ...]
    fixed_mm: tuple[float, ...]
    moving_mm: tuple[float, ...]

    @property
    def shares(self) -> tuple[float, ...]:
        """Along each axis the part of the smaller field of view that is shared, 0..1."""
        smaller = (min(pair) for pair in zip(self.fixed_mm, self.moving_mm, strict=True))
        return tuple(max(0.0, mm / whole) for mm, whole in zip(self.shared_mm, smaller, strict=True))

    @property
    def share(self) -> float:
        """The least of them."""
        return min(self.shares)

    def facts(self) -> dict[str, Fact]:
        """For a history."""
        return {f"overlap_{axis}_mm": round(mm, 2) for axis, mm in zip(_AXES, self.shared_mm, strict=True)}

    def said(self) -> str:
        """The axis where they share least, in words."""
        axis = self.shares.index(self.share)
        shared, own, other = (lengths[axis] for lengths in (self.shared_mm, self.fixed_mm, self.moving_mm))
        where = tuple(_AXES.values())[axis]
        how = f"they share {shared:.1f} mm" if shared > 0 else f"they are {-shared:.1f} mm apart"
        return f"{where.capitalize()} {how}; FIXED is {own:.1f} mm long, MOVING {other:.1f} mm."


def overlap_of(fixed: Geometry, moving: Geometry) -> Overlap | None:
    """The overlap by the positions that both state, which reach half a voxel beyond the outermost voxel centres.

    None where one of the two has no place in the patient.
    """
    if not (fixed.is_patient and moving.is_patient):
        return None
    (low, high), (other_low, other_high) = box(fixed), box(moving)
    shared = np.minimum(high, other_high) - np.maximum(low, other_low)
    return Overlap(*(tuple(float(mm) for mm in lengths) for lengths in (shared, high - low, other_high - other_low)))
