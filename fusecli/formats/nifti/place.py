"""Where the voxels of a NIfTI lie, and how they are turned for display."""

# mypy: disable-error-code="no-untyped-call"
# nibabel's functions carry no types.

from typing import Any

import numpy as np
from nibabel import orientations as axes
from numpy.typing import NDArray

from fusecli.core.geometry import POSITION_TOLERANCE_MM, Geometry
from fusecli.core.scratch import SLAB, empty, fill
from fusecli.errors import ImageError

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
RGB24 = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])  # datatype 128

FLAT = 1e-6  # the volume of a voxel, of what its three edges would span at right angles
_MM = {"meter": 1000.0, "micron": 0.001}

# Where columns, rows and slices run for display, by the patient axis (R, A, S) that the slices are closest to.
# Axial: seen from the feet, the patient's left on the right, front up; sagittal and coronal: head up.
_DISPLAY_AXES = {0: "PIR", 1: "LIP", 2: "LPS"}


def mm(header: Any) -> float:
    """Millimetres per unit of length of the header; an unknown unit is taken as mm."""
    return _MM.get(header.get_xyzt_units()[0], 1.0)


def place(header: Any) -> tuple[NDArray[np.float64] | None, str, tuple[str, ...]]:
    """Stored index (i, j, k) to mm in RAS, 4 x 4 (None: not said), which form said so, and what to warn of.

    Raises ImageError for a matrix that puts all voxels into one plane, or nowhere.
    """
    scale = np.diag([mm(header)] * 3 + [1.0])
    sform = header.get_sform() if header["sform_code"] > 0 else None
    qform = header.get_qform() if header["qform_code"] > 0 else None
    if sform is None and qform is None:
        unplaced = "The file does not say where it lies in the patient (sform and qform code 0): left may be right."
        return None, "none", (unplaced,)
    found = []
    if sform is not None and qform is not None and not np.allclose(sform, qform, atol=POSITION_TOLERANCE_MM):
        found.append("sform and qform name two different places; the sform is used.")
    affine, from_form = scale @ (qform if sform is None else sform), "qform" if sform is None else "sform"
    _check_has_volume(affine, from_form)
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    if np.abs(directions.T @ directions - np.eye(3)).max() > 1e-3:
        found.append("The axes of the image are not at right angles (sheared).")
    return affine, from_form, tuple(found)


def _check_has_volume(affine: NDArray[np.float64], from_form: str) -> None:
    # A whole matrix of zeros, or one with two equal axes, as converters write it that never knew the place.
    steps = affine[:3, :3]
    if not np.isfinite(affine).all() or abs(np.linalg.det(steps)) <= FLAT * np.prod(np.linalg.norm(steps, axis=0)):
        raise ImageError(
            f"The place that the file states is broken: its {from_form} does not span three directions.",
            why="Voxels are put into the patient by three independent steps in mm, and here there are fewer.",
            hint=f"Correct the {from_form}, or set its code to 0 if the place is not known.",
        )


def one_volume(header: Any) -> tuple[tuple[int, int, int], bool]:
    """The spatial size (i, j, k), and whether the voxels are color: RGB24, or a vector of three bytes."""
    shape, dtype = header.get_data_shape(), header.get_data_dtype()
    is_vector = len(shape) == 5 and tuple(shape[3:]) == (1, 3) and dtype == np.uint8
    if not is_vector and max(shape[3:], default=1) > 1:
        raise ImageError(
            "The file holds several volumes or vectors, and which one is meant cannot be guessed.",
            why=f"Its size is {' x '.join(str(n) for n in shape)}.",
            hint="Extract one volume into a file of its own.",
        )
    if dtype.kind == "c" or (dtype.names and dtype != RGB24):
        raise ImageError("The voxels are no plain numbers.", why=f"Their type is {dtype}.", hint="Convert them first.")
    i, j, k = (*shape[:3], 1, 1)[:3]
    return (int(i), int(j), int(k)), is_vector or dtype == RGB24


