"""Where voxels lie in the patient: index (slice, row, column) to millimetres in LPS.

LPS is DICOM's patient system: x grows to the patient's Left, y to the back (Posterior), z to the head (Superior);
PS3.3 C.7.6.2.1.1. NIfTI's RAS is turned into LPS at the door (formats/nifti/place.py), so nothing inside ever asks.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fusecli.errors import ShapeError

# Scanners write positions with 3 to 6 decimals: a hundredth of a millimetre is rounding, more is another place; but
# never more than a twentieth of a voxel, which may be microscopic.
POSITION_TOLERANCE_MM, POSITION_TOLERANCE_IN_VOXELS = 0.01, 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """The grid of an image.

    `shape` is (slices, rows, columns). `affine` is 4 x 4, float64, read-only: homogeneous index (slice, row, column, 1)
    to millimetres (x, y, z, 1) in LPS; None for a picture, whose place and spacing are unknown.
    `frame_of_reference` is DICOM's UID (0020,0052) where there is one.

    Raises ShapeError for a shape or an affine that cannot be a grid.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64] | None = None
    frame_of_reference: str | None = None

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ShapeError(f"An image of {self.shape} (slices, rows, columns) has no voxels.")
        if self.affine is None:
            return
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or not np.array_equal(affine[3], (0, 0, 0, 1)):
            raise ShapeError("The geometry is not a 4 x 4 affine of finite numbers.")
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
        # Against the box of the same sides, so that a voxel may be as small as a microscope sees.
        if not abs(np.linalg.det(affine[:3, :3])) > 1e-9 * lengths.prod() > 0:
            raise ShapeError("The geometry is flat: two of its axes run in the same direction, or a spacing is zero.")
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)

    @property
    def is_patient(self) -> bool:
        """Whether the place in the patient is known."""
        return self.affine is not None

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The affine, for code that has checked `is_patient`."""
        if self.affine is None:
            raise ValueError("this geometry has no place in the patient")
        return self.affine

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbours along (slice, row, column), in mm."""
        lengths = np.linalg.norm(self.matrix[:3, :3], axis=0)
        return (float(lengths[0]), float(lengths[1]), float(lengths[2]))

    @property
    def directions(self) -> NDArray[np.float64]:
        """Unit vectors in LPS of the (slice, row, column) axes, one per column, 3 x 3."""
        return np.asarray(self.matrix[:3, :3] / np.linalg.norm(self.matrix[:3, :3], axis=0))

    def points(self, indices: NDArray[np.float64]) -> NDArray[np.float64]:
        """Millimetres in LPS, (N, 3), of indices (slice, row, column), (N, 3); fractions allowed."""
        return np.asarray(indices, dtype=np.float64) @ self.matrix[:3, :3].T + self.matrix[:3, 3]

    def indices(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Indices (slice, row, column), (N, 3), of points in mm, (N, 3): the inverse of `points`."""
        return (np.asarray(points, dtype=np.float64) - self.matrix[:3, 3]) @ np.linalg.inv(self.matrix[:3, :3]).T

    def cubes(self, spacing_mm: float) -> "Geometry":
        """A grid of cubes of this side over the same field of view, its rows and columns running as here.

        A tilted gantry's slices run askew, and cubes do not: the slice axis becomes the normal, and the field of view
        the smallest box around the old one. A single slice stays one, with the spacing that it has.

        Raises ValueError for a spacing that is not above 0.
        """
        if not spacing_mm > 0:
            raise ValueError(f"a cube has a side above 0 mm, and not {spacing_mm}")
        slice_axis, row_axis, column_axis = self.directions.T
        normal = np.cross(row_axis, column_axis)
        axes = np.stack([normal * np.sign(normal @ slice_axis), row_axis, column_axis], axis=1)
        low, high = box(self, axes)
        steps = np.full(3, spacing_mm)
        if self.shape[0] == 1:
            steps[0] = high[0] - low[0]
        counts = np.maximum(1, np.rint((high - low) / steps)).astype(int)
        middle = (low + high) / 2
        affine = np.eye(4)
        affine[:3, :3] = axes * steps
        affine[:3, 3] = axes @ (middle - (counts - 1) / 2 * steps)
        return replace(self, shape=(int(counts[0]), int(counts[1]), int(counts[2])), affine=affine)

    def slices(self, start: int, stop: int) -> "Geometry":
        """The grid of slices start..stop-1."""
        shape = (stop - start, self.shape[1], self.shape[2])
        if self.affine is None:
            return replace(self, shape=shape)
        affine = self.affine.copy()
        affine[:3, 3] = self.points(np.array([[start, 0, 0]]))[0]
        return replace(self, shape=shape, affine=affine)


def box(geometry: Geometry, axes: NDArray[np.float64] | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The least and the largest coordinate of a grid in mm, (3,) each, its outer edges included.

    They are counted along `axes`, unit vectors in the columns of 3 x 3; None: along x, y and z of LPS.
    """
    edges = [(-0.5, n - 0.5) for n in geometry.shape]
    corners = geometry.points(np.array(np.meshgrid(*edges)).reshape(3, -1).T)
    along = corners if axes is None else corners @ axes
    return along.min(axis=0), along.max(axis=0)


def same_grid(a: Geometry, b: Geometry) -> bool:
    """Whether voxel (k, j, i) of one is the same place as voxel (k, j, i) of the other.

    Frames of reference that are both known and differ are never one grid: equal numbers mean other places there.
    Two pictures without geometry are one grid when their sizes agree.
    """
    if a.shape != b.shape or a.is_patient != b.is_patient:
        return False
    if a.affine is None or b.affine is None:
        return True
    if a.frame_of_reference and b.frame_of_reference and a.frame_of_reference != b.frame_of_reference:
        return False
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in a.shape])).reshape(3, -1).T
    tolerance_mm = min(POSITION_TOLERANCE_MM, POSITION_TOLERANCE_IN_VOXELS * min(a.spacing_mm))
    return bool(np.abs(a.points(corners) - b.points(corners)).max() <= tolerance_mm)
