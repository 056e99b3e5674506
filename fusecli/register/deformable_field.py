"""Displacements on a grid: warped by, composed, carried to a finer grid, checked for folds, and told in space.

A field is (*shape, n) for a grid of `shape` with n axes: how far each voxel's partner lies, in voxels along each axis.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from fusecli.register.scene import Scene, Values, at

Field = NDArray[np.float32]

# Each lessens what is missing by the steepest slope of the field.
INVERSION_STEPS = 30

_map: Callable[..., Field] = ndimage.map_coordinates
_blur: Callable[..., Field] = ndimage.gaussian_filter


def warped(values: Field, field: Field) -> Field:
    """`values`, of the grid's shape, taken from where the field points; beyond the grid its edge goes on."""
    where = np.indices(values.shape, dtype=np.float32) + np.moveaxis(field, -1, 0)
    return _map(values, where, order=1, mode="nearest")


def composed(field: Field, update: Field) -> Field:
    """The field that goes by `update` first and from there by `field`."""
    return update + _taken(field, update)


def inverted(field: Field) -> Field:
    """The field that leads back, by fixed points: u(x) = -d(x + u(x)).

    It ends where the field is nowhere steeper than one voxel in a voxel; whether it did, `composed` tells. Source: Chen
    et al., Medical Physics 35(1), 2008.
    """
    back = -field
    for _ in range(INVERSION_STEPS):
        back = -_taken(field, back)
    return back


def _taken(field: Field, where: Field) -> Field:
    """What `field` says at the places to which `where` points."""
    return np.stack([warped(field[..., k], where) for k in range(field.shape[-1])], axis=-1)


def smoothed(values: Field, sigmas: Values) -> Field:
    """Each channel of (*shape, channels) blurred by a Gaussian of `sigmas` voxels along each axis of the grid."""
    channels = (_blur(values[..., k], sigmas, mode="nearest") for k in range(values.shape[-1]))
    return np.stack(list(channels), axis=-1)


def carried(field: Field, of: Scene, onto: Scene) -> Field:
    """A field on the grid of one scene as it is on the grid of another, in voxels of the latter."""
    indices = np.indices(onto.values.shape).reshape(onto.dimension, -1).T
    where = at(np.linalg.inv(of.matrix) @ onto.matrix, indices).T.reshape(-1, *onto.values.shape)
    channels = [_map(field[..., k], where, order=1, mode="nearest") for k in range(of.dimension)]
    return np.asarray(np.stack(channels, axis=-1) * (of.spacing_mm / onto.spacing_mm), dtype=np.float32)


def least_jacobian(field: Field) -> float:
    """The smallest Jacobian determinant of "point plus displacement" on any side of any voxel; folded where not > 0.

    Between voxels the field is linear along each axis. In a plane the determinant is then least in a corner of a cell,
    so all corners are looked at: by differences toward either neighbour, in every combination of axes.
    """
    count = field.shape[-1]
    slopes = [_slopes(field, axis) for axis in range(count)]
    return min(_least_determinant(np.stack(sides, axis=-1)) for sides in product(*slopes))


def _slopes(field: Field, axis: int) -> tuple[Field, Field]:
    """How the mapped point moves from voxel to voxel along `axis`: to the next, and from the one before."""
    steps = np.diff(field, axis=axis)
    steps[..., axis] += 1
    first, last = np.take(steps, [0], axis=axis), np.take(steps, [-1], axis=axis)
    return np.concatenate([steps, last], axis=axis), np.concatenate([first, steps], axis=axis)


def _least_determinant(matrices: Field) -> float:
    return float(np.linalg.det(matrices).min())


def lengths_mm(field: Field, scene: Scene) -> NDArray[np.float64]:
    """How far each voxel is moved, in mm, of the grid's shape."""
    return np.asarray(np.linalg.norm(field * scene.spacing_mm, axis=-1))


def as_transform(field: Field, scene: Scene, plane: Values | None) -> sitk.Transform:
    """The field as SimpleITK's transform of points (x, y, z) in mm of LPS.

    `plane` is 4 x 4, from mm of LPS to (x, y, height) in the slice, where the scene has two dimensions.
    """
    grid = scene.matrix if plane is None else _in_space(scene, plane)
    axes = grid[:3, :3]
    if plane is not None:
        still = np.zeros((*field.shape[:-1], 1), dtype=np.float32)
        field = np.repeat(np.concatenate([still, field], axis=-1)[np.newaxis], 3, axis=0)
    # FIXED's edge lies up to a voxel beyond the grid, and ITK takes the displacement outside to be none: a fold.
    rim = [(0 if plane is not None and axis == 0 else 1,) * 2 for axis in range(3)]
    vectors = np.pad(field, [*rim, (0, 0)], mode="edge").astype(np.float64) @ axes.T
    spacing = np.linalg.norm(axes, axis=0)
    itk: Any = sitk
    image = itk.GetImageFromArray(vectors, isVector=True)
    image.SetSpacing(spacing[::-1].tolist())
    image.SetDirection((axes / spacing)[:, ::-1].ravel().tolist())
    image.SetOrigin((grid[:3, 3] - axes.sum(axis=1)).tolist())
    transform: sitk.Transform = itk.DisplacementFieldTransform(image)
    return transform


def _in_space(scene: Scene, plane: Values) -> Values:
    """From indices (slice, row, column) to mm of LPS, 4 x 4, for slices at right angles to a plane's rows and columns.

    The slices lie as far apart as the columns.
    """
    grid = np.zeros((4, 4))
    grid[3, 3] = 1
    grid[:2, 1:3], grid[:2, 3] = scene.matrix[:2, :2], scene.matrix[:2, 2]
    grid[:3, 0] = (0, 0, scene.spacing_mm[1])
    return np.asarray(np.linalg.inv(plane) @ grid)
