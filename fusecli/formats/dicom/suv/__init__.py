"""Body-weight SUV from PET headers: one factor per slice, or the list of what is missing. Never an assumed value.

Sources: QIBA, "SUV vendor-neutral pseudo-code", happy path (2018); IBSI, "SUV computation from DICOM" (OncoRay, 2026);
DICOM PS3.3 C.8.9. What each step takes from which of them stands in docs/suv.md.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydicom import Dataset

from fusecli.core.history import Fact
from fusecli.errors import ImageError
from fusecli.formats.dicom.header import number, private_text, tag_name, text, texts
from fusecli.formats.dicom.suv.body import body_norm_kg
from fusecli.formats.dicom.suv.decay import decay_factors
from fusecli.formats.dicom.suv.moments import (
    DISAGREEMENT,
    MissingError,
    common_number,
    common_text,
    radiopharmaceuticals,
)

# Body size in DICOM is in kg and metres; a person of 1000 kg is one of 1000 g, a person of 3 m one of 3 cm.
USUAL_WEIGHT_KG = (0.0, 1000.0)
USUAL_HEIGHT_M = (0.0, 3.0)
# Doses are 1e7 to 1e9 Bq; the same in MBq is 1e1 to 1e3.
USUAL_DOSE_BQ = (1e5, math.inf)
PHILIPS_GROUP, PHILIPS_CREATOR, PHILIPS_MAKER = 0x7053, "Philips PET Private Group", "PHILIPS"


@dataclass(frozen=True, slots=True)
class SuvResult:
    """SUVbw in g/ml of slice k = its rescaled value x `factors[k]`; without factors `missing` says what was lacking.

    `route` is how the factors were found, `facts` go into the history, `warnings` to the user. No dates, no names, and
    neither weight, height nor dose.
    """

    factors: tuple[float, ...] = ()
    route: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def suv_factors(slices: Sequence[Dataset]) -> SuvResult:
    """The factors from rescaled values to SUVbw (g/ml) of the slices of one PET series, from their headers alone.

    Units (0054,1001) decides the route: BQML by dose, weight and decay; GML by SUVType; CM2ML by body surface;
    CNTS by Philips's own factors. A header that lacks a quantity gives no factors, and `missing` names it.

    Raises ValueError for no slices.
    """
    if not slices:
        raise ValueError("SUV factors need at least one slice")
    try:
        _check_corrections(slices)
        units = common_text(slices, "Units")
        route = _ROUTES.get(units)
        if route is None:
            raise MissingError(f"{tag_name('Units')} of BQML, GML, CM2ML or CNTS (it is {units or 'empty'})")
        return route(slices)
    except MissingError as error:
        return SuvResult(missing=error.missing)
    except ImageError as error:
        return SuvResult(missing=(error.what,))


def _check_corrections(slices: Sequence[Dataset]) -> None:
    """Without attenuation and decay correction, or with an offset, a value is not proportional to activity."""
    needed = {"ATTN"} if text(slices[0], "DecayCorrection") == "NONE" else {"ATTN", "DECY"}
    for header in slices:
        if text(header, "Modality") not in ("PT", ""):
            raise MissingError(f"{tag_name('Modality')} of PT")
        absent = needed - set(texts(header, "CorrectedImage"))
        if absent:
            raise MissingError(*(f"{tag_name('CorrectedImage')} with {name}" for name in sorted(absent)))
        if number(header, "RescaleSlope") is None:
            raise MissingError(tag_name("RescaleSlope"))
        if number(header, "RescaleIntercept"):
            raise MissingError(f"{tag_name('RescaleIntercept')} of 0")


def _from_activity(slices: Sequence[Dataset]) -> SuvResult:
    """BQML: SUVbw = activity x weight / dose, both at one time."""
    weight_kg, warnings = _weight_kg(slices)
    dose_bq, dose_warnings = _dose_bq(slices)
    decayed = decay_factors(slices)
    factors = [weight_kg * 1000 / dose_bq * factor for factor in decayed.factors]
    return _result(factors, decayed.route, decayed.facts, (*warnings, *dose_warnings, *decayed.warnings))


def _from_suv(slices: Sequence[Dataset]) -> SuvResult:
    """GML: already an SUV, by the norm that SUVType (0054,1006) names; an empty type is body weight."""
    kind = common_text(slices, "SUVType")
    if kind in ("", "BW"):
        return _result([1.0] * len(slices), "GML, SUVbw as stored", {}, ())
    weight_kg, warnings = _weight_kg(slices)
    height_m, height_warnings = _height_m(slices)
    norm_kg = body_norm_kg(kind, weight_kg, height_m, common_text(slices, "PatientSex"))
    factors = [weight_kg / norm_kg] * len(slices)
    return _result(factors, f"GML, from SUV by {kind}", {}, (*warnings, *height_warnings))


def _from_surface(slices: Sequence[Dataset]) -> SuvResult:
    """CM2ML: an SUV by body surface, after Du Bois and Du Bois, Arch. Intern. Med. 17, 1916."""
    weight_kg, warnings = _weight_kg(slices)
    height_m, height_warnings = _height_m(slices)
    surface_m2 = 0.007184 * (height_m * 100) ** 0.725 * weight_kg**0.425
    factor = weight_kg * 1000 / (surface_m2 * 1e4)
    return _result([factor] * len(slices), "CM2ML, from SUV by body surface", {}, (*warnings, *height_warnings))


def _from_counts(slices: Sequence[Dataset]) -> SuvResult:
    """CNTS: Philips writes a factor to SUV (7053,1000), a factor to Bq/ml (7053,1009), or both."""
    to_suv = [_philips(header, 0x00) for header in slices]
    if not all(to_suv):
        by_activity = _from_philips_activity(slices)
        return replace(by_activity, route=f"CNTS, Philips activity factor (7053,1009), {by_activity.route}")
    try:
        other = _from_philips_activity(slices).factors
    except (MissingError, ImageError):
        other = ()
    warnings = _disagreement("The Philips SUV factor (7053,1000)", to_suv, "activity factor (7053,1009)", other)
    return _result(to_suv, "CNTS, Philips SUV factor (7053,1000)", {}, warnings)


def _from_philips_activity(slices: Sequence[Dataset]) -> SuvResult:
    to_activity = [_philips(header, 0x09) for header in slices]
    if not all(to_activity):
        raise MissingError("Philips SUV factor (7053,1000) or activity factor (7053,1009)")
    by_activity = _from_activity(slices)
    factors = tuple(a * b for a, b in zip(by_activity.factors, to_activity, strict=True))
    return replace(by_activity, factors=factors)


def _philips(header: Dataset, element: int) -> float:
    """A Philips factor; 0 when it is missing, which is also what Philips writes for "not computed"."""
    try:
        found = float(private_text(header, (PHILIPS_GROUP, element), PHILIPS_CREATOR, PHILIPS_MAKER))
    except ValueError:
        return 0.0
    return found if math.isfinite(found) and found > 0 else 0.0


_ROUTES = {"BQML": _from_activity, "GML": _from_suv, "CM2ML": _from_surface, "CNTS": _from_counts}


def _disagreement(name: str, chosen: Sequence[float], other_name: str, other: Sequence[float]) -> tuple[str, ...]:
    worst = max((abs(a / b - 1) for a, b in zip(chosen, other, strict=False)), default=0.0)
    if worst <= DISAGREEMENT:
        return ()
    return (f"{name} is used; by the {other_name} SUV would be {worst:.1%} different.",)


def _dose_bq(slices: Sequence[Dataset]) -> tuple[float, tuple[str, ...]]:
    return _positive(radiopharmaceuticals(slices), "RadionuclideTotalDose", USUAL_DOSE_BQ, "MBq", 1e-6)


def _weight_kg(slices: Sequence[Dataset]) -> tuple[float, tuple[str, ...]]:
    return _positive(slices, "PatientWeight", USUAL_WEIGHT_KG, "grams", 1000)


def _height_m(slices: Sequence[Dataset]) -> tuple[float, tuple[str, ...]]:
    return _positive(slices, "PatientSize", USUAL_HEIGHT_M, "centimetres", 100)


def _positive(
    headers: Sequence[Dataset], keyword: str, usual: tuple[float, float], other: str, others_in_one: float
) -> tuple[float, tuple[str, ...]]:
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


def _result(factors: Sequence[float], route: str, facts: Mapping[str, Fact], warnings: tuple[str, ...]) -> SuvResult:
    low, high = min(factors), max(factors)
    if not (low > 0 and math.isfinite(high)):
        raise MissingError("a header whose quantities give a positive, finite SUV factor")
    summary: dict[str, Fact] = {"suv_route": route, "suv_factor_min": low, "suv_factor_max": high}
    return SuvResult(tuple(factors), route, {**summary, **facts}, warnings)
