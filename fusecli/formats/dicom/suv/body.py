"""What an SUV is multiplied by: body weight, lean or ideal body mass, body surface. PS3.16 CID 85, notes."""

import math
from collections.abc import Sequence

from pydicom import Dataset

from fusecli.formats.dicom.header import tag_name
from fusecli.formats.dicom.suv.moments import MissingError, common_text
from fusecli.formats.dicom.suv.quantities import height_m, weight_kg

# SUVType (0054,1006) and what a history calls it.
NORM_NAMES = {
    "BW": "body weight",
    "LBM": "lean body mass (James)",
    "LBMJAMES128": "lean body mass (James, 128)",
    "LBMJANMA": "lean body mass (Janmahasatian)",
    "IBW": "ideal body weight",
    "BSA": "body surface area (Du Bois)",
}


def body_norm(kind: str, slices: Sequence[Dataset]) -> tuple[float, tuple[str, ...]]:
    """The norm that SUVType `kind` names, in g or, for BSA, in cm2, from the headers; and warnings.

    Raises MissingError for another kind, and naming what the headers lack for it.
    """
    if kind not in NORM_NAMES:
        raise MissingError(f"{tag_name('SUVType')} that is known (it is {kind})")
    weight, warnings = (0.0, ()) if kind == "IBW" else weight_kg(slices)
    if kind == "BW":
        return weight * 1000, warnings
    height, height_warnings = height_m(slices)
    warnings = (*warnings, *height_warnings)
    if kind == "BSA":
        return body_surface_m2(weight, height) * 1e4, warnings
    mass_kg = body_norm_kg(kind, weight, height, common_text(slices, "PatientSex"))
    if mass_kg <= 0:
        raise MissingError(f"a body for which the formula of {NORM_NAMES[kind]} holds (it gives no positive mass)")
    return mass_kg * 1000, warnings


def body_surface_m2(weight_kg: float, height_m: float) -> float:
    """The surface of a body after Du Bois and Du Bois, Arch. Intern. Med. 17, 1916."""
    return 0.007184 * math.pow(height_m * 100, 0.725) * math.pow(weight_kg, 0.425)


def body_norm_kg(kind: str, weight_kg: float, height_m: float, sex: str) -> float:
    """The mass in kg that SUVType (0054,1006) `kind` names, of a person of `sex` M, F or, for IBW only, O.

    LBM and LBMJAMES128: James, Research on Obesity, 1976, with 120 and 128 for men. LBMJANMA: Janmahasatian et al.,
    Clin. Pharmacokinet. 44, 2005. IBW: ideal body weight by height; of sex O the mean of both, as in IBSI's digital
    reference objects.

    Raises MissingError for another kind, or a sex that the formula does not know.
    """
    if kind == "IBW" and sex == "O":
        return (_ideal(height_m, "M") + _ideal(height_m, "F")) / 2
    if sex not in ("M", "F"):
        raise MissingError(f"{tag_name('PatientSex')} of M or F")
    if kind == "IBW":
        return _ideal(height_m, sex)
    if kind == "LBMJANMA":
        return _janmahasatian(weight_kg, height_m, sex)
    return _james(weight_kg, height_m, sex, male=128 if kind == "LBMJAMES128" else 120)


def _ideal(height_m: float, sex: str) -> float:
    over_cm = height_m * 100 - 152
    return 48.0 + 1.06 * over_cm if sex == "M" else 45.5 + 0.91 * over_cm


def _janmahasatian(weight_kg: float, height_m: float, sex: str) -> float:
    bmi = weight_kg / height_m**2
    return 9270 * weight_kg / (6680 + 216 * bmi if sex == "M" else 8780 + 244 * bmi)


def _james(weight_kg: float, height_m: float, sex: str, male: int) -> float:
    per_cm = weight_kg / (height_m * 100)
    return 1.10 * weight_kg - male * per_cm**2 if sex == "M" else 1.07 * weight_kg - 148 * per_cm**2
