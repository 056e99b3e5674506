"""What the numbers of a NIfTI measure: told by a side-car, by the file's name, or by the values."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.catalog import DICOM_MODALITIES, Modality
from fusecli.core.intensity import Intensity
from fusecli.formats.naming import named_modality, stem, words

_UNIT_WORDS = {"bq/ml": Intensity.BQML, "suv": Intensity.SUV, "suvbw": Intensity.SUV, "hu": Intensity.HU}
_AIR_HU = -200  # air and lung lie below in a CT, and nothing of an MR or a PET does


def without_nan(voxels: NDArray[Any]) -> tuple[NDArray[Any], tuple[str, ...]]:
    """NaN stands for "outside" in many files: it becomes the smallest number, with a warning."""
    missing = np.isnan(voxels)
    count = int(missing.sum())
    if count == 0 or count == voxels.size:
        return voxels, ()
    smallest = voxels[np.isfinite(voxels)].min()
    warning = f"{count} voxels are NaN (not a number); they were set to the smallest number, {smallest:g}."
    return np.where(missing, smallest, voxels), (warning,)


def modality(path: Path, voxels: NDArray[Any]) -> tuple[Modality, str]:
    """What made the image, and what told so."""
    stated = str(_side_car(path).get("Modality"))
    if stated in DICOM_MODALITIES:
        return DICOM_MODALITIES[stated], "its side-car"
    named = named_modality(path)
    if named is not None:
        return named, "its file name"
    if voxels.min() < _AIR_HU:
        return Modality.CT, f"its values below {_AIR_HU}"
    return Modality.OTHER, "nothing"


def intensity(path: Path, voxels: NDArray[Any], modality: Modality, header: Any) -> tuple[Intensity, tuple[str, ...]]:
    """What the numbers measure, and what to warn of."""
    named = words(stem(path))
    stated = str(_side_car(path).get("Units", "")).lower()
    if stated in _UNIT_WORDS:
        return _UNIT_WORDS[stated], ()
    if modality is Modality.CT and (voxels.min() < _AIR_HU or "hu" in named):
        return Intensity.HU, ()
    if modality is Modality.PET and named & {"suv", "suvbw"}:
        return Intensity.SUV, ("The numbers were taken as SUV by the file name.",)
    if (header["cal_min"], header["cal_max"]) == (0, 1) and voxels.min() >= 0 and voxels.max() <= 1:
        return Intensity.UNIT, ()
    if modality is Modality.CT:
        return Intensity.ARBITRARY, (f"The CT has no value below {_AIR_HU}, so its numbers were not taken as HU.",)
    return Intensity.ARBITRARY, ()


def _side_car(path: Path) -> dict[str, Any]:
    """The JSON beside the file (BIDS), or nothing. Only its Modality and Units are ever looked at."""
    try:
        content = json.loads(path.with_name(f"{stem(path)}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
