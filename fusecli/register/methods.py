"""Recipes of SimpleITK's registration: Mattes mutual information, from coarse to fine, the same on every run.

Everything is done in a space whose origin is the middle of what is looked at and whose unit is its size, and each
parameter is scaled by how far it moves a typical voxel of it. So the optimizer needs no learning rate of its own, which
ITK would estimate from the corners of the field of view, and a scale along a thin slab is found as fast as a shift.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from fusecli.register.scene import Mask, Scene, Values, at

SEED = 42

_gaussian: Callable[..., NDArray[np.float32]] = ndimage.gaussian_filter
BINS = 32

# Every so manieth voxel tells where that which is looked at lies, and how large it is.
THINNING = 17
# A change of a parameter that is small beside 1, whose square still counts.
TINY = 1e-4
LEAST_SCALE = 1e-3
# ITK refuses a mask that its samples hardly meet.
LEAST_MASK = 0.02
# How far inside MOVING is well inside: a share of FIXED's size, but no more than that share of a side.
EDGE, EDGE_SHARE = 0.12, 0.12


@dataclass(frozen=True, slots=True)
class Recipe:
    """One stage of a search: how it moves and how long.

    `kind` is "rigid" or "affine". `samples` are FIXED's voxels that are looked at. `step` is the first step and
    `least_step` the last, both in voxels of FIXED. `blur` is the standard deviation, in the longest side of a voxel of
    either image, by which both are smoothed: linear interpolation smooths most between voxels, and without it a scale
    at which many samples fall there looks better than the right one. `within` looks only at what lies well inside
    MOVING at the start: ITK averages over the samples that MOVING covers, so an affine map of a volume that ends in the
    body may gain by leaving most of it outside.
    """

    kind: str
    samples: int
    iterations: int
    step: float
    least_step: float
    blur: float = 0.0
    within: bool = False


def refine(fixed: Scene, moving: Scene, start: Values, recipe: Recipe) -> Values:
    """A transform better than `start`, both (n + 1, n + 1) from FIXED to MOVING in mm.

    Where ITK cannot go on, because hardly a sample meets MOVING, `start` comes back: a start that failed.
    """
    mask = _well_inside(fixed, moving, start) if recipe.within else fixed.surroundings
    points = at(fixed.matrix, np.argwhere(mask)[::THINNING])
    into = _normalizer(points)
    width_mm = recipe.blur * float(max(fixed.spacing_mm.max(), moving.spacing_mm.max()))
    still = _as_itk(_smoothed(fixed, width_mm), into @ fixed.matrix)
    # MOVING is brought to where the start says by its geometry alone, so that every search begins at no motion.
    moved = _as_itk(_smoothed(moving, width_mm), into @ np.linalg.inv(start) @ moving.matrix)
    method = _method(mask, recipe, still)
    transform = _no_motion(fixed.dimension, recipe.kind)
    method.SetOptimizerScales(_scales(recipe.kind, at(into, points)))
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(still, moved)
    except RuntimeError:
        return start
    return np.asarray(start @ np.linalg.inv(into) @ _matrix(transform, fixed.dimension) @ into)


def _well_inside(fixed: Scene, moving: Scene, start: Values) -> Mask:
    """FIXED's foreground and surroundings, as far as `start` takes them into MOVING and not to its edge."""
    shape = np.array(moving.values.shape)
    margin = np.minimum(EDGE * fixed.size_mm / moving.spacing_mm, EDGE_SHARE * shape)
    mask = fixed.surroundings.copy()
    where = at(np.linalg.inv(moving.matrix) @ start @ fixed.matrix, np.argwhere(mask))
    mask[mask] = ((where > margin - 0.5) & (where < shape - 0.5 - margin)).all(axis=1)
    return mask if mask.mean() > LEAST_MASK else fixed.surroundings


def _normalizer(points: Values) -> Values:
    """To a space in which points, (N, n), have their middle at 0 and a root mean square distance from it of 1."""
    middle = points.mean(axis=0)
    reach = float(np.sqrt(((points - middle) ** 2).sum(axis=1).mean())) or 1.0
    into = np.eye(len(middle) + 1)
    into[:-1, :-1] /= reach
    into[:-1, -1] = -middle / reach
    return into


def _smoothed(scene: Scene, width_mm: float) -> NDArray[np.float32]:
    return _gaussian(scene.values, width_mm / scene.spacing_mm) if width_mm > 0 else scene.values


def _as_itk(values: Any, matrix: Values) -> Any:
    """An array on a grid whose axes are at right angles, as ITK's image, whose axes come in the opposite order."""
    itk: Any = sitk
    image = itk.GetImageFromArray(values)
    axes = matrix[:-1, :-1][:, ::-1]
    spacing = np.linalg.norm(axes, axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((axes / spacing).ravel().tolist())
    image.SetOrigin(matrix[:-1, -1].tolist())
    return image


def _method(mask: Mask, recipe: Recipe, still: Any) -> Any:
    method: Any = sitk.ImageRegistrationMethod()  # type: ignore[no-untyped-call]
    # ITK adds up the derivatives of its threads in the order in which they end: one thread, or no two runs are equal.
    method.SetNumberOfThreads(1)
    method.SetNumberOfWorkUnits(1)
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetInterpolator(sitk.sitkLinear)
    count = mask.size
    if LEAST_MASK < mask.mean() < 0.9:
        marked: Any = sitk.GetImageFromArray(mask.astype(np.uint8))
        marked.CopyInformation(still)
        method.SetMetricFixedMask(marked)
        count = int(mask.sum())
    if recipe.samples < count:
        method.SetMetricSamplingStrategy(method.RANDOM)
        # ITK draws from the whole field of view and drops what lies outside the mask.
        method.SetMetricSamplingPercentage(recipe.samples / count, SEED)
    voxel = min(still.GetSpacing())
    method.SetOptimizerAsRegularStepGradientDescent(
        recipe.step * voxel, recipe.least_step * voxel, recipe.iterations, 0.6, 1e-9
    )
    return method


def _no_motion(dimension: int, kind: str) -> Any:
    itk: Any = sitk
    if kind == "affine":
        return itk.AffineTransform(dimension)
    return itk.Euler2DTransform() if dimension == 2 else itk.Euler3DTransform()


def _scales(kind: str, points: Values) -> list[float]:
    """For each parameter of a transform: the mean square distance by which a small unit of it moves points, (N, n)."""
    dimension = points.shape[1]
    transform = _no_motion(dimension, kind)
    still = np.array(transform.GetParameters())
    scales = []
    for unit in TINY * np.eye(len(still)):
        transform.SetParameters((still + unit).tolist())
        distances = (at(_matrix(transform, dimension), points) - points) / TINY
        # Across a single layer of voxels a scale moves nothing, and the optimizer divides by what it does.
        scales.append(max(float((distances**2).sum(axis=1).mean()), LEAST_SCALE))
    return scales


def _matrix(transform: Any, dimension: int) -> Values:
    matrix = np.eye(dimension + 1)
    matrix[:-1, :-1] = np.array(transform.GetMatrix()).reshape(dimension, dimension)
    matrix[:-1, -1] = np.array(transform.TransformPoint([0.0] * dimension))
    return matrix
