"""Bend MOVING onto FIXED, from a rigid or affine start: what the same patient's other posture or scanner bent.

Demons on the residuals of an expected brightness (deformable_context.py), in both directions, from coarse to fine. The
force is a Gauss-Newton step whose normal equations are averaged over a neighbourhood (Lucas and Kanade, IJCAI 1981);
the update is composed with the field, which is then smoothed (Vercauteren et al., NeuroImage 45, 2009) and drawn toward
no motion, so that it fades where nothing is seen. No step is drawn by chance. Slices of a head are left to a trained
network (learned.py), where there is one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fusecli.core.history import Fact
from fusecli.core.image import Image
from fusecli.errors import AlignmentError
from fusecli.register.alignment import Alignment, placed
from fusecli.register.deformable_context import Expectation, from_brightness, from_place
from fusecli.register.deformable_field import (
    Field,
    as_transform,
    carried,
    composed,
    least_jacobian,
    lengths_mm,
    smoothed,
    warped,
)
from fusecli.register.learned import NOT_USED, Load, UnsuitedError, is_of_its_kind, learned
from fusecli.register.plane import planes
from fusecli.register.resampling import resample
from fusecli.register.scene import Mask, Scene, Values, at, scene

# Cells of the finest grid, by the number of axes: finer detail differs between modalities more than it is displaced.
CELLS = {2: 128**2, 3: 64**3}
# How much coarser each grid is than the finest, and the steps on it.
LEVELS = ((2.0, 60), (1.0, 30))

# In voxels of the grid: over what the force is averaged, by what the field is smoothed after a step, and the longest
# step of any voxel.
FORCE_SIGMA = 3.0
FIELD_SIGMA = 3.0
LONGEST_STEP = 0.5

# Shares of the mean curvature: DAMPING keeps a step short, REST draws the field back to no motion. An uptake follows
# anatomy so loosely that its residuals are less often a motion.
DAMPING = 0.1
REST = 0.12
REST_OF_UPTAKE = 0.5

# A field that folds, or nearly so, or moves too far (as a share of FIXED's size), is searched for again, smoother.
STIFFNESS = (1.0, 1.5, 2.25)
LEAST_JACOBIAN = 0.1
FARTHEST = 0.5

# In-plane voxels that a deformation can be found in.
LEAST_VOXELS = 16

_erode: Callable[..., Mask] = ndimage.binary_erosion


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One grid of the search: FIXED, MOVING by the start alone, and how well each voxel of MOVING is known, 0..1.

    `place` expects MOVING's brightness by FIXED. `sigma` is (n,), a length of one cell in voxels along each axis.
    `rest` is how strongly the field is drawn to no motion, as a share of the mean curvature.
    """

    fixed: Scene
    moving: Field
    weight: Field
    place: Expectation
    sigma: Values
    rest: float


def deform(fixed: Image, moving: Image, start: Alignment, network: Load | None = None) -> Alignment:
    """Where FIXED's points lie in MOVING, when MOVING is bent besides what `start` says: single slices and volumes.

    `network` loads a trained network, which is asked about pairs of the kind that it knows; the facts name it, or say
    why its answer was not taken. Without it, and for all else, the pair itself is all that is gone by.

    The field is defined on all of FIXED's grid, nowhere folded (its facts say the least Jacobian determinant and how
    far it moves, in mm), and the same on every run. It does not find motions of more than some voxels of its grid that
    a rigid or affine search would have found.

    Raises AlignmentError for an image that shows nothing to align by, one smaller than 16 x 16, and when every field
    that is found folds; PairError when FIXED and MOVING do not meet by `start`.
    """
    moved, covered = resample(moving, onto=fixed.geometry, by=start)
    _check_contrast(fixed, moved)
    frames = planes(fixed.geometry, fixed.geometry)
    plane = None if frames is None else frames[0]
    facts: dict[str, Fact] = {}
    if network is not None and is_of_its_kind(fixed, moving):
        try:
            return _by_network(fixed, moved, start, network, plane)
        except UnsuitedError as reason:
            facts["network"] = f"{NOT_USED}: {reason}"
    levels = [_level(fixed, moved, covered, scale, plane) for scale, _ in LEVELS]
    for stiffness in STIFFNESS:
        field = _searched(levels, stiffness)
        if _is_sound(field, levels[-1].fixed):
            return _bent(field, levels[-1].fixed, plane, start, facts)
    raise _always_folds()


def _by_network(fixed: Image, moved: Image, start: Alignment, network: Load, plane: Values | None) -> Alignment:
    found = learned(fixed, moved, network, _finest_mm(fixed), plane)
    if not _is_sound(found.field, found.grid):
        raise UnsuitedError("its field nearly folds, or moves too far")
    facts: dict[str, Fact] = {"network": found.network.name, "weights_sha256": found.network.weights_sha256}
    return _bent(found.field, found.grid, plane, start, facts)


def _is_sound(field: Field, grid: Scene) -> bool:
    """Whether it neither folds, nor nearly so, nor moves anything farther than is believable."""
    return least_jacobian(field) >= LEAST_JACOBIAN and bool(lengths_mm(field, grid).max() <= FARTHEST * grid.size_mm)


def _bent(field: Field, grid: Scene, plane: Values | None, start: Alignment, facts: Mapping[str, Fact]) -> Alignment:
    bent = Alignment(as_transform(field, grid, plane), "deformable", {**_facts(field, grid), **facts})
    return replace(bent.then(start), method=f"{start.method}, deformable")


