"""The diffusion U-Net of DM-FNet: it tells the noise in an image, and its features on the way up tell the image.

Source: arXiv 2506.15218 for the sizes; the blocks are those of Ho et al., "Denoising Diffusion Probabilistic Models",
NeurIPS 2020, appendix B. How we read what is left open stands in docs/decisions/0016-dmfnet.md.

Shapes: N images, C channels of a level, H rows, W columns of that level, K levels; level 0 has the full resolution.
"""

import math
from collections.abc import Iterator
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusecli.models.dmfnet_config import DMFNetConfig

# The longest wave of the step's code, in steps: Vaswani et al., "Attention Is All You Need", 2017, section 3.5.
LONGEST_WAVE = 10_000


class FeatureUNet(nn.Module):
    """The U-Net as far as its features need it: nothing that comes after the last of them is built."""

    def __init__(self, config: DMFNetConfig) -> None:
        super().__init__()
        self.config = config
        self.step_code = StepCode(config.channels)
        self.entry = nn.Conv2d(1, config.channels, kernel_size=3, padding=1)
        self.down = nn.ModuleList(_way_down(config))
        self.middle = nn.ModuleList(
            [_block(config, config.widths[-1], attention=True), _block(config, config.widths[-1])]
        )
        self.up = nn.ModuleList(_way_up(config, self.last_blocks))

    @property
    def last_blocks(self) -> int:
        """How many residual blocks there are on the way up at full resolution."""
        return self.config.read_after

    def features(self, noisy: Tensor, step: Tensor) -> list[Tensor]:
        """K feature maps, (N, C, H, W) of each level from the coarsest to the finest.

        `noisy` is (N, 1, H, W) with H and W multiples of `config.multiple`, `step` the step of each image, (N,).
        """
        return [level[self.config.read_after - 1] for level in self._climb(noisy, step)]

    def _climb(self, noisy: Tensor, step: Tensor) -> list[list[Tensor]]:
        """What comes out of each residual block on the way up, level by level from the coarsest."""
        code = self.step_code(step)  # (N, C)
        x, skips = self._descend(self.entry(noisy), code)
        for block in self.middle:
            x = block(x, code)
        levels: list[list[Tensor]] = []
        for level in self.up:
            outputs = cast("UpLevel", level)(x, skips, code)
            levels.append(outputs)
            x = outputs[-1]
        return levels

    def _descend(self, x: Tensor, code: Tensor) -> tuple[Tensor, list[Tensor]]:
        skips = [x]
        for part in self.down:
            x = part(x, code) if isinstance(part, ResidualBlock) else part(x)
            skips.append(x)
        # The first are for the last blocks on the way up, and the largest: where those are not needed, nor are these.
        return x, skips[self.config.blocks + 1 - self.last_blocks :]


class DiffusionUNet(FeatureUNet):
    """The whole U-Net: an image with noise, and the step that it is at, to the noise.

    `kept` is the noise schedule, (steps,); it is stored with the weights, as they are of no use with another.
    """

    def __init__(self, config: DMFNetConfig, kept: Tensor) -> None:
        super().__init__(config)
        self.register_buffer("kept", kept)
        self.kept: Tensor
        self.out = nn.Sequential(
            _norm(config, config.channels), nn.SiLU(), _zeroed(nn.Conv2d(config.channels, 1, 3, padding=1))
        )

    @property
    def last_blocks(self) -> int:
        """All of them: the noise is read from the last."""
        return self.config.blocks + 1

    def forward(self, noisy: Tensor, step: Tensor) -> Tensor:
        """The noise in `noisy`, (N, 1, H, W) of any H and W, at `step`, (N,)."""
        height, width = noisy.shape[2:]
        finest = self._climb(padded(noisy, self.config.multiple), step)[-1]
        noise: Tensor = self.out(finest[-1])
        return noise[:, :, :height, :width]


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions around a shortcut, with the step's code added between them; then attention, if any."""

    def __init__(self, in_channels: int, out_channels: int, config: DMFNetConfig, *, attention: bool) -> None:
        super().__init__()
        self.first = nn.Sequential(
            _norm(config, in_channels), nn.SiLU(inplace=True), nn.Conv2d(in_channels, out_channels, 3, padding=1)
        )
        self.shift = nn.Linear(config.channels, out_channels)
        self.second = nn.Sequential(
            _norm(config, out_channels),
            nn.SiLU(inplace=True),
            nn.Dropout(config.dropout),
            _zeroed(nn.Conv2d(out_channels, out_channels, 3, padding=1)),
        )
        same = in_channels == out_channels
        self.shortcut = nn.Identity() if same else nn.Conv2d(in_channels, out_channels, kernel_size=1)
        self.attention = SelfAttention(out_channels, config) if attention else nn.Identity()

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        coded = self.first(x) + self.shift(code)[:, :, None, None]
        attended: Tensor = self.attention(self.shortcut(x) + self.second(coded))
        return attended  # (N, O, H, W)


