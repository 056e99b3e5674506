"""SUV from PET headers: one factor per slice, or the list of what is missing. Never an assumed value.

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
from fusecli.formats.dicom.suv.body import NORM_NAMES, body_norm
from fusecli.formats.dicom.suv.decay import decay_factors
from fusecli.formats.dicom.suv.frame_header import pet_headers
from fusecli.formats.dicom.suv.moments import DISAGREEMENT, MissingError, common_text
from fusecli.formats.dicom.suv.overrides import overridden, without_effect
from fusecli.formats.dicom.suv.quantities import dose_bq
from fusecli.settings import SuvSettings

__all__ = ["SuvResult", "pet_headers", "suv_factors"]

BY_HEADER = SuvSettings()
PHILIPS_GROUP, PHILIPS_CREATOR, PHILIPS_MAKER = 0x7053, "Philips PET Private Group", "PHILIPS"

# What a value is: Bq/ml, or an SUV by the norm that SUVType (0054,1006) calls so.
ACTIVITY = "ACTIVITY"
TARGETS = {"bw": "BW", "lbm": "LBM", "lbmjanma": "LBMJANMA", "bsa": "BSA", "bqml": ACTIVITY}


@dataclass(frozen=True, slots=True)
class SuvResult:
    """SUV, or Bq/ml, of slice k = its rescaled value x `factors[k]`; without factors `missing` says what was lacking.

    `route` is how the factors were found, `facts` go into the history, `warnings` to the user. No dates, no names, and
    neither weight, height nor dose, but for those that the user gave.
    """

    factors: tuple[float, ...] = ()
    route: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Scaled:
    """By what rescaled slices are multiplied to be of a `kind`: ACTIVITY, or the SUVType of an SUV."""

    kind: str
    factors: Sequence[float]
    route: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


# What de-identification takes out of a PET, as it stands in the names of elements.
_TAKEN_OUT = ("Date", "Time", "time", "Weight", "Size", "Sex", "Dose", "Radio", "half-li")


def suv_factors(slices: Sequence[Dataset], settings: SuvSettings = BY_HEADER) -> SuvResult:
    """The factors from rescaled values to SUV by the norm of `settings`, of one PET series, from its headers alone.

    Units (0054,1001) decides the route: BQML by dose, norm and decay; GML by SUVType; CM2ML by body surface; CNTS by
    Philips's own factors. The norm "bqml" asks for Bq/ml instead. What `settings` give goes before what a header says;
    a header that lacks a quantity gives no factors, and `missing` names it. `slices` are as `pet_headers` makes them.

    Raises ValueError for no slices, or a norm that is none of TARGETS.
    """
    if not slices:
        raise ValueError("SUV factors need at least one slice")
    if settings.norm not in TARGETS:
        raise ValueError(f"there is no SUV by {settings.norm}")
    try:
        given = overridden(slices, settings)
        found = _computed(given.slices, TARGETS[settings.norm])
    except MissingError as error:
        taken_out = any(word in name for name in error.missing for word in _TAKEN_OUT)
        return SuvResult(missing=error.missing, warnings=_deidentified(slices[0]) if taken_out else ())
    except ImageError as error:
        return SuvResult(missing=(error.what,))
    idle = without_effect(settings, found.factors, lambda other: _factors_or_none(slices, other))
    warnings = dict.fromkeys((*given.warnings, *found.warnings, *idle))
    return replace(found, facts={**found.facts, **given.facts}, warnings=tuple(warnings))


def _factors_or_none(slices: Sequence[Dataset], settings: SuvSettings) -> Sequence[float]:
    try:
        return _computed(overridden(slices, settings).slices, TARGETS[settings.norm]).factors
    except (MissingError, ImageError):
        return ()


def _deidentified(header: Dataset) -> tuple[str, ...]:
    """That dates or body size may be missing because they were taken out. PS3.15 E.3.6 and E.3.7 retain them."""
    dates = text(header, "LongitudinalTemporalInformationModified")
    if dates in ("REMOVED", "MODIFIED"):
        said = f"{tag_name('LongitudinalTemporalInformationModified')} is {dates}"
    elif text(header, "PatientIdentityRemoved") == "YES":
        said = f"{tag_name('PatientIdentityRemoved')} is YES"
    else:
        return ()
    return (f"The file was de-identified ({said}), which may have taken out or changed dates, times, weight or dose.",)


def _computed(slices: Sequence[Dataset], target: str) -> SuvResult:
    units = common_text(slices, "Units")
    if units == "BQML" and target == ACTIVITY:
        return _result(target, _Scaled(ACTIVITY, [1.0] * len(slices), "BQML as stored"))
    _check_corrections(slices)
    route = _ROUTES.get(units)
    if route is None:
        raise MissingError(f"{tag_name('Units')} of BQML, GML, CM2ML or CNTS (it is {units or 'empty'})")
    return _result(target, _brought_to(target, route(slices, target), slices))


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


def _from_activity(slices: Sequence[Dataset], target: str) -> _Scaled:
    """BQML: an activity as it is."""
    return _Scaled(ACTIVITY, [1.0] * len(slices), "")


def _from_suv(slices: Sequence[Dataset], target: str) -> _Scaled:
    """GML: already an SUV, by the norm that SUVType (0054,1006) names; an empty type is body weight."""
    kind = common_text(slices, "SUVType") or "BW"
    if kind == "BSA":
        raise MissingError(f"{tag_name('SUVType')} of a mass, as Units of GML has it (it is BSA)")
    return _Scaled(kind, [1.0] * len(slices), "GML, SUVbw as stored" if kind == "BW" else f"GML, from SUV by {kind}")


def _from_surface(slices: Sequence[Dataset], target: str) -> _Scaled:
    """CM2ML: an SUV by body surface."""
    kind = common_text(slices, "SUVType")
    if kind not in ("", "BSA"):
        raise MissingError(f"{tag_name('SUVType')} of BSA, as Units of CM2ML has it (it is {kind})")
    return _Scaled("BSA", [1.0] * len(slices), "CM2ML, from SUV by body surface")


def _from_counts(slices: Sequence[Dataset], target: str) -> _Scaled:
    """CNTS: Philips writes a factor to SUVbw (7053,1000), a factor to Bq/ml (7053,1009), or both."""
    to_suv, to_activity = ([_philips(header, element) for header in slices] for element in (0x00, 0x09))
    by_activity = _Scaled(ACTIVITY, to_activity, "CNTS, Philips activity factor (7053,1009)")
    if all(to_activity) and (target == ACTIVITY or not all(to_suv)):
        return by_activity
    if not all(to_suv):
        raise MissingError("Philips SUV factor (7053,1000) or activity factor (7053,1009)")
    other: Sequence[float] = ()
    try:
        other = _brought_to("BW", by_activity, slices).factors if all(to_activity) else ()
    except (MissingError, ImageError):
        other = ()  # the SUV factor needs no other quantity, so one that is missing only spares the comparison
    warnings = _disagreement("The Philips SUV factor (7053,1000)", to_suv, "activity factor (7053,1009)", other)
    return _Scaled("BW", to_suv, "CNTS, Philips SUV factor (7053,1000)", warnings=warnings)


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


def _brought_to(target: str, stored: _Scaled, slices: Sequence[Dataset]) -> _Scaled:
    """The same values as another kind. Either kind is the share of the dose that a millilitre holds, times something:
    the dose that is left for an activity, the norm of the body for an SUV.
    """
    if stored.kind == target:
        return stored
    old, new = _times_share(stored.kind, slices), _times_share(target, slices)
    factors = [f * b / a if a else math.inf for f, a, b in zip(stored.factors, old.factors, new.factors, strict=True)]
    parts = (stored.route, old.route, new.route)
    return _Scaled(
        target,
        factors,
        ", ".join(part for part in parts if part),
        {**stored.facts, **old.facts, **new.facts},
        (*stored.warnings, *new.warnings, *old.warnings),
    )


def _times_share(kind: str, slices: Sequence[Dataset]) -> _Scaled:
    """By what the share of the dose in a millilitre is multiplied to be of a kind, slice by slice."""
    if kind != ACTIVITY:
        norm, warnings = body_norm(kind, slices)
        return _Scaled(kind, [norm] * len(slices), "", warnings=warnings)
    dose, warnings = dose_bq(slices)
    decayed = decay_factors(slices)
    left = [dose / factor for factor in decayed.factors]
    return _Scaled(kind, left, decayed.route, decayed.facts, (*warnings, *decayed.warnings))


def _result(target: str, scaled: _Scaled) -> SuvResult:
    low, high = min(scaled.factors), max(scaled.factors)
    if not (low > 0 and math.isfinite(high)):
        raise MissingError("a header whose quantities give a positive, finite SUV factor")
    name = "activity" if target == ACTIVITY else "suv"
    facts: dict[str, Fact] = {f"{name}_route": scaled.route, f"{name}_factor_min": low, f"{name}_factor_max": high}
    if target != ACTIVITY:
        facts["suv_norm"] = NORM_NAMES[target]
    return SuvResult(tuple(scaled.factors), scaled.route, {**facts, **scaled.facts}, scaled.warnings)
