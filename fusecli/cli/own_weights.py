"""Weights of one's own: what is said once they are trained, and where their file is taken for a model's name."""

import hashlib
import json
import shlex
from pathlib import Path
from typing import Any

from fusecli.catalog import ALL_MODELS, MODELS
from fusecli.errors import ModelError, UsageError

SUFFIX = ".safetensors"
_DEFORMING = "fusecli register FIXED MOVING -o moved.png --method deformable"


def how_to_use(weights: Path, architecture: str, stage: str) -> str:
    """What makes weights that were trained usable: the lines of manifest.toml, and a command that takes them."""
    if stage == "diffusion":
        return f"For the second stage add: --start-from {shlex.quote(str(weights))}"
    name = _entry_of(architecture)
    command = f"fusecli fuse FIXED MOVING -o fused.png --model {name}" if name in MODELS else _DEFORMING
    facts = {
        "file": weights.name,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "architecture": architecture,
    }
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in facts.items()]
    return "\n".join(
        (
            f"To use these weights, write into {weights.parent / 'manifest.toml'}:",
            f"[{name}]",
            *lines,
            f"Then: FUSECLI_WEIGHTS={shlex.quote(str(weights.parent))} {command}",
        )
    )


def _entry_of(architecture: str) -> str:
    """The model whose place weights of this network take: its own, or else the first of its family."""
    family = architecture.partition("-")[0]
    alike = (name for name, model in ALL_MODELS.items() if model.needs_weights and name.partition("-")[0] == family)
    return architecture if architecture in ALL_MODELS else next(alike, "lrc")


def check_is_no_file(option: str, name: str | None) -> None:
    """Raises UsageError that says how weights are named to fusecli, where a file of them is given as a model."""
    if name is not None and name.endswith(SUFFIX):
        raise UsageError(**_no_file(f"{option} {name}"))


def no_model(name: str) -> ModelError:
    """The error for a model that there is not, and for a file of weights in its place."""
    if name.endswith(SUFFIX):
        return ModelError(**_no_file(name))
    return ModelError(f"There is no model called {name!r}.", hint=f"Choose one of: {', '.join(ALL_MODELS)}")


def _no_file(said: str) -> dict[str, Any]:
    return {
        "what": f"{said} is a file of weights, and a model is called by its name.",
        "why": "Which weights a model has stands in the manifest.toml of their folder.",
        "hint": "Write that file beside the weights ([lrc] with file, sha256 and architecture), name the folder in "
        'FUSECLI_WEIGHTS, and say --model lrc. docs/training.md has the lines: "Fusing with new weights".',
    }
