"""What a fused image is rewarded for."""

import torch
import torch.nn.functional as F
from torch import Tensor

from fusecli.settings import LossSettings

SOBEL = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])


def fusion_loss(fused: Tensor, fixed: Tensor, moving: Tensor, settings: LossSettings) -> Tensor:
    """How far `fused` is from keeping both sources: one number, 0 at best.

    All three are (N, 1, H, W), sources in 0..1. The default is the LRC paper's loss (Zhou et al. 2025, eqs. 17-21):
    L1(F, A) + L1(F, B) + alpha * L1(|grad F|, max(|grad A|, |grad B|)), each the mean over pixels.

    Raises ValueError for a setting that is not one of those in `LossSettings`.
    """
    intensity = _intensity_term(fused, fixed, moving, settings.intensity)
    return intensity + settings.alpha * _gradient_term(fused, fixed, moving, settings.gradient)


def _intensity_term(fused: Tensor, fixed: Tensor, moving: Tensor, target: str) -> Tensor:
    if target == "both":
        return F.l1_loss(fused, fixed) + F.l1_loss(fused, moving)
    if target == "max":
        return F.l1_loss(fused, torch.maximum(fixed, moving))
    raise ValueError(f"unknown intensity target {target!r}")


def _gradient_term(fused: Tensor, fixed: Tensor, moving: Tensor, form: str) -> Tensor:
    of_fused, of_fixed, of_moving = sobel(fused), sobel(fixed), sobel(moving)
    if form == "absolute":
        return _absolute_term(of_fused, of_fixed, of_moving)
    if form == "signed":
        return _signed_term(of_fused, of_fixed, of_moving)
    if form == "mixed":
        absolute = _absolute_term(of_fused, of_fixed, of_moving)
        return (absolute + _signed_term(of_fused, of_fixed, of_moving)) / 2
    raise ValueError(f"unknown gradient form {form!r}")


def sobel(image: Tensor) -> Tensor:
    """Unscaled Sobel derivatives along columns and rows: (N, 1, H, W) to (N, 2, H, W), border replicated."""
    kernels = torch.stack([SOBEL, SOBEL.T]).unsqueeze(1).to(image)
    return F.conv2d(F.pad(image, (1, 1, 1, 1), mode="replicate"), kernels)


def _magnitude(gradient: Tensor) -> Tensor:
    return gradient.abs().sum(dim=1, keepdim=True)  # |Gx| + |Gy|, as the field's code has it


def _absolute_term(fused: Tensor, fixed: Tensor, moving: Tensor) -> Tensor:
    return F.l1_loss(_magnitude(fused), torch.maximum(_magnitude(fixed), _magnitude(moving)))


def _signed_term(fused: Tensor, fixed: Tensor, moving: Tensor) -> Tensor:
    # The sign keeps bright edges bright: magnitudes alone allow an embossed copy.
    stronger = torch.where(_magnitude(fixed) >= _magnitude(moving), fixed, moving)
    return 2 * F.l1_loss(fused, stronger)  # the mean over both derivatives, times 2, is their sum
