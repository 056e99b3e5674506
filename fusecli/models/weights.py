"""Where the trained weights are, and whether they are the ones that the manifest promises."""

import hashlib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusecli.errors import ModelError

FOLDER_VARIABLE = "FUSECLI_WEIGHTS"


@dataclass(frozen=True, slots=True)
class Weights:
    """One entry of weights/manifest.toml: the file, its sha256, the network it fits, and how it was made."""

    name: str
    path: Path
    sha256: str
    architecture: str
    card: Mapping[str, Any]


def find_weights(name: str) -> Weights:
    """The weights called `name`, checked against their sha256.

    Raises ModelError when the manifest does not list them, the file is missing, or its hash is wrong.
    """
    weights = list_weights().get(name)
    if weights is None:
        raise ModelError(
            f"There are no weights for {name!r}.",
            why=f"{weights_folder() / 'manifest.toml'} does not list them.",
            hint="Install fusecli again, or use a model without weights: --model max",
        )
    verify(weights)
    return weights


def list_weights() -> dict[str, Weights]:
    """Every entry of the manifest, unchecked, by name.

    Raises ModelError when there is no manifest, or it is no TOML, or an entry lacks its file, sha256 or architecture.
    """
    manifest = weights_folder() / "manifest.toml"
    try:
        entries = tomllib.loads(manifest.read_text(encoding="utf-8"))
        return {
            name: Weights(name, manifest.parent / entry["file"], entry["sha256"], entry["architecture"], entry)
            for name, entry in entries.items()
        }
    except (OSError, ValueError, KeyError) as error:
        why = f"An entry lacks {error}." if isinstance(error, KeyError) else str(error)
        raise ModelError(f"The list of weights {manifest} cannot be read.", why=why) from error


def verify(weights: Weights) -> None:
    """Raises ModelError unless the file is there and its sha256 is the manifest's."""
    try:
        found = hashlib.sha256(weights.path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(
            f"The weights of {weights.name!r} are missing.",
            why=f"{weights.path} cannot be read: {error.strerror}.",
            hint=f"Install fusecli again, or set {FOLDER_VARIABLE} to the folder that holds them.",
        ) from error
    if found != weights.sha256:
        raise ModelError(
            f"The weights of {weights.name!r} are not the ones that were published.",
            why=f"{weights.path} has sha256 {found}, and the manifest says {weights.sha256}.",
            hint="The file is damaged or was replaced: install fusecli again.",
        )


def weights_folder() -> Path:
    """The folder with manifest.toml: $FUSECLI_WEIGHTS, else in the installed package, else beside it in a checkout."""
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named)
    package = Path(__file__).resolve().parents[1]
    inside = package / "weights"
    return inside if inside.is_dir() else package.parent / "weights"
