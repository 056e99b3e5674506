"""Weight, height, dose and half-life as PET headers state them, in kg, m, Bq and s."""

import math
from collections.abc import Sequence

from pydicom import Dataset

from fusecli.formats.dicom.header import tag_name
from fusecli.formats.dicom.suv.moments import MissingError, common_number, radiopharmaceuticals

# Body size in DICOM is in kg and metres; a person of 1000 kg is one of 1000 g, a person of 3 m one of 3 cm.
USUAL_WEIGHT_KG = (0.0, 1000.0)
USUAL_HEIGHT_M = (0.0, 3.0)
# Doses are 1e7 to 1e9 Bq; the same in MBq is 1e1 to 1e3.
USUAL_DOSE_BQ = (1e5, math.inf)

Quantity = tuple[float, tuple[str, ...]]


def weight_kg(slices: Sequence[Dataset]) -> Quantity:
    """PatientWeight, and warnings. Raises MissingError without one that all slices agree on."""
    return _positive(slices, "PatientWeight", USUAL_WEIGHT_KG, "grams", 1000)


def height_m(slices: Sequence[Dataset]) -> Quantity:
    """PatientSize, and warnings. Raises MissingError without one that all slices agree on."""
    return _positive(slices, "PatientSize", USUAL_HEIGHT_M, "centimetres", 100)


def dose_bq(slices: Sequence[Dataset]) -> Quantity:
    """RadionuclideTotalDose, and warnings. Raises MissingError without one that all slices agree on."""
    return _positive(radiopharmaceuticals(slices), "RadionuclideTotalDose", USUAL_DOSE_BQ, "MBq", 1e-6)


def half_life_s(slices: Sequence[Dataset]) -> float:
    """RadionuclideHalfLife. Raises MissingError without one that all slices agree on."""
    found = common_number(radiopharmaceuticals(slices), "RadionuclideHalfLife")
    if not found or found < 0:
        raise MissingError(tag_name("RadionuclideHalfLife"))
    return found


def _positive(
    headers: Sequence[Dataset], keyword: str, usual: tuple[float, float], other: str, others_in_one: float
) -> Quantity:
    """The one positive number that all headers give; outside of `usual` it is in the `other` unit, with a warning.

    The warning names the limit and never the number: a report carries nothing that describes the patient.
    """
    value = common_number(headers, keyword)
    if not value or value < 0:
        raise MissingError(tag_name(keyword))
    low, high = usual
    if low <= value <= high:
        return value, ()
    limit = f"above {high:g}" if value > high else f"below {low:g}"
    return value / others_in_one, (f"{tag_name(keyword)} is {limit}, which can only be {other}; taken as such.",)
