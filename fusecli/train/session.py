"""From the words of `fusecli train` to a running loop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from fusecli.errors import ModelError, OutputError, UsageError
from fusecli.metrics.qabf import qabf
from fusecli.models.device import choose_device
from fusecli.models.network import build
from fusecli.settings import TrainSettings
from fusecli.train.datasets import load_tasks
from fusecli.train.loop import EpochReport, train


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

    Raises UsageError for a weights name without .safetensors; OutputError when the weights exist and neither `resume`
    nor `overwrite` is given; InputError for folders without pairs; ModelError for an unknown network,
    or for weights to start from that do not fit it.
    """
    _check_output(weights_path, allowed=resume or overwrite)
    (tasks, alone), (validation_tasks, validation_alone) = load_tasks(data), load_tasks(validation)
    chosen, fallback = choose_device(device)
    torch.manual_seed(settings.seed)
    epochs = train(
        _network(config, start_from),
        tasks,
        validation_tasks,
        score=qabf,
        weights_path=weights_path,
        settings=settings,
        device=chosen,
        resume=resume,
        on_step=on_step,
    )
    counts = ", ".join(f"{name} {len(pairs)}" for name, pairs in tasks.items())
    left_out = (f"Without a partner, left out: {name}" for name in (*alone, *validation_alone))
    notes = (f"Training {config} on {chosen} with {counts} pairs.", *([fallback] if fallback else []), *left_out)
    return TrainingSession(notes, epochs)


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


def _check_output(path: Path, *, allowed: bool) -> None:
    if path.suffix != ".safetensors":
        raise UsageError(f"Weights cannot be written as {path.name!r}.", hint="Name them NAME.safetensors.")
    if path.exists() and not allowed:
        raise OutputError(f"{path} exists already.", hint="Name another file, or add --resume or --overwrite.")
    if not path.parent.is_dir():
        raise OutputError(f"There is no folder {path.parent}.", hint=f"Make it first: mkdir -p {path.parent}")
