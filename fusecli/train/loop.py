"""The training loop: one generator that reports after every epoch, and a checkpoint to go on from."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from time import perf_counter
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, StepLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from fusecli.atomic import replacing
from fusecli.errors import ModelError
from fusecli.settings import TrainSettings
from fusecli.train.datasets import Tasks, TrainingPair, patches
from fusecli.train.losses import fusion_loss

log = logging.getLogger(__name__)

Score = Callable[[np.ndarray, np.ndarray, np.ndarray], float]


@dataclass(frozen=True, slots=True)
class EpochReport:
    """What one epoch came to. `score` is the mean validation Q^AB/F, `improved` whether it is the best so far."""

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
    score: Score,
    weights_path: Path,
    settings: TrainSettings,
    device: str = "cpu",
    resume: bool = False,
    on_step: Callable[[int, int], None] | None = None,
) -> Iterator[EpochReport]:
    """Train `network` on patches of `tasks`, and keep the weights that score best on `validation`.

    Yields one report per epoch. After each, `weights_path` (safetensors) holds the best weights so far and
    `weights_path` + ".checkpoint" everything needed to go on; `resume` goes on from there. Ends early when `score`,
    higher is better, has not risen by `min_delta` for `patience` epochs. `on_step(done, total)` is called within
    epochs.

    Raises ModelError when there is nothing to resume, or the checkpoint was made with other settings or other pairs;
    OutputError when a file cannot be written.
    """
    run = _Run(network.to(device), _steps_per_epoch(tasks, settings), settings)
    checkpoint = weights_path.with_name(weights_path.name + ".checkpoint")
    if resume:
        run.restore(checkpoint)
    while run.epoch < settings.epochs and not run.exhausted:
        started = perf_counter()
        loss = run.run_epoch(tasks, device, on_step)
        value = validate(run.averaged, validation, score=score, count=settings.validation_pairs, device=device)
        improved = run.note(value)
        if improved:
            save_weights(run.averaged.module, weights_path)
        run.save(checkpoint)
        seconds = perf_counter() - started
        yield EpochReport(run.epoch, settings.epochs, loss, value, improved, run.exhausted, seconds)


class _Run:
    """The moving parts of one training: what a checkpoint holds."""

    def __init__(self, network: nn.Module, steps_per_epoch: int, settings: TrainSettings) -> None:
        self.settings = settings
        self.steps_per_epoch = steps_per_epoch
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        average = get_ema_multi_avg_fn(settings.ema)  # type: ignore[no-untyped-call]
        self.averaged = AveragedModel(network, multi_avg_fn=average)
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
        batch = patches(tasks, count=settings.batch, side=settings.crop, seed=settings.seed, step=step)
        fixed, moving = (torch.from_numpy(part).to(device) for part in batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss = fusion_loss(self.network(fixed, moving), fixed, moving, settings.loss)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), max_norm=1.0)
        self.optimizer.step()
        self.scheduler.step()
        self.averaged.update_parameters(self.network)
        return loss.item()

    def note(self, value: float) -> bool:
        """Remember a validation score; True when it is the best so far by at least `min_delta`."""
        if value > self.best + self.settings.min_delta:
            self.best, self.epochs_without_gain = value, 0
            return True
        self.epochs_without_gain += 1
        return False

    def save(self, path: Path) -> None:
        state = {
            "settings": asdict(self.settings),
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "epoch": self.epoch,
            "best": float(self.best),
            "epochs_without_gain": self.epochs_without_gain,
        }
        with replacing(path) as temporary:
            torch.save(state, temporary)

    def restore(self, path: Path) -> None:
        state = _read_checkpoint(path)
        if state["settings"] != asdict(self.settings):
            raise ModelError(
                f"The checkpoint {path} was made with other settings.",
                why=f"It says {state['settings']}.",
                hint="Give the same options as before, or leave out --resume to start from the beginning.",
            )
        steps_before = state["scheduler"]["last_epoch"] // state["epoch"]
        if steps_before != self.steps_per_epoch:
            raise ModelError(
                f"The checkpoint {path} was made with another number of training pairs.",
                why=f"An epoch had {steps_before} steps, and now has {self.steps_per_epoch}.",
                hint="Give the same folder as before, or leave out --resume to start from the beginning.",
            )
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.epoch, self.best = state["epoch"], state["best"]
        self.epochs_without_gain = state["epochs_without_gain"]


def _read_checkpoint(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise ModelError(f"There is no checkpoint {path}.", hint="Leave out --resume to start from the beginning.")
    try:
        # Onto the CPU first: a run that began on a GPU may go on without one. Loading the state moves it back.
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    except (OSError, RuntimeError, EOFError, LookupError, UnpicklingError) as error:
        raise ModelError(
            f"The checkpoint {path} cannot be read.",
            why="It is damaged, or it is another kind of file.",
            hint="Leave out --resume to start from the beginning.",
        ) from error
    return state


def validate(network: nn.Module, tasks: Tasks, *, score: Score, count: int, device: str = "cpu") -> float:
    """Mean over the tasks of the mean score of whole fused images; about `count` pairs, spread evenly."""
    network.eval()
    share = max(1, count // len(tasks))
    means = []
    for pairs in tasks.values():
        chosen = [pairs[i] for i in np.linspace(0, len(pairs) - 1, min(share, len(pairs))).astype(int)]
        means.append(np.mean([_score_pair(network, pair, score, device) for pair in chosen]))
    return float(np.mean(means))


def _score_pair(network: nn.Module, pair: TrainingPair, score: Score, device: str) -> float:
    # Copied, because the voxels of an Image are read-only, and torch takes none such without a warning.
    fixed, moving = (torch.from_numpy(image.copy())[None, None].to(device) for image in (pair.fixed, pair.moving))
    with torch.inference_mode():
        fused: Tensor = network(fixed, moving).clamp(0, 1)
    return score(pair.fixed, pair.moving, fused[0, 0].cpu().numpy())


def save_weights(network: nn.Module, path: Path) -> None:
    """Write the weights as safetensors, whole or not at all. Raises OutputError when that cannot be done."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with replacing(path) as temporary:
        save_file(tensors, temporary)


def _steps_per_epoch(tasks: Tasks, settings: TrainSettings) -> int:
    return max(1, sum(len(pairs) for pairs in tasks.values()) // settings.batch)


def _scheduler(optimizer: torch.optim.Optimizer, steps_per_epoch: int, settings: TrainSettings) -> LRScheduler:
    if settings.schedule == "one-cycle":
        steps = settings.epochs * steps_per_epoch
        # torch divides by the length of the warm-up, steps * pct_start - 1, which is 0 at exactly ten steps.
        warm_up = 0.1 if steps > 10 else 0.3
        return OneCycleLR(optimizer, max_lr=settings.learning_rate, total_steps=steps, pct_start=warm_up)
    if settings.schedule == "paper":
        return StepLR(optimizer, step_size=5 * steps_per_epoch, gamma=0.9)
    raise ValueError(f"unknown schedule {settings.schedule!r}")
