"""A network that tells how one image of a head is bent against another of a different modality.

Two encoders, one for each image, give features of a quarter and of half of the resolution. On either grid the features
of FIXED are correlated with those of MOVING in all cells nearby, and a small U-Net reads from that, and from the
features, how far each cell's partner lies: first on the coarse grid, then, with MOVING's features warped by what was
found, on the finer one. Each step is a velocity, integrated by scaling and squaring, so that nothing folds.

Sources: Sun et al., "PWC-Net", CVPR 2018 (warped features, correlation); Balakrishnan et al., "VoxelMorph", IEEE TMI
38(8), 2019 (a network for the field); Arsigny et al., "A log-Euclidean framework for statistics on diffeomorphisms",
MICCAI 2006 (scaling and squaring). The network is our own.
"""

import math
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEATURES = 24
# How many cells away a partner is looked for on either grid.
REACH = 2
# The sides of what goes in are multiples of this: an eighth of a quarter.
MULTIPLE = 32
SQUARINGS = 5
# Against dividing by the length of a feature of nothing.
TINY = 1e-4
# Correlations are -1..1, and weak beside the features without this.
CORRELATION_GAIN = 3.0


class Motion(NamedTuple):
    """Both steps of a search; displacements are (N, 2, H, W), (row, column), in cells of their own grid.

    `coarse` lies on the grid of a quarter of the resolution, `guess` is the same on that of half, and `fine` is what is
    found from there. The similarities are (N, (2 REACH + 1)^2, H, W), logits of where the partner of a cell lies, seen
    from no motion on the coarse grid and from `guess` on the fine one.
    """

    coarse: Tensor
    guess: Tensor
    fine: Tensor
    coarse_similarity: Tensor
    fine_similarity: Tensor


class RegistrationNet(nn.Module):
    """FIXED and MOVING, (N, 1, H, W) in 0..1 with sides of whole multiples of 32, to displacements."""

    def __init__(self) -> None:
        super().__init__()
        seen = (2 * REACH + 1) ** 2 + 2 * FEATURES
        self.fixed, self.moving = Encoder(), Encoder()
        self.coarse, self.fine = Decoder(seen, 48), Decoder(seen + 2, 32)
        self.sharpness = nn.Parameter(torch.full((2,), math.log(10)))  # of the similarities, on either grid

    def forward(self, fixed: Tensor, moving: Tensor) -> Tensor:
        """(N, 2, H/2, W/2): how far, in cells of that grid, the partner in MOVING of each of FIXED's cells lies."""
        return self.motion(fixed, moving).fine

    def motion(self, fixed: Tensor, moving: Tensor) -> Motion:
        """Both steps, for training."""
        (own, own_finer), (other, other_finer) = self.fixed(fixed), self.moving(moving)
        similarity = correlation(own, other)
        coarse = integrated(self.coarse(_together(similarity, own, other)))
        guess = 2 * enlarged(coarse)
        brought = warped(other_finer, guess)
        finer_similarity = correlation(own_finer, brought)
        rest = integrated(self.fine(torch.cat([_together(finer_similarity, own_finer, brought), guess], dim=1)))
        sharpness = self.sharpness.exp()
        return Motion(
            coarse,
            guess,
            rest + warped(guess, rest),
            sharpness[0] * similarity,
            sharpness[1] * finer_similarity,
        )


