"""What the numbers of a DICOM series measure: HU, SUV, Bq/ml, counts, or a scale of the scanner's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray
from pydicom import Dataset

from fusecli.core.history import Fact
from fusecli.core.intensity import Intensity
from fusecli.formats.dicom.frames import Frame, functional_group
from fusecli.formats.dicom.header import items, number, tag_name, text
from fusecli.formats.dicom.pixels import rescale_of
from fusecli.formats.dicom.suv import pet_headers, suv_factors
from fusecli.formats.dicom.suv.body import NORM_NAMES
from fusecli.formats.dicom.suv.plausible import implausible
from fusecli.settings import SuvSettings

_FROM_HEADERS = SuvSettings()

# PET units (0054,1001) that count events, absolute, per second, or in proportion: PS3.3 C.8.9.1.1.3.
COUNTING_UNITS = {"CNTS", "CPS", "PROPCNTS", "PROPCPS"}

NO_PET = "The --suv options have no effect: this series is no PET."
NOT_ASKED = "The --suv options have no effect: the PET is kept in the unit of its file."

# What `SuvSettings.norm` asks for.
_INTENSITY_OF = {
    "bw": Intensity.SUV,
    "lbm": Intensity.SUVLBM,
    "lbmjanma": Intensity.SUVLBM,
    "bsa": Intensity.SUVBSA,
    "bqml": Intensity.BQML,
}

# Modalities whose numbers are measurements even where they were stored as color.
MEASURING_MODALITIES = {"CT", "PT", "NM", "MR"}


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit of a grey series, and by what each rescaled slice is multiplied to reach it; no factors: by nothing."""

    intensity: Intensity
    factors: tuple[float, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def of_frames(self, places: Sequence[int]) -> "Unit":
        """The unit of some slices alone."""
        return replace(self, factors=tuple(self.factors[place] for place in places) if self.factors else ())


def unit_of(frames: Sequence[Frame], suv: SuvSettings = _FROM_HEADERS) -> Unit:
    """The unit of the frames of a grey series, in their order, from the headers alone; `suv` counts for PET."""
    unit = _unit_by_modality(frames, suv)
    if suv.given and text(frames[0].file.header, "Modality") != "PT":
        return replace(unit, warnings=(*unit.warnings, NO_PET))
    return unit


def _unit_by_modality(frames: Sequence[Frame], suv: SuvSettings) -> Unit:
    modality = text(frames[0].file.header, "Modality")
    if modality == "CT":
        return _unit_of_ct(frames[0])
    if modality == "PT":
        return _unit_of_pet(frames, suv)
    return Unit(Intensity.COUNTS if modality == "NM" else Intensity.ARBITRARY)


def is_picture(frames: Sequence[Frame]) -> bool:
    """Whether 8-bit color whose channels are equal is a picture, as a screenshot is, rather than a measurement."""
    if text(frames[0].file.header, "Modality") in MEASURING_MODALITIES:
        return False
    return not any(_is_rescaled(frame) for frame in frames)


def _is_rescaled(frame: Frame) -> bool:
    header = frame.file.header
    return bool(items(header, "ModalityLUTSequence")) or rescale_of(header, frame.index) != (1.0, 0.0)


def judged(unit: Unit, voxels: NDArray[Any]) -> Unit:
    """The unit of these voxels, (slice, row, column), with a warning where they are an SUV that cannot be true."""
    return replace(unit, warnings=(*unit.warnings, *implausible(voxels))) if unit.intensity.is_suv else unit


def _unit_of_ct(frame: Frame) -> Unit:
    group = functional_group(frame.file.header, frame.index, "PixelValueTransformationSequence")
    absent = [name for name in ("RescaleSlope", "RescaleIntercept") if number(group, name) is None]
    if absent:
        missing = " and ".join(tag_name(name) for name in absent)
        return Unit(Intensity.ARBITRARY, facts={"missing": missing}, warnings=(f"Not in HU: {missing} missing.",))
    kind = text(group, "RescaleType")
    if kind not in ("", "HU"):
        warning = f"Not in HU: {tag_name('RescaleType')} is {kind}."
        return Unit(Intensity.ARBITRARY, facts={"missing": f"{tag_name('RescaleType')} of HU"}, warnings=(warning,))
    return Unit(Intensity.HU)


def _unit_of_pet(frames: Sequence[Frame], settings: SuvSettings) -> Unit:
    headers = pet_headers(frames)
    units = text(headers[0], "Units")
    as_stored = _unit_as_stored(units, text(headers[0], "SUVType"))
    if settings.norm == "stored":
        return _kept(as_stored, headers[0], settings)
    found = suv_factors(headers, settings)
    wanted = _INTENSITY_OF[settings.norm]
    if found.factors:
        facts: dict[str, Fact] = {"unit": wanted.physical_unit, **found.facts}
        return Unit(wanted, found.factors, facts, found.warnings)
    missing = "; ".join(found.missing)
    name = "Bq/ml" if wanted is Intensity.BQML else "SUV"
    warning = f"Not in {name}, but in {units or 'an unknown unit'}. Missing: {missing}."
    # What is refused as SUV by its header is none by its Units either.
    fallback = Intensity.ARBITRARY if as_stored.is_suv else as_stored
    return Unit(fallback, facts={"missing": missing}, warnings=(warning, *found.warnings))


def _kept(as_stored: Intensity, header: Dataset, settings: SuvSettings) -> Unit:
    facts: dict[str, Fact] = {"unit": as_stored.physical_unit}
    if as_stored.is_suv:
        kind = "BSA" if as_stored is Intensity.SUVBSA else text(header, "SUVType") or "BW"
        facts["suv_norm"] = NORM_NAMES[kind]
    return Unit(as_stored, facts=facts, warnings=(NOT_ASKED,) if settings.given else ())


def _unit_as_stored(units: str, suv_type: str) -> Intensity:
    """The unit of a PET as its file has it, where there is a name for it."""
    if units == "GML":
        is_lean = suv_type in ("LBM", "LBMJAMES128", "LBMJANMA")
        return Intensity.SUVLBM if is_lean else Intensity.SUV if suv_type in ("", "BW") else Intensity.ARBITRARY
    if units in COUNTING_UNITS:
        return Intensity.COUNTS
    return {"BQML": Intensity.BQML, "CM2ML": Intensity.SUVBSA}.get(units, Intensity.ARBITRARY)
