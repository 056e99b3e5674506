"""A NIfTI on disk: one file or a .hdr/.img pair, packed or not, opened with its promises checked."""

# mypy: disable-error-code="no-untyped-call"
# nibabel's functions carry no types.

import gzip
import hashlib
import math
import re
import warnings
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel import imageglobals
from nibabel.arrayproxy import ArrayProxy
from nibabel.nifti1 import Nifti1PairHeader
from nibabel.nifti2 import Nifti2Header, Nifti2PairHeader
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from fusecli.errors import ImageError

_HEADERS = {
    b"n+1\0": nib.Nifti1Header,
    b"ni1\0": Nifti1PairHeader,
    b"n+2\0": Nifti2Header,
    b"ni2\0": Nifti2PairHeader,
}
# What nibabel, gzip and numpy raise for broken bytes.
_BROKEN = (HeaderDataError, WrapStructError, OSError, EOFError, ValueError, KeyError, OverflowError, zlib.error)
_DEFLATE_RATIO = 1032  # gzip cannot pack tighter: RFC 1951, 258 bytes in 2 bits


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """An open file: its header, its voxels on disk, the format's name, and what nibabel warned of."""

    header: Any
    voxels: Any
    format: str
    remarks: tuple[str, ...]


def is_nifti(path: Path) -> bool:
    """Whether the content is NIfTI, packed or not, or `path` is the .img beside a NIfTI .hdr."""
    return _magic(_files(path)[0]) is not None


@contextmanager
def opened(path: Path) -> Iterator[Stored]:
    """The open file; what goes wrong while it is read becomes ImageError."""
    imageglobals.logger.disabled = True  # nibabel reports small header repairs on stderr
    try:
        with ExitStack() as files, np.errstate(all="ignore"):
            header_path, data_path = _files(path)
            magic = _magic(header_path) or b"n+1\0"
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                header = _HEADERS[magic].from_fileobj(files.enter_context(_stream(header_path)))
            _check_promise(header, data_path)
            voxels = ArrayProxy(files.enter_context(_stream(data_path)), header, mmap=False)
            remarks = tuple(f"nibabel says: {note.message}" for note in caught)
            yield Stored(header, voxels, "NIfTI-2" if b"2" in magic else "NIfTI-1", remarks)
    except _BROKEN as error:
        raise ImageError(
            f"{path} is damaged, or holds a kind of NIfTI that cannot be read.",
            why=f"{str(error).rstrip('.')}.",
            hint="Copy or convert it again.",
        ) from error
    finally:
        imageglobals.logger.disabled = False


def _files(path: Path) -> tuple[Path, Path]:
    """Where the header is and where the voxels are: one file, or a .hdr/.img pair of which either was named."""
    header = _sibling(path, "hdr") if _magic(path) is None else path
    is_pair = (_magic(header) or b"").startswith(b"ni")
    return header, _sibling(header, "img") if is_pair else header


def _sibling(path: Path, ending: str) -> Path:
    plain = path.with_name(re.sub(r"\.(hdr|img)(\.gz)?$", f".{ending}", path.name))
    packed = plain.with_name(f"{plain.name}.gz")
    return packed if packed.exists() and not plain.exists() else plain


def _magic(path: Path) -> bytes | None:
    """The version in the header: at byte 344 of NIfTI-1, at byte 4 of NIfTI-2."""
    try:
        with _stream(path) as file:
            head = file.read(348)
    except (OSError, EOFError, zlib.error):
        return None
    size = {int.from_bytes(head[:4], "little"), int.from_bytes(head[:4], "big")}
    magic = head[344:348] if 348 in size else head[4:8] if 540 in size else b""
    return magic if magic in _HEADERS else None


def _stream(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(path) if _is_packed(path) else path.open("rb")


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _check_promise(header: Any, data_path: Path) -> None:
    """Refuse a header that promises more than its file can hold, before memory is asked for."""
    promised = header.get_data_offset() + math.prod(header.get_data_shape()) * header.get_data_dtype().itemsize
    possible = data_path.stat().st_size * (_DEFLATE_RATIO if _is_packed(data_path) else 1)
    if promised > possible:
        raise OSError(f"The header promises {promised} bytes, and the file can hold {possible}")


def digest(path: Path) -> str:
    """sha256 over the header file and the voxel file, in this order, or over the one file that holds both."""
    total = hashlib.sha256()
    for part in dict.fromkeys(_files(path)):
        with part.open("rb") as file:
            hashlib.file_digest(file, lambda: total)
    return total.hexdigest()
