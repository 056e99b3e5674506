"""What the numbers of a NIfTI measure: told by a side-car, by the file's name, or by the values."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.catalog import DICOM_MODALITIES, Modality
from fusecli.core.history import Fact
from fusecli.core.intensity import Intensity
from fusecli.core.scratch import empty, slabs
from fusecli.core.statistics import count, highest, lowest
from fusecli.formats.naming import named_modality, stem, words
from fusecli.formats.nifti.hounsfield import looks_like_hu
from fusecli.formats.nifti.side_car import intensity_of, side_car_path, told_by_note

_SUV_NAMES = {"suv": Intensity.SUV, "suvbw": Intensity.SUV, "suvlbm": Intensity.SUVLBM, "suvbsa": Intensity.SUVBSA}
_STALE = (
    "The side-car names another unit than the file itself, which was written by fusecli: the side-car was not believed."
)
_AIR_HU = -200  # air and lung lie below in a CT


@dataclass(frozen=True, slots=True)
class Meaning:
    """What made the image and what its numbers measure; `facts` say what told so, `warnings` what was taken for it."""

    modality: Modality
    intensity: Intensity
    facts: dict[str, Fact]
    warnings: tuple[str, ...] = ()


def without_nan(voxels: NDArray[Any]) -> tuple[NDArray[Any], tuple[str, ...]]:
    """NaN stands for "outside" in many files: it becomes the smallest number, with a warning."""
    missing = count(voxels, np.isnan)
    if missing == 0 or missing == voxels.size:
        return voxels, ()
    smallest = min(voxels[part].min(where=np.isfinite(voxels[part]), initial=np.inf) for part in slabs(voxels))
    warning = f"{missing} voxels are NaN (not a number); they were set to the smallest number, {smallest:g}."
    whole = empty(voxels.shape)
    for part in slabs(voxels, whole):
        whole[part] = np.where(np.isnan(voxels[part]), smallest, voxels[part])
    return whole, (warning,)


def meaning_of(path: Path, voxels: NDArray[Any], header: Any) -> Meaning:
    """The side-car comes first, then our own note in the header, then the words of the file's name; only where all are
    silent the values may tell a CT.

    A modality that a name tells is a fact. A unit that a name tells, and a CT that the values tell, is a warning too,
    because it changes what the numbers mean.
    """
    side_car, noted = _side_car(path), told_by_note(header)
    modality, told_by = _modality(path, side_car)
    unit = str(side_car.get("Units", "")).lower()
    if noted is not None and intensity_of(unit) is not noted[1]:
        by_note: dict[str, Fact] = {"modality_told_by": "its header's note", "unit_told_by": "its header's note"}
        return Meaning(*noted, by_note, (_STALE,) if unit else ())
    if modality is None and not unit and looks_like_hu(voxels):
        by_values: dict[str, Fact] = {"modality_told_by": "its values", "unit_told_by": "its values"}
        return Meaning(Modality.CT, Intensity.HU, by_values, (_guessed_hu(voxels),))
    modality = modality or Modality.OTHER
    facts: dict[str, Fact] = {"modality_told_by": told_by}
    stated = intensity_of(unit)
    if stated is not None:
        return Meaning(modality, stated, facts | {"unit_told_by": "its side-car"})
    intensity, told_by, warnings = _unit(path, voxels, modality, header)
    return Meaning(modality, intensity, facts | {"unit_told_by": told_by}, warnings)


def _side_car(path: Path) -> dict[str, Any]:
    """The JSON beside the file (BIDS), or nothing. Only its Modality and Units are ever looked at."""
    try:
        content = json.loads(side_car_path(path).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _modality(path: Path, side_car: dict[str, Any]) -> tuple[Modality | None, str]:
    """What made the image, and what told so."""
    stated = str(side_car.get("Modality"))
    if stated in DICOM_MODALITIES:
        return DICOM_MODALITIES[stated], "its side-car"
    named = named_modality(path)
    return named, "nothing" if named is None else "its file name"


def _guessed_hu(voxels: NDArray[Any]) -> str:
    return (
        f"The image was taken as CT in HU by its values (minimum {lowest(voxels):g}, maximum {highest(voxels):g}); "
        "--fixed-modality / --moving-modality says otherwise."
    )


def _unit(path: Path, voxels: NDArray[Any], modality: Modality, header: Any) -> tuple[Intensity, str, tuple[str, ...]]:
    """What the numbers measure where no side-car says it, what told so, and what to warn of."""
    named = words(stem(path))
    if modality is Modality.CT and lowest(voxels) < _AIR_HU:
        return Intensity.HU, f"its values below {_AIR_HU}", ()
    if modality is Modality.CT and "hu" in named:
        return Intensity.HU, "its file name", ("The numbers were taken as HU by the file name.",)
    by_name = {_SUV_NAMES[word] for word in named & set(_SUV_NAMES)}
    if modality is Modality.PET and len(by_name) == 1:
        suv = by_name.pop()
        return suv, "its file name", (f"The numbers were taken as {suv} by the file name.",)
    if (header["cal_min"], header["cal_max"]) == (0, 1) and lowest(voxels) >= 0 and highest(voxels) <= 1:
        return Intensity.UNIT, "its display range", ()
    if modality is Modality.CT:
        warning = f"The CT has no value below {_AIR_HU}, so its numbers were not taken as HU."
        return Intensity.ARBITRARY, "nothing", (warning,)
    return Intensity.ARBITRARY, "nothing", ()
