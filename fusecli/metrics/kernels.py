"""What the metrics share: the check of their input, the grey scale 0..255, Sobel derivatives and Gaussian smoothing."""

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from fusecli.core.statistics import count, highest, lowest
from fusecli.errors import ImageError, ShapeError

Levels = NDArray[np.float64]

# A float32 holds k/255 to within 3e-8, 8e-6 of a grey level: what is nearer than this to a whole level is that level.
SNAP = 1e-4

# A fuser may overshoot 0..1, which is a fact to measure. By more than its whole range, it is on another scale.
LOWEST, HIGHEST = -1.0, 2.0

BLOCK, ROWS = 32, 512  # columns and rows that are smoothed at a time
STRIP = 1 << 14  # pixels of a strip, or more where it would be hardly higher than the window


def checked_levels(**images: NDArray[Any]) -> list[Levels]:
    """Grey levels 0..255 of the named UNIT images, (row, column), in the order given.

    Raises ShapeError or ImageError as `check` does.
    """
    check(axes=2, **images)
    return [grey_levels(image) for image in images.values()]


def check(*, axes: int, **images: NDArray[Any]) -> None:
    """Let pass only images that can be measured together; `images` are named as the messages shall name them.

    Raises ShapeError unless all have `axes` axes, one size, and at least 2 rows and 2 columns; ImageError unless they
    hold finite floating-point numbers on the scale 0..1.
    """
    shapes = {image.shape for image in images.values()}
    if len(shapes) > 1:
        sizes = ", ".join(f"{name.upper()} {image.shape}" for name, image in images.items())
        raise ShapeError(
            "The images to compare differ in size.",
            why=f"They are {sizes}.",
            hint="Resample them onto one grid first.",
        )
    shape = shapes.pop()
    if len(shape) == axes and min(shape[-2:]) < 2:
        raise ShapeError(
            f"Images of {shape[-2]} x {shape[-1]} pixels are too small to be measured.",
            why="At least 2 rows and 2 columns are needed.",
        )
    if len(shape) != axes:
        expected = "(rows, columns)" if axes == 2 else "(slices, rows, columns)"
        raise ShapeError(
            f"An array of {shape} is not an image that can be measured.",
            why=f"It has to be {expected}.",
            hint="Measure color pictures by their luma, and volumes slice by slice.",
        )
    for name, image in images.items():
        _check_values(name.upper(), image)


def _check_values(name: str, image: NDArray[Any]) -> None:
    if not np.issubdtype(image.dtype, np.floating):
        raise ImageError(
            f"{name} holds {image.dtype} numbers.",
            why="Metrics take floating-point values in 0..1.",
            hint="Divide 8-bit pictures by 255.",
        )
    volume = image if image.ndim == 3 else image[np.newaxis]
    infinite = count(volume, lambda slab: ~np.isfinite(slab))
    if infinite:
        raise ImageError(
            f"{name} holds values that are not numbers (NaN or infinity).",
            why=f"{infinite} of {image.size} are not finite.",
            hint="Replace them, for example by 0 (background).",
        )
    low, high = (lowest(volume), highest(volume)) if image.size else (0.0, 0.0)
    if low < LOWEST or high > HIGHEST:
        raise ImageError(
            f"{name} is not on the scale 0..1.",
            why=f"Its values run from {low:g} to {high:g}.",
            hint="Divide 8-bit pictures by 255; bring HU, SUV or counts to 0..1 with a window.",
        )


def grey_levels(image: NDArray[Any]) -> Levels:
    """Grey levels 0..255, float64, of an image with values in 0..1; what exceeds 0..1 exceeds 0..255.

    An 8-bit picture stored as float32 fractions gets its exact levels back, because SNAP is far above that rounding.
    Without it a level of 126.999998 would count as an edge, and two equal gradients as unequal.
    """
    levels: Levels = np.multiply(image, 255.0, dtype=np.float64)
    nearest = np.rint(levels)
    np.copyto(levels, nearest, where=np.abs(levels - nearest) < SNAP)
    return levels


def varies(levels: Levels) -> bool:
    """Whether an image shows anything: its levels span at least one of the 256 grey levels."""
    return bool(np.ptp(levels) >= 1)


