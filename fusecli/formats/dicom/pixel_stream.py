"""The pixels of a volume as one run of bytes, made while it is written: a multi-frame file is never in memory."""

import io
from collections.abc import Callable
from typing import Any


def stream(slices: int, of_slice: Callable[[int], bytes]) -> io.BufferedReader:
    """The bytes of `slices` slices, one after another; `of_slice(index)` gives equally many for each.

    A zero follows where their number would be odd, as DICOM has it.
    """
    return io.BufferedReader(_Slices(slices, of_slice), 2**20)


class _Slices(io.RawIOBase):
    def __init__(self, slices: int, of_slice: Callable[[int], bytes]) -> None:
        self._of_slice = of_slice
        self._index, self._content = 0, of_slice(0)
        self._end = slices * len(self._content)
        self._size = self._end + self._end % 2
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = (0, self._at, self._size)[whence] + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._size:
            return 0
        target = memoryview(buffer).cast("B")
        piece = b"\0" if self._at >= self._end else self._from_here()[: len(target)]
        target[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _from_here(self) -> bytes:
        index, start = divmod(self._at, len(self._content))
        if index != self._index:
            self._index, self._content = index, self._of_slice(index)
        return self._content[start:]
