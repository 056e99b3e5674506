"""Smooth deformations that are drawn by chance and known, so that a network can be told what it should have found.

Displacements are (N, 2, H, W), (row, column), in pixels of their own grid, as `models.registration` has them.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fusecli.models.registration import warped

# How finely the random displacements are drawn: this many knots within the length over which they vary.
KNOTS = 1.6
LEAST_KNOTS = 6
# A displacement that presses anything below this share of its area is shortened by so much, until it does not: a fold
# has no inverse, and a network that cannot fold is not to be told to.
LEAST_JACOBIAN, SHORTENED = 0.15, 0.8
# Rounds of the search for an inverse.
INVERSION_STEPS = 15


def drawn(random: np.random.Generator, size: tuple[int, int], smoothness: float, length: float) -> Tensor:
    """One displacement, (1, 2, H, W), that varies over about `smoothness` pixels and is `length` pixels in the mean.

    In a picture of a few times `smoothness` it varies faster, by LEAST_KNOTS along a side.
    """
    knots = [max(LEAST_KNOTS, round(KNOTS * side / smoothness)) for side in size]
    noise = torch.from_numpy(random.standard_normal((1, 2, *(count + 4 for count in knots))).astype(np.float32))
    smooth = _blurred(noise)[..., 2:-2, 2:-2]
    # Smoothly to a quarter of the resolution, which is as fine as knots lie, and linearly from there: ten times faster.
    quarter = F.interpolate(smooth, tuple(-(-side // 4) for side in size), mode="bicubic", align_corners=True)
    field = F.interpolate(quarter, size, mode="bilinear", align_corners=True)
    return length * field / field.square().sum(dim=1).sqrt().mean()


def _blurred(values: Tensor) -> Tensor:
    """By (1, 4, 6, 4, 1) / 16 along both axes: a Gaussian of one knot."""
    kernel = torch.tensor([1.0, 4, 6, 4, 1]) / 16
    square = (kernel[:, None] * kernel).expand(2, 1, 5, 5)
    return F.conv2d(F.pad(values, (2,) * 4, mode="reflect"), square, groups=2)


def affine(random: np.random.Generator, size: tuple[int, int], slope: float, shift: float) -> Tensor:
    """What a rigid search leaves over, (1, 2, H, W): an affine motion of slopes and shifts (pixels) of that spread."""
    down, right = (torch.arange(side, dtype=torch.float32) - (side - 1) / 2 for side in size)
    places = torch.stack(torch.meshgrid(down, right, indexing="ij"))
    slopes = torch.from_numpy(random.normal(0, slope, (2, 2)).astype(np.float32))
    start = torch.from_numpy(random.normal(0, shift, 2).astype(np.float32))
    return (torch.einsum("ij,jhw->ihw", slopes, places) + start[:, None, None])[None]


def unfolded(displacement: Tensor) -> Tensor:
    """The displacement, (1, 2, H, W), shortened until it presses nothing below LEAST_JACOBIAN of its area."""
    while least_jacobian(displacement) < LEAST_JACOBIAN:
        displacement = SHORTENED * displacement
    return displacement


def least_jacobian(displacement: Tensor) -> float:
    """The smallest Jacobian determinant of "point plus displacement", (1, 2, H, W), by central differences."""
    (dd, dr), (rd, rr) = (torch.gradient(part, dim=(0, 1)) for part in displacement[0])
    return float(((1 + dd) * (1 + rr) - dr * rd).min())


def inverse(displacement: Tensor) -> Tensor:
    """The displacement that leads back, by fixed points: u(x) = -d(x + u(x)).

    It ends where the displacement is nowhere steeper than one pixel in a pixel. Source: Chen et al., Medical Physics
    35(1), 2008.
    """
    back = -displacement
    for _ in range(INVERSION_STEPS):
        back = -warped(displacement, back)
    return back


def coarser(displacement: Tensor, factor: int) -> Tensor:
    """The same on a grid whose cells are means of `factor` x `factor` pixels, in cells of it."""
    return F.avg_pool2d(displacement, factor) / factor
