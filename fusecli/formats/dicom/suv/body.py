"""Lean and ideal body mass: what an SUV that is not by body weight was divided by. PS3.16 CID 85, notes."""

from fusecli.formats.dicom.header import tag_name
from fusecli.formats.dicom.suv.moments import MissingError


def body_norm_kg(kind: str, weight_kg: float, height_m: float, sex: str) -> float:
    """The mass in kg that SUVType (0054,1006) `kind` names, of a person of `sex` M, F or, for IBW only, O.

    LBM and LBMJAMES128: James, with 120 and 128 for men. LBMJANMA: Janmahasatian, Clin. Pharmacokinet. 44, 2005.
    IBW: ideal body weight by height; of sex O the mean of both, as in IBSI's digital reference objects.

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
    if kind in ("LBM", "LBMJAMES128"):
        return _james(weight_kg, height_m, sex, male=128 if kind == "LBMJAMES128" else 120)
    raise MissingError(f"{tag_name('SUVType')} that is known (it is {kind})")


def _ideal(height_m: float, sex: str) -> float:
    over_cm = height_m * 100 - 152
    return 48.0 + 1.06 * over_cm if sex == "M" else 45.5 + 0.91 * over_cm


def _janmahasatian(weight_kg: float, height_m: float, sex: str) -> float:
    bmi = weight_kg / height_m**2
    return 9270 * weight_kg / (6680 + 216 * bmi if sex == "M" else 8780 + 244 * bmi)


def _james(weight_kg: float, height_m: float, sex: str, male: int) -> float:
    per_cm = weight_kg / (height_m * 100)
    return 1.10 * weight_kg - male * per_cm**2 if sex == "M" else 1.07 * weight_kg - 148 * per_cm**2