def require_variation(**sources: Levels) -> None:
    """Raise ImageError for a source that shows nothing, of which no share can have been kept."""
    for name, levels in sources.items():
        if not varies(levels):
            raise ImageError(
                f"{name.upper()} is constant, so what the fusion keeps of it is not defined.",
                why=f"Its grey levels, on the scale 0..255, span {np.ptp(levels):.2g}; at least 1 is needed.",
                hint="Choose a slice that shows anatomy and uptake, or check the window.",
            )


def require_side(shape: tuple[int, ...], side: int, *, metric: str, need: str) -> None:
    """Raise ShapeError for an image, (row, column), too small for `metric`; `need` is what asks for `side` pixels."""
    if min(shape) < side:
        raise ShapeError(
            f"An image of {shape[0]} x {shape[1]} pixels is too small for {metric}.",
            why=f"Its {need} at least {side} x {side} pixels.",
            hint="Measure the whole slice instead of a part of it.",
        )


def sobel(levels: Levels, border: Literal["edge", "constant", "reflect"]) -> tuple[Levels, Levels]:
    """Unscaled 3 x 3 Sobel derivatives (down the rows, along the columns), of the size of `levels`.

    Beyond its edge the image goes on with its last value ("edge"), with black ("constant"), or mirrored without
    repeating its last value ("reflect").
    """
    return sobel_inside(np.pad(levels, 1, mode=border))


def sobel_inside(levels: Levels) -> tuple[Levels, Levels]:
    """The same where the kernels lie inside the image: smaller than it by 2."""
    down, right = levels[2:] - levels[:-2], levels[:, 2:] - levels[:, :-2]
    return (
        down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:],
        right[:-2] + 2 * right[1:-1] + right[2:],
    )


def magnitude(down: Levels, right: Levels) -> Levels:
    """Length of a gradient at each pixel."""
    # Grey levels are far too small to overflow when squared, and hypot, which guards against that, is 10 times slower.
    return np.asarray(np.sqrt(down**2 + right**2))


def gaussian_window(size: int, sd: float) -> Levels:
    """Weights of a Gaussian at `size` whole steps around 0, summing to 1."""
    steps = np.arange(size) - size // 2
    weights = np.exp(-(steps**2) / (2 * sd**2))
    return np.asarray(weights / weights.sum())


def smooth(levels: Levels, window: Levels) -> Levels:
    """The image averaged under window ⊗ window, only where the window lies inside: smaller by its size less one."""
    # A Gaussian is separable: two passes of n weights give what one pass of n x n would.
    return _along_rows(_along_rows(levels.T, window).T, window)


def _along_rows(levels: Levels, window: Levels) -> Levels:
    """Each row averaged under the window, by products with a band matrix that has the window in every column.

    A few columns at a time the zeros of the matrix cost less than a sum over strided neighbours does, which no
    processor's matrix routine takes. Products are kept below the size from which that routine starts threads.
    """
    places = levels.shape[1] - len(window) + 1
    band = _band(tuple(window.tolist()))
    averaged = np.empty((len(levels), places))
    for left in range(0, places, BLOCK):
        width = min(BLOCK, places - left)
        for top in range(0, len(levels), ROWS):
            under = levels[top : top + ROWS, left : left + width + len(window) - 1]
            np.matmul(under, band[: under.shape[1], :width], out=averaged[top : top + ROWS, left : left + width])
    return averaged


@cache
def _band(weights: tuple[float, ...]) -> Levels:
    """The weights in every column of a matrix, one row lower in each, (size + BLOCK - 1, BLOCK)."""
    return sliding_window_view(np.pad(weights, BLOCK - 1), BLOCK)[:, ::-1].copy()


def strips(shape: tuple[int, ...], side: int) -> Iterator[slice]:
    """Rows of an image, (row, column), in strips in which a window of `side` pixels has every place exactly once.

    What is worked out strip by strip stays in the processor's cache, so a pixel of a large image costs no more.
    """
    places = shape[0] - side + 1
    height = max(2 * side, STRIP // shape[1])
    for top in range(0, places, height):
        yield slice(top, min(top + height, places) + side - 1)
