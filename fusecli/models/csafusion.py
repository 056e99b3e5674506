"""CSAFusion: a U-Net with an adaptive convolution and parallel branches on the way down, Swin blocks on the way up.

Source: "CSAFusion: a convolutional neural network (CNN)-based and Swin Transformer network for multi-modal medical
image fusion", Quantitative Imaging in Medicine and Surgery 2025, doi 10.21037/qims-2025-1659. How we read what it
leaves open stands in docs/decisions/0015-csafusion.md.

Shapes: N images, C channels of a level, H rows, W columns of that level.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusecli.models.adaptive_convolution import AdaptiveConvolution
from fusecli.models.csafusion_config import CSAFusionConfig
from fusecli.models.swin import SwinPair


class CSAFusion(nn.Module):
    """The whole network: FIXED and MOVING, (N, 1, H, W) in 0..1 each, to one image of the same shape.

    The output is about 0..1 and is not clipped, so that training sees a gradient everywhere; the Fuser clips it.
    """

    def __init__(self, config: CSAFusionConfig | None = None) -> None:
        super().__init__()
        self.config = config or CSAFusionConfig()
        widths = self.config.widths
        self.inc = nn.Sequential(convolved(2, widths[0]), convolved(widths[0], widths[0]))
        entering = (widths[0], *widths[:-1])
        self.encoder = nn.ModuleList(
            EncoderLevel(i, o, self.config.branches[level], self._convolution(level))
            for level, (i, o) in enumerate(zip(entering, widths, strict=True))
        )
        self.decoder = nn.ModuleList(DecoderStage(i, o, self.config) for i, o in pairwise(widths[::-1]))
        self.attention = SpatialAttention()
        self.out = nn.Conv2d(widths[0], 1, kernel_size=3, padding=1)

    def forward(self, fixed: Tensor, moving: Tensor) -> Tensor:
        x = self.inc(torch.cat([fixed, moving], dim=1))  # (N, C, H, W)
        levels: list[Tensor] = []
        for level in self.encoder:
            levels.append(level(halved(levels[-1]) if levels else x))
        x = levels.pop()
        for stage in self.decoder:
            x = stage(x, levels.pop())
        fused: Tensor = self.out(self.attention(x))  # (N, 1, H, W)
        return fused

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self.config.frozen_statistics:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def _convolution(self, level: int) -> Callable[[int, int], nn.Module]:
        if level == 0 and self.config.adaptive:
            return lambda i, o: AdaptiveConvolution(i, o, self.config.code)
        return plain_convolution


class EncoderLevel(nn.Module):
    """CE blocks side by side on the same input, and the encoder fusion block that joins them: (N, O, H, W)."""

    def __init__(
        self, in_channels: int, out_channels: int, branches: int, convolution: Callable[[int, int], nn.Module]
    ):
        super().__init__()
        self.branches = nn.ModuleList(CEBlock(in_channels, out_channels, convolution) for _ in range(branches))
        self.fusion = nn.Identity() if branches == 1 else convolved(branches * out_channels, out_channels, side=1)

    def forward(self, x: Tensor) -> Tensor:
        joined: Tensor = self.fusion(torch.cat([branch(x) for branch in self.branches], dim=1))
        return joined


class CEBlock(nn.Module):
    """Two 3 x 3 convolutions around a shortcut; the first is the adaptive one, where there is one."""

    def __init__(self, in_channels: int, out_channels: int, convolution: Callable[[int, int], nn.Module]) -> None:
        super().__init__()
        self.first = nn.Sequential(convolution(in_channels, out_channels), nn.BatchNorm2d(out_channels), nn.ReLU())
        self.second = nn.Sequential(plain_convolution(out_channels, out_channels), nn.BatchNorm2d(out_channels))
        same = in_channels == out_channels
        self.shortcut = nn.Identity() if same else nn.Conv2d(in_channels, out_channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.second(self.first(x)) + self.shortcut(x))


class DecoderStage(nn.Module):
    """Up to the size of `skip`, Swin blocks, fusion with `skip`, channel attention: (N, O, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, config: CSAFusionConfig) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(in_channels, out_channels, kernel_size=1)
        sizes = {"window": config.window, "head_width": config.head_width, "mlp_ratio": config.mlp_ratio}
        self.swin = SwinPair(out_channels, **sizes) if config.swin else nn.Identity()
        self.fusion = convolved(2 * out_channels, out_channels)
        self.attention = ChannelAttention(out_channels, config.squeeze)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        # A 1 x 1 convolution and bilinear interpolation may change places; on the small map it is a quarter the work.
        x = F.interpolate(self.narrow(x), size=skip.shape[2:], mode="bilinear", align_corners=False)
        fused: Tensor = self.attention(self.fusion(torch.cat([skip, self.swin(x)], dim=1)))
        return fused


class ChannelAttention(nn.Module):
    """Squeeze-and-excitation: a weight in 0..1 per channel, from the channels' means. Hu et al., CVPR 2018."""

    def __init__(self, channels: int, squeeze: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.Linear(channels, channels // squeeze), nn.ReLU(), nn.Linear(channels // squeeze, channels), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        weighted: Tensor = x * self.weigh(x.mean(dim=(2, 3)))[:, :, None, None]
        return weighted


class SpatialAttention(nn.Module):
    """A weight in 0..1 per pixel, from the mean and the largest of its channels. Woo et al., ECCV 2018, eq. 3."""

    def __init__(self) -> None:
        super().__init__()
        self.weigh = nn.Conv2d(2, 1, kernel_size=7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        seen = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)  # (N, 2, H, W)
        return x * torch.sigmoid(self.weigh(seen))


def convolved(in_channels: int, out_channels: int, side: int = 3) -> nn.Sequential:
    """Convolution, batch normalization, ReLU; the size stays."""
    convolution = nn.Conv2d(in_channels, out_channels, side, padding=side // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels), nn.ReLU())


def plain_convolution(in_channels: int, out_channels: int) -> nn.Conv2d:
    """3 x 3, without a bias: batch normalization follows."""
    return nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False)


def halved(x: Tensor) -> Tensor:
    """The largest of every 2 x 2 pixels; a last odd row or column stands for itself."""
    return F.max_pool2d(x, 2, ceil_mode=True)
