"""What makes a case this case: the bytes of its inputs, its options, its weights, and the version of the program."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fusecli import __version__
from fusecli.batch.walking import walk
from fusecli.errors import InputError
from fusecli.settings import FuseSettings

# A header whose voxels lie in another file, and that file's suffix.
_HALVES = {".hdr": ".img", ".img": ".hdr", ".hdr.gz": ".img.gz", ".img.gz": ".hdr.gz"}


def case_key(fixed: Path, moving: Path | None, settings: FuseSettings, weights_sha256: str | None) -> str:
    """The sha256 of everything that decides what a fusion looks like, in hexadecimal.

    Names, places and times of the inputs do not count, their content does; whether to overwrite does not. Without
    `moving`, `fixed` holds both.

    Raises InputError when an input is not there or cannot be read.
    """
    facts = {
        "fixed": content_digest(fixed),
        "moving": None if moving is None else content_digest(moving),
        "options": _plain(asdict(settings)),
        "weights": weights_sha256,
        "version": __version__,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def content_digest(path: Path) -> str:
    """The sha256 of a file, or of all names and contents in a folder, in hexadecimal.

    Both halves of a NIfTI image in two files count.

    Raises InputError when there is nothing, or it cannot be read.
    """
    try:
        if not path.is_dir():
            return _of_files(path.parent, [path.name, *_other_half(path)])
        return _of_files(path, sorted(_files(path)))
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        what = f"There is no file {path}." if missing else f"{path} cannot be read."
        raise InputError(what, why="" if missing else f"{error.strerror or error}.") from error


def _of_files(folder: Path, names: list[str]) -> str:
    digests = [(name, _of_file(folder / name)) for name in names]
    if len(digests) == 1:
        return digests[0][1]
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


def _of_file(path: Path) -> str:
    if path.exists() and not path.is_file():
        # A pipe or a device may have no end.
        raise InputError(f"{path} is neither a file nor a folder.")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _other_half(path: Path) -> list[str]:
    for suffix, other in _HALVES.items():
        if path.name.lower().endswith(suffix):
            half = path.with_name(path.name[: -len(suffix)] + other)
            return [half.name] if half.is_file() else []
    return []


def _files(folder: Path) -> Iterator[str]:
    for place, _, names in walk(folder):
        yield from (os.path.relpath(place / name, folder) for name in names)


def _plain(value: Any) -> Any:
    """The value as JSON has it; a file that an option names counts by its content."""
    if isinstance(value, dict):
        # Whether something may be replaced does not change what it is replaced by.
        return {str(name): _plain(inner) for name, inner in value.items() if name != "overwrite"}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, Path):
        return content_digest(value)
    return value
