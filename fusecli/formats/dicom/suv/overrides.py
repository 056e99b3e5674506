"""Quantities that the user gives by hand, put into the headers in place of what stands there or is missing."""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pydicom import Dataset
from pydicom.valuerep import DSfloat

from fusecli.core.history import Fact
from fusecli.errors import ImageError
from fusecli.formats.dicom.header import items, tag_name
from fusecli.formats.dicom.suv.moments import DATED, DISAGREEMENT, TIMED, MissingError, disagree, stated_injections
from fusecli.formats.dicom.suv.quantities import dose_bq, half_life_s, weight_kg
from fusecli.settings import SuvSettings

# The option, the element that it replaces, and what the history calls it.
OPTIONS = {
    "weight_kg": ("--suv-weight", tag_name("PatientWeight")),
    "dose_bq": ("--suv-dose", tag_name("RadionuclideTotalDose")),
    "half_life_s": ("--suv-half-life", tag_name("RadionuclideHalfLife")),
    "injected_at": ("--suv-injected-at", f"{DATED} and {TIMED}"),
}
_INJECTIONS = "RadiopharmaceuticalInformationSequence"


@dataclass(frozen=True, slots=True)
class Given:
    """Headers with the given quantities in them; `facts` repeat these, `warnings` say which of them replaced others."""

    slices: Sequence[Dataset]
    facts: dict[str, Fact] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def overridden(slices: Sequence[Dataset], settings: SuvSettings) -> Given:
    """The headers with whatever `settings` give; the very headers where they give nothing.

    The numbers that were typed are kept in the facts, so that a run can be repeated; of an injection only its time of
    day. A number of the header that was replaced is never told, only that it differed by more than a hundredth.
    """
    names = settings.given
    if not names:
        return Given(slices)
    changed = [_changed(header, settings) for header in slices]
    facts: dict[str, Fact] = {"suv_overridden": ", ".join(OPTIONS[name][1] for name in names)}
    for name in names:
        facts[f"suv_given_{name}"] = getattr(settings, name)
    if settings.injected_at is not None:
        facts["suv_given_injected_at"] = _clock(settings.injected_at)
    warnings = [
        f"{OPTIONS[name][0]} replaces {OPTIONS[name][1]}, which says something else."
        for name in names
        if _differs(name, slices, changed)
    ]
    return Given(changed, facts, tuple(warnings))


def without_effect(
    settings: SuvSettings, factors: Sequence[float], compute: Callable[[SuvSettings], Sequence[float]]
) -> tuple[str, ...]:
    """A warning for each given quantity that leaves `factors` as they are whatever it is.

    `compute` gives the factors by other settings, and none where these give no SUV.
    """
    return tuple(
        f"{OPTIONS[name][0]} has no effect: what was asked of this series does not depend on {OPTIONS[name][1]}."
        for name in settings.given
        if list(compute(_another(settings, name))) == list(factors)
    )


def _changed(header: Dataset, settings: SuvSettings) -> Dataset:
    copy = Dataset()
    # The elements are shared with the file's header: one that changes is put in anew, and never set.
    copy.update(header)
    if settings.weight_kg is not None:
        copy.add_new("PatientWeight", "DS", _decimal(settings.weight_kg))
    injection_given = (settings.dose_bq, settings.half_life_s, settings.injected_at)
    if injection_given == (None, None, None):
        return copy
    # Who gives all of an injection needs none of those in the header, however many there are.
    stated = [] if None not in injection_given else items(header, _INJECTIONS)
    copy.add_new(_INJECTIONS, "SQ", [_injection(item, settings) for item in stated or [Dataset()]])
    return copy


def _injection(stated: Dataset, settings: SuvSettings) -> Dataset:
    item = Dataset()
    item.update(stated)
    if settings.dose_bq is not None:
        item.add_new("RadionuclideTotalDose", "DS", _decimal(settings.dose_bq))
    if settings.half_life_s is not None:
        item.add_new("RadionuclideHalfLife", "DS", _decimal(settings.half_life_s))
    if settings.injected_at is not None:
        has_date = _has_date(settings.injected_at)
        item.add_new("RadiopharmaceuticalStartDateTime", "DT", settings.injected_at if has_date else "")
        item.add_new("RadiopharmaceuticalStartTime", "TM", "" if has_date else settings.injected_at)
    return item


def _decimal(value: float) -> DSfloat:
    # Decimal strings have 16 characters at most, and pydicom complains of a longer one.
    return DSfloat(value, auto_format=True)


def _has_date(moment: str) -> bool:
    return len(moment.partition(".")[0]) > len("HHMMSS")


def _clock(moment: str) -> str:
    clock = moment[len("YYYYMMDD") :] if _has_date(moment) else moment
    return ":".join((clock[:2], clock[2:4], clock[4:])).rstrip(":")


def _differs(name: str, stated: Sequence[Dataset], given: Sequence[Dataset]) -> bool:
    """Whether the headers said something else than what replaces it, by more than a hundredth of SUV."""
    # A header that says nothing, or nothing that can be read, says nothing else.
    with suppress(MissingError, ImageError):
        if name == "injected_at":
            (new,) = stated_injections(given).values()
            half_life = half_life_s(given)
            return any(disagree(old - new, half_life) for old in stated_injections(stated).values())
        old, new_value = _read(name, stated), _read(name, given)
        return not math.isclose(old, new_value, rel_tol=DISAGREEMENT)
    return False


def _read(name: str, headers: Sequence[Dataset]) -> float:
    if name == "half_life_s":
        return half_life_s(headers)
    return (weight_kg if name == "weight_kg" else dose_bq)(headers)[0]


def _another(settings: SuvSettings, name: str) -> SuvSettings:
    """Settings in which one given quantity is another one."""
    value = getattr(settings, name)
    if name != "injected_at":
        return replace(settings, **{name: value * 1.1})
    form = "%Y%m%d%H%M%S" if _has_date(value) else "%H%M%S"
    earlier = datetime.strptime(value.partition(".")[0].ljust(len("HHMMSS"), "0"), form) - timedelta(minutes=1)
    return replace(settings, injected_at=earlier.strftime(form))
