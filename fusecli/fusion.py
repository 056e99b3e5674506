"""Two images on one grid become one."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fusecli.catalog import Modality
from fusecli.core.history import Step
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.pair import Pair
from fusecli.errors import ImageError

Grey = NDArray[np.float32]
Progress = Callable[[int, int], None]

SMALLEST_SIDE = 32


class Fuser(Protocol):
    """What every model is: FIXED and MOVING, (row, column) in 0..1 each, to one image of the same shape and range.

    Deterministic: the same input gives the same output. `backend` is the library that
    computes, and its version. `notes` grows by what the user should hear, such as a
    fallback to another device.
    """

    @property
    def name(self) -> str: ...
    @property
    def weights_sha256(self) -> str | None: ...
    @property
    def device(self) -> str: ...
    @property
    def backend(self) -> str: ...
    @property
    def notes(self) -> Sequence[str]: ...

    def __call__(self, fixed: Grey, moving: Grey) -> Grey: ...


def fuse(pair: Pair, fuser: Fuser, *, progress: Progress | None = None) -> Image:
    """Fuse a pair slice by slice: a UNIT image on the pair's grid, never rescaled.

    Two rules hold for every fuser, because they are facts about the sources and not a matter of style. Where both
    sources are exactly black the result is black. Where one of the two has no data the result is the other alone.
    `progress(done, total)` is called after each slice.

    Raises ImageError for slices under 32 pixels a side; ValueError when the fuser breaks its contract.
    """
    _check_size(pair)
    count = pair.fixed.geometry.shape[0]
    fused = np.empty(pair.fixed.voxels.shape, dtype=np.float32)
    for k in range(count):
        both = _fuse_slice(pair.fixed.voxels[k], pair.moving.voxels[k], _of_slice(pair.coverage, k), fuser)
        inside = _of_slice(pair.fixed_coverage, k)
        fused[k] = both if inside is None else np.where(inside, both, pair.moving.voxels[k])
        if progress is not None:
            progress(k + 1, count)
    step = Step("fuse", {"model": fuser.name, "weights_sha256": fuser.weights_sha256}, tuple(fuser.notes))
    return Image(fused, pair.fixed.geometry, Modality.FUSED, Intensity.UNIT, history=(step,))


def _of_slice(coverage: NDArray[np.bool_] | None, k: int) -> NDArray[np.bool_] | None:
    return None if coverage is None else coverage[k]


def _fuse_slice(fixed: Grey, moving: Grey, coverage: NDArray[np.bool_] | None, fuser: Fuser) -> Grey:
    black = (fixed == 0) & (moving == 0)
    if black.all():
        return np.zeros_like(fixed)
    if coverage is not None and not coverage.any():
        return fixed
    fused = _checked(fuser(fixed, moving), fixed, fuser.name)
    fused = np.where(black, np.float32(0), fused)
    return fused if coverage is None else np.where(coverage, fused, fixed)


def _checked(fused: Grey, fixed: Grey, name: str) -> Grey:
    if fused.shape != fixed.shape or not np.isfinite(fused).all() or fused.min() < 0 or fused.max() > 1:
        raise ValueError(f"the model {name} broke its contract: {fused.shape}, {fused.min()} to {fused.max()}")
    return fused


def _check_size(pair: Pair) -> None:
    rows, columns = pair.fixed.geometry.shape[1:]
    if min(rows, columns) < SMALLEST_SIDE:
        raise ImageError(
            f"The image is too small to fuse: {columns} x {rows} pixels.",
            why=f"Every slice needs at least {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels.",
            hint="Take the larger of the two images as FIXED: the result has its grid.",
        )