def layout(shape: tuple[int, int, int], ras: NDArray[np.float64] | None) -> tuple[NDArray[Any], Geometry]:
    """The turn of the stored axes to (column, row, slice), as nibabel writes orientations, and the grid after it."""
    stored = np.diag([-1.0, 1.0, 1.0, 1.0]) if ras is None else ras
    now = axes.io_orientation(stored)
    thin = [int(now[axis, 0]) for axis in range(3) if shape[axis] == 1]
    display = _DISPLAY_AXES[thin[0] if len(thin) == 1 else 2]
    turn = axes.ornt_transform(now, axes.axcodes2ornt(display))
    columns, rows, slices = (shape[int(axis)] for axis in np.argsort(turn[:, 0]))
    if ras is None:
        return turn, Geometry((slices, rows, columns))
    affine = RAS_TO_LPS @ stored @ axes.inv_ornt_aff(turn, shape)
    return turn, Geometry((slices, rows, columns), affine[:, [2, 1, 0, 3]])


def loaded(voxels: Any, shape: tuple[int, int, int], turn: NDArray[Any], chosen: int | None) -> NDArray[Any]:
    """(slice, row, column) after the `turn`, scaled, float32 or with a last axis of RGB; one slice where it is chosen.

    Read in runs of the axis that is stored last, so that a large volume is never in memory as a whole.
    """
    deep = int(turn[2, 0])  # which turned axis the axis that is stored last becomes: column, row or slice
    size = tuple(shape[int(np.flatnonzero(turn[:, 0] == axis)[0])] for axis in (2, 1, 0))
    out: NDArray[Any] | None = None
    for start in range(0, shape[2], SLAB):
        run = slice(start, min(start + SLAB, shape[2]))
        part = _stored_part(shape, turn, run, chosen)
        if part is None:
            continue
        block = np.moveaxis(axes.apply_orientation(_block(voxels, shape, part), turn), (0, 1, 2), (2, 1, 0))
        if out is None:
            slices = size[0] if chosen is None else 1
            out = empty((slices, *size[1:], *block.shape[3:]), block.dtype)
        fill(out[_place_of(run, deep, shape[2], is_turned=turn[2, 1] < 0, is_one=chosen is not None)], block)
    assert out is not None
    return out


def _stored_part(
    shape: tuple[int, int, int], turn: NDArray[Any], run: slice, chosen: int | None
) -> tuple[slice, ...] | None:
    """What is read of the stored axes (i, j, k) for a run along k; None where it does not hold the chosen slice."""
    part = [slice(None), slice(None), run]
    if chosen is not None:
        axis = int(np.flatnonzero(turn[:, 0] == 2)[0])
        index = chosen if turn[axis, 1] > 0 else shape[axis] - 1 - chosen
        if axis == 2 and not run.start <= index < run.stop:
            return None
        part[axis] = slice(index, index + 1)
    return tuple(part)


def _place_of(run: slice, deep: int, length: int, *, is_turned: bool, is_one: bool) -> tuple[slice, ...]:
    """Where a run of the axis that is stored last lies in (slice, row, column)."""
    place = [slice(None)] * 3
    if not (is_one and deep == 2):
        place[2 - deep] = slice(length - run.stop, length - run.start) if is_turned else run
    return tuple(place)


def _block(voxels: Any, shape: tuple[int, int, int], part: tuple[slice, ...]) -> NDArray[Any]:
    """Some of the voxels in stored order (i, j, k), scaled, float32 or with a last axis of RGB."""
    spatial = tuple(len(range(n)[cut]) for n, cut in zip(shape, part, strict=True))
    block = np.asarray(voxels[part[: voxels.ndim]])
    if block.dtype.names:
        return np.stack([block[name].reshape(spatial) for name in block.dtype.names], axis=-1)
    if voxels.ndim == 5 and voxels.shape[4] == 3:
        return np.asarray(block.reshape(*spatial, 3), dtype=np.uint8)
    return np.asarray(block.reshape(spatial), dtype=np.float32)
