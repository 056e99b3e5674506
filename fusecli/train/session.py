"""From the words of `fusecli train` to a running loop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from fusecli.atomic import check_may_be_written
from fusecli.errors import ModelError, OutputError, UsageError
from fusecli.metrics.qabf import qabf
from fusecli.metrics.vif import SMALLEST_SIDE, require_four_scales
from fusecli.models.device import choose_device
from fusecli.models.network import build
from fusecli.settings import LossSettings, TrainSettings
from fusecli.train.checkpoint import path_beside
from fusecli.train.datasets import Grey, Tasks, load_tasks
from fusecli.train.loop import EpochReport, train
from fusecli.train.losses import fusion_loss
from fusecli.train.validation import Score, check_can_be_scored


@dataclass(frozen=True, slots=True)
class TrainingSession:
    """What to tell the user before the first epoch, what the score of an epoch is, and the epochs, trained as drawn."""

    notes: tuple[str, ...]
    measure: str
    epochs: Iterator[EpochReport]


def start(
    data: Path,
    validation: Path,
    weights_path: Path,
    config: str,
    settings: TrainSettings,
    *,
    device: str = "auto",
    start_from: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    on_step: Callable[[int, int], None] | None = None,
) -> TrainingSession:
    """Load the pairs of both folders, build the network `config` from the seed or `start_from`, and make ready.

    Raises UsageError for a weights name without .safetensors, or patches too small for the loss; OutputError when
    weights or checkpoint cannot be written there, or the weights exist and neither `resume` nor `overwrite` is given;
    InputError for folders without pairs; ImageError for a validation pair that the score is not defined for;
    ModelError for an unknown network, or for weights to start from that do not fit it.
    """
    _check_output(weights_path, allowed=resume or overwrite)
    _check_crop(settings)
    (tasks, alone), (held_out, held_out_alone) = load_tasks(data), load_tasks(validation)
    score, measure = _score(settings.loss)
    check_can_be_scored(held_out, score=score, count=settings.validation_pairs)
    chosen, fallback = choose_device(device)
    epochs = train(
        _network(config, start_from, settings.seed),
        tasks,
        held_out,
        score=score,
        weights_path=weights_path,
        settings=settings,
        device=chosen,
        resume=resume,
        on_step=on_step,
    )
    notes = (f"Training {config} on {chosen} with {_counts(tasks)} pairs.", *filter(None, [fallback]))
    return TrainingSession((*notes, *_left_out(alone + held_out_alone)), measure, epochs)


def _check_crop(settings: TrainSettings) -> None:
    if settings.loss.needs_four_scales and settings.crop < SMALLEST_SIDE:
        raise UsageError(
            f"Patches of {settings.crop} x {settings.crop} pixels are too small for this loss.",
            why=f"The four scales of VIF need at least {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels.",
            hint="Add --crop 128 --batch 4, or choose another --loss.",
        )


def _score(loss: LossSettings) -> tuple[Score, str]:
    """What decides which epoch is the best: the paper's Q^AB/F, or, where the loss weighs several metrics, the loss.

    Of several goals one alone may rise while the others fall.
    """
    if not loss.goals:
        return qabf, "QABF"
    return partial(_minus_loss, settings=loss), "minus loss"


def _minus_loss(fixed: Grey, moving: Grey, fused: Grey, *, settings: LossSettings) -> float:
    if settings.needs_four_scales:
        require_four_scales(fixed.shape)
    result, one, other = (torch.from_numpy(image.copy())[None, None] for image in (fused, fixed, moving))
    return -fusion_loss(result, one, other, settings).item()


def _check_output(path: Path, *, allowed: bool) -> None:
    if path.suffix != ".safetensors":
        raise UsageError(f"Weights cannot be written as {path.name!r}.", hint="Name them NAME.safetensors.")
    if path.exists() and not allowed:
        raise OutputError(f"{path} exists already.", hint="Name another file, or add --resume or --overwrite.")
    for file in (path, path_beside(path)):
        check_may_be_written(file, overwrite=True)


def _network(config: str, start_from: Path | None, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    network = build(config)
    if start_from is not None:
        try:
            network.load_state_dict(load_file(start_from))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise ModelError(
                f"Training cannot start from {start_from}.",
                why=str(error).splitlines()[0],
                hint=f"Give weights of the network {config} in safetensors format.",
            ) from error
    return network


def _counts(tasks: Tasks) -> str:
    return ", ".join(f"{name} {len(pairs)}" for name, pairs in tasks.items())


def _left_out(names: list[str]) -> list[str]:
    return [f"Without a partner, left out: {name}" for name in names]
