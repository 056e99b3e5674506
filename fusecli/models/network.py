"""A trained network as a fuser: arrays in, array out, on the device that there is."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from fusecli.errors import MemoryLimitError, ModelError
from fusecli.models.device import choose_device
from fusecli.models.lrc import LRC
from fusecli.models.volume import LARGEST_TILE, SMALLEST_TILE, OnTile, fuse_tiled
from fusecli.models.weights import find_weights

Grey = NDArray[np.float32]

# What `architecture` in weights/manifest.toml, and --config of `fusecli train`, may name.
ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {"lrc": LRC}


def load_network(name: str, *, device: str = "auto", on_tile: OnTile | None = None) -> "NetworkFuser":
    """The network called `name` with its published weights, on `device`; `on_tile` as `fuse_tiled` has it.

    Raises ModelError when the weights are missing, their hash is wrong, or they are those of another network.
    """
    weights = find_weights(name)
    module = build(weights.architecture)
    try:
        module.load_state_dict(load_file(weights.path))
    except (RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"The weights of {name!r} do not fit the network {weights.architecture!r}.",
            why=f"{weights.path}: {str(error).splitlines()[0]}",
            hint="Install fusecli again, or correct the architecture in manifest.toml.",
        ) from error
    chosen, note = choose_device(device)
    notes = [note] if note else []
    return NetworkFuser(module, name=name, weights_sha256=weights.sha256, device=chosen, notes=notes, on_tile=on_tile)


def build(architecture: str) -> nn.Module:
    """A network with random weights.

    Raises ModelError for an architecture that this version does not have.
    """
    if architecture not in ARCHITECTURES:
        raise ModelError(
            f"This version of fusecli has no network called {architecture!r}.",
            hint=f"It has: {', '.join(ARCHITECTURES)}",
        )
    return ARCHITECTURES[architecture]()


class NetworkFuser:
    """Runs a network on one slice at a time; any size.

    When memory runs out the tiles are halved, and at the smallest tile a GPU gives way to the CPU. Both are written
    into `notes`, which the pipeline shows and records.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        name: str,
        weights_sha256: str | None,
        device: str,
        notes: Sequence[str] = (),
        on_tile: OnTile | None = None,
    ) -> None:
        self.name = name
        self.weights_sha256 = weights_sha256
        self.device = device
        self.notes = list(notes)
        self._on_tile = on_tile
        self._tile = LARGEST_TILE
        self._module = module.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, fixed: Grey, moving: Grey) -> Grey:
        """Fuse two images, (row, column) in 0..1, into one of the same shape and range.

        Raises MemoryLimitError when even the smallest tile does not fit on the CPU.
        """
        while True:
            try:
                return fuse_tiled(self._run, fixed, moving, tile=self._tile, on_tile=self._on_tile)
            except (RuntimeError, MemoryError) as error:
                if not _is_out_of_memory(error):
                    raise
                self._give_way(max(fixed.shape))

    def _run(self, fixed: Grey, moving: Grey) -> Grey:
        with torch.inference_mode():
            sources = (_tensor(image, self.device) for image in (fixed, moving))
            fused = self._module(*sources).clamp(0, 1)
            return np.asarray(fused[0, 0].cpu().numpy(), dtype=np.float32)

    def _give_way(self, side: int) -> None:
        """Take smaller tiles for an image whose longer side is `side`, then the CPU, then give up."""
        if min(self._tile, side) > SMALLEST_TILE:
            # Half of what was tried: a tile larger than the image was the image itself.
            self._tile = max(SMALLEST_TILE, min(self._tile, side) // 2)
            self.notes.append(f"Memory ran out; going on in tiles of {self._tile} x {self._tile} pixels.")
        elif self.device != "cpu":
            self.notes.append("The GPU's memory is too small; going on with the CPU.")
            self.device, self._tile = "cpu", LARGEST_TILE
            self._module.to("cpu")
            torch.cuda.empty_cache()
        else:
            raise MemoryLimitError(
                "There is not enough memory to fuse this pair.",
                why=f"Even a tile of {self._tile} x {self._tile} pixels does not fit.",
                hint="Close other programs, or use a model that needs no network: --model laplacian",
            )


def _tensor(image: Grey, device: str) -> torch.Tensor:
    # A read-only array would make torch warn; the copy is small beside the network's own memory.
    return torch.from_numpy(np.array(image, dtype=np.float32))[None, None].to(device)


def _is_out_of_memory(error: Exception) -> bool:
    # On the CPU torch raises a bare RuntimeError, whose words differ between Linux and Windows.
    words = ("can't allocate memory", "not enough memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(word in str(error) for word in words)
