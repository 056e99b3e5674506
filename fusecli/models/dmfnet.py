"""DM-FNet: features of a frozen diffusion U-Net, fused scale by scale.

Source: arXiv 2506.15218 (IEEE Transactions on Multimedia 2025), second stage. How we read what it leaves open stands in
docs/decisions/0016-dmfnet.md.

Shapes: N pairs, S steps, C channels of a level, F channels of the fusion, H rows and W columns of that level.
"""

from collections.abc import Mapping
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusecli.models.dmfnet_config import DMFNetConfig
from fusecli.models.dmfnet_noise import kept, laid, noised
from fusecli.models.dmfnet_unet import FeatureUNet, padded

# Of the noise that is laid over every image, so that a fusion is repeatable.
NOISE_SEED = 20


class DMFNet(nn.Module):
    """The whole network: FIXED and MOVING, (N, 1, H, W) in 0..1 each, to one image of the same shape, -1..1.

    Below 0 is black; the Fuser clips. The noise and how much of it each step adds are stored with the weights: the same
    images give the same fusion with any version of torch. The U-Net is frozen: it takes no gradient, and stays in
    evaluation mode while the rest is trained.
    """

    def __init__(self, config: DMFNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or DMFNetConfig()
        self.unet = FeatureUNet(self.config).requires_grad_(False)
        self.fusion = ScaleFusion(self.config)
        self.register_buffer("kept", self._read(kept("cosine", self.config.steps)))
        self.register_buffer("noise", _noise(self.config))
        self.register_buffer("read_at", torch.tensor(self.config.read_at), persistent=False)
        self.kept: Tensor
        self.noise: Tensor
        self.read_at: Tensor

    def forward(self, fixed: Tensor, moving: Tensor) -> Tensor:
        height, width = fixed.shape[2:]
        fused: Tensor = self.fusion(self.features(torch.cat([fixed, moving])))
        return fused[:, :, :height, :width]

    def features(self, images: Tensor) -> list[Tensor]:
        """Of (N, 1, H, W) in 0..1, all steps and images in one pass: per level, coarse to fine, (N, S * C, H, W)."""
        count, steps = images.shape[0], len(self.config.read_at)
        images = padded(images, self.config.multiple)
        noise = laid(self.noise, *images.shape[2:])  # (S, 1, H, W)
        noisy = torch.cat([noised(images, noise[i : i + 1], self.kept[i]) for i in range(steps)])  # (S * N, 1, H, W)
        step = self.read_at[:, None].expand(-1, count).flatten()
        with torch.no_grad():
            levels = self.unet.features(noisy, step)
        return [torch.cat(level.chunk(steps), dim=1) for level in levels]

    def take_unet(self, state: Mapping[str, Tensor]) -> None:
        """Take over the U-Net of a `DiffusionUNet` with its noise schedule, and leave what the features do not need.

        Raises RuntimeError, as `load_state_dict` does, when it is another U-Net.
        """
        needed = self.unet.state_dict().keys()
        self.unet.load_state_dict({name: tensor for name, tensor in state.items() if name in needed})
        self.kept.copy_(self._read(state["kept"]))

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.unet.eval()
        return self

    def _read(self, schedule: Tensor) -> Tensor:
        return schedule[[step - 1 for step in self.config.read_at]]


class ScaleFusion(nn.Module):
    """From the features of both images to one image, from the coarsest scale to the finest."""

    def __init__(self, config: DMFNetConfig) -> None:
        super().__init__()
        steps, widths = len(config.read_at), config.widths[::-1]
        self.merge = nn.ModuleList(StepMerge(steps * width, config) for width in widths)
        self.weigh = nn.ModuleList(ModalityAttention(config) for _ in widths)
        self.climb = nn.ModuleList(_convolved(config.head, config.head, config.slope) for _ in widths[1:])
        self.out = nn.Sequential(
            _convolved(config.head, config.head, config.slope), nn.Conv2d(config.head, 1, 3, padding=1), nn.Tanh()
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """(N, 1, H, W) in -1..1 from (2N, S * C, H, W) per scale: the N FIXED first, then the N MOVING."""
        scales = [
            weigh(*merge(level).chunk(2)) for level, merge, weigh in zip(features, self.merge, self.weigh, strict=True)
        ]
        x = scales[0]  # (N, F, H, W)
        for finer, climb in zip(scales[1:], self.climb, strict=True):
            x = climb(finer + F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False))
        image: Tensor = self.out(x)
        return image


class StepMerge(nn.Module):
    """The features of several steps become one map: 1 x 1, then 3 x 3 convolution, the same for both images."""

    def __init__(self, in_channels: int, config: DMFNetConfig) -> None:
        super().__init__()
        self.mix = nn.Conv2d(in_channels, config.head, kernel_size=1)
        self.smooth = _convolved(config.head, config.head, config.slope)

    def forward(self, level: Tensor) -> Tensor:
        merged: Tensor = self.smooth(self.mix(level))
        return merged  # (N, F, H, W)


class ModalityAttention(nn.Module):
    """Whose feature counts, pixel by pixel and channel by channel: w x + (1 - w) y + x + y with w in 0..1."""

    def __init__(self, config: DMFNetConfig) -> None:
        super().__init__()
        narrow = config.head // config.squeeze
        self.channel = nn.Sequential(nn.Conv2d(config.head, narrow, 1), nn.ReLU(), nn.Conv2d(narrow, config.head, 1))
        self.spatial = nn.Conv2d(2, 1, kernel_size=7, padding=3)

    def forward(self, fixed: Tensor, moving: Tensor) -> Tensor:
        both = fixed + moving
        weight = torch.sigmoid(self._of_channels(both) + self._of_places(both))  # (N, F, H, W)
        return weight * fixed + (1 - weight) * moving + both

    def _of_channels(self, both: Tensor) -> Tensor:
        return self.channel(both.mean(dim=(2, 3), keepdim=True))  # type: ignore[no-any-return]

    def _of_places(self, both: Tensor) -> Tensor:
        seen = torch.cat([both.mean(dim=1, keepdim=True), both.amax(dim=1, keepdim=True)], dim=1)  # (N, 2, H, W)
        return self.spatial(seen)  # type: ignore[no-any-return]


def _convolved(in_channels: int, out_channels: int, slope: float) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1), nn.LeakyReLU(slope))


def _noise(config: DMFNetConfig) -> Tensor:
    """A field for each step, (S, 1, side, side), of mean 0 and variance 1, the same at every call."""
    shape = (len(config.read_at), 1, config.noise_side, config.noise_side)
    return torch.randn(shape, generator=torch.Generator().manual_seed(NOISE_SEED))
