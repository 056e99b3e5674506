"""Recipes of SimpleITK's registration: Mattes mutual information, from coarse to fine, the same on every run.

Everything is done in a space whose origin is the middle of FIXED's foreground and whose unit is that foreground's size.
There an angle of 1 rad, a scale of 1 and a shift of 1 move a typical voxel equally far, so that the optimizer needs
neither scales nor a learning rate of its own, which ITK would estimate from the corners of the field of view.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from fusecli.register.scene import Scene, Values

SEED = 42

_gaussian: Callable[..., NDArray[np.float32]] = ndimage.gaussian_filter
BINS = 32


@dataclass(frozen=True, slots=True)
class Recipe:
    """One stage of a search: how it moves and how long.

    `kind` is "rigid" or "affine". `samples` are FIXED's voxels that are looked at. `step` is the first step and
    `least_step` the last, both in voxels of FIXED. `blur` is the standard deviation, in the longest side of a voxel of
    either image, by which both are smoothed: linear interpolation smooths most between voxels, and without it a scale
    at which many samples fall there looks better than the right one.
    """

    kind: str
    samples: int
    iterations: int
    step: float
    least_step: float
    blur: float = 0.0


def refine(fixed: Scene, moving: Scene, start: Values, recipe: Recipe) -> Values:
    """A transform better than `start`, both (n + 1, n + 1) from FIXED to MOVING in mm.

    Where ITK cannot go on, because hardly a sample meets MOVING, `start` comes back: a start that failed.
    """
    middle, reach = fixed.centre, fixed.size_mm
    into = _normalizer(middle, reach)
    width_mm = recipe.blur * float(max(fixed.spacing_mm.max(), moving.spacing_mm.max()))
    still = _as_itk(_smoothed(fixed, width_mm), into @ fixed.matrix)
    # MOVING is brought to where the start says by its geometry alone, so that every search begins at no motion.
    moved = _as_itk(_smoothed(moving, width_mm), into @ np.linalg.inv(start) @ moving.matrix)
    method = _method(fixed, recipe, still, float(fixed.spacing_mm.min()) / reach)
    transform = _no_motion(fixed.dimension, recipe.kind)
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(still, moved)
    except RuntimeError:
        return start
    return np.asarray(start @ np.linalg.inv(into) @ _matrix(transform, fixed.dimension) @ into)


def _normalizer(middle: Values, reach: float) -> Values:
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


def _method(fixed: Scene, recipe: Recipe, still: Any, voxel: float) -> Any:
    method: Any = sitk.ImageRegistrationMethod()  # type: ignore[no-untyped-call]
    # ITK adds up the derivatives of its threads in the order in which they end: one thread, or no two runs are equal.
    method.SetNumberOfThreads(1)
    method.SetNumberOfWorkUnits(1)
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetInterpolator(sitk.sitkLinear)
    mask = fixed.surroundings
    count = mask.size
    if 0.02 < mask.mean() < 0.9:
        marked: Any = sitk.GetImageFromArray(mask.astype(np.uint8))
        marked.CopyInformation(still)
        method.SetMetricFixedMask(marked)
        count = int(mask.sum())
    if recipe.samples < count:
        method.SetMetricSamplingStrategy(method.RANDOM)
        method.SetMetricSamplingPercentage(recipe.samples / mask.size, SEED)
    method.SetOptimizerAsRegularStepGradientDescent(
        recipe.step * voxel, recipe.least_step * voxel, recipe.iterations, 0.6, 1e-9
    )
    method.SetOptimizerScales([1.0] * (_parameters(fixed.dimension, recipe.kind)))
    return method


def _parameters(dimension: int, kind: str) -> int:
    return {(2, "rigid"): 3, (3, "rigid"): 6, (2, "affine"): 6, (3, "affine"): 12}[dimension, kind]


def _no_motion(dimension: int, kind: str) -> Any:
    itk: Any = sitk
    if kind == "affine":
        return itk.AffineTransform(dimension)
    return itk.Euler2DTransform() if dimension == 2 else itk.Euler3DTransform()


def _matrix(transform: Any, dimension: int) -> Values:
    matrix = np.eye(dimension + 1)
    matrix[:-1, :-1] = np.array(transform.GetMatrix()).reshape(dimension, dimension)
    matrix[:-1, -1] = np.array(transform.TransformPoint([0.0] * dimension))
    return matrix
