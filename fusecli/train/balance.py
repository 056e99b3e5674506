"""Every metric of every task held at its lead: what falls short weighs more from step to step, what is reached less.

Source: the differential multiplier method with damping, Platt and Barr, "Constrained Differential Optimization",
NeurIPS 1987: the network descends the loss while the multiplier of each constraint ascends it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusecli.metrics.vif import require_four_scales
from fusecli.settings.training import Leads, TrainSettings
from fusecli.train import kept
from fusecli.train.datasets import Grey, Tasks, tasks_of_step
from fusecli.train.losses import fusion_loss
from fusecli.train.validation import as_batches, share_of_each, validate

MEASURE = "minus lack"


class Pull(NamedTuple):
    """A multiplier: what it begins with, between what it stays, and how fast it follows what is lacking."""

    first: float
    least: float
    most: float
    speed: float


# In the order of the fields of Leads. What rises by itself in most tasks begins with little or no weight.
PULLS = (
    Pull(1.3, 0.2, 5.0, 1.0),  # qabf
    Pull(0.0, 0.0, 1.0, 0.5),  # scd
    Pull(0.15, 0.05, 3.0, 1.0),  # vif
    Pull(0.8, 0.0, 4.0, 1.0),  # vif_fixed
    Pull(0.8, 0.0, 4.0, 1.0),  # vif_moving
    Pull(4.5, 0.2, 8.0, 2.0),  # ssim
    Pull(0.0, 0.0, 0.3, 0.05),  # edges
    Pull(0.02, 0.0, 1.0, 0.2),  # frequency
)
RATE = 0.6  # of every multiplier, times its speed, per step and unit of what is lacking
DAMPING = 25.0  # as much more a metric weighs, times its speed, while a unit of it is lacking
MEMORY = 0.96  # of the running mean of what is lacking: one patch says little
FIRST_STEPS = 20  # until that mean says something
LARGEST_LACK = 0.3  # that one patch may count in it

# Multipliers are shares of this sum. Were the loss to grow with them, so would the steps of the network.
SUM = 3.0


class Balanced:
    """The objective `LossSettings.balance`: a weighted sum of what is lacking, the weights learned beside the network.

    Patches count for the task that they are of. The rest of the loss, brightness and excess, is added as it is. The
    score of an epoch is minus what whole validation images lack, by the weights that training begins with.
    """

    measure = MEASURE

    def __init__(self, settings: TrainSettings, tasks: Sequence[str]) -> None:
        self._settings = settings
        self._tasks = sorted(tasks)
        leads = torch.stack([_row(leads_of(settings, task)) for task in self._tasks])  # (task, metric)
        counted = ~leads.isnan()
        first, least, most, self._speed = (torch.tensor(column) for column in zip(*PULLS, strict=True))
        self._leads = leads.nan_to_num()
        self._least, self._most = least * counted, most * counted
        self._multipliers = first * counted
        self._lacking = torch.zeros_like(leads)
        self._steps = 0

    def loss(self, network: nn.Module, fixed: Tensor, moving: Tensor, step: int) -> Tensor:
        fused = network(fixed, moving)
        names = tasks_of_step(self._tasks, self._settings.batch, step)
        rows = [self._tasks.index(name) for name in names]
        lacking = self._leads[rows].to(fused.device) - margins(fixed, moving, fused)
        self._follow(rows, lacking.detach().cpu())
        weights = self.weights()[rows].to(fused.device)
        balanced = SUM * (weights * lacking).sum() / weights.sum()
        return balanced + fusion_loss(fused, fixed, moving, self._settings.loss)

    def worth(self, network: nn.Module, validation: Tasks, device: str) -> float:
        count = share_of_each(validation, self._settings.validation_pairs)
        scores = []
        for task, pairs in validation.items():
            score = partial(minus_lack, leads=leads_of(self._settings, task))
            scores.append(validate(network, {task: pairs}, score=score, count=count, device=device))
        return float(np.mean(scores))

    def weights(self) -> Tensor:
        """What each metric counts in each task at present, (task, metric), tasks by name: the damped multipliers."""
        return self._within(self._multipliers + DAMPING * self._speed * self._lacking)

    def state(self) -> dict[str, Any]:
        return {"multipliers": self._multipliers, "lacking": self._lacking, "steps": self._steps}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._multipliers, self._lacking, self._steps = (state[name] for name in ("multipliers", "lacking", "steps"))

    def _follow(self, rows: Sequence[int], lacking: Tensor) -> None:
        # New tensors, because a state that was given out keeps the old ones.
        share = max(1 / (self._steps + 1), 1 - MEMORY)
        self._steps += 1
        self._lacking = self._lacking.clone()
        for row, found in zip(rows, lacking.clamp(-LARGEST_LACK, LARGEST_LACK), strict=True):
            self._lacking[row] += share * (found - self._lacking[row])
        if self._steps > FIRST_STEPS:
            self._multipliers = self._within(self._multipliers + RATE * self._speed * self._lacking)

    def _within(self, multipliers: Tensor) -> Tensor:
        return torch.minimum(torch.maximum(multipliers, self._least), self._most)


def margins(fixed: Tensor, moving: Tensor, fused: Tensor) -> Tensor:
    """By how much `fused` passes the brighter of the two in each metric of `Leads`: (N, 8), of (N, 1, H, W) in 0..1."""
    with torch.no_grad():
        to_beat = _metrics(fixed, moving, torch.maximum(fixed, moving))
    return _metrics(fixed, moving, fused) - to_beat


def minus_lack(fixed: Grey, moving: Grey, fused: Grey, *, leads: Leads) -> float:
    """Minus what one whole image lacks of its leads, weighed by the first multipliers; 0 at best.

    The images are (row, column) in 0..1. Raises ShapeError below 41 x 41 pixels.
    """
    require_four_scales(fixed.shape)
    result, one, other = as_batches(fused, fixed, moving)
    lacking = F.relu(_row(leads) - margins(one, other, result)[0]).nan_to_num()
    return -float((torch.tensor([pull.first for pull in PULLS]) * lacking).sum())


def leads_of(settings: TrainSettings, task: str) -> Leads:
    """The leads of a task; those of "" where it has none of its own."""
    balance = settings.loss.balance or {}
    return balance.get(task, balance.get("", Leads()))


def _row(leads: Leads) -> Tensor:
    return torch.tensor([float("nan") if lead is None else lead for lead in astuple(leads)])


def _metrics(fixed: Tensor, moving: Tensor, fused: Tensor) -> Tensor:
    """(N, 8), in the order of the fields of Leads."""
    of_fixed, of_moving = kept.information(fixed, moving, fused)
    found = (
        kept.edges(fixed, moving, fused),
        kept.differences(fixed, moving, fused),
        of_fixed + of_moving,
        of_fixed,
        of_moving,
        kept.structure(fixed, moving, fused),
        kept.edge_intensity(fused).log(),
        kept.spatial_frequency(fused).log(),
    )
    return torch.stack(found, dim=1)
