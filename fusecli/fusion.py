"""Two images on one grid become one."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fusecli.catalog import Modality
from fusecli.core import scratch
from fusecli.core.history import Step
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.pair import Pair
from fusecli.errors import ImageError

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]
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


@runtime_checkable
class StackFuser(Fuser, Protocol):
    """A fuser that may take several slices at once, where its device gains by it."""

    def slices_at_once(self, rows: int, columns: int) -> int:
        """How many slices of this size it takes at once, as long as memory suffices; at least 1."""

    def fuse_slices(self, fixed: Grey, moving: Grey) -> Grey:
        """The same as slice by slice, up to rounding, of (slice, row, column) each."""


def fuse(pair: Pair, fuser: Fuser, *, progress: Progress | None = None) -> Image:
    """Fuse a pair slice by slice, or some slices at once: a UNIT image on the pair's grid, never rescaled.

    The fuser says how many it takes at once, and of a large volume no more than these are in memory.

    Two rules hold for every fuser, because they are facts about the sources and not a matter of style. Where both
    sources are exactly black the result is black. Where one of the two has no data the result is the other alone.
    `progress(done, total)` is called after each slice.

    Raises ImageError for slices under 32 pixels a side; ValueError when the fuser breaks its contract.
    """
    _check_size(pair)
    count, rows, columns = pair.fixed.geometry.shape
    fused = scratch.empty(pair.fixed.geometry.shape)
    at_once = fuser.slices_at_once(rows, columns) if isinstance(fuser, StackFuser) else 1
    coverages = [coverage for coverage in (pair.coverage, pair.fixed_coverage) if coverage is not None]
    for part in scratch.slabs(pair.fixed.voxels, pair.moving.voxels, fused, *coverages, thick=at_once):
        both = _fused_slab(pair.fixed.voxels[part], pair.moving.voxels[part], _cut(pair.coverage, part), fuser)
        inside = _cut(pair.fixed_coverage, part)
        fused[part] = both if inside is None else np.where(inside, both, pair.moving.voxels[part])
        if progress is not None:
            for done in range(part.start + 1, part.stop + 1):
                progress(done, count)
    step = Step("fuse", {"model": fuser.name, "weights_sha256": fuser.weights_sha256}, tuple(fuser.notes))
    return Image(scratch.frozen(fused), pair.fixed.geometry, Modality.FUSED, Intensity.UNIT, history=(step,))


def _cut(coverage: Mask | None, part: slice) -> Mask | None:
    return None if coverage is None else coverage[part]


def _fused_slab(fixed: Grey, moving: Grey, coverage: Mask | None, fuser: Fuser) -> Grey:
    black = (fixed == 0) & (moving == 0)
    needed = ~black.all(axis=(1, 2))
    if coverage is not None:
        needed &= coverage.any(axis=(1, 2))
    fused = np.where(black, np.float32(0), fixed)
    if needed.any():
        fused[needed] = np.where(black[needed], np.float32(0), _run(fuser, fixed[needed], moving[needed]))
    return fused if coverage is None else np.where(coverage, fused, fixed)


def _run(fuser: Fuser, fixed: Grey, moving: Grey) -> Grey:
    if isinstance(fuser, StackFuser) and len(fixed) > 1:
        return _checked(fuser.fuse_slices(fixed, moving), fixed, fuser.name)
    return np.stack([_checked(fuser(*pair), pair[0], fuser.name) for pair in zip(fixed, moving, strict=True)])


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
