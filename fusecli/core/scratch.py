"""Volumes larger than the memory that is meant for them: arrays in a temporary file, worked through slab by slab.

An array from here is a plain ndarray. A small one lies in memory; a large one in a file without a name, in the folder
for temporary files, so that it is gone when nobody holds it any more, however the process ends. Whoever walks through
volumes by `slabs` keeps only a few slices of each in memory, whatever their number: the pages of a slab are given back
when the next one begins, and come from the file where they are needed again.
"""

import mmap
import os
import tempfile
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fusecli.errors import MemoryLimitError

# From here on an array lies in a file: 32 slices of 512 x 512 in float32.
LARGE_BYTES = 2**25
# How many slices are worked on at a time.
SLAB = 8

_ZEROS = bytes(2**20)


def empty(shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """An array to be filled: in memory, or in a temporary file from LARGE_BYTES on.

    Raises MemoryLimitError where the folder for temporary files is missing, closed to this user, or too full.
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    if size < LARGE_BYTES:
        return np.empty(shape, dtype)
    return np.ndarray(shape, dtype, buffer=_mapped(size))


def slabs(*volumes: NDArray[Any], thick: int = SLAB) -> Iterator[slice]:
    """Runs of at most `thick` slices of volumes of as many, (slice, ...); after each, its memory is given back.

    What was read or written of the volumes in that run is kept by the file. Other arrays are not touched.
    """
    count = len(volumes[0])
    for start in range(0, count, thick):
        part = slice(start, min(start + thick, count))
        yield part
        for volume in volumes:
            release(volume[part])


def release(array: NDArray[Any]) -> None:
    """Give back the memory of an array, or of a part of one, that lies in a file; its numbers stay as they are."""
    file = _file_of(array)
    if file is None or array.size == 0 or not hasattr(mmap, "MADV_DONTNEED"):
        return
    first = array.ctypes.data - np.frombuffer(file, np.uint8).ctypes.data
    reach = [stride * (length - 1) for stride, length in zip(array.strides, array.shape, strict=True)]
    low = first + sum(min(step, 0) for step in reach)
    high = first + sum(max(step, 0) for step in reach) + array.itemsize
    start = low // mmap.PAGESIZE * mmap.PAGESIZE
    # On a shared mapping of a file this drops the process's hold of the pages, never what is written in them.
    file.madvise(mmap.MADV_DONTNEED, start, high - start)


def is_in_file(array: NDArray[Any]) -> bool:
    """Whether the numbers of an array lie in a file, and not in memory."""
    return _file_of(array) is not None


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """The same array, read-only from now on, so that an Image takes it without a copy."""
    array.setflags(write=False)
    return array


def contiguous(array: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """The same numbers as a C-contiguous array of this type: a view where they are so already, else a copy."""
    is_so = array.dtype == dtype and array.flags.c_contiguous
    return np.asarray(array) if is_so else copied(np.atleast_1d(array), dtype)


def copied(view: NDArray[Any], dtype: DTypeLike | None = None) -> NDArray[Any]:
    """A contiguous copy of an array of any layout, of another type where one is named."""
    copy = empty(view.shape, view.dtype if dtype is None else dtype)
    fill(copy, view)
    return copy


def fill(out: NDArray[Any], view: NDArray[Any]) -> None:
    """Write `view`, of any layout, into `out` of the same shape.

    It is read in the order in which it lies, so that a volume that is turned is not read as a whole for each slice.
    """
    slowest = int(np.argmax(np.abs(view.strides))) if view.ndim > 1 else 0
    for run in slabs(np.moveaxis(view, slowest, 0)):
        index = (slice(None),) * slowest + (run,)
        source, target = view[index], out[index]
        for part in slabs(target):
            target[part] = source[part]


def _mapped(size: int) -> mmap.mmap:
    # Python itself takes another folder without a word where TMPDIR names one that is missing.
    folder = os.environ.get("TMPDIR") or tempfile.gettempdir()
    try:
        with tempfile.TemporaryFile(dir=folder, prefix="fusecli-") as file:
            _reserve(file.fileno(), size)
            return mmap.mmap(file.fileno(), size)
    except OSError as error:
        raise MemoryLimitError(
            "There is no room for the volumes of this pair.",
            why=f"{size / 2**30:.2f} GiB more are needed in the folder for temporary files, {folder}: "
            f"{error.strerror or error}.",
            hint="Name another folder by the environment variable TMPDIR: TMPDIR=/large/disk fusecli ...",
        ) from error


def _reserve(descriptor: int, size: int) -> None:
    """Claim the room now: a disk that turns out to be full while memory is written to ends the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    for start in range(0, size, len(_ZEROS)):
        os.write(descriptor, _ZEROS[: size - start])


def _file_of(array: NDArray[Any]) -> mmap.mmap | None:
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None
