"""The encoder of LRC: one branch of CMFEM blocks, densely connected.

Source: Zhou et al., Scientific Reports 2025, doi 10.1038/s41598-025-22834-1. Equation numbers below are that paper's; N
images, C channels, H rows, W columns, L layers.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusecli.models.lrc_config import LRCConfig

# A convolution of some images, (N, I, H, W) each, that it sees side by side.
ConvolveParts = Callable[[nn.Conv2d, Sequence[Tensor]], Tensor]


class Encoder(nn.Module):
    """One branch: CMFEM blocks, then a 1 x 1 convolution and Tanh; each layer sees all earlier outputs."""

    def __init__(self, config: LRCConfig) -> None:
        super().__init__()
        self.dense = config.dense
        seen = [config.channels * (layer if config.dense else 1) for layer in range(1, config.layers)]
        self.blocks = nn.ModuleList(CMFEM(width, config) for width in [1, *seen[:-1]])
        self.last = nn.Conv2d(seen[-1], config.channels, kernel_size=1)

    def forward(self, image: Tensor) -> list[Tensor]:
        """The fast form: a convolution of layers side by side is the sum of its convolutions of each."""
        return self._layers(image, _conv_of_parts)

    def forward_literal(self, image: Tensor) -> list[Tensor]:
        return self._layers(image, _conv_side_by_side)

    def _layers(self, image: Tensor, convolve: ConvolveParts) -> list[Tensor]:
        outputs: list[Tensor] = []
        for block in self.blocks:
            outputs.append(block(self._seen(outputs) or [image], convolve))
        outputs.append(torch.tanh(convolve(self.last, self._seen(outputs))))
        return outputs if self.dense else outputs[-1:]  # L times (N, C, H, W), or once

    def _seen(self, outputs: list[Tensor]) -> list[Tensor]:
        return outputs if self.dense else outputs[-1:]


class CMFEM(nn.Module):
    """Cross-dimension multi-scale feature extraction (eqs. 1-8)."""

    def __init__(self, in_channels: int, config: LRCConfig) -> None:
        super().__init__()
        self.embed = nn.Conv2d(in_channels, config.channels, kernel_size=3, padding=1)
        self.act = nn.LeakyReLU(config.slope)
        self.multi_scale = config.multi_scale
        if not config.multi_scale:
            return
        self.axial = AxialGate(config)
        self.attention = ChannelAttention(config)
        _keep_scale(self.embed, config.slope)

    def forward(self, parts: Sequence[Tensor], convolve: ConvolveParts) -> Tensor:
        """`parts`, (N, I, H, W) each, are the layers that the block sees: to (N, C, H, W)."""
        x: Tensor = self.act(convolve(self.embed, parts))
        if not self.multi_scale:
            return x
        x = self.axial(x)  # (N, C, H, W)
        weighted: Tensor = x * self.attention(x)  # (N, C, H, W)
        return weighted


class AxialGate(nn.Module):
    """Each row and each column is weighted by what 1D convolutions of several lengths see in its mean (eqs. 1-5)."""

    def __init__(self, config: LRCConfig) -> None:
        super().__init__()
        groups = len(config.kernels)
        width = config.channels // groups
        self.convs = nn.ModuleList(nn.Conv1d(width, width, k, padding=k // 2, groups=width) for k in config.kernels)
        self.norm_rows = nn.GroupNorm(groups, config.channels)
        self.norm_columns = nn.GroupNorm(groups, config.channels)

    def forward(self, x: Tensor) -> Tensor:
        along_rows = torch.sigmoid(self.norm_rows(self._scales(x.mean(dim=3))))  # (N, C, H)
        along_columns = torch.sigmoid(self.norm_columns(self._scales(_mean_of_columns(x))))  # (N, C, W)
        return x * along_rows.unsqueeze(3) * along_columns.unsqueeze(2)  # (N, C, H, W)

    def _scales(self, sequence: Tensor) -> Tensor:
        # The same convolutions serve both directions, so a pattern counts alike along rows and columns.
        parts = sequence.chunk(len(self.convs), dim=1)
        return torch.cat([conv(part) for conv, part in zip(self.convs, parts, strict=True)], dim=1)


class ChannelAttention(nn.Module):
    """Self-attention between channels on a small map, which gives one weight in 0..1 per channel (eqs. 6-8)."""

    def __init__(self, config: LRCConfig) -> None:
        super().__init__()
        channels = config.channels
        self.cells = config.attention_cells
        self.query = nn.Conv2d(channels, channels, kernel_size=1, groups=channels)
        self.key = nn.Conv2d(channels, channels, kernel_size=1, groups=channels)
        self.value = nn.Conv2d(channels, channels, kernel_size=1, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        small = F.adaptive_avg_pool2d(x, self.cells)  # (N, C, c, c)
        query, key, value = (layer(small).flatten(2) for layer in (self.query, self.key, self.value))  # (N, C, c*c)
        mixing = torch.softmax(query @ key.transpose(1, 2) / self.cells, dim=2)  # (N, C, C); sqrt(d) = c
        return torch.sigmoid((mixing @ value).mean(dim=2))[:, :, None, None]  # (N, C, 1, 1)


def _conv_of_parts(conv: nn.Conv2d, parts: Sequence[Tensor]) -> Tensor:
    """As `_conv_side_by_side`, without the copy of all parts that each of many layers would make anew."""
    kernels = torch.split(conv.weight, [part.shape[1] for part in parts], dim=1)
    whole = F.conv2d(parts[0], kernels[0], conv.bias, padding=conv.padding)
    for part, kernel in zip(parts[1:], kernels[1:], strict=True):
        whole = whole + F.conv2d(part, kernel, padding=conv.padding)
    return whole


def _conv_side_by_side(conv: nn.Conv2d, parts: Sequence[Tensor]) -> Tensor:
    joined: Tensor = conv(torch.cat(list(parts), dim=1))
    return joined


def _mean_of_columns(x: Tensor) -> Tensor:
    """The mean along each column, (N, C, W), as a product with ones, which OpenVINO does in a fraction of the time."""
    return (x.new_full((1, x.shape[2]), 1.0) @ x).squeeze(2) / x.shape[2]


def _keep_scale(conv: nn.Conv2d, slope: float) -> None:
    # Two axial gates and the channel weight start near 1/2 each: without the factor 8 four blocks would shrink the
    # signal by 8^4 and the first steps of training would be lost on undoing it.
    nn.init.kaiming_normal_(conv.weight, a=slope)
    with torch.no_grad():
        conv.weight.mul_(8)
