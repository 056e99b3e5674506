"""Volumes as pictures that a page can carry: 8 bits, exact while that fits, else in ever smaller form."""

import base64
import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from fusecli.core.scratch import release

Bytes = NDArray[np.uint8]

# Encoded; in a page they grow by a third and have tables and still pictures beside them, all below 25 MB.
BUDGET_BYTES = 16_500_000
# Of one volume; a browser holds each of the three with 1 or 4 bytes per voxel.
MOST_VOXELS = 50_000_000
# An estimate from a few slices has to stay this far below the budget.
MARGIN = 0.92
SAMPLED_SLICES = 9
QUALITIES = (None, 92, 80, 60)
MOST_WORKERS = 8


@dataclass(frozen=True, slots=True)
class Form:
    """How slices are encoded: JPEG of `quality`, or, for None, exact WebP; `shrink` pixels across and down become one.

    WebP with losses would be smaller, but it may turn black into nearly black.
    """

    quality: int | None
    shrink: int

    @property
    def text(self) -> str:
        """For the reader of the page."""
        size = "in full size" if self.shrink == 1 else f"at 1/{self.shrink} of the size"
        return f"8-bit pictures {size}, " + ("exact" if self.quality is None else f"JPEG of quality {self.quality}")

    @property
    def media_type(self) -> str:
        """As a browser names it."""
        return "image/webp" if self.quality is None else "image/jpeg"


@dataclass(frozen=True, slots=True)
class Encoded:
    """Slices of several volumes, each in base64, and the form that all of them have."""

    form: Form
    stacks: Mapping[str, Sequence[str]]


def encode(volumes: Mapping[str, Bytes], *, budget: int = BUDGET_BYTES, most_voxels: int = MOST_VOXELS) -> Encoded:
    """The slices of volumes of one grid, (slice, row, column) or (slice, row, column, 3), within `budget` bytes.

    Exact, if that fits; else with losses, more and more; else also smaller. Black slices stay black.

    Raises ValueError for a budget in which not even a pixel per slice has room.
    """
    shrink = _least_shrink(volumes, most_voxels)
    while True:
        for quality in QUALITIES:
            form = Form(quality, shrink)
            if not _seems_to_fit(volumes, form, budget):
                continue
            stacks = {name: _pages(volume, form) for name, volume in volumes.items()}
            if sum(len(page) for pages in stacks.values() for page in pages) <= budget:
                return Encoded(form, {name: [_base64(page) for page in pages] for name, pages in stacks.items()})
        if shrink >= _shortest_side(volumes):
            raise ValueError(f"the slices do not fit into {budget} bytes")
        shrink += 1


def png_uri(picture: Bytes) -> str:
    """A picture, (row, column) or (row, column, 3), as a data URI."""
    return f"data:image/png;base64,{_base64(png(picture))}"


def png(picture: Bytes) -> bytes:
    """A picture, (row, column) or (row, column, 3), as the bytes of a PNG file without text."""
    return _saved(picture, "PNG", compress_level=6)


def square(picture: Bytes, pixel_mm: tuple[float, float]) -> Bytes:
    """A picture, (row, column) or (row, column, 3), of pixels of (width, height) mm, with square ones of the lesser."""
    width, height = (side / min(pixel_mm) for side in pixel_mm)
    size = (round(picture.shape[1] * width), round(picture.shape[0] * height))
    return _resized(picture, size, PIL.Image.Resampling.BILINEAR)


def scaled(picture: Bytes, side: int) -> Bytes:
    """A picture, (row, column) or (row, column, 3), whose longer side has `side` pixels."""
    scale = side / max(picture.shape[:2])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return _resized(picture, size, PIL.Image.Resampling.BOX)


def shrunk(picture: Bytes, factor: int) -> Bytes:
    """The means of blocks of `factor` x `factor` pixels; what is left over at the right and the bottom is cut off."""
    if factor == 1:
        return picture
    rows, columns = (max(side // factor, 1) for side in picture.shape[:2])
    cut = picture[: rows * factor, : columns * factor]
    blocks = cut.reshape(rows, cut.shape[0] // rows, columns, cut.shape[1] // columns, *picture.shape[2:])
    return np.asarray(np.rint(blocks.mean(axis=(1, 3))), dtype=np.uint8)


def _least_shrink(volumes: Mapping[str, Bytes], most_voxels: int) -> int:
    slices, rows, columns = next(iter(volumes.values())).shape[:3]
    factor = 1
    while slices * (rows // factor) * (columns // factor) > most_voxels:
        factor += 1
    return factor


def _shortest_side(volumes: Mapping[str, Bytes]) -> int:
    _, rows, columns = next(iter(volumes.values())).shape[:3]
    return int(min(rows, columns))


def _seems_to_fit(volumes: Mapping[str, Bytes], form: Form, budget: int) -> bool:
    slices = len(next(iter(volumes.values())))
    sampled = np.unique(np.linspace(0, slices - 1, SAMPLED_SLICES).round().astype(int))
    size = sum(len(page) for volume in volumes.values() for page in _pages(volume[sampled], form))
    return size * slices / len(sampled) <= budget * (MARGIN if slices > len(sampled) else 1)


def _pages(volume: Bytes, form: Form) -> list[bytes]:
    # Pillow encodes outside of Python's lock, so that slices go to all cores.
    with ThreadPoolExecutor(MOST_WORKERS) as pool:
        return list(pool.map(partial(_encoded, form=form), volume))


def _encoded(slice_: Bytes, form: Form) -> bytes:
    content = _page(shrunk(slice_, form.shrink), form.quality)
    release(slice_)
    return content


def _page(picture: Bytes, quality: int | None) -> bytes:
    if quality is None:
        # Twice the effort of the fastest setting, and a quarter smaller.
        return _saved(picture, "WEBP", lossless=True, quality=20, method=2)
    return _saved(picture, "JPEG", quality=quality, subsampling="4:4:4")


def _saved(picture: Bytes, format_name: str, **options: Any) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(np.ascontiguousarray(picture)).save(file, format_name, **options)
    return file.getvalue()


def _resized(picture: Bytes, size: tuple[int, int], filter_: PIL.Image.Resampling) -> Bytes:
    if size == picture.shape[1::-1]:
        return picture
    return np.asarray(PIL.Image.fromarray(np.ascontiguousarray(picture)).resize(size, filter_))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
