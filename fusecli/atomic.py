"""Results appear whole or not at all: written under a temporary name beside the target, then renamed onto it."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fusecli.errors import OutputError


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A hidden, unique, not yet existing path beside `target`, for the block to make a file or a folder of.

    When the block ends, it is renamed onto `target` and takes the place of what was there. When the block fails, for
    whatever reason, it is removed and `target` stays as it was.

    Raises OutputError for every OSError of the block or of the renaming: disk full, no permission, name too long.
    """
    temporary = _hidden_beside(target)
    try:
        yield temporary
        _move(temporary, target)
    except OSError as error:
        raise _not_written(target, error) from error
    finally:
        _remove(temporary)


def _hidden_beside(target: Path) -> Path:
    # Says nothing of the target's name: that may be as long as the file system allows already.
    return target.with_name(f".fusecli-{secrets.token_hex(8)}.part")


def _move(temporary: Path, target: Path) -> None:
    if not target.is_dir():
        os.replace(temporary, target)
        return
    # A folder cannot be renamed onto a full one, so the old one steps aside until the new one stands.
    aside = _hidden_beside(target)
    os.replace(target, aside)
    try:
        os.replace(temporary, target)
    except OSError:
        os.replace(aside, target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _not_written(target: Path, error: OSError) -> OutputError:
    what = f"{target} could not be written."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(what, why="The disk is full.", hint="Free some space, or write somewhere else with -o.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(what, why="Writing there is not permitted.", hint="Write somewhere else with -o.")
    return OutputError(what, why=f"{error.strerror or error}.", hint="Write somewhere else with -o.")


def _remove(temporary: Path) -> None:
    if temporary.is_dir():
        shutil.rmtree(temporary, ignore_errors=True)
        return
    with suppress(OSError):
        temporary.unlink(missing_ok=True)
