"""Which files belong together: from a file or a folder to series, and to the one series that is meant."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fusecli.atomic import is_unfinished
from fusecli.errors import ImageError, InputError
from fusecli.formats.dicom.header import DicomFile, is_dicom, read_header, text, texts

_HINT = "Choose one by its number or UID: --fixed-series for FIXED, --moving-series for MOVING."

LOCALIZER_WARNING = "This is a localizer: a projection or a positioning image, and not a slice of the patient."


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Files of one SeriesInstanceUID (0020,000E), in the order of their instance numbers.

    Localizers are a series of their own even where a scanner gave them the UID of the images they plan.
    `unreadable` counts the DICOM files of the same folder that could not be parsed and may belong here.
    """

    files: tuple[DicomFile, ...]
    uid: str
    is_localizer: bool
    unreadable: int = 0

    @property
    def number(self) -> str:
        return text(self.files[0].header, "SeriesNumber")

    @property
    def modality(self) -> str:
        return text(self.files[0].header, "Modality")

    @property
    def is_image(self) -> bool:
        return self.files[0].is_image


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
    return _grouped([read_header(path)], unreadable=0)


def choose_series(found: Sequence[Series], wanted: str | None = None) -> Series:
    """The one image series that is meant: `wanted` is a SeriesInstanceUID or a series number.

    Localizers are set aside as long as another image series is there.

    Raises InputError when none or more than one remains, listing them without names or descriptions;
    ImageError when there are DICOM files and none of them is an image.
    """
    images = [series for series in found if series.is_image]
    if not images:
        raise ImageError(
            "There is no image in these DICOM files.",
            why=f"They are of modality {_modalities(found)}, without rows and columns.",
            hint="Give the folder or the file of an image series.",
        )
    matching = [series for series in images if wanted is None or wanted in (series.uid, series.number)]
    candidates = [series for series in matching if not series.is_localizer] or matching
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise InputError(f"There is no image series {wanted}.", why=_listing(images), hint=_HINT)
    raise InputError(
        f"There are {len(candidates)} image series, and only one can be read.",
        why=_listing(candidates),
        hint=_HINT,
    )


def _series_of_folder(folder: Path) -> list[Series]:
    files, unreadable = [], 0
    for path in sorted(folder.rglob("*")):
        if is_unfinished(path.relative_to(folder)) or not is_dicom(path):
            continue
        try:
            files.append(read_header(path))
        except ImageError:
            unreadable += 1
    if files:
        return _grouped(files, unreadable)
    raise InputError(
        f"There are no DICOM images in {folder}.",
        why=f"{unreadable} DICOM files were found and none could be parsed." if unreadable else "No file is DICOM.",
        hint="Give the folder that holds the slices of one series.",
    )


def _grouped(files: Sequence[DicomFile], unreadable: int) -> list[Series]:
    groups: dict[tuple[str, bool, bool], list[DicomFile]] = {}
    for file in files:
        groups.setdefault((_series_key(file), _is_localizer(file), file.is_image), []).append(file)
    return [
        Series(tuple(sorted(members, key=_instance)), key[0], key[1], unreadable) for key, members in groups.items()
    ]


def _series_key(file: DicomFile) -> str:
    """The series UID; old files have none, and there the series number and the modality tell series apart."""
    uid = text(file.header, "SeriesInstanceUID")
    return uid or " ".join(text(file.header, keyword) for keyword in ("Modality", "SeriesNumber"))


def _is_localizer(file: DicomFile) -> bool:
    return "LOCALIZER" in texts(file.header, "ImageType")


def _instance(file: DicomFile) -> tuple[int, str]:
    number = text(file.header, "InstanceNumber")
    return (int(number) if number.lstrip("-").isdigit() else 0, str(file.path))


def _modalities(found: Sequence[Series]) -> str:
    return ", ".join(sorted({series.modality or "unknown" for series in found}))


def _listing(found: Sequence[Series]) -> str:
    """One line per series. Descriptions are free text that may hold a name, so they are left out."""
    return "\n".join(_line(series) for series in found)


def _line(series: Series) -> str:
    header = series.files[0].header
    size = f"{text(header, 'Rows')} x {text(header, 'Columns')}"
    kind = " localizer" if series.is_localizer else ""
    number, modality = series.number or "(none)", series.modality or "unknown modality"
    return f"  number {number}: {modality}{kind}, {len(series.files)} files of {size}, {series.uid}"
