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
    """One entry of weights/manifest.toml: the file, its sha256, the network it fits, and how it was made.

    `converted` is the same network for OpenVINO, if it ships.
    """

    name: str
    path: Path
    sha256: str
    architecture: str
    card: Mapping[str, Any]
    converted: "Converted | None" = None


@dataclass(frozen=True, slots=True)
class Converted:
    """A network in OpenVINO's format: the sha256 of each of its files, and of the weights that it was made from."""

    files: Mapping[Path, str]
    made_from: str

    @property
    def model(self) -> Path:
        """The file that names the other."""
        return next(path for path in self.files if path.suffix == ".xml")


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


def find_converted(name: str) -> Converted:
    """The weights called `name` in OpenVINO's format, checked against their sha256 and against the weights themselves.

    Raises ModelError when the manifest does not list them, a file is missing, a hash is wrong, or they were made from
    other weights.
    """
    weights = list_weights().get(name)
    if weights is None or weights.converted is None:
        raise ModelError(f"The model {name!r} is not shipped for OpenVINO.", hint="Use --backend torch.")
    verify_converted(weights)
    return weights.converted


def list_weights() -> dict[str, Weights]:
    """Every entry of the manifest, unchecked, by name.

    Raises ModelError when there is no manifest, or it is no TOML, or an entry lacks its file, sha256 or architecture.
    """
    manifest = weights_folder() / "manifest.toml"
    try:
        entries = tomllib.loads(manifest.read_text(encoding="utf-8"))
        return {name: _listed(name, entry, manifest.parent) for name, entry in entries.items()}
    except (OSError, ValueError, KeyError) as error:
        why = f"An entry lacks {error}." if isinstance(error, KeyError) else str(error)
        raise ModelError(f"The list of weights {manifest} cannot be read.", why=why) from error


def _listed(name: str, entry: Mapping[str, Any], folder: Path) -> Weights:
    converted = None
    if facts := entry.get("openvino"):
        files = {folder / facts[kind]: facts[f"{kind}_sha256"] for kind in ("model", "numbers")}
        converted = Converted(files, facts["made_from"])
    return Weights(name, folder / entry["file"], entry["sha256"], entry["architecture"], entry, converted)


def verify(weights: Weights) -> None:
    """Raises ModelError unless the file is there and its sha256 is the manifest's."""
    _verify_file(weights.name, weights.path, weights.sha256)


def verify_converted(weights: Weights) -> None:
    """As `verify`, for the files of OpenVINO, if there are any; also raises when they were made from other weights."""
    if weights.converted is None:
        return
    if weights.converted.made_from != weights.sha256:
        raise ModelError(
            f"The OpenVINO files of {weights.name!r} were made from other weights.",
            why=f"They come from sha256 {weights.converted.made_from}, and the weights have {weights.sha256}.",
            hint=f"Use --backend torch, or make them anew: python -m fusecli.models.openvino_export {weights.name}",
        )
    for path, sha256 in weights.converted.files.items():
        _verify_file(weights.name, path, sha256)


def _verify_file(name: str, path: Path, sha256: str) -> None:
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(
            f"The weights of {name!r} are missing.",
            why=f"{path} cannot be read: {error.strerror}.",
            hint=f"Install fusecli again, or set {FOLDER_VARIABLE} to the folder that holds them.",
        ) from error
    if found != sha256:
        raise ModelError(
            f"The weights of {name!r} are not the ones that were published.",
            why=f"{path} has sha256 {found}, and the manifest says {sha256}.",
            hint="The file is damaged or was replaced: install fusecli again.",
        )


def weights_folder() -> Path:
    """The folder with manifest.toml: $FUSECLI_WEIGHTS, else in the installed package, else beside it in a checkout."""
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named)
    package = Path(__file__).resolve().parents[1]
    inside = package / "weights"
    return inside if inside.is_dir() else package.parent / "weights"
