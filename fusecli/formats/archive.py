"""A ZIP as the folder that it packs: unpacked into a temporary folder that is removed whatever happens.

Members are numbered and never placed by the path that the archive names for them, so none lands anywhere else.
"""

import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from fusecli.errors import ImageError, InputError
from fusecli.leftovers import clear_leftovers, hidden_name, is_unfinished, remove

_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")  # of a ZIP with members, and of an empty one
MOST_MEMBERS = 200_000
# A study of CT and PET is a few GB. DICOM packs to a half or a third; deflate reaches 1000:1 on nothing but zeros.
MOST_BYTES = 64 * 2**30
MOST_RATIO, RATIO_COUNTS_FROM = 200, 2**30
_CHUNK = 2**20
_LONGEST_NAME = 100


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """A folder with the files of the ZIP at `path` for as long as the block runs; any other path as it is.

    Raises ImageError for a ZIP that is broken, encrypted, or packed in a way that cannot be read; InputError for one
    that is larger than any study, or than what is free on the disk.
    """
    if not is_zip(path):
        yield path
        return
    with _temporary_folder() as temporary:
        # Messages call the folder by its name, which is therefore the archive's.
        folder = temporary / (_short(path.name) or "zip")
        folder.mkdir()
        _unpack(path, folder)
        yield folder


def is_zip(path: Path) -> bool:
    """Whether a file is a ZIP by its first bytes; False for a folder and for what cannot be opened."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(132)
    except (OSError, ValueError):
        return False
    return head.startswith(_MAGIC) and head[128:] != b"DICM"


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A folder that this user alone may look into; what a killed run left of one, patients in it, is removed first."""
    above = Path(tempfile.gettempdir()).absolute()
    clear_leftovers(above)
    folder = above / hidden_name()
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        remove(folder)


def _unpack(path: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if _is_file(member)]
            _check_size(path, members, free=shutil.disk_usage(folder).free)
            for number, member in enumerate(members):
                _extract(archive, member, folder / f"{number:06d}")
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ImageError(f"The ZIP {path} is broken.", hint="Copy it again from where it came.") from error
    except (RuntimeError, NotImplementedError) as error:  # zipfile's for a password, and for rare compressions
        raise ImageError(
            f"The ZIP {path} cannot be unpacked.",
            why="It is encrypted, or packed in a way that only other programs know.",
            hint="Unpack it yourself, and give the folder.",
        ) from error
    except OSError as error:
        raise ImageError(
            f"The ZIP {path} cannot be unpacked.",
            why=f"{error.strerror or 'It is broken'}.",
            hint="It is unpacked into the temporary folder; TMPDIR names another one.",
        ) from error


def _is_file(member: zipfile.ZipInfo) -> bool:
    """Neither a folder nor a link, nor what a killed run left behind."""
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    return not (member.is_dir() or is_link or is_unfinished(Path(member.filename.replace("\\", "/"))))


def _check_size(path: Path, members: list[zipfile.ZipInfo], free: int) -> None:
    packed, full = sum(member.compress_size for member in members), sum(member.file_size for member in members)
    if len(members) > MOST_MEMBERS or full > MOST_BYTES or full > max(MOST_RATIO * packed, RATIO_COUNTS_FROM):
        raise InputError(
            f"The ZIP {path} is larger than any study.",
            why=f"It unpacks to {full / 2**30:.1f} GiB in {len(members)} files, from {packed / 2**30:.3f} GiB.",
            hint="If it is a study all the same, unpack it yourself and give the folder.",
        )
    if full > free:
        raise InputError(
            f"There is no room to unpack {path}.",
            why=f"It needs {full / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free in the temporary folder.",
            hint="Name another folder by TMPDIR, or unpack it yourself and give the folder.",
        )


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, place: Path) -> None:
    # zipfile gives no more bytes than the member declares, and the sum of those was checked.
    place.mkdir()
    name = _short(PurePosixPath(member.filename.replace("\\", "/")).name) or "file"
    with archive.open(member) as source, (place / name).open("wb") as target:
        shutil.copyfileobj(source, target, _CHUNK)


def _short(name: str) -> str:
    """A name that every file system takes; its end tells files apart better than its beginning."""
    return re.sub(r"[^\w.+ -]", "_", name)[-_LONGEST_NAME:].strip(". ")
