"""Cases in a folder, by two patterns: what the wildcards of both match is what tells a case."""

import re
from collections.abc import Iterator
from pathlib import Path
from zipfile import is_zipfile

from fusecli.batch.naming import check_id, study_id
from fusecli.batch.rows import Found, Row, closed_note, listed
from fusecli.batch.walking import walk
from fusecli.errors import InputError, UsageError

Key = tuple[str, ...]

_WILDCARD = re.compile(r"\*\*/|\*|\?|\[[^\]]+\]")


def match_folder(folder: Path, fixed_glob: str, moving_glob: str) -> Found:
    """The cases in a folder: a FIXED and a MOVING belong together where all wildcards match the same text.

    `*` and `?` stay within a name, `[ab]` is one of these, `**/` any folders. A pattern may match files, or folders,
    which are read as DICOM. The id is what the wildcards match, joined by `_`. What has no counterpart is noted, and
    folders that cannot be read.

    Raises UsageError for patterns of different wildcards, and for two files of one key; InputError when there is no
    folder, or no pair in it.
    """
    patterns = {"FIXED": fixed_glob, "MOVING": moving_glob}
    _check_patterns(patterns)
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.")
    closed = set[Path]()
    own, other = (_by_key(folder, role, pattern, closed) for role, pattern in patterns.items())
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
    return Found(rows, (*notes, *closed_note(closed)))


def match_studies(folder: Path, glob: str) -> Found:
    """A case for each folder or ZIP that `glob` matches, as a study that holds both images.

    Patterns and ids are as `match_folder` has them. Files that are no ZIP are left out, and noted.

    Raises UsageError for a pattern without a wildcard; InputError when there is no folder, or no study in it.
    """
    _check_patterns({"STUDY": glob})
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.")
    closed = set[Path]()
    matched = _by_key(folder, "STUDY", glob, closed)
    studies = {key: path for key, path in matched.items() if path.is_dir() or is_zipfile(path)}
    if not studies:
        raise InputError(
            f"There is no study in {folder}.",
            why=f"{glob} matches {len(matched)} names, of which none is a folder or a ZIP.",
            hint="Put a * for what differs: --study-glob '*', or --study-glob '*.zip'",
        )
    rows = tuple(
        Row(check_id(study_id("_".join(key)), where=str(path)), path, None, str(path)) for key, path in studies.items()
    )
    others = [str(path.relative_to(folder)) for key, path in matched.items() if key not in studies]
    notes = (f"Neither a folder nor a ZIP: {listed(others)}.",) if others else ()
    return Found(rows, (*notes, *closed_note(closed)))


def _check_patterns(patterns: dict[str, str]) -> None:
    counts = {role: len(_WILDCARD.findall(pattern)) for role, pattern in patterns.items()}
    for role, pattern in patterns.items():
        option = f"--{role.lower()}-glob {pattern}"
        if not counts[role]:
            raise UsageError(f"{option} has no *, so it matches one file.", hint="Put a * for what differs.")
        if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
            raise UsageError(f"{option} leaves the folder.", hint="Give a pattern of names inside of it.")
    if len(set(counts.values())) > 1:
        raise UsageError(
            "--fixed-glob and --moving-glob have different numbers of wildcards.",
            why=f"{counts['FIXED']} and {counts['MOVING']}: nothing says which belong together.",
            hint="Each * of one stands for the same text as that of the other.",
        )


def _by_key(folder: Path, role: str, pattern: str, closed: set[Path]) -> dict[Key, Path]:
    expression, found = _expression(pattern), dict[Key, Path]()
    for relative in _entries(folder, closed, deep="**/" in pattern, depth=len(Path(pattern).parts)):
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


def _entries(folder: Path, closed: set[Path], *, deep: bool, depth: int) -> Iterator[str]:
    """What lies in the folder, `depth` names deep or at any depth, as relative paths with `/`; nothing hidden."""
    for place, folders, files in walk(folder, closed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        relative = place.relative_to(folder)
        level = len(relative.parts) + 1
        if deep or level == depth:
            yield from ((relative / name).as_posix() for name in sorted((*folders, *files)) if not name.startswith("."))
        if not deep and level >= depth:
            folders.clear()


def _lonely(one: dict[Key, Path], other: dict[Key, Path]) -> list[Path]:
    return [one[key] for key in sorted(one.keys() - other.keys())]
