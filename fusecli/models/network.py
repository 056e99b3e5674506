"""A trained network as a fuser: arrays in, array out, on the device that there is."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from fusecli.errors import ModelError
from fusecli.models import csafusion_config as csafusion
from fusecli.models.csafusion import CSAFusion
from fusecli.models.device import choose_device, slices_at_once
from fusecli.models.dmfnet import DMFNet
from fusecli.models.dmfnet_config import SMALL, DMFNetConfig
from fusecli.models.dmfnet_noise import kept
from fusecli.models.dmfnet_unet import DiffusionUNet
from fusecli.models.lrc import LRC
from fusecli.models.lrc_config import ABLATIONS, FAST
from fusecli.models.registration import RegistrationNet
from fusecli.models.tiled import Grey, TiledFuser
from fusecli.models.volume import OnTile
from fusecli.models.weights import Weights, find_weights

# The networks that are trained in two stages, by the diffusion U-Net of the first.
DIFFUSION = {"dmfnet": DMFNetConfig(), "dmfnet-small": SMALL}

# The network that registers, which no image is fused by.
REGISTRATION = "registration"

# What `architecture` in weights/manifest.toml, and --config of `fusecli train`, may name.
ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {
    "lrc": LRC,
    "lrc-fast": partial(LRC, FAST),
    **{name: partial(LRC, config) for name, config in ABLATIONS.items()},
    "csafusion": CSAFusion,
    "csafusion-frozen": partial(CSAFusion, csafusion.FROZEN),
    **{name: partial(CSAFusion, config) for name, config in csafusion.ABLATIONS.items()},
    **{name: partial(DMFNet, config) for name, config in DIFFUSION.items()},
    REGISTRATION: RegistrationNet,
}


def load_network(name: str, *, device: str = "auto", on_tile: OnTile | None = None) -> "NetworkFuser":
    """The network called `name` with its published weights, on `device`; `on_tile` as `fuse_tiled` has it.

    Raises ModelError when the weights are missing, their hash is wrong, or they are those of another network.
    """
    weights = find_weights(name)
    module = trained(weights)
    chosen, note = choose_device(device)
    notes = [note] if note else []
    return NetworkFuser(module, name=name, weights_sha256=weights.sha256, device=chosen, notes=notes, on_tile=on_tile)


def trained(weights: Weights) -> nn.Module:
    """The network that the weights are of, with them.

    Raises ModelError when they are those of another network.
    """
    module = build(weights.architecture)
    try:
        module.load_state_dict(load_file(weights.path))
    except (RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"The weights of {weights.name!r} do not fit the network {weights.architecture!r}.",
            why=f"{weights.path}: {str(error).splitlines()[0]}",
            hint="Install fusecli again, or correct the architecture in manifest.toml.",
        ) from error
    return module


def build(architecture: str) -> nn.Module:
    """A network with random weights.

    Raises ModelError for an architecture that this version does not have.
    """
    check_known(architecture)
    return ARCHITECTURES[architecture]()


def check_known(architecture: str) -> None:
    """Raises ModelError for an architecture that this version does not have."""
    if architecture not in ARCHITECTURES:
        raise ModelError(
            f"This version of fusecli has no network called {architecture!r}.",
            hint=f"It has: {', '.join(ARCHITECTURES)}",
        )


def build_diffusion(architecture: str, schedule: str) -> DiffusionUNet:
    """The U-Net of a network's first stage with random weights, for the noise `schedule` cosine or linear.

    Raises ModelError for an architecture that has no such stage.
    """
    if architecture not in DIFFUSION:
        raise ModelError(
            f"The network {architecture!r} has no diffusion stage.", hint=f"These have one: {', '.join(DIFFUSION)}"
        )
    config = DIFFUSION[architecture]
    return DiffusionUNet(config, kept(schedule, config.steps))


class NetworkFuser(TiledFuser):
    """Runs a torch module on the CPU or a CUDA device."""

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
        super().__init__(
            name=name,
            weights_sha256=weights_sha256,
            device=device,
            backend=f"torch {torch.__version__}",
            notes=notes,
            on_tile=on_tile,
        )
        self._module = module.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _run(self, fixed: Grey, moving: Grey) -> Grey:
        with torch.inference_mode():
            sources = (_tensor(images, self.device) for images in (fixed, moving))
            fused = self._module(*sources).clamp(0, 1)
            return np.asarray(fused.cpu().numpy(), dtype=np.float32).reshape(fixed.shape)

    def _sized_to_device(self, pixels: int) -> int:
        return slices_at_once(self.device, pixels)

    def _is_out_of_memory(self, error: Exception) -> bool:
        # On the CPU torch raises a bare RuntimeError, whose words differ between Linux and Windows.
        words = ("can't allocate memory", "not enough memory")
        return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(word in str(error) for word in words)

    def _recover(self) -> None:
        if self.device != "cpu":
            torch.cuda.empty_cache()

    def _leave_gpu(self) -> None:
        self._module.to("cpu")
        torch.cuda.empty_cache()


def _tensor(images: Grey, device: str) -> torch.Tensor:
    """(N, 1, row, column) of one image or several."""
    # A read-only array would make torch warn; the copy is small beside the network's own memory.
    return torch.from_numpy(np.array(images, dtype=np.float32)).reshape(-1, 1, *images.shape[-2:]).to(device)