class Encoder(nn.Module):
    """(N, 1, H, W) to features of a quarter and of half of the resolution, (N, FEATURES, ...) each."""

    def __init__(self) -> None:
        super().__init__()
        self.scale1 = _layer(1, 12)
        self.scale2 = nn.Sequential(_layer(12, 32, stride=2), _layer(32, 32))
        self.scale4 = nn.Sequential(_layer(32, 48, stride=2), _layer(48, 48), _layer(48, 48))
        self.scale8 = nn.Sequential(_layer(48, 64, stride=2), _layer(64, 64))
        self.into4, self.into2 = _layer(64 + 48, 48), _layer(48 + 32, 32)
        self.features, self.finer_features = nn.Conv2d(48, FEATURES, 1), nn.Conv2d(32, FEATURES, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        half = self.scale2(self.scale1(image))
        quarter = self.scale4(half)
        quarter = self.into4(torch.cat([enlarged(self.scale8(quarter)), quarter], dim=1))
        half = self.into2(torch.cat([enlarged(quarter), half], dim=1))
        return self.features(quarter), self.finer_features(half)


class Decoder(nn.Module):
    """What was seen, (N, channels, H, W), to a velocity, (N, 2, H, W): a U-Net of four scales, still at first."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.scale1 = nn.Sequential(_layer(channels, width), _layer(width, width))
        self.scale2 = nn.Sequential(_layer(width, width, stride=2), _layer(width, width))
        self.scale4 = nn.Sequential(_layer(width, 64, stride=2), _layer(64, 64))
        self.scale8 = nn.Sequential(_layer(64, 64, stride=2), _layer(64, 64))
        self.into4, self.into2 = _layer(128, 64), _layer(64 + width, width)
        self.into1 = _layer(2 * width, 32)
        self.velocity = nn.Conv2d(32, 2, 3, padding=1)
        nn.init.normal_(self.velocity.weight, std=1e-3)
        nn.init.zeros_(cast("Tensor", self.velocity.bias))

    def forward(self, seen: Tensor) -> Tensor:
        first = self.scale1(seen)
        half = self.scale2(first)
        quarter = self.scale4(half)
        quarter = self.into4(torch.cat([enlarged(self.scale8(quarter)), quarter], dim=1))
        half = self.into2(torch.cat([enlarged(quarter), half], dim=1))
        velocity: Tensor = self.velocity(self.into1(torch.cat([enlarged(half), first], dim=1)))
        return velocity


def _layer(channels: int, width: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 3, stride, padding=1), nn.LeakyReLU(0.1))


def _together(similarity: Tensor, own: Tensor, other: Tensor) -> Tensor:
    return torch.cat([CORRELATION_GAIN * similarity, own, other], dim=1)


def correlation(own: Tensor, other: Tensor) -> Tensor:
    """The cosine of features, (N, C, H, W), with those of the cells up to REACH away: (N, (2 REACH + 1)^2, H, W).

    Rows of the neighbourhood come first. Beyond the rim its features go on.
    """
    own, other = _of_length_one(own), F.pad(_of_length_one(other), (REACH,) * 4, mode="replicate")
    rows, columns = own.shape[-2:]
    shifts = [(down, right) for down in range(2 * REACH + 1) for right in range(2 * REACH + 1)]
    return torch.stack([(own * other[..., d : d + rows, r : r + columns]).sum(dim=1) for d, r in shifts], dim=1)


def _of_length_one(features: Tensor) -> Tensor:
    return features / (features.square().sum(dim=1, keepdim=True) + TINY).sqrt()


def warped(values: Tensor, displacement: Tensor) -> Tensor:
    """`values`, (N, C, H, W), taken from where each cell's displacement points; beyond the rim they go on."""
    rows, columns = values.shape[-2:]
    down, right = torch.meshgrid(
        torch.arange(rows, dtype=values.dtype, device=values.device),
        torch.arange(columns, dtype=values.dtype, device=values.device),
        indexing="ij",
    )
    # grid_sample counts (column, row), from -1 in the middle of the first cell to 1 in that of the last.
    x = (right + displacement[:, 1]) * 2 / (columns - 1) - 1
    y = (down + displacement[:, 0]) * 2 / (rows - 1) - 1
    taken: Tensor = F.grid_sample(values, torch.stack([x, y], dim=-1), padding_mode="border", align_corners=True)
    return taken


def integrated(velocity: Tensor) -> Tensor:
    """The displacement that a velocity, (N, 2, H, W), comes to in one unit of time: scaling and squaring."""
    displacement = velocity / (1 << SQUARINGS)
    for _ in range(SQUARINGS):
        displacement = displacement + warped(displacement, displacement)
    return displacement


def enlarged(values: Tensor) -> Tensor:
    """Twice the cells along each axis, linearly."""
    twice: Tensor = F.interpolate(values, scale_factor=2, mode="bilinear", align_corners=False)
    return twice


def padded(images: Tensor, multiple: int) -> Tensor:
    """(N, C, H, W) with black added on the right and below until H and W are multiples of `multiple`."""
    rows, columns = (-side % multiple for side in images.shape[-2:])
    return F.pad(images, (0, columns, 0, rows))
