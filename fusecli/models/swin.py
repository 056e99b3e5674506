"""Attention inside windows, and inside windows shifted by half their side, so that every pixel reaches its neighbours.

Source: Liu et al., "Swin Transformer", ICCV 2021, section 3.2. One thing differs: where an image is padded to whole
windows, nothing attends to the padding.

Shapes: N images, H rows, W columns, C channels; V windows of L = side * side pixels in an image.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SwinPair(nn.Module):
    """W-MSA, then SW-MSA: (N, C, H, W) to the same, any height and width."""

    def __init__(self, channels: int, *, window: int, head_width: int, mlp_ratio: int) -> None:
        super().__init__()
        self.plain = SwinBlock(channels, window=window, shift=0, head_width=head_width, mlp_ratio=mlp_ratio)
        self.shifted = SwinBlock(channels, window=window, shift=window // 2, head_width=head_width, mlp_ratio=mlp_ratio)

    def forward(self, x: Tensor) -> Tensor:
        pixels = self.shifted(self.plain(x.permute(0, 2, 3, 1)))  # (N, H, W, C)
        return pixels.permute(0, 3, 1, 2)  # type: ignore[no-any-return]


class SwinBlock(nn.Module):
    """Attention in windows and a small network on every pixel, each added to what came in: (N, H, W, C)."""

    def __init__(self, channels: int, *, window: int, shift: int, head_width: int, mlp_ratio: int) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.norm_attention = nn.LayerNorm(channels)
        self.attention = WindowAttention(channels, window, heads=channels // head_width)
        self.norm_mlp = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, mlp_ratio * channels), nn.GELU(), nn.Linear(mlp_ratio * channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + in_windows(self.attention, self.norm_attention(x), window=self.window, shift=self.shift)
        return x + self.mlp(self.norm_mlp(x))  # type: ignore[no-any-return]


class WindowAttention(nn.Module):
    """Multi-head self-attention within each window, with a learned bias per head and relative position (eq. 4)."""

    def __init__(self, channels: int, window: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        self.position_bias = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        self.register_buffer("relative", relative_positions(window), persistent=False)
        self.relative: Tensor
        nn.init.trunc_normal_(self.position_bias, std=0.02)

    def forward(self, pixels: Tensor, apart: Tensor | None) -> Tensor:
        """(N, V, L, C) to the same; `apart`, (V, L, L), is True where one pixel must not see the other."""
        split = self.query_key_value(pixels).unflatten(3, (3, self.heads, -1))  # (N, V, L, 3, heads, C / heads)
        query, key, value = split.permute(3, 0, 1, 4, 2, 5).unbind()  # (N, V, heads, L, C / heads)
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)  # (N, V, heads, L, L)
        scores = scores + self.position_bias[self.relative].permute(2, 0, 1)
        if apart is not None:
            scores = scores.masked_fill(apart.unsqueeze(1), -torch.inf)
        seen = torch.softmax(scores, dim=-1) @ value
        return self.out(seen.transpose(2, 3).flatten(3))  # type: ignore[no-any-return]


def relative_positions(window: int) -> Tensor:
    """For each two pixels of a window, which row of the bias table belongs to their offset: (L, L)."""
    row, column = (part.flatten() for part in torch.meshgrid(*[torch.arange(window)] * 2, indexing="ij"))
    down, right = (part[:, None] - part[None, :] + window - 1 for part in (row, column))
    return down * (2 * window - 1) + right


def in_windows(attend: Callable[[Tensor, Tensor | None], Tensor], x: Tensor, *, window: int, shift: int) -> Tensor:
    """Cut (N, H, W, C) into windows, rolled by `shift`, let each `attend`, and put them back."""
    height, width = x.shape[1:3]
    below, right = -height % window, -width % window
    padded = F.pad(x, (0, 0, 0, right, 0, below))
    rolled = torch.roll(padded, (-shift, -shift), dims=(1, 2)) if shift else padded
    # A trace holds for every size, so that it needs the mask even where this size does not.
    divided = shift > 0 or torch.jit.is_tracing() or below > 0 or right > 0  # type: ignore[attr-defined, no-untyped-call]
    apart = regions_apart(height, width, window, shift, x.device) if divided else None
    attended = _join(attend(_cut(rolled, window), apart), rolled.shape, window)
    back = torch.roll(attended, (shift, shift), dims=(1, 2)) if shift else attended
    return back[:, :height, :width]


def regions_apart(height: int, width: int, window: int, shift: int, device: torch.device) -> Tensor:
    """Which pixels of a window do not belong together, (V, L, L): the image's far side, rolled in, and the padding."""
    rows, columns = (_regions(length, window, shift, device) for length in (height, width))
    regions = (4 * rows[:, None] + columns[None, :])[None, :, :, None]  # (1, H, W, 1) of whole windows
    of_window = _cut(regions, window)[0, :, :, 0]  # (V, L)
    return of_window[:, :, None] != of_window[:, None, :]


def _regions(length: int, window: int, shift: int, device: torch.device) -> Tensor:
    # The first `shift` lines are rolled into the last window, where they meet lines from the other end.
    line = torch.arange(length + -length % window, device=device)
    return torch.roll((line < shift) + 2 * (line >= length), -shift)


def _cut(x: Tensor, window: int) -> Tensor:
    """(N, H, W, C) to (N, V, L, C); H and W are multiples of `window`."""
    images, height, width, channels = x.shape
    cut = x.view(images, height // window, window, width // window, window, channels)
    return cut.transpose(2, 3).reshape(images, -1, window * window, channels)


def _join(pixels: Tensor, shape: torch.Size, window: int) -> Tensor:
    """What `_cut` has cut, back in `shape`."""
    images, height, width, channels = shape
    cut = pixels.view(images, height // window, width // window, window, window, channels)
    return cut.transpose(2, 3).reshape(images, height, width, channels)
