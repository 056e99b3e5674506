"""LRC: the long-range correlation-guided dual-encoder network.

Source: Zhou et al., Scientific Reports 2025, doi 10.1038/s41598-025-22834-1. Equation numbers below are that paper's.
What the paper leaves open, and how we read it, stands in docs/decisions/0002-reading-the-lrc-paper.md.

Shapes: N images, C channels, H rows, W columns, T x T pooled cells, L encoder layers. The network exists in two forms
that compute one function: the literal one follows the figure; the fast one, the default, never builds the T*T
correlation maps and reads each feature map once (docs/decisions/0003-fast-form-of-lrc.md).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusecli.models.lrc_config import LRCConfig
from fusecli.models.lrc_encoder import Encoder

# Smallest length of a feature vector in a cosine similarity (eq. 9).
COSINE_EPSILON = 1e-6

# The decoder's widest layers would take most of the memory of a whole image, so it runs over so many rows at a time.
STRIP_ROWS = 64


class LRC(nn.Module):
    """The whole network: FIXED and MOVING, (N, 1, H, W) in 0..1 each, to one image of the same shape.

    The output is about 0..1 and is not clipped, so that training sees a gradient everywhere; the Fuser clips it.
    """

    def __init__(self, config: LRCConfig | None = None) -> None:
        super().__init__()
        self.config = config or LRCConfig()
        self.fixed_encoder = Encoder(self.config)
        self.moving_encoder = Encoder(self.config)
        self.fusion = nn.ModuleList(LCFM(self.config) if gated else Ungated() for gated in self.config.fused_layers)
        self.decoder = Decoder(self.config)

    def forward(self, fixed: Tensor, moving: Tensor) -> Tensor:
        """The fast form."""
        fixed_layers, moving_layers = self.fixed_encoder(fixed), self.moving_encoder(moving)
        stages = list(zip(self.fusion, fixed_layers, moving_layers, strict=True))
        gates = [cast("LCFM | Ungated", lcfm).gate(a, b) for lcfm, a, b in stages]
        fused: Tensor = self.decoder([part for _, a, b in stages for part in (a, b)], gates)  # (N, 1, H, W)
        return fused

    def forward_literal(self, fixed: Tensor, moving: Tensor) -> Tensor:
        """The form of the paper's figure: the same function, slower, for tests and benchmarks."""
        fixed_layers = self.fixed_encoder.forward_literal(fixed)
        moving_layers = self.moving_encoder.forward_literal(moving)
        stages = zip(self.fusion, fixed_layers, moving_layers, strict=True)
        merged = torch.cat([lcfm(a, b) for lcfm, a, b in stages], dim=1)  # (N, 4LC, H, W)
        return self.decoder.forward_literal(merged)


class LCFM(nn.Module):
    """Long-range correlation fusion of one encoder layer of both branches (eqs. 9-16, Algorithm 1)."""

    def __init__(self, config: LRCConfig) -> None:
        super().__init__()
        self.fixed_gate = CorrelationGate(config)
        self.moving_gate = CorrelationGate(config)

    def gate(self, fixed: Tensor, moving: Tensor) -> Tensor:
        """The weight per channel that both branches share, (N, C), in 0..2."""
        shared: Tensor = self.fixed_gate(fixed) + self.moving_gate(moving)
        return shared

    def forward(self, fixed: Tensor, moving: Tensor) -> Tensor:
        """The literal form: features and gated features side by side, (N, 4C, H, W)."""
        shared = self.fixed_gate.forward_literal(fixed) + self.moving_gate.forward_literal(moving)  # (N, C)
        gate = shared[:, :, None, None]
        return torch.cat([fixed, moving, fixed * gate, moving * gate], dim=1)


class Ungated(nn.Module):
    """A layer without correlation, for ablations: its features as they are, (N, 2C, H, W)."""

    def gate(self, fixed: Tensor, moving: Tensor) -> None:
        return None

    def forward(self, fixed: Tensor, moving: Tensor) -> Tensor:
        return torch.cat([fixed, moving], dim=1)


