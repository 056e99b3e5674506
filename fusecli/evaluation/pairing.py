"""Which files belong together: the two sources of a pair, and what each method made of them, by file name."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fusecli.batch import records
from fusecli.batch.tables import CSV, TABLES
from fusecli.errors import InputError
from fusecli.formats.naming import stem

NAMES_SHOWN = 20

# What a batch writes into its folder beside the results.
OF_BATCH = {*TABLES, records.FOLDER, records.PAGES}


@dataclass(frozen=True, slots=True)
class Case:
    """One pair: the `name` that its files share, its two sources, and the fused image of each method."""

    name: str
    fixed: Path
    moving: Path
    fused: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Pairing:
    """The cases in the order of their names, and what a reader should know of files that are in none of them.

    `left_out` names the pairs that are no cases because a method lacks them.
    """

    cases: tuple[Case, ...]
    notes: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def match(fixed: Path, moving: Path, fused: Mapping[str, Path], *, common: bool = False) -> Pairing:
    """The pairs in two folders of sources that every method has fused, told by file name without suffix.

    `fused` names the folder of each method. Files whose name does not start with a dot count, and folders, which are
    read as DICOM, but not what a batch writes beside its results. A name that FIXED or MOVING lacks is noted. A method
    that lacks a pair is refused, unless `common`: then the pairs that all methods have are taken, and the rest is
    noted.

    Raises InputError for a folder that is missing or empty, for two files of one name, where no name is in both
    folders of sources, and for a method that lacks pairs.
    """
    own, other = _by_name(fixed), _by_name(moving)
    made = {method: _by_name(folder) for method, folder in fused.items()}
    paired = sorted(own.keys() & other.keys())
    if not paired:
        raise InputError(
            f"No file of {fixed} has the name of one in {moving}.",
            why=f"There are {_listed(own)}; and {_listed(other)}.",
            hint="The two images of a pair need one name, whatever their suffixes: MRI/01.png and PET/01.png.",
        )
    lacking = {method: [name for name in paired if name not in files] for method, files in made.items()}
    kept = [name for name in paired if all(name in files for files in made.values())]
    if any(lacking.values()) and not (common and kept):
        raise _refused(lacking, len(paired), len(kept), [fused[method] for method, names in lacking.items() if names])
    cases = tuple(Case(name, own[name], other[name], {m: files[name] for m, files in made.items()}) for name in kept)
    folders = {f"FIXED ({fixed})": own, f"MOVING ({moving})": other} | {f"the method {m}": f for m, f in made.items()}
    left_out = tuple(name for name in paired if name not in kept)
    return Pairing(cases, (*_said(left_out, len(paired)), *_unmatched(folders, set(paired))), left_out)


def _by_name(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in _entries(folder):
        name = _name(path)
        if name in found and not _is_header_and_voxels(found[name], path):
            raise InputError(
                f"{folder} has two files named {name}: {found[name].name} and {path.name}.",
                hint="Leave one of them in the folder.",
            )
        found.setdefault(name, path)
    return found


def _entries(folder: Path) -> list[Path]:
    if not folder.is_dir():
        what = f"{folder} is a file, not a folder." if folder.exists() else f"There is no folder {folder}."
        raise InputError(what, hint="Give the folders of the sources and of each method: --fused NAME=DIR")
    try:
        entries = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    except OSError as error:
        raise InputError(f"{folder} cannot be looked into.", why=f"{error.strerror or error}.") from error
    if not entries:
        raise InputError(f"The folder {folder} is empty.")
    return [path for path in entries if not _is_beside_results(path)] if _is_of_batch(folder) else entries


def _is_of_batch(folder: Path) -> bool:
    return (folder / CSV).is_file()


def _is_beside_results(path: Path) -> bool:
    return path.name in OF_BATCH or path.suffix.lower() == ".html"


def _name(path: Path) -> str:
    # A UID ends in a dot and a number, so only suffixes that are known come off.
    return path.name if path.is_dir() else re.sub(r"\.(dcm|ima)$", "", stem(path), flags=re.IGNORECASE)


def _is_header_and_voxels(first: Path, second: Path) -> bool:
    """Whether two files are the halves of one NIfTI image; the header comes first, and is what is read."""
    return [re.sub(r"\.gz$", "", path.name.lower())[-4:] for path in (first, second)] == [".hdr", ".img"]


def _refused(lacking: Mapping[str, list[str]], paired: int, kept: int, folders: list[Path]) -> InputError:
    shares = [
        f"{method} lacks {len(names)} of {paired}: {_listed(names)}" for method, names in lacking.items() if names
    ]
    return InputError(
        "Not every method has every pair.",
        why=". ".join(shares) + ".",
        hint=f"Add the files, or evaluate the {kept} pairs that all methods have: --common"
        if kept
        else f"No pair was fused by all of them. Fused files need the names of the sources.{_by_batch(folders)}",
    )


def _by_batch(folders: list[Path]) -> str:
    """What to type where a batch put the name of the model behind that of the source."""
    found = [str(folder) for folder in folders if _is_of_batch(folder)]
    if not found:
        return ""
    return f" `fusecli batch`, which wrote {', '.join(found)}, gives them with: -o NEW_DIR --name '{{id}}'"


def _said(left_out: tuple[str, ...], paired: int) -> list[str]:
    if not left_out:
        return []
    kept = paired - len(left_out)
    return [f"Evaluated: the {kept} of {paired} pairs that all methods have. Left out: {_listed(left_out)}."]


def _unmatched(folders: Mapping[str, Mapping[str, Path]], paired: set[str]) -> list[str]:
    spare = {role: [path.name for name, path in files.items() if name not in paired] for role, files in folders.items()}
    return [f"Without a counterpart in {role}: {_listed(names)}." for role, names in spare.items() if names]


def _listed(names: Iterable[str]) -> str:
    every = sorted(names)
    more = len(every) - NAMES_SHOWN
    return ", ".join(every[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
