"""Hidden names for what is not finished yet, by which the next run knows what a killed one left behind.

A name tells the machine and the process that gave it. Only where that process is gone is there a leftover; what another
machine is writing on a shared drive, or another container, is never touched.
"""

import hashlib
import os
import platform
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

PART, ASIDE = "part", "aside"

_NAME = re.compile(rf"\.fusecli-(?:([0-9a-f]{{8}})([0-9a-f]{{8}})-)?[0-9a-f]{{16}}\.({PART}|{ASIDE})")


def hidden_name(kind: str = PART) -> str:
    """A name that nothing has: of a PART of a result, or of an ASIDE, an earlier result that waits to be replaced."""
    return f".fusecli-{_machine()}{os.getpid():08x}-{secrets.token_hex(8)}.{kind}"


def is_unfinished(path: Path) -> bool:
    """Whether `path` is, or lies in, what is being written or was left behind, which is never a result."""
    return any(_NAME.fullmatch(part) for part in path.parts)


@cache
def clear_leftovers(folder: Path) -> None:
    """Remove the parts of results that killed processes of this machine left in `folder`; once in a process.

    What stepped aside stays: for a moment it is the only copy of an earlier result. Never raises.
    """
    with suppress(OSError):
        for name in list(_left_in(folder)):
            remove(folder / name)


def remove(path: Path) -> None:
    """Remove a file or a folder, as far as that is possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _left_in(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            found = _NAME.fullmatch(entry.name)
            if found and found[1] == _machine() and found[3] == PART and _is_gone(int(found[2], 16)):
                yield entry.name


def _is_gone(process: int) -> bool:
    if os.name != "posix":
        return False  # elsewhere the question would end the process
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


@cache
def _machine() -> str:
    """Eight hexadecimal digits of what counts the processes: a machine, and in it a container."""
    counted_by = platform.node()
    with suppress(OSError):
        counted_by += os.readlink("/proc/self/ns/pid")
    with suppress(OSError):
        counted_by += Path("/proc/sys/kernel/random/boot_id").read_text("ascii")
    return hashlib.sha256(counted_by.encode(errors="replace")).hexdigest()[:8]
