"""A convolution whose kernel every image weights anew.

Source: Lin et al., "Context-Gated Convolution", ECCV 2020, arXiv 1910.05577, which CSAFusion calls adaptive.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 3
CELLS = SIDE * SIDE


class AdaptiveConvolution(nn.Module):
    """A 3 x 3 convolution, (N, I, H, W) to (N, O, H, W), zero padded, times a gate in 0..1 per image and weight."""

    def __init__(self, in_channels: int, out_channels: int, code: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, SIDE, SIDE))
        nn.init.kaiming_normal_(self.weight)
        with torch.no_grad():
            self.weight.mul_(2)  # the gates start near 1/2
        self.gate = KernelGate(in_channels, out_channels, code)

    def forward(self, x: Tensor) -> Tensor:
        """The fast form: the images of a batch are the groups of one convolution, so no window is ever copied."""
        images, channels, height, width = x.shape
        kernels = self._kernels(x).flatten(0, 1)  # (N * O, I, 3, 3)
        side_by_side = x.reshape(1, images * channels, height, width)
        return F.conv2d(side_by_side, kernels, padding=SIDE // 2, groups=images).view(images, -1, height, width)

    def forward_literal(self, x: Tensor) -> Tensor:
        """The form of the paper: every 3 x 3 window unfolded, and a batched matrix product."""
        images, _, height, width = x.shape
        windows = F.unfold(x, SIDE, padding=SIDE // 2)  # (N, I * 9, H * W)
        return torch.bmm(self._kernels(x).flatten(2), windows).view(images, -1, height, width)

    def _kernels(self, x: Tensor) -> Tensor:
        gate = self.gate(x).unflatten(3, (SIDE, SIDE))
        kernels: Tensor = self.weight * gate  # (N, O, I, 3, 3)
        return kernels


class KernelGate(nn.Module):
    """From the image pooled to 3 x 3 cells, a weight per output channel, input channel and place: (N, O, I, 9)."""

    def __init__(self, in_channels: int, out_channels: int, code: int) -> None:
        super().__init__()
        self.encode = nn.Linear(CELLS, code)
        self.mix = nn.Linear(in_channels, out_channels)
        self.of_input = nn.Linear(code, CELLS)
        self.of_output = nn.Linear(code, CELLS)

    def forward(self, x: Tensor) -> Tensor:
        cells = F.adaptive_avg_pool2d(x, SIDE).flatten(2)  # (N, I, 9)
        in_code = F.relu(self.encode(cells))  # (N, I, code)
        out_code = F.relu(self.mix(in_code.transpose(1, 2))).transpose(1, 2)  # (N, O, code)
        return torch.sigmoid(self.of_output(out_code).unsqueeze(2) + self.of_input(in_code).unsqueeze(1))
