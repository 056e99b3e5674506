"""Cases in a folder, by two patterns: what the wildcards of both match is what tells a case."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from fusecli.batch.naming import check_id
from fusecli.batch.rows import Found, Row, listed
from fusecli.errors import InputError, UsageError

Key = tuple[str, ...]

_WILDCARD = re.compile(r"\*\*/|\*|\?|\[[^\]]+\]")


def match_folder(folder: Path, fixed_glob: str, moving_glob: str) -> Found:
    """The cases in a folder: a FIXED and a MOVING belong together where all wildcards match the same text.

    `*` and `?` stay within a name, `[ab]` is one of these, `**/` any folders. A pattern may match files, or folders,
    which are read as DICOM. The id is what the wildcards match, joined by `_`. What has no counterpart is noted.

    Raises UsageError for patterns of different wildcards, and for two files of one key; InputError when there is no
    folder, or no pair in it.
    """
    patterns = {"FIXED": fixed_glob, "MOVING": moving_glob}
    _check_patterns(patterns)
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.")
    own, other = (_by_key(folder, role, pattern) for role, pattern in patterns.items())
    keys = sorted(own.keys() & other.keys())
    if not keys:
        raise InputError(
            f"No two files in {folder} belong together.",
            why=f"{fixed_glob} matches {len(own)}, {moving_glob} matches {len(other)}, and no key is in both.",
            hint="Put a * for what both names share: --fixed-glob '*_ct.nii.gz' --moving-glob '*_pet.nii.gz'",
        )
    rows = tuple(Row(check_id("_".join(k), where=str(own[k])), own[k], other[k], str(own[k])) for k in keys)
    notes = tuple(
        f"Without a counterpart among {role}: {listed(str(path.relative_to(folder)) for path in lonely)}."
        for role, lonely in (("MOVING", _lonely(own, other)), ("FIXED", _lonely(other, own)))
        if lonely
    )
    return Found(rows, notes)


def _check_patterns(patterns: dict[str, str]) -> None:
    counts = {role: len(_WILDCARD.findall(pattern)) for role, pattern in patterns.items()}
    for role, pattern in patterns.items():
        option = f"--{role.lower()}-glob {pattern}"
        if not counts[role]:
            raise UsageError(f"{option} has no *, so it matches one file.", hint="Put a * for what differs.")
        if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
            raise UsageError(f"{option} leaves the folder.", hint="Give a pattern of names inside of it.")
    if counts["FIXED"] != counts["MOVING"]:
        raise UsageError(
            "--fixed-glob and --moving-glob have different numbers of wildcards.",
            why=f"{counts['FIXED']} and {counts['MOVING']}: nothing says which belong together.",
            hint="Each * of one stands for the same text as that of the other.",
        )


def _by_key(folder: Path, role: str, pattern: str) -> dict[Key, Path]:
    expression, found = _expression(pattern), dict[Key, Path]()
    for relative in _entries(folder, deep="**/" in pattern, depth=len(Path(pattern).parts)):
        if (match := expression.fullmatch(relative)) is None:
            continue
        key = tuple(part.strip("/").replace("/", "_") for part in match.groups())
        if key in found:
            raise UsageError(
                f"Two files are the {role} of {'_'.join(key)}: {found[key].name} and {Path(relative).name}.",
                hint="Make the pattern narrower.",
            )
        found[key] = folder / relative
    return found


def _expression(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression with a group for each wildcard."""
    text, end = "", 0
    for wildcard in _WILDCARD.finditer(pattern):
        text += re.escape(pattern[end : wildcard.start()])
        text += {"**/": "((?:.+/)?)", "*": "([^/]*)", "?": "([^/])"}.get(wildcard.group()) or _one_of(wildcard.group())
        end = wildcard.end()
    return re.compile(text + re.escape(pattern[end:]))


def _one_of(brackets: str) -> str:
    inside = brackets[1:-1].replace("\\", r"\\")
    return f"([^{inside[1:]}])" if inside.startswith("!") else f"([{inside}])"


def _entries(folder: Path, *, deep: bool, depth: int) -> Iterator[str]:
    """What lies in the folder, `depth` names deep or at any depth, as relative paths with `/`; nothing hidden."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        relative = Path(place).relative_to(folder)
        level = len(relative.parts) + 1
        if deep or level == depth:
            yield from ((relative / name).as_posix() for name in sorted((*folders, *files)) if not name.startswith("."))
        if not deep and level >= depth:
            folders.clear()


def _lonely(one: dict[Key, Path], other: dict[Key, Path]) -> list[Path]:
    return [one[key] for key in sorted(one.keys() - other.keys())]
