"""What a fused image is rewarded for."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from fusecli.settings.training import Goal, LossSettings
from fusecli.train import kept
from fusecli.train.composite import composite_loss
from fusecli.train.kept import sobel


def fusion_loss(fused: Tensor, fixed: Tensor, moving: Tensor, settings: LossSettings) -> Tensor:
    """How far `fused` is from keeping both sources: one number, 0 at best.

    All three are (N, 1, H, W), sources in 0..1. The default is the LRC paper's loss (Zhou et al. 2025, eqs. 17-21):
    L1(F, A) + L1(F, B) + alpha * L1(|grad F|, max(|grad A|, |grad B|)), each the mean over pixels. For each
    metric that is a goal, what the patches lack of it is added; so is the loss of CSAFusion.

    Raises ValueError for a setting that is not one of those in `LossSettings`.
    """
    loss = settings.brightness * _intensity_term(fused, fixed, moving, settings.intensity)
    if settings.alpha:
        loss = loss + settings.alpha * _gradient_term(fused, fixed, moving, settings.gradient)
    if settings.excess:
        loss = loss + settings.excess * _excess_term(fused, fixed, moving)
    if settings.clearer:
        loss = loss + settings.clearer * (1 - kept.clearer_structure(fixed, moving, fused)).mean()
    if settings.goals:
        loss = loss + _goals_term(fused, fixed, moving, settings.goals)
    if settings.composite:
        loss = loss + composite_loss(fused, fixed, moving, settings.composite)
    return loss


def _intensity_term(fused: Tensor, fixed: Tensor, moving: Tensor, target: str) -> Tensor:
    if target == "both":
        return F.l1_loss(fused, fixed) + F.l1_loss(fused, moving)
    if target == "max":
        return F.l1_loss(fused, torch.maximum(fixed, moving))
    if target == "none":
        return torch.zeros_like(fused[0, 0, 0, 0])
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


def _magnitude(gradient: Tensor) -> Tensor:
    return gradient.abs().sum(dim=1, keepdim=True)  # |Gx| + |Gy|, as the field's code has it


def _absolute_term(fused: Tensor, fixed: Tensor, moving: Tensor) -> Tensor:
    return F.l1_loss(_magnitude(fused), torch.maximum(_magnitude(fixed), _magnitude(moving)))


def _signed_term(fused: Tensor, fixed: Tensor, moving: Tensor) -> Tensor:
    # The sign keeps bright edges bright: magnitudes alone allow an embossed copy.
    stronger = torch.where(_magnitude(fixed) >= _magnitude(moving), fixed, moving)
    return 2 * F.l1_loss(fused, stronger)  # the mean over both derivatives, times 2, is their sum


def _excess_term(fused: Tensor, fixed: Tensor, moving: Tensor) -> Tensor:
    # An edge stronger than in either source is in neither of them: an artifact.
    strongest = torch.maximum(_magnitude(sobel(fixed)), _magnitude(sobel(moving)))
    return F.relu(_magnitude(sobel(fused)) - strongest).mean()


def _goals_term(fused: Tensor, fixed: Tensor, moving: Tensor, goals: Mapping[str, Goal]) -> Tensor:
    with torch.no_grad():
        to_beat = _kept(torch.maximum(fixed, moving), fixed, moving, goals)
    found = _kept(fused, fixed, moving, goals)
    lacking = [goal.weight * F.relu(to_beat[name] + goal.lead - found[name]).mean() for name, goal in goals.items()]
    return torch.stack(lacking).sum()


def _kept(fused: Tensor, fixed: Tensor, moving: Tensor, goals: Mapping[str, Goal]) -> dict[str, Tensor]:
    """What each image of a batch reaches, (N,), of every metric among the goals."""
    forms = {"qabf": kept.edges, "ssim": kept.structure, "scd": kept.differences}
    found = {name: form(fixed, moving, fused) for name, form in forms.items() if name in goals}
    if "vif" in goals or "vif_worse" in goals:
        of_fixed, of_moving = kept.information(fixed, moving, fused)
        found |= {"vif": of_fixed + of_moving, "vif_worse": torch.minimum(of_fixed, of_moving)}
    return found
