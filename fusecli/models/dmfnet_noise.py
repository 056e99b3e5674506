"""The diffusion behind DM-FNet: how much of an image each step keeps, and the noise that takes the rest's place.

Source: Ho et al., "Denoising Diffusion Probabilistic Models", NeurIPS 2020. Steps count from 1 to T; "kept" is that
paper's alpha-bar: the share of the image's variance that is left after a step, 1 at most.
"""

import math

import torch
from torch import Tensor

# Of the linear schedule, for 2000 steps: Saharia et al., "Image Super-Resolution via Iterative Refinement", 2022.
LINEAR_STEPS = 2000
LINEAR_FROM, LINEAR_TO = 1e-6, 1e-2

# Of the cosine schedule: Nichol and Dhariwal, "Improved Denoising Diffusion Probabilistic Models", 2021, eq. 17.
COSINE_OFFSET = 0.008
LARGEST_STEP = 0.999


def kept(schedule: str, steps: int) -> Tensor:
    """What is left of an image after each of `steps` steps, (steps,) in 0..1, falling: `cosine` or `linear`.

    A linear schedule of another length than 2000 is scaled so that as much is left in the end.
    """
    if schedule == "linear":
        scale = LINEAR_STEPS / steps
        lost = torch.linspace(scale * LINEAR_FROM, scale * LINEAR_TO, steps, dtype=torch.float64)
    elif schedule == "cosine":
        angle = (torch.arange(steps + 1, dtype=torch.float64) / steps + COSINE_OFFSET) / (1 + COSINE_OFFSET)
        level = torch.cos(angle * math.pi / 2) ** 2
        lost = 1 - level[1:] / level[:-1]
    else:
        raise ValueError(f"unknown noise schedule {schedule!r}")
    # A step that took all would leave nothing to go back from.
    return torch.cumprod(1 - lost.clamp(max=LARGEST_STEP), dim=0).float()


def noised(image: Tensor, noise: Tensor, left: Tensor) -> Tensor:
    """`image` in 0..1 on the diffusion's scale, -1..1, with `left`, (N,) or one number, of its variance kept (eq. 4).

    `noise` has mean 0 and variance 1 and the shape of `image`, (N, 1, H, W), or one that spreads to it.
    """
    left = left.reshape(-1, 1, 1, 1)
    return left.sqrt() * (2 * image - 1) + (1 - left).sqrt() * noise


def laid(noise: Tensor, height: int, width: int) -> Tensor:
    """A small field of noise, (..., side, side), repeated over height x width from the upper left corner on."""
    rows = torch.arange(height, device=noise.device) % noise.shape[-2]
    columns = torch.arange(width, device=noise.device) % noise.shape[-1]
    return noise[..., rows, :][..., columns]
