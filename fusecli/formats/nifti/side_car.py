"""What a NIfTI cannot say of itself: its unit and what made it, in a note of its header and in a JSON file beside it.

Source: Brain Imaging Data Structure (BIDS), "Positron Emission Tomography" and "Common data types": the JSON of the
same name, `Modality` as in DICOM, `Units` of the voxels. What BIDS has no name for is spelled in its manner.
"""

import json
from pathlib import Path
from typing import Any

from fusecli import __version__
from fusecli.catalog import DICOM_MODALITIES, Modality
from fusecli.core.history import warnings_of
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.formats.naming import stem

# How a side-car and a header's note call a unit; `intensity_of` reads these and a few that others write.
_UNIT_WORDS = {
    Intensity.HU: "HU",
    Intensity.SUV: "SUVbw",
    Intensity.SUVLBM: "SUVlbm",
    Intensity.SUVBSA: "SUVbsa",
    Intensity.BQML: "Bq/mL",
    Intensity.COUNTS: "counts",
    Intensity.ARBITRARY: "arbitrary",
}
_INTENSITIES = {word.lower(): intensity for intensity, word in _UNIT_WORDS.items()} | {"suv": Intensity.SUV}
_DICOM_NAMES = {modality: name for name, modality in DICOM_MODALITIES.items()}
_NOTE = "fusecli"


def side_car_path(path: Path) -> Path:
    """The JSON beside a NIfTI, or beside the .hdr and .img of one."""
    return path.with_name(f"{stem(path)}.json")


def remove_side_car(path: Path) -> None:
    """Remove the JSON beside a NIfTI that was replaced, if fusecli wrote it: it tells of the numbers that are gone."""
    beside = side_car_path(path)
    try:
        content = json.loads(beside.read_text("utf-8"))
        if content["GeneratedBy"][0]["Name"] == _NOTE and "SourceSHA256" in content:
            beside.unlink()
    except (OSError, ValueError, LookupError, TypeError):
        return  # not there, or by somebody else


def side_car(image: Image) -> dict[str, Any]:
    """What the JSON beside `image` says, ready to be written: modality, unit and history, and no identity."""
    facts: dict[str, Any] = {}
    if image.modality in _DICOM_NAMES:
        facts["Modality"] = _DICOM_NAMES[image.modality]
    if image.intensity in _UNIT_WORDS:
        facts["Units"] = _UNIT_WORDS[image.intensity]
    if image.intensity.physical_unit:
        facts["UnitsUCUM"] = image.intensity.physical_unit
    return facts | {
        "GeneratedBy": [{"Name": _NOTE, "Version": __version__}],
        "SourceSHA256": image.source.digest if image.source else None,
        "History": [{"Step": step.name, **step.facts} for step in image.history],
        "Warnings": list(warnings_of(image.history)),
    }


def intensity_of(word: str) -> Intensity | None:
    """What a unit's name means, in capitals or not; None for one that is not known."""
    return _INTENSITIES.get(word.lower())


def note(image: Image) -> bytes:
    """The header's `descrip`, at most 80 bytes: modality and unit, for when the side-car is lost; else empty."""
    if image.intensity not in _UNIT_WORDS or image.modality not in _DICOM_NAMES:
        return b""
    return f"{_NOTE} {image.modality} {_UNIT_WORDS[image.intensity]}".encode("ascii")


def told_by_note(header: Any) -> tuple[Modality, Intensity] | None:
    """What `note` wrote into a header; None for any other text."""
    words = bytes(header["descrip"].item()).decode("ascii", errors="replace").split(" ")
    if len(words) != 3 or words[0] != _NOTE or words[1] not in set(Modality):
        return None
    intensity = intensity_of(words[2])
    return None if intensity is None else (Modality(words[1]), intensity)
