"""Between our images and SimpleITK's: the only place where the order of axes is turned around.

SimpleITK counts (x, y, z) = (column, row, slice) and allows orthonormal directions only, so a gantry tilt does not fit
into its geometry. We give it bare index grids (origin 0, spacing 1, no rotation) and put all geometry into one affine
transform between indices, which is exact for any invertible affine: oblique, flipped or sheared.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from fusecli.core.geometry import Geometry
from fusecli.core.scratch import SLAB


def to_sitk(voxels: NDArray[Any], *, is_color: bool = False) -> sitk.Image:
    """Voxels (slice, row, column) or, in color, (slice, row, column, 3), on a bare index grid."""
    return sitk.GetImageFromArray(voxels, isVector=is_color)


def to_voxels(image: sitk.Image) -> NDArray[Any]:
    """The inverse of `to_sitk`."""
    return np.asarray(sitk.GetArrayFromImage(image))


def smooth(image: sitk.Image, sigmas: tuple[float, ...]) -> sitk.Image:
    """`image` blurred by Gaussians of these standard deviations, in voxels along (slice, row, column); 0: none."""
    blur: Any = sitk.RecursiveGaussian
    size = image.GetSize()  # type: ignore[no-untyped-call]
    for direction, sigma in enumerate(reversed(sigmas)):
        # The recursive filter needs four voxels to start from.
        if sigma > 0 and size[direction] >= 4:
            image = blur(image, sigma, False, sitk.RecursiveGaussianImageFilter.ZeroOrder, direction)
    return image


def affine_transform(matrix: NDArray[np.float64]) -> sitk.Transform:
    """A 4 x 4 affine of points (x, y, z, 1) as SimpleITK's transform, without a centre of its own."""
    affine: Any = sitk.AffineTransform(3)  # type: ignore[no-untyped-call]
    affine.SetMatrix(np.asarray(matrix[:3, :3], dtype=np.float64).ravel().tolist())
    affine.SetTranslation(np.asarray(matrix[:3, 3], dtype=np.float64).tolist())
    transform: sitk.Transform = affine
    return transform


def composite(parts: Iterable[sitk.Transform]) -> sitk.Transform:
    """The transform that applies `parts` one after the other, the first of them first."""
    queue: Any = sitk.CompositeTransform(3)  # type: ignore[no-untyped-call]
    for part in reversed(list(parts)):  # ITK applies the part that was added last first
        queue.AddTransform(part)
    transform: sitk.Transform = queue
    return transform


def between_indices(mapping: NDArray[np.float64]) -> sitk.Transform:
    """A 4 x 4 affine from indices (slice, row, column, 1) to others, for `resample`."""
    return affine_transform(_TURN @ mapping @ _TURN)


def through_millimetres(onto: Geometry, transform: sitk.Transform, of: Geometry) -> sitk.Transform:
    """From indices of `onto`, to millimetres in LPS, by `transform`, to indices of `of`: for `resample`."""
    to_points, to_indices = affine_transform(onto.matrix @ _TURN), affine_transform(_TURN @ np.linalg.inv(of.matrix))
    return composite((to_points, transform, to_indices))


# (slice, row, column) to (column, row, slice) and back.
_TURN = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], dtype=np.float64)


def resample(
    image: sitk.Image, mapping: sitk.Transform, shape: tuple[int, ...], *, outside: float, nearest: bool = False
) -> Iterator[tuple[slice, NDArray[Any]]]:
    """`image` on a grid of `shape` (slices, rows, columns), where `mapping` takes its indices to those of `image`.

    Linear interpolation unless `nearest`; `outside` is the value where `image` has no voxel within half a voxel. It
    comes in runs of slices, each with its voxels as `to_voxels` gives them, so that it is never in memory as a whole.
    """
    interpolator = sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear
    for start in range(0, shape[0], SLAB):
        run = slice(start, min(start + SLAB, shape[0]))
        size = (shape[2], shape[1], run.stop - start)
        grid = (size, mapping, interpolator, (0.0, 0.0, float(start)), (1.0, 1.0, 1.0), np.eye(3).ravel().tolist())
        yield run, to_voxels(sitk.Resample(image, *grid, outside, image.GetPixelID()))  # type: ignore[no-untyped-call]
