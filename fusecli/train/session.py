"""From the words of `fusecli train` to a running loop."""

import math
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
from fusecli.models.dmfnet import DMFNet
from fusecli.models.dmfnet_unet import DiffusionUNet
from fusecli.models.network import DIFFUSION, REGISTRATION, build, build_diffusion, check_known
from fusecli.settings.training import Leads, LossSettings, TrainSettings
from fusecli.train.balance import Balanced, minus_lack
from fusecli.train.checkpoint import path_beside
from fusecli.train.datasets import Grey, Tasks, load_tasks
from fusecli.train.diffusion import Denoising
from fusecli.train.diffusion_sampling import followed_by_pictures
from fusecli.train.loop import EpochReport, train
from fusecli.train.losses import fusion_loss
from fusecli.train.objective import Fusion, Objective
from fusecli.train.registration import SIDE, Registration, contrast
from fusecli.train.validation import Score, as_batches, check_can_be_scored, count_seen

SMALLEST_LIMIT = 128  # pixels: what --loss metrics is recommended with, also for images smaller than that


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

    Raises UsageError for a weights name without .safetensors, patches too small for the loss or too large for all
    images, or options that do not suit the stage; OutputError when weights or checkpoint cannot be written, or weights
    exist and neither `resume` nor `overwrite` is given; InputError for folders without pairs; ImageError for a
    validation pair without a score; ModelError for an unknown network, or weights to start from that do not fit it.
    """
    _check_output(weights_path, allowed=resume or overwrite)
    _check_options(config, settings, start_from)
    (tasks, alone), (held_out, held_out_alone) = load_tasks(data), load_tasks(validation)
    _check_patches_are_filled(tasks, settings.crop)
    objective = _objective(settings, tasks, held_out)
    chosen, fallback = choose_device(device)
    epochs = train(
        _network(config, start_from, settings),
        tasks,
        held_out,
        objective=objective,
        weights_path=weights_path,
        settings=settings,
        device=chosen,
        resume=resume,
        on_step=on_step,
    )
    notes = [f"Training {config} on {chosen} with {_counts(tasks)} pairs.", *filter(None, [fallback])]
    notes += [*_seen(tasks, held_out), *_left_out(alone + held_out_alone)]
    return TrainingSession(tuple(notes), objective.measure, _pictured(epochs, config, settings, weights_path, chosen))


def _check_output(path: Path, *, allowed: bool) -> None:
    if path.suffix != ".safetensors":
        raise UsageError(f"Weights cannot be written as {path.name!r}.", hint="Name them NAME.safetensors.")
    if path.exists() and not allowed:
        raise OutputError(f"{path} exists already.", hint="Name another file, or add --resume or --overwrite.")
    for file in (path, path_beside(path)):
        check_may_be_written(file, overwrite=True)


def _check_options(config: str, settings: TrainSettings, start_from: Path | None) -> None:
    _check_crop(settings)
    _check_stage(config, settings, start_from)


def _check_crop(settings: TrainSettings) -> None:
    if settings.stage == "registration" and settings.crop % SIDE:
        raise UsageError(
            f"Patches of {settings.crop} x {settings.crop} pixels do not suit the network that registers.",
            why=f"It is trained on pictures whose sides are multiples of {SIDE} pixels.",
            hint="Add --crop 256, so that a patch shows a whole head.",
        )
    if settings.loss.needs_four_scales and settings.crop < SMALLEST_SIDE:
        raise UsageError(
            f"Patches of {settings.crop} x {settings.crop} pixels are too small for this loss.",
            why=f"The four scales of VIF need at least {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels.",
            hint="Add --crop 128 --batch 4, or choose another --loss.",
        )


def _check_patches_are_filled(tasks: Tasks, crop: int) -> None:
    """Raises UsageError for patches that would be padding, and memory, for the most part."""
    largest = max((pair.fixed.shape for pairs in tasks.values() for pair in pairs), key=max)
    limit = max(SMALLEST_LIMIT, math.ceil(max(largest) / SIDE) * SIDE)
    if crop > limit:
        raise UsageError(
            f"Patches of {crop} x {crop} pixels are larger than every training image.",
            why=f"The largest has {largest[1]} x {largest[0]} pixels, and what a patch has beyond it is black.",
            hint=f"Add --crop {limit} or a smaller one; without --crop patches have "
            f"{TrainSettings().crop} x {TrainSettings().crop} pixels.",
        )


def _check_stage(config: str, settings: TrainSettings, start_from: Path | None) -> None:
    check_known(config)
    if settings.stage != "fusion" and settings.loss != LossSettings():
        raise UsageError(f"The {settings.stage} stage has a loss of its own.", hint="Leave out --loss and --alpha.")
    if (settings.stage == "registration") != (config == REGISTRATION):
        raise UsageError(
            f"The network {config} cannot be trained in the {settings.stage} stage.",
            why=f"The network {REGISTRATION} has a stage of its own, {REGISTRATION}, and all others fuse.",
            hint=f"Name both, --model {REGISTRATION} --stage {REGISTRATION}, or neither.",
        )
    if settings.stage != "diffusion" and settings.noise_schedule != TrainSettings().noise_schedule:
        raise UsageError(
            "A noise schedule belongs to the diffusion stage.",
            why="The fusion stage takes it over with the weights that it starts from, and registration has none.",
            hint="Leave out --noise-schedule, or add --stage diffusion.",
        )
    if settings.stage == "fusion" and config in DIFFUSION and start_from is None:
        raise UsageError(
            f"{config} is trained in two stages, and the second needs the weights of the first.",
            hint="First --stage diffusion -o unet.safetensors, then --start-from unet.safetensors.",
        )


def _objective(settings: TrainSettings, training: Tasks, validation: Tasks) -> Objective:
    if settings.stage == "diffusion":
        return Denoising(settings)
    if settings.stage == "registration":
        check_can_be_scored(validation, score=contrast, count=settings.validation_pairs)
        return Registration(settings)
    if settings.loss.balance is not None:
        check_can_be_scored(validation, score=partial(minus_lack, leads=Leads()), count=settings.validation_pairs)
        return Balanced(settings, list(training))
    score, measure = _score(settings.loss)
    check_can_be_scored(validation, score=score, count=settings.validation_pairs)
    return Fusion(settings, score, measure)


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
    result, one, other = as_batches(fused, fixed, moving)
    return -fusion_loss(result, one, other, settings).item()


def _network(config: str, start_from: Path | None, settings: TrainSettings) -> nn.Module:
    torch.manual_seed(settings.seed)
    network = _blank(config, settings)
    if start_from is not None:
        _fill(network, config, start_from)
    return network


def _blank(config: str, settings: TrainSettings) -> nn.Module:
    return _unet(config, settings) if settings.stage == "diffusion" else build(config)


def _unet(config: str, settings: TrainSettings) -> DiffusionUNet:
    return build_diffusion(config, settings.noise_schedule)


def _fill(network: nn.Module, config: str, start_from: Path) -> None:
    try:
        weights = load_file(start_from)
        if isinstance(network, DMFNet) and not any(name.startswith("fusion.") for name in weights):
            network.take_unet(weights)
        else:
            network.load_state_dict(weights)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelError(
            f"Training cannot start from {start_from}.",
            why=str(error).splitlines()[0],
            hint=f"Give weights of the network {config} in safetensors format.",
        ) from error


def _counts(tasks: Tasks) -> str:
    return ", ".join(f"{name} {len(pairs)}" for name, pairs in tasks.items())


def _seen(training: Tasks, validation: Tasks) -> list[str]:
    seen, count = count_seen(training, validation), sum(len(pairs) for pairs in validation.values())
    if not seen:
        return []
    return [
        f"Warning: {seen} of the {count} validation pairs are training pairs too, pixel by pixel. The best epoch, and "
        "when to stop, are then chosen by what the network has seen. Give pairs of other patients: --validation DIR"
    ]


def _left_out(names: list[str]) -> list[str]:
    return [f"Without a partner, left out: {name}" for name in names]


def _pictured(
    epochs: Iterator[EpochReport], config: str, settings: TrainSettings, weights_path: Path, device: str
) -> Iterator[EpochReport]:
    if settings.stage != "diffusion":
        return epochs
    return followed_by_pictures(epochs, _unet(config, settings).to(device), weights_path, settings)
