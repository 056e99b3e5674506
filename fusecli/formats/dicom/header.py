"""What a DICOM file says in front of its pixels, read so that no broken byte raises anything but an ImageError."""

import io
import logging
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import FileMetaDataset
from pydicom.filereader import read_partial
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from fusecli.errors import ImageError

# What the storage classes of PS3.4 annex B hold, for files that leave Modality empty.
MODALITY_OF_CLASS = {
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.20": "NM",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
    "1.2.840.10008.5.1.4.1.1.130": "PT",
}
PIXEL_TAGS = {0x7FE00008, 0x7FE00009, 0x7FE00010}  # float, double float, integer: PS3.3 C.7.6.24, C.7.6.25, C.7.6.3
SNIFFED_BYTES = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class DicomFile:
    """A file and its header: every element in front of the pixel data, and whether pixel data follows.

    The header names the patient, and stays out of what is printed of the file.
    """

    path: Path
    header: Dataset = field(repr=False)
    has_pixels: bool

    @property
    def is_image(self) -> bool:
        """Whether the header describes an image; a report, a plan or a DICOMDIR does not."""
        return "Rows" in self.header and "Columns" in self.header


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM by its content: the prefix of PS3.10 section 7.1, or a plausible data set without one.

    Files without a prefix come from ACR-NEMA and from network captures. False for a folder; never raises for any bytes.
    """
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            start = stream.read(132)
            if start[128:] == b"DICM":
                return True
            start += stream.read(SNIFFED_BYTES - len(start))
    except OSError:
        return False
    return _is_headless_dicom(start)


def read_header(path: Path) -> DicomFile:
    """The header of one DICOM file; pixel data is not read.

    Raises ImageError when the file cannot be parsed.
    """
    reached_pixels = False

    def at_pixels(tag: int, vr: str | None, length: int) -> bool:
        nonlocal reached_pixels
        reached_pixels = reached_pixels or int(tag) in PIXEL_TAGS
        return reached_pixels

    with parsing(path), path.open("rb") as stream:
        header = _with_modality(_with_transfer_syntax(read_partial(stream, at_pixels, force=True)))
    if not len(header):
        raise ImageError(f"{path.name} holds no DICOM element.", hint="Copy the file again from where it came.")
    return DicomFile(path, header, reached_pixels)


def read_dataset(path: Path, content: bytes) -> Dataset:
    """The whole data set of the file's `content`, pixels included but not decoded.

    Raises ImageError when it cannot be parsed.
    """
    with parsing(path):
        dataset = _with_transfer_syntax(dcmread(io.BytesIO(content), force=True))
    if not PIXEL_TAGS.intersection(int(tag) for tag in dataset.keys()):  # noqa: SIM118  a data set iterates elements
        raise ImageError(
            f"{path.name} is cut short.",
            why="The pixel data begins, and the file ends before it does.",
            hint="Copy the file again from where it came, or export it again.",
        )
    return dataset


@contextmanager
def parsing(path: Path) -> Iterator[None]:
    """Turn whatever pydicom raises for broken bytes into an ImageError."""
    try:
        with quiet():
            yield
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise ImageError(f"{path.name} cannot be opened.", why=f"{error.strerror}.") from error
        # pydicom's own text may quote element values, a patient's name among them: only its kind is passed on.
        raise ImageError(
            f"{path.name} cannot be read.",
            why=f"Its DICOM elements are broken: the parser stopped with {type(error).__name__}.",
            hint="Copy the file again from where it came, or export it again.",
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom's remarks on non-standard files away from the console; what matters becomes a Step warning."""
    logger = logging.getLogger("pydicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def tag_name(keyword: str) -> str:
    """An element as messages name it: `PatientWeight (0010,1030)`."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"{keyword} is no DICOM keyword")
    return f"{keyword} ({tag >> 16:04X},{tag & 0xFFFF:04X})"


def syntax_name(header: Dataset) -> str:
    """The transfer syntax as messages name it; what is no UID could hold any text, and is not repeated."""
    syntax = header.file_meta.TransferSyntaxUID
    return str(syntax.name) if syntax.is_valid else "unknown transfer syntax"


def text(dataset: Dataset, keyword: str) -> str:
    """The value as text, several joined by a backslash; empty when the element is missing, empty or unreadable.

    Control characters, by which a file could speak to the terminal, become spaces.
    """
    value = _value(dataset, keyword, default="")
    if value is None:
        return ""
    parts = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    said = "\\".join(str(part) for part in parts)
    return "".join(letter if letter.isprintable() else " " for letter in said).strip()


def modality_of_class(header: Dataset) -> str:
    """The modality that the SOP class stands for, classic or enhanced; empty where it stands for none or for many."""
    stored_as = text(header, "SOPClassUID")
    known = (name for uid, name in MODALITY_OF_CLASS.items() if stored_as == uid or stored_as.startswith(f"{uid}."))
    return next(known, "")


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """The values as text; none when the element is missing, empty or unreadable."""
    return tuple(part.strip() for part in text(dataset, keyword).split("\\") if part.strip())


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """The values as finite numbers; none when the element is missing or empty.

    Raises ImageError when the element holds something else: a broken number must not pass for a missing one.
    """
    value = _value(dataset, keyword, default=math.nan)
    if value is None or value == "":
        return ()
    parts = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    try:
        found = tuple(float(part) for part in parts)
    except (TypeError, ValueError):
        found = (math.nan,)
    if not all(math.isfinite(part) for part in found):
        raise ImageError(
            f"{tag_name(keyword)} does not hold a number.",
            why="The element is there, and its value cannot be read.",
            hint="Correct the element, or export the file again.",
        )
    return found


def number(dataset: Dataset, keyword: str) -> float | None:
    """The first value as a finite number; None when the element is missing or empty. Raises ImageError as `numbers`."""
    found = numbers(dataset, keyword)
    return found[0] if found else None


def items(dataset: Dataset, keyword: str) -> Sequence[Dataset]:
    """The items of a sequence; none when it is missing, empty or unreadable."""
    value = _value(dataset, keyword, default=None)
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def private_text(dataset: Dataset, tag: tuple[int, int], creator: str, maker: str) -> str:
    """A private element as text: under its creator, or where no creator is given and the file is by its maker.

    `tag` is (group, element) with the element's last two digits, as (0x0009, 0x0D). Anonymizers often strip the
    private creator and leave the element, so block 10 without an owner counts when Manufacturer begins with `maker`.
    """
    group, element = tag
    with quiet():
        try:
            if (group, 0x10) not in dataset and text(dataset, "Manufacturer").upper().startswith(maker):
                return _plain(dataset[group, 0x1000 + element].value)
            return _plain(dataset.private_block(group, creator)[element].value)
        except Exception:  # missing or broken: pydicom raises a dozen kinds, and a private element is never required
            return ""


def _value(dataset: Dataset, keyword: str, default: Any) -> Any:
    with quiet():
        try:
            return dataset.get(keyword)
        except Exception:  # pydicom converts on access, and a broken value raises one of a dozen kinds
            return default


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("ascii", errors="ignore").strip("\0 ")
    return "" if value is None else str(value).strip("\0 ")


def _with_transfer_syntax(dataset: Any) -> Dataset:
    """Name the transfer syntax of a file without meta header, which pydicom found out while parsing."""
    if getattr(dataset, "file_meta", None) is None:
        dataset.file_meta = FileMetaDataset()
    if not dataset.file_meta.get("TransferSyntaxUID"):
        is_implicit, is_little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = UID(ImplicitVRLittleEndian if is_implicit else explicit)
    if not isinstance(dataset.file_meta.TransferSyntaxUID, UID):
        raise ValueError("the transfer syntax is not one UID")
    found: Dataset = dataset
    return found


def _with_modality(header: Dataset) -> Dataset:
    """Fill in a Modality that is missing or empty."""
    if not text(header, "Modality") and modality_of_class(header):
        header.Modality = modality_of_class(header)
    return header


def _is_headless_dicom(start: bytes) -> bool:
    """Whether bytes begin a data set: group 0002 or 0008, and a modality, a SOP class or ACR-NEMA's own code in it."""
    if start[:2] not in (b"\x08\x00", b"\x02\x00", b"\x00\x08"):
        return False
    with quiet():
        try:
            found = read_partial(io.BytesIO(start), lambda tag, vr, length: int(tag) > 0x0008FFFF, force=True)
            modality = str(found.get("Modality", ""))
            known = str(found.get("SOPClassUID", "")) + str(found.get((0x0008, 0x0010), ""))
        except Exception:  # not DICOM after all
            return False
    return bool(re.fullmatch(r"[A-Z]{2,16}", modality)) or "1.2.840.10008." in known or "ACR-NEMA" in known
