"""How a volume is laid on a screen: which plane shows which axes, and what its edges face."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusecli.core.geometry import Geometry
from fusecli.core.planes import geometry_in
from fusecli.errors import UsageError

# The patient's axis (of x, y, z in LPS) that each plane is cut across.
_NORMAL = {"axial": 2, "coronal": 1, "sagittal": 0}
_LETTERS = (("L", "R"), ("P", "A"), ("S", "I"))
_SECOND_LETTER = 0.3  # of a unit vector, about 17 degrees off: less is an axis that a scanner aligned by hand


@dataclass(frozen=True, slots=True)
class Plane:
    """One way through a volume, in index axes: 0 slice, 1 row, 2 column.

    The picture shows `across` from left to right and `down` from top to bottom, each from the high index to the low one
    where it is flipped, and `through` is the axis that its slider walks. `edges` are what left, right, top and bottom
    of the screen face ("" where unknown). `pixel_mm` is (width, height) of a voxel; (1, 1) where unknown. The slice of
    index n lies at `start_mm` + n `step_mm` of the patient's axis `axis` ("x", "y" or "z" of LPS; "" where unknown).
    """

    name: str
    through: int
    across: int
    down: int
    flip_across: bool = False
    flip_down: bool = False
    edges: tuple[str, str, str, str] = ("", "", "", "")
    pixel_mm: tuple[float, float] = (1.0, 1.0)
    axis: str = ""
    start_mm: float = 0.0
    step_mm: float = 0.0


def planes_of(geometry: Geometry) -> tuple[Plane, ...]:
    """Axial, coronal and sagittal of a volume; of a single slice, or without a place in the patient, the slice alone.

    An oblique volume is not resampled: each plane is named by the patient's axis nearest to its normal.
    """
    return tuple(_planes(geometry)) if geometry.is_patient else (Plane("slice", 0, 2, 1),)


def native_plane(planes: Sequence[Plane]) -> Plane:
    """The plane in which the slices of the file lie."""
    return next(plane for plane in planes if plane.through == 0)


def picture_of(volume: NDArray[np.uint8], plane: Plane, index: int) -> NDArray[np.uint8]:
    """The slice `index` of a (slice, row, column) or (slice, row, column, 3) volume, as its plane lays it out."""
    picture = np.take(volume, index, axis=plane.through)
    if plane.across < plane.down:
        picture = picture.swapaxes(0, 1)
    picture = picture[::-1] if plane.flip_down else picture
    return np.asarray(picture[:, ::-1] if plane.flip_across else picture)


def _planes(geometry: Geometry) -> Iterator[Plane]:
    for name in _NORMAL:
        with suppress(UsageError):  # one slice is seen in its own plane only
            yield _plane(geometry, name)


def _plane(geometry: Geometry, name: str) -> Plane:
    laid_out = geometry_in(name, geometry)
    # A signed permutation: in which old axis, and which way round, each new one runs.
    turning = np.rint(np.linalg.inv(geometry.matrix[:3, :3]) @ laid_out.matrix[:3, :3])
    through, down, across = (int(np.abs(turning[:, new]).argmax()) for new in range(3))
    _, downward, rightward = laid_out.directions.T
    middle = (np.array(geometry.shape) - 1) / 2
    middle[through] = 0
    return Plane(
        name, through, across, down,
        flip_across=bool(turning[across, 2] < 0),
        flip_down=bool(turning[down, 1] < 0),
        edges=(_facing(-rightward), _facing(rightward), _facing(-downward), _facing(downward)),
        pixel_mm=(laid_out.spacing_mm[2], laid_out.spacing_mm[1]),
        axis="xyz"[_NORMAL[name]],
        start_mm=float(geometry.points(middle[np.newaxis])[0, _NORMAL[name]]),
        step_mm=float(geometry.matrix[_NORMAL[name], through]),
    )  # fmt: skip


def _facing(direction: NDArray[np.float64]) -> str:
    """The letters of a direction in LPS, the strongest first."""
    strongest = np.argsort(-np.abs(direction), kind="stable")
    kept = [axis for axis in strongest if abs(direction[axis]) >= _SECOND_LETTER]
    return "".join(_LETTERS[axis][0 if direction[axis] > 0 else 1] for axis in kept)
