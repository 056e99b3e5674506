"""The files of a folder and of the folders in it: which are DICOM, and how many are set aside."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from fusecli.errors import ImageError
from fusecli.formats.dicom.header import DicomFile, is_dicom, read_header, text
from fusecli.leftovers import is_unfinished

DICOMDIR_CLASS = "1.2.840.10008.1.3.10"  # Media Storage Directory: PS3.3 annex F


@dataclass(frozen=True, slots=True)
class Beside:
    """How many files of a folder belong to none of its series.

    `other` are no DICOM, or a DICOMDIR; `broken` are DICOM and cannot be parsed; `closed` are files, folders and links
    that cannot be opened.
    """

    other: int = 0
    broken: int = 0
    closed: int = 0

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to warn of: files that may belong to a series which is then cut."""
        counts = {
            "DICOM files of this folder are broken": self.broken,
            "files or folders cannot be opened": self.closed,
        }
        return tuple(
            f"{count} {what}; if they belong to the series, it is cut." for what, count in counts.items() if count
        )


def read_folder(folder: Path) -> tuple[list[DicomFile], Beside]:
    """The headers of all DICOM files in a folder, in the order of their paths, and what else is there.

    Links are followed, and a folder that is reached twice is read once. Never raises for what it finds.
    """
    paths, closed = _files_in(folder)
    files: list[DicomFile] = []
    other = broken = 0
    for path in paths:
        if not _opens(path):
            closed += 1
        elif not is_dicom(path):
            other += 1
        else:
            try:
                files.append(read_header(path))
            except ImageError:
                broken += 1
    objects = [file for file in files if not is_dicomdir(file)]
    # Every object belongs to a series, but for old images: one that does not say so ends before it could.
    whole = [file for file in objects if file.is_image or text(file.header, "SeriesInstanceUID")]
    other += len(files) - len(objects)
    return whole, Beside(other, broken + len(objects) - len(whole), closed)


def is_dicomdir(file: DicomFile) -> bool:
    """Whether a file is the table of contents of a disc, and not an object of its own."""
    return text(file.header.file_meta, "MediaStorageSOPClassUID") == DICOMDIR_CLASS


def _files_in(folder: Path) -> tuple[list[Path], int]:
    """Every file below a folder, sorted, without leftovers of killed runs; and how many folders cannot be opened."""
    waiting, found, closed = [folder], list[Path](), 0
    seen: set[tuple[int, int]] = set()
    while waiting:
        current = waiting.pop()
        try:
            status = current.stat()
            entries = sorted(entry.name for entry in os.scandir(current))
        except OSError:
            closed += 1
            continue
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        inside = [current / name for name in entries if not is_unfinished(Path(name))]
        folders = [path for path in inside if _is_folder(path)]
        waiting.extend(folders)
        found.extend(set(inside) - set(folders))
    return sorted(found), closed


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _opens(path: Path) -> bool:
    """Whether a file can be opened, which a link to nothing cannot. Pipes and devices could wait, and are not tried."""
    try:
        if stat.S_ISREG(path.stat().st_mode):
            path.open("rb").close()
    except OSError:
        return False
    return True
