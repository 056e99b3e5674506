"""Where the voxels of a NIfTI lie, and how they are turned for display."""

# mypy: disable-error-code="no-untyped-call"
# nibabel's functions carry no types.

from typing import Any

import numpy as np
from nibabel import orientations as axes
from numpy.typing import NDArray

from fusecli.core.geometry import POSITION_TOLERANCE_MM, Geometry
from fusecli.errors import ImageError

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
RGB24 = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])  # datatype 128

_MM = {"meter": 1000.0, "micron": 0.001}

# Where columns, rows and slices run for display, by the patient axis (R, A, S) that the slices are closest to.
# Axial: seen from the feet, the patient's left on the right, front up; sagittal and coronal: head up.
_DISPLAY_AXES = {0: "PIR", 1: "LIP", 2: "LPS"}


def mm(header: Any) -> float:
    """Millimetres per unit of length of the header; an unknown unit is taken as mm."""
    return _MM.get(header.get_xyzt_units()[0], 1.0)


def place(header: Any) -> tuple[NDArray[np.float64] | None, str, tuple[str, ...]]:
    """Stored index (i, j, k) to mm in RAS, 4 x 4 (None: not said), which form said so, and what to warn of."""
    scale = np.diag([mm(header)] * 3 + [1.0])
    sform = header.get_sform() if header["sform_code"] > 0 else None
    qform = header.get_qform() if header["qform_code"] > 0 else None
    if sform is None and qform is None:
        unplaced = "The file does not say where it lies in the patient (sform and qform code 0): left may be right."
        return None, "none", (unplaced,)
    found = []
    if sform is not None and qform is not None and not np.allclose(sform, qform, atol=POSITION_TOLERANCE_MM):
        found.append("sform and qform name two different places; the sform is used.")
    affine = scale @ (qform if sform is None else sform)
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    if np.abs(directions.T @ directions - np.eye(3)).max() > 1e-3:
        found.append("The axes of the image are not at right angles (sheared).")
    return affine, "qform" if sform is None else "sform", tuple(found)


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
    """Stored order (i, j, k), scaled, float32 or with a last axis of RGB; one slice thick where one is chosen."""
    part = [slice(None)] * 3
    if chosen is not None:
        axis = int(np.flatnonzero(turn[:, 0] == 2)[0])
        index = chosen if turn[axis, 1] > 0 else shape[axis] - 1 - chosen
        part[axis] = slice(index, index + 1)
    spatial = tuple(len(range(n)[cut]) for n, cut in zip(shape, part, strict=True))
    loaded = np.asarray(voxels[tuple(part[: voxels.ndim])])
    if loaded.dtype.names:
        return np.stack([loaded[name].reshape(spatial) for name in loaded.dtype.names], axis=-1)
    if voxels.ndim == 5 and voxels.shape[4] == 3:
        return np.asarray(loaded.reshape(*spatial, 3), dtype=np.uint8)
    return np.asarray(loaded.reshape(spatial), dtype=np.float32)
