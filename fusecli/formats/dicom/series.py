"""Which files belong together: from a file or a folder to series, and from a series to the images in it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fusecli.errors import ImageError, InputError
from fusecli.formats.dicom.duplicates import without_copies
from fusecli.formats.dicom.folder import Beside, is_dicomdir, read_folder
from fusecli.formats.dicom.frames import Frame, frames_of
from fusecli.formats.dicom.header import (
    DicomFile,
    is_dicom,
    modality_of_class,
    read_header,
    tag_name,
    text,
    texts,
)
from fusecli.formats.dicom.parts import parts_of

LOCALIZER_WARNING = "This is a localizer: a projection or a positioning image, and not a slice of the patient."
# Words for which free text of a series is searched, where its images do not say LOCALIZER.
_PLANNING = re.compile(r"(?<![a-z])(localizers?|scouts?|topograms?|surveys?|surview|scanogram)(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Files of one SeriesInstanceUID (0020,000E), in the order of their instance numbers.

    Localizers are a series of their own even where a scanner gave them the UID of the images they plan. `cut` are files
    of the series that end before they say what image they hold. `beside` is what else lay in the same folder.
    """

    files: tuple[DicomFile, ...]
    uid: str
    is_localizer: bool
    beside: Beside = Beside()  # noqa: RUF009  frozen, and of numbers
    cut: tuple[DicomFile, ...] = ()

    @property
    def number(self) -> str:
        return text(self.files[0].header, "SeriesNumber")

    @property
    def modality(self) -> str:
        return text(self.files[0].header, "Modality")

    @property
    def is_image(self) -> bool:
        return self.files[0].is_image


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """One image of a series: the frames that belong together, in no order yet.

    A series of several images of one place, as echoes and time points are, has as many volumes: `part` counts them
    from 1 and `label` says what sets this one apart; 0 and empty where the series is one image.
    """

    series: Series
    frames: tuple[Frame, ...]
    part: int = 0
    label: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def modality(self) -> str:
        return text(self.frames[0].file.header, "Modality") if self.frames else self.series.modality

    @property
    def name(self) -> str:
        """What the options that choose a series take: its number, or `number:part`."""
        number = self.series.number or self.series.uid
        return f"{number}:{self.part}" if self.part else number


def find_series(path: Path) -> list[Series]:
    """Every series of a file, or of a folder and the folders in it; files that are not DICOM are passed over.

    Raises InputError when nothing is there; ImageError when the one file is not DICOM or cannot be parsed.
    """
    if path.is_dir():
        return _series_of_folder(path)
    if not path.exists():
        raise InputError(f"There is no file or folder {path}.", hint="Check the path.")
    if not is_dicom(path):
        raise ImageError(
            f"{path.name} is not a DICOM file.",
            why="It has neither the DICM prefix nor a data set that can be recognized.",
            hint="Check that the file is complete and what program wrote it.",
        )
    file = read_header(path)
    if is_dicomdir(file):
        raise InputError(
            f"{path.name} is the table of contents of a disc, and holds no image.",
            hint=f"Give the folder that it lies in: {path.parent}",
        )
    return _grouped([file], Beside())


def volumes_of(series: Series) -> list[Volume]:
    """The images in a series; more than one where it holds several of one place, or of several planes.

    Raises ImageError for a header that cannot be placed, for files that are cut short, and for two files of one UID
    that show different things.
    """
    _check_whole(series)
    files, warnings = without_copies(series.files)
    warnings = (*warnings, *series.beside.warnings, *_warnings_of(series))
    parts = parts_of([frame for file in files for frame in frames_of(file)])
    if len(parts) == 1:
        return [Volume(series, parts[0].frames, warnings=warnings)]
    return [Volume(series, part.frames, number, part.label, warnings) for number, part in enumerate(parts, start=1)]


def _check_whole(series: Series) -> None:
    if series.cut:
        names = ", ".join(file.path.name for file in series.cut[:3])
        raise ImageError(
            f"{len(series.cut)} of {len(series.files) + len(series.cut)} files of this series are cut short.",
            why=f"They end before they say what image they hold: {names}{' ...' if len(series.cut) > 3 else ''}.",
            hint="Copy them again from where they came, or take them out of the folder to go on without them.",
        )


def _warnings_of(series: Series) -> tuple[str, ...]:
    found = [LOCALIZER_WARNING] if series.is_localizer else []
    stored_as = modality_of_class(series.files[0].header)
    if stored_as and series.modality != stored_as:
        found.append(
            f"{tag_name('Modality')} is {series.modality}, and {tag_name('SOPClassUID')} that of {stored_as} images: "
            f"they are taken as {series.modality}."
        )
    return tuple(found)


def _series_of_folder(folder: Path) -> list[Series]:
    files, beside = read_folder(folder)
    if files:
        return _grouped(files, beside)
    counts = {"not DICOM": beside.other, "broken DICOM": beside.broken, "closed to this user": beside.closed}
    found = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    raise InputError(
        f"There are no DICOM images in {folder.name or folder}.",
        why=f"Of its files {found}." if found else "It is empty.",
        hint="Give the folder that holds the slices of a series, or one file.",
    )


def _grouped(files: Sequence[DicomFile], beside: Beside) -> list[Series]:
    groups: dict[tuple[str, bool, bool], list[DicomFile]] = {}
    for file in files:
        groups.setdefault((_series_key(file), _is_localizer(file), file.is_image), []).append(file)
    found = []
    for key, members in groups.items():
        uid, is_localizer, is_image = key
        cut = _cut_files(members, groups.get((uid, False, False), [])) if is_image and not is_localizer else ()
        if is_image or not _cut_files(groups.get((uid, False, True), []), members):
            found.append(Series(tuple(sorted(members, key=_instance)), uid, is_localizer, beside, cut))
    return sorted(found, key=lambda series: (_whole_number(series.number), series.modality, series.uid))


def _cut_files(images: Sequence[DicomFile], others: Sequence[DicomFile]) -> tuple[DicomFile, ...]:
    """Of files that hold no image those that should: they are of the same class as `images` of their series."""
    classes = {text(file.header, "SOPClassUID") for file in images}
    return tuple(file for file in others if text(file.header, "SOPClassUID") in classes)


def _series_key(file: DicomFile) -> str:
    """The series UID; old files have none, and there the series number and the modality tell series apart."""
    uid = text(file.header, "SeriesInstanceUID")
    return uid or " ".join(text(file.header, keyword) for keyword in ("Modality", "SeriesNumber"))


def _is_localizer(file: DicomFile) -> bool:
    """Whether the image says so itself; MR scanners do not, and leave it to the name of the series or the protocol."""
    if "LOCALIZER" in texts(file.header, "ImageType"):
        return True
    named = (text(file.header, keyword) for keyword in ("SeriesDescription", "ProtocolName"))
    return text(file.header, "Modality") == "MR" and any(_PLANNING.search(name.replace("_", " ")) for name in named)


def _instance(file: DicomFile) -> tuple[int, str]:
    return _whole_number(text(file.header, "InstanceNumber")), str(file.path)


def _whole_number(number: str) -> int:
    try:
        return int(number)
    except ValueError:
        return 0
