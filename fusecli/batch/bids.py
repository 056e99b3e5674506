"""Cases in a BIDS dataset or a folder of derivatives, told by the entities in the names.

Source: Brain Imaging Data Structure 1.10, common principles: `key-value` pairs and a suffix, joined by `_`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fusecli.batch.naming import check_id
from fusecli.batch.rows import Found, Row, closed_note, listed
from fusecli.batch.walking import walk
from fusecli.errors import InputError

FIXED_SUFFIXES = ("ct", "T1w")
MOVING_SUFFIX = "pet"

# What must agree wherever both names have it; the other entities belong to one kind of image alone, like the tracer.
_SHARED = ("sub", "ses", "space")
_NAME = re.compile(r"((?:[a-zA-Z]+-[a-zA-Z0-9]+_)+)([a-zA-Z0-9]+)\.nii(?:\.gz)?")
# Datasets of their own inside a dataset: give them as DIR to use them.
_OTHER_DATASETS = ("derivatives", "sourcedata", "code")


@dataclass(frozen=True, slots=True)
class _Scan:
    """A file with its entities, such as {"sub": "01", "ses": "2"}."""

    path: Path
    entities: dict[str, str]
    suffix: str

    @property
    def label(self) -> str:
        return "_".join(f"{key}-{value}" for key, value in self.entities.items())

    def may_go_with(self, other: "_Scan") -> bool:
        both = [key for key in _SHARED if key in self.entities and key in other.entities]
        return all(self.entities[key] == other.entities[key] for key in both)

    def agreement(self, other: "_Scan") -> int:
        return len(self.entities.items() & other.entities.items())


def match_bids(folder: Path, fixed_suffixes: Iterable[str] = FIXED_SUFFIXES) -> Found:
    """A case for each `_pet` image, whose FIXED is the `_ct` or `_T1w` image of its subject and session.

    Subject, session and space agree where both names have them. Of several FIXED that do, the one that shares the most
    entities is taken; where that leaves two, and where it leaves none, the case is noted and left out. The id is the
    name of the PET image without its suffix.

    Raises InputError when there is no folder, or no pair in it.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.")
    wanted = tuple(fixed_suffixes)
    closed = set[Path]()
    scans = sorted(_scans(folder, closed), key=lambda scan: scan.label)
    fixed = [scan for scan in scans if scan.suffix in wanted]
    paired = list[tuple[_Scan, _Scan]]()
    doubtful, lonely = list[_Scan](), list[_Scan]()
    for moving in (scan for scan in scans if scan.suffix == MOVING_SUFFIX):
        best = _best(moving, fixed)
        if len(best) == 1:
            paired.append((best[0], moving))
        else:
            (doubtful if best else lonely).append(moving)
    if not paired:
        raise _no_pair(folder, wanted, len(lonely), doubtful)
    rows = tuple(
        Row(check_id(moving.label, where=str(moving.path)), own.path, moving.path, str(moving.path))
        for own, moving in paired
    )
    unused = [scan for scan in fixed if all(scan is not own for own, _ in paired)]
    return Found(rows, (*_notes(doubtful, lonely, unused, wanted), *closed_note(closed)))


def _scans(folder: Path, closed: set[Path]) -> Iterator[_Scan]:
    for place, folders, names in walk(folder, closed):
        is_root = place == folder
        folders[:] = [f for f in folders if not f.startswith(".") and not (is_root and f in _OTHER_DATASETS)]
        for name in names:
            if (match := _NAME.fullmatch(name)) and name.startswith("sub-"):
                pairs = (part.partition("-")[::2] for part in match[1].rstrip("_").split("_"))
                yield _Scan(place / name, dict(pairs), match[2])


def _best(moving: _Scan, fixed: list[_Scan]) -> list[_Scan]:
    candidates = [scan for scan in fixed if scan.may_go_with(moving)]
    most = max((scan.agreement(moving) for scan in candidates), default=0)
    return [scan for scan in candidates if scan.agreement(moving) == most]


def _no_pair(folder: Path, wanted: tuple[str, ...], lonely: int, doubtful: list[_Scan]) -> InputError:
    if doubtful:
        return InputError(
            f"Every PET image in {folder} has several FIXED images.",
            why=f"For example {doubtful[0].label}.",
            hint="Say which: --bids-fixed T1w; or list the cases in a manifest.",
        )
    return InputError(
        f"{folder} holds no pair in BIDS names.",
        why=f"It has {lonely} images named sub-..._{MOVING_SUFFIX}.nii.gz without one named "
        f"{' or '.join(f'_{suffix}.nii.gz' for suffix in wanted)}.",
        hint="Other names: --fixed-glob '*_ct.nii.gz' --moving-glob '*_pet.nii.gz'; or a manifest.",
    )


def _notes(doubtful: list[_Scan], lonely: list[_Scan], unused: list[_Scan], wanted: tuple[str, ...]) -> Iterator[str]:
    names = " or ".join(f"_{suffix}" for suffix in wanted)
    for scans, what in (
        (doubtful, f"Left out, as several {names} images go with them: "),
        (lonely, f"Without a {names} image: "),
        (unused, f"Without a _{MOVING_SUFFIX} image: "),
    ):
        if scans:
            yield what + listed(scan.path.name for scan in scans) + "."
