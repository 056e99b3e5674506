"""From the words of `fusecli train` to a running loop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from fusecli.atomic import check_may_be_written
from fusecli.errors import ModelError, OutputError, UsageError
from fusecli.metrics.qabf import qabf
from fusecli.models.device import choose_device
from fusecli.models.network import build
from fusecli.settings import TrainSettings
from fusecli.train.checkpoint import path_beside
from fusecli.train.datasets import Tasks, load_tasks
from fusecli.train.loop import EpochReport, train
from fusecli.train.validation import check_can_be_scored


@dataclass(frozen=True, slots=True)
class TrainingSession:
    """What to tell the user before the first epoch, and the epochs, which train as they are drawn."""

    notes: tuple[str, ...]
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
    """Load the pairs of both folders, build the network `config` from the seed, and make ready to train.

    `start_from` are weights to begin with instead of random ones.

    Raises UsageError for a weights name without .safetensors; OutputError when weights or checkpoint cannot be written
    there, or the weights exist and neither `resume` nor `overwrite` is given; InputError for folders without pairs;
    ImageError for a validation pair that Q^AB/F is not defined for; ModelError for an unknown network, or for weights
    to start from that do not fit it.
    """
    _check_output(weights_path, allowed=resume or overwrite)
    (tasks, alone), (held_out, held_out_alone) = load_tasks(data), load_tasks(validation)
    check_can_be_scored(held_out, score=qabf, count=settings.validation_pairs)
    chosen, fallback = choose_device(device)
    torch.manual_seed(settings.seed)
    epochs = train(
        _network(config, start_from),
        tasks,
        held_out,
        score=qabf,
        weights_path=weights_path,
        settings=settings,
        device=chosen,
        resume=resume,
        on_step=on_step,
    )
    first = f"Training {config} on {chosen} with {_counts(tasks)} pairs."
    return TrainingSession((first, *filter(None, [fallback]), *_left_out(alone + held_out_alone)), epochs)


def _check_output(path: Path, *, allowed: bool) -> None:
    if path.suffix != ".safetensors":
        raise UsageError(f"Weights cannot be written as {path.name!r}.", hint="Name them NAME.safetensors.")
    if path.exists() and not allowed:
        raise OutputError(f"{path} exists already.", hint="Name another file, or add --resume or --overwrite.")
    for file in (path, path_beside(path)):
        check_may_be_written(file, overwrite=True)


def _network(config: str, start_from: Path | None) -> nn.Module:
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
