"""Both images on one grid: by their place in the patient, by equal size, or scaled where the user says so."""

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fusecli.core.geometry import Geometry, same_grid
from fusecli.core.history import Step
from fusecli.core.image import Image
from fusecli.core.statistics import count
from fusecli.errors import PairError, UsageError

if TYPE_CHECKING:
    from fusecli.register import Alignment

Coverage = NDArray[np.bool_]

MOST_VOXELS = 10**9  # 4 GB each for both sources and the result
FIXED_GRID, MOVING_GRID, CUBES = "fixed", "moving", "iso:"

_NO_RESIZE = "--resize has no effect: both images say where they lie, and that is what counts."


@dataclass(frozen=True, slots=True, eq=False)
class Gridded:
    """Both images on one grid, not yet normalized, and where each has data (None: everywhere)."""

    fixed: Image
    moving: Image
    coverage: Coverage | None = None
    fixed_coverage: Coverage | None = None


def put_on_grid(
    fixed: Image, moving: Image, grid: str = FIXED_GRID, *, resize: bool = False, by: "Alignment | None" = None
) -> Gridded:
    """Both images on the grid that `target_grid` says, after the alignment `by` where there is one.

    Raises PairError as `put_on_one_grid` does, and what `target_grid` does.
    """
    onto = target_grid(fixed, moving, grid)
    if grid == FIXED_GRID:
        return Gridded(fixed, *put_on_one_grid(fixed, moving, resize=resize, by=by))
    back = by.inverse() if by is not None and grid == MOVING_GRID else None
    own, own_coverage = _onto(fixed, onto, back, "FIXED")
    other, other_coverage = _onto(moving, onto, None if grid == MOVING_GRID else by, "MOVING")
    return Gridded(own, other, other_coverage, own_coverage)


def target_grid(fixed: Image, moving: Image, grid: str) -> Geometry:
    """The grid that is asked for: "fixed", "moving", or "iso:MM", cubes over FIXED's field of view.

    Raises UsageError for another grid than FIXED's where one of the two has no place.
    """
    if grid == FIXED_GRID:
        return fixed.geometry
    if not are_both_placed(fixed, moving):
        raise UsageError(
            f"--grid {grid} needs two images that say where they lie in the patient.",
            why="At least one of these is a picture, which has no millimetres.",
            hint="Leave --grid out: the result has FIXED's pixels.",
        )
    if grid == MOVING_GRID:
        return moving.geometry
    cubes = fixed.geometry.cubes(float(grid.removeprefix(CUBES)))
    if prod(cubes.shape) > MOST_VOXELS:
        raise UsageError(
            f"--grid {grid} makes a volume of {prod(cubes.shape):.1e} voxels.",
            why=f"More than {MOST_VOXELS:.0e} do not fit into any memory.",
            hint="Take larger cubes: --grid iso:1.0",
        )
    return cubes


def _onto(image: Image, onto: Geometry, by: "Alignment | None", role: str) -> tuple[Image, Coverage | None]:
    if by is None and same_grid(image.geometry, onto):
        return image, None
    from fusecli.register import resample

    placed, coverage = resample(image, onto=onto, by=by, role=role)
    return placed, None if count(coverage) == coverage.size else coverage


def put_on_one_grid(
    fixed: Image, moving: Image, *, resize: bool = False, role: str = "MOVING", by: "Alignment | None" = None
) -> tuple[Image, Coverage | None]:
    """MOVING on FIXED's grid, and where it has data (None: everywhere). `role` is what messages call it.

    `by` says where FIXED's points lie in MOVING; None: where the files say.

    Raises PairError when they do not overlap, or when nothing says how their sizes belong together.
    """
    if by is not None:
        return _onto(moving, fixed.geometry, by, role)
    if same_grid(fixed.geometry, moving.geometry):
        return moving, None
    if are_both_placed(fixed, moving):
        from fusecli.register import resample

        placed = moving.stepped(Step("check_options", {}, (_NO_RESIZE,))) if resize else moving
        return resample(placed, onto=fixed.geometry, role=role)
    if fixed.geometry.shape == moving.geometry.shape:
        return _taken_as_aligned(fixed, moving, role), None
    if resize:
        from fusecli.register import resize as scale

        return scale(moving, onto=fixed.geometry), None
    raise _sizes_differ(fixed, moving, role)


def are_both_placed(fixed: Image, moving: Image) -> bool:
    """Whether both say where they lie in the patient."""
    return fixed.geometry.is_patient and moving.geometry.is_patient


def _taken_as_aligned(fixed: Image, moving: Image, role: str) -> Image:
    silent = role if fixed.geometry.is_patient else "FIXED"
    warning = f"{silent} does not say where it lies in the patient; FIXED and {role} are of one size, taken as aligned."
    # A picture of the result, or a mask drawn on one, has lost its place on purpose: nothing to warn of.
    warnings = () if role in ("FUSED", "MASK") else (warning,)
    return moving.stepped(Step("align", {"by": "equal size"}, warnings), geometry=fixed.geometry)


def _sizes_differ(fixed: Image, moving: Image, role: str) -> PairError:
    own, other = (_size(image.geometry.shape) for image in (fixed, moving))
    hints = {
        "MOVING": "If both show the same field of view, let MOVING be scaled onto FIXED: --resize",
        "FUSED": "Give the fused image of this very pair; --slice picks one slice of each.",
        "MASK": "Draw the mask on FIXED; --slice picks one slice of each.",
    }
    return PairError(
        f"FIXED and {role} have different sizes, and nothing says how they belong together.",
        why=f"FIXED has {own}, {role} {other}; at least one of them has no position in the patient.",
        hint=hints[role],
    )


def _size(shape: tuple[int, int, int]) -> str:
    return f"{shape[2]} x {shape[1]} pixels" + (f", {shape[0]} slices" if shape[0] > 1 else "")
