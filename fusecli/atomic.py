"""Results appear only where they may, and whole or not at all: made under a temporary name, then put in place."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fusecli.errors import OutputError
from fusecli.leftovers import ASIDE, PART, clear_leftovers, hidden_name, remove


def check_may_be_written(target: Path, *, overwrite: bool = False, folder_of: re.Pattern[str] | None = None) -> None:
    """Whether a result may be written at `target`, asked before the long work starts. Nothing is changed.

    `folder_of` makes the result a folder, of files with such names; without it, it is a file. With `overwrite` a file
    may take the place of a file, and a folder that of a folder in which there are only regular files with such names.
    A link stands for what it points at.

    Raises OutputError where something stands that may not be replaced, where the folder above is missing, is no folder
    or may not be written to, and for a name that no file can have.
    """
    try:
        _check_parent(_real(target))
        _check_replaceable(target, overwrite, folder_of)
    except OSError as error:
        raise not_written(target, error) from error


@contextmanager
def replacing(target: Path, *, overwrite: bool = False, folder_of: re.Pattern[str] | None = None) -> Iterator[Path]:
    """A hidden, unique, not yet existing path beside `target`, for the block to make a file or a folder of.

    When the block ends, it is renamed onto `target`. What came to stand there in the meantime stays, unless `overwrite`
    is set; even then a folder is replaced only by a folder, and only if it holds nothing but regular files with names
    as `folder_of` says. A link stays, and what it points at is replaced. When the block fails, for whatever reason,
    what it made is removed and `target` stays as it was.

    A process that is killed leaves `.fusecli-*.part` behind, half a result, which the next one that writes into the
    same folder removes; if it is killed in the moment in which a folder is replaced, the earlier one stays as
    `.fusecli-*.aside`. Neither is ever taken for a result.

    Raises OutputError when `target` may not be replaced, and for every OSError of the block or of the renaming: disk
    full, no permission, name too long.
    """
    try:
        # Without `overwrite` nothing may stand there, not even a link.
        place = _real(target) if overwrite else target
        clear_leftovers(place.parent.absolute())
        temporary = place.with_name(hidden_name())  # says nothing of the place's name, which may be as long as can be
        try:
            yield temporary
            _put_in_place(temporary, place, overwrite, folder_of)
        finally:
            remove(temporary)
    except OSError as error:
        raise not_written(target, error) from error


def not_written(target: Path, error: OSError) -> OutputError:
    """What `error` means to whoever wanted `target`, whatever a library made of it on its way here."""
    what, error = f"{target} could not be written.", _behind(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(what, why="The disk is full.", hint="Free some space, or write somewhere else.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(what, why="Writing there is not permitted.", hint="Write somewhere else.")
    if error.errno == errno.ENAMETOOLONG:
        return OutputError(what, why="The name is too long for the file system.", hint="Choose a shorter name.")
    return OutputError(what, why=f"{error.strerror or error}.", hint="Write somewhere else.")


def _real(target: Path) -> Path:
    if "\0" in str(target):
        raise OutputError(f"{str(target)!r} cannot be written.", why="A name cannot hold the character NUL.")
    return Path(os.path.realpath(target)) if target.is_symlink() else target


def _check_parent(place: Path) -> None:
    folder, what = place.parent, f"{place} cannot be written."
    if not folder.exists():
        raise OutputError(what, why=f"There is no folder {folder}.", hint=f"Make it first: mkdir -p {folder}")
    if not folder.is_dir():
        raise OutputError(what, why=f"{folder} is a file, not a folder.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(what, why=f"Writing into {folder} is not permitted.", hint="Choose another folder.")


def _check_replaceable(target: Path, overwrite: bool, folder_of: re.Pattern[str] | None) -> None:
    try:
        os.lstat(target)
    except FileNotFoundError:
        return
    place = _real(target)
    if place.exists() and not (place.is_dir() if folder_of else place.is_file()):
        raise OutputError(
            f"{target} cannot be written.",
            why=f"What stands there is not a {'folder' if folder_of else 'file'}.",
            hint="Choose another name.",
        )
    if folder_of and _is_empty(target):
        return
    if not overwrite:
        raise _exists_already(target)
    if folder_of and place.exists():
        _check_holds_only(folder_of, place, named=target)


def _is_empty(folder: Path) -> bool:
    # A folder may be renamed onto an empty one, but not onto a link to it.
    return folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir())


def _exists_already(target: Path) -> OutputError:
    return OutputError(f"{target} exists already.", hint="Choose another name, or allow it: --overwrite")


def _check_holds_only(folder_of: re.Pattern[str] | None, folder: Path, *, named: Path) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not (folder_of and folder_of.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)):
                raise OutputError(
                    f"The folder {named} was not replaced.",
                    why="It holds more than fusecli wrote, and all of it would be lost.",
                    hint="Choose another name.",
                )


def _put_in_place(temporary: Path, place: Path, overwrite: bool, folder_of: re.Pattern[str] | None) -> None:
    if not overwrite:
        _put_where_nothing_is(temporary, place)
    elif temporary.is_dir() and place.is_dir():
        _replace_folder(temporary, place, folder_of)
    else:
        os.replace(temporary, place)


def _put_where_nothing_is(temporary: Path, place: Path) -> None:
    try:
        if temporary.is_dir():
            os.rename(temporary, place)  # refused where a file or a full folder stands
        else:
            os.link(temporary, place)  # refused where anything stands, which renaming a file is not
    except OSError as error:
        if os.path.lexists(place):
            raise _exists_already(place) from error
        # FAT and some network drives have no hard links: there the look just taken has to do.
        os.rename(temporary, place)


def _replace_folder(temporary: Path, place: Path, folder_of: re.Pattern[str] | None) -> None:
    # A folder cannot be renamed onto a full one, so the old one steps aside until the new one stands. Only then is it
    # looked through: under its hidden name nobody puts anything into it any more.
    aside = place.with_name(hidden_name(ASIDE))
    os.rename(place, aside)
    try:
        _check_holds_only(folder_of, aside, named=place)
        os.rename(temporary, place)
    except BaseException:
        os.rename(aside, place)
        raise
    # From here on the new one stands, and whoever is killed while the old one is removed leaves nothing of worth.
    unwanted = place.with_name(hidden_name(PART))
    os.rename(aside, unwanted)
    remove(unwanted)


def _behind(error: OSError) -> OSError:
    """What the system said, where a library made another error of it: that of pydicom has no number but a traceback."""
    while error.errno is None and isinstance(deeper := error.__cause__ or error.__context__, OSError):
        error = deeper
    return error
