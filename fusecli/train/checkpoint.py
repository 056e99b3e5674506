"""The checkpoint beside the weights: all that a run needs to go on, and a check that it is the same run."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from fusecli.atomic import replacing
from fusecli.errors import ModelError
from fusecli.settings.training import TrainSettings
from fusecli.train.datasets import Tasks, TrainingPair

State = Mapping[str, Any]

START_AGAIN = "leave out --resume to start from the beginning."

# What a checkpoint holds, and of what type; the first three say which run it belongs to.
PARTS: Mapping[str, type] = {
    "settings": dict,
    "training_pairs": str,
    "validation_pairs": str,
    "network": dict,
    "averaged": dict,
    "optimizer": dict,
    "scheduler": dict,
    "objective": dict,
    "epoch": int,
    "best": float,
    "epochs_without_gain": int,
}


def path_beside(weights: Path) -> Path:
    """Where the checkpoint of a run that writes `weights` stands: NAME.safetensors.checkpoint."""
    return weights.with_name(weights.name + ".checkpoint")


def identity(settings: TrainSettings, training: Tasks, validation: Tasks) -> dict[str, Any]:
    """What must be the same for a run to go on: every setting, and both sets of pairs down to the pixel."""
    return {
        "settings": asdict(settings),
        "training_pairs": pairs_digest(training),
        "validation_pairs": pairs_digest(validation),
    }


def pairs_digest(tasks: Tasks) -> str:
    """SHA-256, in hexadecimal, over names, sizes and float32 pixels of all pairs, task by task in order of name."""
    digest = sha256()
    for task in sorted(tasks):
        for pair in tasks[task]:
            digest.update(repr((task, pair.name)).encode() + pair_digest(pair))
    return digest.hexdigest()


def pair_digest(pair: TrainingPair) -> bytes:
    """SHA-256 over size and float32 pixels of one pair, and not over its name."""
    digest = sha256(repr(pair.fixed.shape).encode())
    for image in (pair.fixed, pair.moving):
        digest.update(image.astype("<f4").tobytes())
    return digest.digest()


def write(path: Path, state: State) -> None:
    """Write `state`, whole or not at all, in place of an older one. Raises OutputError when that cannot be done."""
    with replacing(path, overwrite=True) as temporary:
        torch.save(dict(state), temporary)


def read(path: Path, expected: State) -> State:
    """The checkpoint of the run whose `identity` is `expected`, its tensors on the CPU.

    Raises ModelError when there is none, it cannot be read, it is something else, or it belongs to another run.
    """
    state = _load(path)
    _check_parts(path, state)
    _check_same_run(path, state, expected)
    return dict(state)


def _load(path: Path) -> Any:
    if not path.exists():
        raise ModelError(f"There is no checkpoint {path}.", hint=START_AGAIN.capitalize())
    try:
        # Onto the CPU first: a run that began on a GPU may go on without one. Loading the state moves it back.
        return torch.load(path, weights_only=True, map_location="cpu")
    except (OSError, RuntimeError, EOFError, LookupError, UnpicklingError) as error:
        raise ModelError(
            f"The checkpoint {path} cannot be read.",
            why="It is damaged, or it is another kind of file.",
            hint=START_AGAIN.capitalize(),
        ) from error


def _check_parts(path: Path, state: Any) -> None:
    parts = state if isinstance(state, dict) else {}
    wrong = [name for name, kind in PARTS.items() if not isinstance(parts.get(name), kind)]
    if wrong:
        raise ModelError(
            f"{path} is not a checkpoint of this version of fusecli.",
            why=f"It lacks, or holds in another form: {', '.join(wrong)}.",
            hint=START_AGAIN.capitalize(),
        )


def _check_same_run(path: Path, state: State, expected: State) -> None:
    differences = list(_differences(state["settings"], expected["settings"]))
    if differences:
        raise ModelError(
            f"The checkpoint {path} was made with other settings.",
            why=f"{'; '.join(differences)}.",
            hint=f"Give the same options as before, or {START_AGAIN}",
        )
    for part in ("training", "validation"):
        if state[f"{part}_pairs"] != expected[f"{part}_pairs"]:
            raise ModelError(
                f"The checkpoint {path} was made with other {part} pairs.",
                why="Their names, their number or their pixels are not the same.",
                hint=f"Give the same folder as before, or {START_AGAIN}",
            )


def _differences(before: State, now: State, prefix: str = "") -> Iterator[str]:
    for name in sorted(before.keys() | now.keys()):
        was, is_now = before.get(name), now.get(name)
        if isinstance(was, dict) and isinstance(is_now, dict):
            yield from _differences(was, is_now, f"{prefix}{name}.")
        elif was != is_now:
            yield f"{prefix}{name} was {was} and is now {is_now}"
