"""Series as lines of text, for the message that asks which one is meant."""

import re
from collections.abc import Sequence

from fusecli.formats.dicom.header import text, texts
from fusecli.formats.dicom.series import Series, Volume

_NAMING = ("PatientName", "PatientID", "OtherPatientIDs", "PatientBirthName", "PatientBirthDate", "AccessionNumber")
_SHORTEST_NAME = 2
_NEVER_BY_CHANCE = 5  # letters: a word that long in the middle of another is the word
# How a birth date of DICOM, YYYYMMDD, is written by hand.
_BIRTH_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)")
_WRITTEN = ("{0}-{1}-{2}", "{2}.{1}.{0}", "{1}/{2}/{0}", "{2}/{1}/{0}", "{2}{1}{0}", "{1}{2}{0}")
_LONGEST_DESCRIPTION = 64  # LO, PS3.5 section 6.2
_FEW_FILES = 3


def listing(found: Sequence[Series | Volume], *, described: bool = False) -> str:
    """One line for each: what to choose it by, modality, slices, size, what sets it apart, and its UID.

    `described` adds the series description, which is free text: such a listing is for the eyes of the one user, and
    goes into no error text, log or record.
    """
    rows = [_row(entry, described) for entry in found]
    if not rows:
        return ""
    heads = ("number", "modality", "slices", "size", *(("description",) if described else ()), "")
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (heads, *rows))
    return "\n".join(f"  {line.rstrip()}" for line in lines)


def description_of(series: Series) -> str:
    """The series description (0008,103E), without what it says of the patient by name or number."""
    header = series.files[0].header
    said = text(header, "SeriesDescription")[:_LONGEST_DESCRIPTION]
    for word in _naming_words(series):
        # Scanners join words by underscores, or by nothing at all: a long word is hidden wherever it stands.
        pattern = re.escape(word) if len(word) >= _NEVER_BY_CHANCE else rf"(?<![^\W_]){re.escape(word)}(?![^\W_])"
        said = re.sub(pattern, "***", said, flags=re.IGNORECASE)
    return said


def is_attenuation_corrected(series: Series) -> bool:
    """Whether a PET says so; True for everything else."""
    return series.modality != "PT" or "ATTN" in texts(series.files[0].header, "CorrectedImage")


def slices_of(series: Series) -> int:
    """How many images there are in the files of a series, multi-frame files counted by their frames."""
    counts = (text(file.header, "NumberOfFrames") for file in series.files)
    return sum(int(count) if count.isdigit() else 1 for count in counts)


def _naming_words(series: Series) -> list[str]:
    header = series.files[0].header
    words = {word for keyword in _NAMING for word in re.split(r"[\s^=\\,]+", text(header, keyword))}
    if birth := _BIRTH_DATE.fullmatch(text(header, "PatientBirthDate")):
        words |= {form.format(*birth.groups()) for form in _WRITTEN}
    return sorted((word for word in words if len(word) >= _SHORTEST_NAME), key=len, reverse=True)


def _row(entry: Series | Volume, described: bool) -> tuple[str, ...]:
    series = entry.series if isinstance(entry, Volume) else entry
    header = series.files[0].header
    size = f"{text(header, 'Rows')} x {text(header, 'Columns')}"
    slices = len(entry.frames) if isinstance(entry, Volume) else slices_of(series)
    number = entry.name if isinstance(entry, Volume) else series.number or "(none)"
    if isinstance(entry, Volume) and entry.part:
        size, apart = f"{entry.frames[0].size[0]} x {entry.frames[0].size[1]}", _apart(entry)
    else:
        apart = f"{series.uid}{_remark(series)}"
    words = (description_of(series),) if described else ()
    return number, entry.modality or "unknown", str(slices), size, *words, apart


def _remark(series: Series) -> str:
    if series.is_localizer:
        return " localizer"
    return "" if is_attenuation_corrected(series) else " without attenuation correction"


def _apart(volume: Volume) -> str:
    """What sets a part of a series apart, with the files where they are few."""
    files = sorted({frame.file.path.name for frame in volume.frames})
    is_one_file = len({frame.file for frame in volume.frames}) == len(volume.series.files)
    named = "" if is_one_file or len(files) > _FEW_FILES else f" ({', '.join(files)})"
    return f"{volume.label}{named}"
