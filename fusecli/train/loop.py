"""The training loop: one generator that reports after every epoch."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from safetensors.torch import save as as_safetensors
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, StepLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from fusecli.atomic import replacing
from fusecli.errors import ModelError
from fusecli.settings.training import TrainSettings
from fusecli.train import checkpoint
from fusecli.train.datasets import Tasks, patches
from fusecli.train.divergence import diverged
from fusecli.train.objective import Objective


@dataclass(frozen=True, slots=True)
class EpochReport:
    """What one epoch came to. `score` is what the objective measures, `improved` whether it is the best so far."""

    epoch: int
    epochs: int
    loss: float
    score: float
    improved: bool
    stopped_early: bool
    seconds: float


def train(
    network: nn.Module,
    tasks: Tasks,
    validation: Tasks,
    *,
    objective: Objective,
    weights_path: Path,
    settings: TrainSettings,
    device: str = "cpu",
    resume: bool = False,
    on_step: Callable[[int, int], None] | None = None,
) -> Iterator[EpochReport]:
    """Train `network` on patches of `tasks`, and keep the weights that score best on `validation`.

    Yields one report per epoch. After each, `weights_path` (safetensors) holds the best weights so far and
    `weights_path` + ".checkpoint" everything needed to go on; `resume` goes on from there. Ends early when what
    the objective measures has not risen by `min_delta` for `patience` epochs. `on_step(done, total)` is called within
    epochs.

    Raises ModelError when there is nothing to resume, or the checkpoint was made by another run: other settings,
    training pairs, validation pairs or network; UsageError when training diverges, which leaves both files as the
    last epoch wrote them; OutputError when a file cannot be written.
    """
    run = _Run(network.to(device), objective, _steps_per_epoch(tasks, settings), settings)
    identity = checkpoint.identity(settings, tasks, validation)
    checkpoint_path = checkpoint.path_beside(weights_path)
    if resume:
        run.restore(checkpoint.read(checkpoint_path, identity))
    while run.epoch < settings.epochs and not run.exhausted:
        started = perf_counter()
        loss = run.run_epoch(tasks, device, on_step)
        value = objective.worth(run.averaged.module, validation, device)
        improved = run.note(value)
        if improved:
            save_weights(run.averaged.module, weights_path)
        checkpoint.write(checkpoint_path, identity | run.state())
        seconds = perf_counter() - started
        yield EpochReport(run.epoch, settings.epochs, loss, value, improved, run.exhausted, seconds)


class _Run:
    """The moving parts of one training: what a checkpoint holds."""

    def __init__(self, network: nn.Module, objective: Objective, steps_per_epoch: int, settings: TrainSettings) -> None:
        self.objective = objective
        self.settings = settings
        self.steps_per_epoch = steps_per_epoch
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = AveragedModel(network, multi_avg_fn=partial(remembered, memory=settings.ema))
        self.optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
        self.scheduler = _scheduler(self.optimizer, steps_per_epoch, settings)
        self.epoch = 0
        self.best = -np.inf
        self.epochs_without_gain = 0

    @property
    def exhausted(self) -> bool:
        return self.epochs_without_gain >= self.settings.patience

    def run_epoch(self, tasks: Tasks, device: str, on_step: Callable[[int, int], None] | None) -> float:
        """One pass of gradient steps; returns the mean loss."""
        self.network.train()
        losses = []
        for done in range(self.steps_per_epoch):
            losses.append(self._step(tasks, self.epoch * self.steps_per_epoch + done, device))
            if on_step is not None:
                on_step(done + 1, self.steps_per_epoch)
        self.epoch += 1
        return float(np.mean(losses))

    def _step(self, tasks: Tasks, step: int, device: str) -> float:
        settings = self.settings
        fixed, moving = (torch.from_numpy(part).to(device) for part in patches(tasks, settings, step))
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.objective.loss(self.network, fixed, moving, step)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), max_norm=settings.clip_norm)
        value = loss.item()
        if not math.isfinite(value) or not math.isfinite(norm.item()):
            raise diverged(f"The loss of epoch {self.epoch + 1} came to {value:g}, its gradient to {norm.item():g}.")
        self.optimizer.step()
        self.scheduler.step()
        self.averaged.update_parameters(self.network)
        return value

    def note(self, value: float) -> bool:
        """Remember a validation score; True when it is the best so far by at least `min_delta`."""
        if value > self.best + self.settings.min_delta:
            self.best, self.epochs_without_gain = value, 0
            return True
        self.epochs_without_gain += 1
        return False

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "objective": self.objective.state(),
            "epoch": self.epoch,
            "best": float(self.best),
            "epochs_without_gain": self.epochs_without_gain,
        }

    def restore(self, state: checkpoint.State) -> None:
        try:
            self.network.load_state_dict(state["network"])
            self.averaged.load_state_dict(state["averaged"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, KeyError, ValueError) as error:
            raise ModelError(
                "The checkpoint is that of another network.",
                why=str(error).splitlines()[0],
                hint="Give the same --config as before, or leave out --resume to start from the beginning.",
            ) from error
        self.scheduler.load_state_dict(state["scheduler"])
        self.objective.restore(state["objective"])
        self.epoch, self.best = state["epoch"], state["best"]
        self.epochs_without_gain = state["epochs_without_gain"]


def save_weights(network: nn.Module, path: Path) -> None:
    """Write the weights as safetensors, whole or not at all. Raises OutputError when that cannot be done."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with replacing(path, overwrite=True) as temporary:
        # Not save_file, which makes the file readable by its owner alone, whatever the umask allows.
        temporary.write_bytes(as_safetensors(tensors))


def remembered(mean: Sequence[Tensor], new: Sequence[Tensor], steps: Tensor, *, memory: float) -> None:
    """Let `mean` follow `new`: it remembers about a ninth of the steps so far, until that is as many as `memory` has.

    A short run would otherwise be judged, and saved, by what it began with. Source: the warm-up of TensorFlow's
    ExponentialMovingAverage (num_updates).
    """
    share = min(memory, (1 + int(steps)) / (10 + int(steps)))
    get_ema_multi_avg_fn(share)(mean, new, steps)  # type: ignore[no-untyped-call]


def _steps_per_epoch(tasks: Tasks, settings: TrainSettings) -> int:
    return max(1, sum(len(pairs) for pairs in tasks.values()) // settings.batch)


def _scheduler(optimizer: torch.optim.Optimizer, steps_per_epoch: int, settings: TrainSettings) -> LRScheduler:
    if settings.schedule == "one-cycle":
        steps = settings.epochs * steps_per_epoch
        # torch divides by the length of the warm-up, steps * pct_start - 1; where that is 0 or less, its default.
        warm_up = settings.warm_up if steps * settings.warm_up > 1 else 0.3
        return OneCycleLR(optimizer, max_lr=settings.learning_rate, total_steps=steps, pct_start=warm_up)
    if settings.schedule == "paper":
        return StepLR(optimizer, step_size=settings.decay_epochs * steps_per_epoch, gamma=settings.decay)
    raise ValueError(f"unknown schedule {settings.schedule!r}")
