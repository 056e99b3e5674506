"""What a reader of fused images asks and no paper scores: lesions, invented brightness, noise in air, uptake values."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fusecli.errors import ImageError, ShapeError
from fusecli.metrics.kernels import SNAP, Levels, check, grey_levels

Mask = NDArray[np.bool_]
Facts = dict[str, float | int | None]

GAP, WIDTH = 1, 5  # voxels left out beside a mask, where its edge blurs, and the width of the surround behind them
FAINT = 1.0  # contrast in grey levels, below which no share of it is meaningful


@dataclass(frozen=True, slots=True)
class Volumes:
    """FIXED, MOVING and FUSED as grey levels 0..255, (slice, row, column)."""

    fixed: Levels
    moving: Levels
    fused: Levels

    @classmethod
    def of(cls, fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> "Volumes":
        """From values in 0..1. Raises ShapeError or ImageError as `check` does."""
        check(axes=3, fixed=fixed, moving=moving, fused=fused)
        return cls(grey_levels(fixed), grey_levels(moving), grey_levels(fused))


def beyond_sources(volumes: Volumes) -> Facts:
    """How much brightness the fusion has that no source explains.

    `share` of the voxels brighter than both sources or darker than both, and by how many grey levels those are so on
    average (`mean_excess`, 0 if there are none) and at most (`largest_excess`).
    """
    above = volumes.fused - np.maximum(volumes.fixed, volumes.moving)
    below = np.minimum(volumes.fixed, volumes.moving) - volumes.fused
    excess = np.maximum(above, below)
    beyond = excess > SNAP
    return {
        "share": float(beyond.mean()),
        "mean_excess": float(excess[beyond].mean()) if beyond.any() else 0.0,
        "largest_excess": float(max(excess.max(), 0.0)),
    }


def background_noise(volumes: Volumes, foreground: Mask) -> Facts:
    """Standard deviation in grey levels outside the foreground: `fixed`, `moving`, `fused`; None without background."""
    outside = ~foreground
    images = {"fixed": volumes.fixed, "moving": volumes.moving, "fused": volumes.fused}
    return {name: float(image[outside].std()) if outside.any() else None for name, image in images.items()}


def surround(mask: Mask) -> Mask:
    """The voxels from 2 to 6 steps away from a mask, within its slices: what a lesion is seen against."""
    cross = ndimage.generate_binary_structure(2, 1)
    near, far = (
        np.stack([ndimage.binary_dilation(piece, cross, iterations=steps) for piece in mask])
        for steps in (GAP, GAP + WIDTH)
    )
    return np.asarray(far & ~near)


def contrast_kept(volumes: Volumes, mask: Mask) -> Facts:
    """How a masked region stands out from its surround, in grey levels, and how much of that the fusion keeps.

    `fixed`, `moving` and `fused` are the mean inside less the mean of `surround`; `of_fixed` and `of_moving` that of
    the fusion by that of the source: 1 if kept, 0 if lost, below 0 if inverted, None where the source has less than one
    grey level of contrast. `voxels` counts the mask.

    Raises ImageError for a mask that is empty or leaves no surround, ShapeError for one of another size.
    """
    around = _checked_surround(mask, volumes)
    images = {"fixed": volumes.fixed, "moving": volumes.moving, "fused": volumes.fused}
    contrast = {name: float(image[mask].mean() - image[around].mean()) for name, image in images.items()}
    kept = {
        f"of_{name}": contrast["fused"] / contrast[name] if abs(contrast[name]) >= FAINT else None
        for name in ("fixed", "moving")
    }
    return {**contrast, **kept, "voxels": int(mask.sum())}


def uptake_inside(suv: NDArray[Any], mask: Mask) -> Facts:
    """`mean`, `max`, `median` and `sd` of the SUV, in g/ml, of the voxels in a mask; both (slice, row, column).

    Raises ImageError for an empty mask.
    """
    if not mask.any():
        raise _empty()
    inside = np.asarray(suv[mask], dtype=np.float64)
    return {
        "mean": float(inside.mean()),
        "max": float(inside.max()),
        "median": float(np.median(inside)),
        "sd": float(inside.std()),
    }


def _checked_surround(mask: Mask, volumes: Volumes) -> Mask:
    if mask.shape != volumes.fused.shape:
        raise ShapeError(
            "The mask and the images differ in size.",
            why=f"The mask is {mask.shape}, the images are {volumes.fused.shape}.",
            hint="Draw the mask on FIXED, and write it on FIXED's grid.",
        )
    if not mask.any():
        raise _empty()
    around = surround(mask)
    if not around.any():
        raise ImageError(
            "The mask fills its slices, so there is nothing around it to compare it with.",
            hint="Give a mask of a lesion, not of the whole image.",
        )
    return around


def _empty() -> ImageError:
    return ImageError(
        "The mask is empty.",
        why="No voxel in it is above 0 on FIXED's grid.",
        hint="Check that it belongs to this image and slice.",
    )
