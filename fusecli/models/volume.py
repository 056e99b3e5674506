"""Images that are too large for one pass: overlapping tiles, blended so that no seam shows."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]
OnTile = Callable[[int, int], None]

# At 1024 x 1024 the full network needs about 2.5 GB; a larger image is cut.
LARGEST_TILE = 1024
SMALLEST_TILE = 256
OVERLAP = 64


def fuse_tiled(
    run: Callable[[Grey, Grey], Grey],
    fixed: Grey,
    moving: Grey,
    *,
    tile: int = LARGEST_TILE,
    on_tile: OnTile | None = None,
) -> Grey:
    """Apply `run` to FIXED and MOVING, (row, column), in tiles of at most `tile` pixels a side.

    Tiles overlap by OVERLAP pixels, over which one fades linearly into the next. An image that fits is run whole, so
    its result does not depend on this function. Tiles see only their own part of the image: a network with global
    statistics gives a slightly different answer than it would to the whole. `on_tile(done, total)` follows each tile.
    """
    if max(fixed.shape) <= tile:
        return run(fixed, moving)
    total = np.zeros(fixed.shape, dtype=np.float64)
    weight = np.zeros(fixed.shape, dtype=np.float64)
    windows = list(tiles(fixed.shape, tile))
    for done, window in enumerate(windows, start=1):
        fade = np.outer(*(_ramp(part) for part in window))
        total[window] += fade * run(fixed[window], moving[window])
        weight[window] += fade
        if on_tile is not None:
            on_tile(done, len(windows))
    return np.asarray(total / weight, dtype=np.float32)


def tiles(shape: tuple[int, ...], tile: int) -> Iterator[tuple[slice, slice]]:
    """Windows of at most `tile` pixels a side that cover an image of `shape` and overlap by at least OVERLAP."""
    for top in _starts(shape[0], tile):
        for left in _starts(shape[1], tile):
            yield slice(top, min(top + tile, shape[0])), slice(left, min(left + tile, shape[1]))


def _starts(length: int, tile: int) -> list[int]:
    if length <= tile:
        return [0]
    count = -(-(length - OVERLAP) // (tile - OVERLAP))
    return [round(i * (length - tile) / (count - 1)) for i in range(count)]


def _ramp(part: slice) -> NDArray[np.float64]:
    """Weights along one side of a tile: 1 inside, falling toward both ends over OVERLAP pixels, never 0."""
    length = part.stop - part.start
    distance = np.minimum(np.arange(length), np.arange(length)[::-1])
    return np.minimum(1.0, (distance + 1) / (OVERLAP + 1))