class SelfAttention(nn.Module):
    """Every pixel asks every other one, with one head; the answer is added."""

    def __init__(self, channels: int, config: DMFNetConfig) -> None:
        super().__init__()
        self.norm = _norm(config, channels)
        self.query_key_value = nn.Conv2d(channels, 3 * channels, kernel_size=1)
        self.answer = _zeroed(nn.Conv2d(channels, channels, kernel_size=1))

    def forward(self, x: Tensor) -> Tensor:
        pixels = self.query_key_value(self.norm(x)).flatten(2).transpose(1, 2)  # (N, HW, 3C)
        query, key, value = (part.unsqueeze(1) for part in pixels.chunk(3, dim=2))
        seen = F.scaled_dot_product_attention(query, key, value).squeeze(1)  # (N, HW, C)
        return x + self.answer(seen.transpose(1, 2).reshape(x.shape))  # type: ignore[no-any-return]


class UpLevel(nn.Module):
    """One level on the way up: twice as large, but for the coarsest, then residual blocks, each with a skip."""

    def __init__(self, grow: nn.Module, blocks: list[ResidualBlock]) -> None:
        super().__init__()
        self.grow = grow
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor, skips: list[Tensor], code: Tensor) -> list[Tensor]:
        """The output of each block; takes as many off the end of `skips`."""
        x = self.grow(x)
        outputs: list[Tensor] = []
        for block in self.blocks:
            x = block(torch.cat([x, skips.pop()], dim=1), code)
            outputs.append(x)
        return outputs


class StepCode(nn.Module):
    """The step as waves of many lengths, and two layers on them: (N,) to (N, C)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.waves = channels // 2
        self.layers = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.SiLU(), nn.Linear(4 * channels, channels), nn.SiLU()
        )

    def forward(self, step: Tensor) -> Tensor:
        share = torch.arange(self.waves, dtype=torch.float32, device=step.device) / self.waves
        angles = step.float()[:, None] * torch.exp(-math.log(LONGEST_WAVE) * share)[None, :]
        code: Tensor = self.layers(torch.cat([angles.sin(), angles.cos()], dim=1))
        return code


def padded(image: Tensor, multiple: int) -> Tensor:
    """(N, C, H, W) with its last row and column repeated until H and W are multiples of `multiple`."""
    height, width = image.shape[2:]
    return F.pad(image, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def _way_down(config: DMFNetConfig) -> Iterator[nn.Module]:
    entering = (config.channels, *config.widths[:-1])
    for level, (i, o) in enumerate(zip(entering, config.widths, strict=True)):
        if level > 0:
            yield nn.Conv2d(i, i, kernel_size=3, stride=2, padding=1)
        for before in (i, *[o] * (config.blocks - 1)):
            yield ResidualBlock(before, o, config, attention=level in config.attention)


def _way_up(config: DMFNetConfig, last_blocks: int) -> Iterator[UpLevel]:
    skips = list(_skip_widths(config))
    below = config.widths[-1]
    for level, width in reversed(list(enumerate(config.widths))):
        count = last_blocks if level == 0 else config.blocks + 1
        entering = [below, *[width] * (count - 1)]
        blocks = [
            ResidualBlock(before + skips.pop(), width, config, attention=level in config.attention)
            for before in entering
        ]
        yield UpLevel(nn.Identity() if level == len(config.widths) - 1 else _Doubled(below), blocks)
        below = width


def _skip_widths(config: DMFNetConfig) -> Iterator[int]:
    """Channels of all that is handed across from the way down, in order: the entry, each block and each halving."""
    yield config.channels
    for level, width in enumerate(config.widths):
        if level > 0:
            yield config.widths[level - 1]
        yield from [width] * config.blocks


class _Doubled(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.smooth = nn.Conv2d(channels, channels, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.smooth(F.interpolate(x, scale_factor=2.0, mode="nearest"))  # type: ignore[no-any-return]


def _block(config: DMFNetConfig, channels: int, *, attention: bool = False) -> ResidualBlock:
    return ResidualBlock(channels, channels, config, attention=attention)


def _norm(config: DMFNetConfig, channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(config.norm_groups, channels)


def _zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    # A block that begins as its shortcut alone lets a deep U-Net learn from the first step on (Ho et al.'s code).
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(cast("Tensor", layer.bias))
    return layer
