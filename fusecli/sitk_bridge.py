"""Between our images and SimpleITK's: the only place where the order of axes is turned around.

SimpleITK counts (x, y, z) = (column, row, slice) and allows orthonormal directions only, so a gantry tilt does not fit
into its geometry. We give it bare index grids (origin 0, spacing 1, no rotation) and put all geometry into one affine
transform between indices, which is exact for any invertible affine: oblique, flipped or sheared.
"""

from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from fusecli.core.geometry import Geometry


def to_sitk(voxels: NDArray[Any], *, is_color: bool = False) -> sitk.Image:
    """Voxels (slice, row, column) or, in color, (slice, row, column, 3), on a bare index grid."""
    return sitk.GetImageFromArray(voxels, isVector=is_color)


def to_voxels(image: sitk.Image) -> NDArray[Any]:
    """The inverse of `to_sitk`."""
    return np.asarray(sitk.GetArrayFromImage(image))


def index_map(onto: Geometry, of: Geometry) -> NDArray[np.float64]:
    """The 4 x 4 affine from indices (slice, row, column) of `onto` to indices of `of`, through millimetres in LPS."""
    return np.asarray(np.linalg.inv(of.matrix) @ onto.matrix)


def smooth(image: sitk.Image, sigmas: tuple[float, ...]) -> sitk.Image:
    """`image` blurred by Gaussians of these standard deviations, in voxels along (slice, row, column); 0: none."""
    blur: Any = sitk.RecursiveGaussian
    size = image.GetSize()  # type: ignore[no-untyped-call]
    for direction, sigma in enumerate(reversed(sigmas)):
        # The recursive filter needs four voxels to start from.
        if sigma > 0 and size[direction] >= 4:
            image = blur(image, sigma, False, sitk.RecursiveGaussianImageFilter.ZeroOrder, direction)
    return image


def resample(
    image: sitk.Image, mapping: NDArray[np.float64], shape: tuple[int, ...], *, outside: float, nearest: bool = False
) -> sitk.Image:
    """`image` on a grid of `shape` (slices, rows, columns), where `mapping` takes its indices to those of `image`.

    Linear interpolation unless `nearest`; `outside` is the value where `image` has no voxel within half a voxel.
    """
    turned = mapping[:3, :3][::-1, ::-1]
    transform: Any = sitk.AffineTransform(3)  # type: ignore[no-untyped-call]
    transform.SetMatrix(turned.ravel().tolist())
    transform.SetTranslation(mapping[:3, 3][::-1].tolist())
    interpolator = sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear
    grid = (shape[::-1], transform, interpolator, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), np.eye(3).ravel().tolist())
    return sitk.Resample(image, *grid, outside, image.GetPixelID())  # type: ignore[no-untyped-call]