def _check_contrast(fixed: Image, moved: Image) -> None:
    for role, image in (("FIXED", fixed), ("MOVING", moved)):
        if np.ptp(image.voxels) == 0:
            raise AlignmentError(
                f"{role} shows nothing to align by.",
                why=f"Within FIXED's field of view, all voxels of {role} have one value.",
                hint="Check that the right series and slices were chosen, or leave the deformation out: "
                "--register rigid",
            )
    if min(fixed.geometry.shape[1:]) < LEAST_VOXELS:
        raise AlignmentError(
            "FIXED is too small for a deformation to be found.",
            why=f"It has {fixed.geometry.shape[2]} x {fixed.geometry.shape[1]} pixels.",
            hint=f"At least {LEAST_VOXELS} x {LEAST_VOXELS} are needed; for less, a rigid alignment serves: "
            "--register rigid",
        )


def _level(fixed: Image, moved: Image, covered: Mask, scale: float, plane: Values | None) -> Level:
    spacing_mm = scale * _finest_mm(fixed)
    own, other = scene(fixed, spacing_mm, plane), scene(moved, spacing_mm, plane)
    weight = _known(fixed, covered, own, plane)
    sigma = np.maximum(spacing_mm, own.spacing_mm.min()) / own.spacing_mm
    rest = REST_OF_UPTAKE if fixed.modality.is_uptake or moved.modality.is_uptake else REST
    return Level(own, other.values, weight, from_place(own, own.size_mm, weight), sigma, rest)


def _finest_mm(fixed: Image) -> float:
    """The spacing of the finest grid: never finer than FIXED itself."""
    geometry = placed(fixed.geometry)
    dimension = 2 if geometry.shape[0] == 1 else 3
    voxels = np.prod(geometry.shape)
    voxel = float(np.prod(geometry.spacing_mm[-dimension:]))
    return float((voxel * max(1.0, voxels / CELLS[dimension])) ** (1 / dimension))


def _known(fixed: Image, covered: Mask, grid: Scene, plane: Values | None) -> Field:
    """1 where MOVING has data on the scene's grid, but for the rim of its field of view, which is no edge; else 0."""
    if covered.all():
        return np.ones(grid.values.shape, dtype=np.float32)
    indices = np.indices(grid.values.shape).reshape(grid.dimension, -1).T
    points = at(grid.matrix, indices)
    if plane is not None:
        points = at(np.asarray(np.linalg.inv(plane), dtype=np.float64), np.pad(points, ((0, 0), (0, 1))))
    nearest = np.rint(placed(fixed.geometry).indices(points)).astype(np.intp)
    nearest = np.clip(nearest, 0, np.array(covered.shape) - 1)
    known = covered[tuple(nearest.T)].reshape(grid.values.shape)
    return np.asarray(_erode(known, border_value=1), dtype=np.float32)


def _searched(levels: list[Level], stiffness: float) -> Field:
    before, field = levels[0], np.zeros((*levels[0].moving.shape, levels[0].fixed.dimension), dtype=np.float32)
    for level, (_, steps) in zip(levels, LEVELS, strict=True):
        field = carried(field, before.fixed, level.fixed)
        for _ in range(steps):
            field = smoothed(composed(field, _update(level, field)), stiffness * FIELD_SIGMA * level.sigma)
        before = level
    return field


def _update(level: Level, field: Field) -> Field:
    """The next step of every voxel, in voxels."""
    seen, weight = warped(level.moving, field), warped(level.weight, field)
    expected, variance = level.place.of(seen)
    backward = from_brightness(seen, weight)
    returned, variance_back = backward.of(level.fixed.values)
    pulls = (
        _pull(expected - seen, seen, weight / variance),
        _pull(level.fixed.values - returned, returned, weight / variance_back),
    )
    force, curvature = (smoothed(a + b, FORCE_SIGMA * level.sigma) for a, b in zip(*pulls, strict=True))
    count = field.shape[-1]
    curvature = curvature.reshape(*field.shape, count)
    mean = float(np.trace(curvature, axis1=-2, axis2=-1).mean()) / count
    if mean <= 0:
        return np.zeros_like(field)
    damped = curvature + (DAMPING + level.rest) * mean * np.eye(count, dtype=np.float32)
    step = np.linalg.solve(damped, (force - level.rest * mean * field)[..., np.newaxis])[..., 0]
    return np.asarray(step * min(1.0, LONGEST_STEP / max(float(np.linalg.norm(step, axis=-1).max()), 1e-12)))


def _pull(residual: Field, values: Field, weight: Field) -> tuple[Field, Field]:
    """Force, (*shape, n), and curvature, (*shape, n * n), of the weighted squares of a residual by moving `values`."""
    slope = np.stack([np.gradient(values, axis=axis) for axis in range(values.ndim)], axis=-1)
    force = (weight * residual)[..., np.newaxis] * slope
    curvature = weight[..., np.newaxis, np.newaxis] * slope[..., :, np.newaxis] * slope[..., np.newaxis, :]
    return force, curvature.reshape(*values.shape, -1)


def _facts(field: Field, grid: Scene) -> dict[str, Fact]:
    moved = lengths_mm(field, grid)
    within: NDArray[Any] = moved[grid.foreground] if grid.foreground.any() else moved
    return {
        "least_jacobian": round(least_jacobian(field), 4),
        "bent_by_mean_mm": round(float(within.mean()), 3),
        "bent_by_largest_mm": round(float(moved.max()), 3),
        "field_spacing_mm": round(float(grid.spacing_mm.min()), 3),
    }


def _always_folds() -> AlignmentError:
    return AlignmentError(
        "No deformation takes MOVING onto FIXED without folding.",
        why=f"Even the stiffest of {len(STIFFNESS)} searches presses tissue to less than {LEAST_JACOBIAN:.0%} of its "
        "volume somewhere, or moves it farther than is believable.",
        hint="Check that both show one part of one patient, and align them rigidly: --register rigid",
    )