class CorrelationGate(nn.Module):
    """How every pixel relates to T * T places of the image, summed up in one weight per channel (eqs. 9-13)."""

    def __init__(self, config: LRCConfig) -> None:
        super().__init__()
        self.cells = config.correlation_cells
        self.stride = config.gate_stride
        self.mix = nn.Conv2d(self.cells**2, config.channels, kernel_size=1)
        self.smooth = nn.Conv2d(config.channels, config.channels, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """The fast form: mix(correlation(x)) is linear in the unit features, so its weights are multiplied first."""
        pixels, places = self._unit_vectors(x)
        weights = self.mix.weight.flatten(1) @ places  # (C, T*T) @ (N, T*T, C) = (N, C, C)
        mixed = _conv_per_image(pixels, weights[:, :, :, None, None], self.mix.bias)  # (N, C, H, W)
        return torch.sigmoid(self.smooth(mixed)).mean(dim=(2, 3))  # (N, C)

    def forward_literal(self, x: Tensor) -> Tensor:
        pixels, places = self._unit_vectors(x)
        correlation = torch.einsum("ntc,nchw->nthw", places, pixels)  # (N, T*T, H, W)
        return torch.sigmoid(self.smooth(self.mix(correlation))).mean(dim=(2, 3))  # (N, C)

    def _unit_vectors(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.stride > 1:
            x = F.avg_pool2d(x, self.stride)
        pooled = F.adaptive_avg_pool2d(x, self.cells).flatten(2).transpose(1, 2)  # (N, T*T, C)
        return F.normalize(x, dim=1, eps=COSINE_EPSILON), F.normalize(pooled, dim=2, eps=COSINE_EPSILON)


class Decoder(nn.Module):
    """Five 3 x 3 convolutions from the merged features to the image."""

    def __init__(self, config: LRCConfig) -> None:
        super().__init__()
        read = sum(4 if gated else 2 for gated in config.fused_layers) * config.channels
        widths = [read, *config.decoder, 1]
        self.channels = config.channels
        self.convs = nn.ModuleList(nn.Conv2d(i, o, kernel_size=3, padding=1) for i, o in pairwise(widths))
        self.act = nn.LeakyReLU(config.slope, inplace=True)

    def forward(self, sources: Sequence[Tensor], gates: Sequence[Tensor | None]) -> Tensor:
        """The fast form: 2L `sources`, (N, C, H, W), per layer FIXED then MOVING; L `gates`, (N, C) each.

        The first convolution would read each feature map F twice, as F and as F * g. As g is a number per channel,
        W1 F + W2 (F g) = (W1 + g W2) F: half the channels of the widest layer.
        """
        folded = self._folded(gates, sources[0].shape[0])
        if torch.is_grad_enabled() or torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
            return self._decode(torch.cat(list(sources), dim=1), folded)
        return torch.cat([self._decode_rows(sources, folded, rows) for rows in _strips(sources[0].shape[2])], dim=2)

    def forward_literal(self, merged: Tensor) -> Tensor:
        return self._rest(self.convs[0](merged))

    def _folded(self, gates: Sequence[Tensor | None], images: int) -> Tensor:
        """The first kernel with the gates in it, (N, O, 2LC, 3, 3)."""
        sizes = [2 * self.channels if gate is None else 4 * self.channels for gate in gates]
        parts = zip(torch.split(self._first.weight, sizes, dim=1), gates, strict=True)
        return torch.cat([_folded(weight, gate, images) for weight, gate in parts], dim=2)

    def _decode_rows(self, sources: Sequence[Tensor], folded: Tensor, rows: slice) -> Tensor:
        # What lies beyond the rows, as far as the convolutions see, is computed too and cut off.
        reach = len(self.convs)
        top, bottom = max(0, rows.start - reach), min(sources[0].shape[2], rows.stop + reach)
        seen = torch.cat([part[:, :, top:bottom] for part in sources], dim=1)
        return self._decode(seen, folded)[:, :, rows.start - top : rows.stop - top]

    def _decode(self, sources: Tensor, folded: Tensor) -> Tensor:
        return self._rest(_conv_per_image(sources, folded, self._first.bias))

    def _rest(self, x: Tensor) -> Tensor:
        for conv in self.convs[1:]:
            x = conv(self.act(x))
        return x  # (N, 1, H, W)

    @property
    def _first(self) -> nn.Conv2d:
        return cast("nn.Conv2d", self.convs[0])


def parameter_count(network: nn.Module) -> int:
    """Trainable numbers of a network."""
    return sum(parameter.numel() for parameter in network.parameters())


def _strips(height: int) -> list[slice]:
    return [slice(top, min(top + STRIP_ROWS, height)) for top in range(0, height, STRIP_ROWS)]


def _folded(weight: Tensor, gate: Tensor | None, images: int) -> Tensor:
    """One layer's part of the decoder's first kernel, (O, 4C or 2C, 3, 3), for every image: (N, O, 2C, 3, 3)."""
    if gate is None:
        return weight.expand(images, *weight.shape)
    plain, gated = weight.chunk(2, dim=1)
    both = torch.cat([gate, gate], dim=1)[:, None, :, None, None]  # (N, 1, 2C, 1, 1): FIXED and MOVING share it
    return plain + both * gated


def _conv_per_image(x: Tensor, weights: Tensor, bias: Tensor | None) -> Tensor:
    """Convolve each image of a batch, (N, I, H, W), with its own kernel, (N, O, I, k, k), zero padded."""
    padding = weights.shape[-1] // 2
    images = zip(x.unsqueeze(1).unbind(), weights.unbind(), strict=True)
    return torch.cat([F.conv2d(image, kernel, bias, padding=padding) for image, kernel in images])
