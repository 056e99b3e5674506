"""A network as a fuser, whatever runs it: as many slices at once as the device takes, fewer where memory is short."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fusecli.core.scratch import SLAB
from fusecli.errors import MemoryLimitError
from fusecli.models.volume import LARGEST_TILE, SMALLEST_TILE, OnTile, fuse_tiled

Grey = NDArray[np.float32]


class TiledFuser(ABC):
    """What the backends share. Any size; `backend` says who computes, by name and version.

    When memory runs out the slices that are taken at once are halved, then the tiles of one, and at the smallest tile a
    GPU gives way to the CPU. All of it is written into `notes`, which the pipeline shows and records.
    """

    def __init__(
        self,
        *,
        name: str,
        weights_sha256: str | None,
        device: str,
        backend: str,
        notes: Sequence[str] = (),
        on_tile: OnTile | None = None,
    ) -> None:
        self.name = name
        self.weights_sha256 = weights_sha256
        self.device = device
        self.backend = backend
        self.notes = list(notes)
        self._on_tile = on_tile
        self._tile = LARGEST_TILE
        self._most_at_once: int | None = None  # known only once memory ran out

    def __call__(self, fixed: Grey, moving: Grey) -> Grey:
        """Fuse two images, (row, column) in 0..1, into one of the same shape and range.

        Raises MemoryLimitError when even the smallest tile does not fit on the CPU.
        """
        while True:
            try:
                return fuse_tiled(self._run, fixed, moving, tile=self._tile, on_tile=self._on_tile)
            except (RuntimeError, MemoryError) as error:
                if not self._is_out_of_memory(error):
                    raise
                self._give_way(max(fixed.shape))

    def slices_at_once(self, rows: int, columns: int) -> int:
        """How many slices of this size the device takes at once; 1 for slices that are cut into tiles."""
        if max(rows, columns) > self._tile:
            return 1
        return min(self._sized_to_device(rows * columns), self._most_at_once or SLAB)

    def fuse_slices(self, fixed: Grey, moving: Grey) -> Grey:
        """Fuse (slice, row, column) of both, as many at once as the device takes.

        Raises MemoryLimitError as for one slice.
        """
        fused = np.empty(fixed.shape, dtype=np.float32)
        done = 0
        while done < len(fixed):
            part = slice(done, done + self.slices_at_once(*fixed.shape[1:]))
            result = self._attempt(fixed[part], moving[part])
            if result is not None:
                fused[part] = result
                done += len(result)
        return fused

    @abstractmethod
    def _run(self, fixed: Grey, moving: Grey) -> Grey:
        """The network on one tile, (row, column), or on several of one size, (tile, row, column), clipped to 0..1."""

    @abstractmethod
    def _is_out_of_memory(self, error: Exception) -> bool:
        """Whether smaller tiles may help."""

    @abstractmethod
    def _recover(self) -> None:
        """Let go of what the failed attempt left behind."""

    def _sized_to_device(self, pixels: int) -> int:
        """How many slices of so many pixels there should be room for at once, by the size of the device."""
        return 1

    def _leave_gpu(self) -> None:
        """Go on with the CPU."""
        raise ValueError(f"{self.backend} has no GPU to leave")

    def _attempt(self, fixed: Grey, moving: Grey) -> Grey | None:
        """Some slices at once; None where there was no room for them, and fewer are to be tried."""
        if len(fixed) == 1:
            return self(fixed[0], moving[0])[np.newaxis]
        try:
            return self._run(fixed, moving)
        except (RuntimeError, MemoryError) as error:
            if not self._is_out_of_memory(error):
                raise
        self._recover()
        self._most_at_once = len(fixed) // 2
        self.notes.append(f"Memory ran out; going on with {self._most_at_once} slice(s) at once.")
        return None

    def _give_way(self, side: int) -> None:
        """Take smaller tiles for an image whose longer side is `side`, then the CPU, then give up."""
        self._recover()
        if min(self._tile, side) > SMALLEST_TILE:
            # Half of what was tried: a tile larger than the image was the image itself.
            self._tile = max(SMALLEST_TILE, min(self._tile, side) // 2)
            self.notes.append(f"Memory ran out; going on in tiles of {self._tile} x {self._tile} pixels.")
        elif self.device != "cpu":
            self.notes.append("The GPU's memory is too small; going on with the CPU.")
            self.device, self._tile = "cpu", LARGEST_TILE
            self._leave_gpu()
        else:
            raise MemoryLimitError(
                "There is not enough memory to fuse this pair.",
                why=f"Even a tile of {self._tile} x {self._tile} pixels does not fit.",
                hint="Close other programs, or use a model that needs no network: --model laplacian",
            )
