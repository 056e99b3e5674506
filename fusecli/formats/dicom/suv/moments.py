"""When a PET series was injected, acquired, and to which moment its activity was decay-corrected.

Sources: DICOM PS3.3 C.8.9.1.1.5 and C.8.9.4; QIBA, "SUV vendor-neutral pseudo-code" (2018); IBSI, "SUV computation
from DICOM" (OncoRay, 2026), from which the back-computed reference time comes.
"""

import math
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from pydicom import Dataset

from fusecli.formats.dicom.header import items, number, private_text, tag_name, text

# After ten half-lives a thousandth is left, and nobody takes a picture: a date was changed by de-identification.
MOST_HALF_LIVES = 10
# Two ways to the same moment agree when SUV differs by less.
DISAGREEMENT = 0.01
NEAR = timedelta(hours=12)
DAY = timedelta(days=1)
GE_SCAN_START = ((0x0009, 0x0D), "GEMS_PETD_01", "GE")
SIEMENS_REFERENCE = ((0x0071, 0x22), "SIEMENS MED PT", "SIEMENS")


_MOMENT = re.compile(r"(\d{8})((?:\d\d){1,3})(?:\.(\d{1,6})\d*)?([+-]\d{4})?$")
DATED = tag_name("RadiopharmaceuticalStartDateTime")
TIMED = tag_name("RadiopharmaceuticalStartTime")
CORRECTED_TO = tag_name("DecayCorrectionDateTime")
_DAY_UNKNOWN = (
    "The day of the injection is not stated, only its time (0018,1072): taken as the last one before the scan. Of a "
    "tracer that lives this long it may be another: --suv-injected-at DATETIME"
)
_ZONE_UNKNOWN = (
    "The time of injection (0018,1078) has an offset from UTC, and Timezone Offset From UTC (0008,0201) is missing: "
    "taken by the scanner's clock. If that is wrong: --suv-injected-at DATETIME"
)
_ZONE, _OFFSET = re.compile(r"[+-]\d{4}"), re.compile(r"[+-]\d{4}$")
_DURING_SCAN = (
    "The injection lies after the start of the scan. In a dynamic scan that is right; in any other the time of "
    "injection is wrong, and with it the SUV."
)


class MissingError(Exception):
    """What a header lacks for SUV, as messages name it."""

    def __init__(self, *missing: str) -> None:
        super().__init__(*missing)
        self.missing = missing


def injected(slices: Sequence[Dataset], reference: datetime, half_life_s: float) -> tuple[datetime, tuple[str, ...]]:
    """When the tracer was given, and warnings; `reference` is the moment to which the decay will be counted.

    (0018,1078) with its date comes first. Without it, or where its date cannot be true, (0018,1072) on the day of the
    acquisition, or on the day before when that would be after the scan.

    Raises MissingError when neither is there, or neither can be true.
    """
    given = stated_injections(slices)
    if not given:
        raise MissingError(f"{DATED} or {TIMED}")
    fitting = {name: moment for name, moment in given.items() if _fits(slices, reference - moment, half_life_s)}
    if not fitting:
        raise MissingError(
            f"an injection time that fits the acquisition: {' and '.join(given)} lies after the scan, or more than "
            f"{MOST_HALF_LIVES} half-lives before it (de-identification may have changed a date)"
        )
    used, moment = next(iter(fitting.items()))
    rivals = [name for name, other in given.items() if disagree(_apart(name, other - moment), half_life_s)]
    warnings = [f"{name} says another time of injection than {used}, which is used." for name in rivals]
    if used == TIMED and MOST_HALF_LIVES * half_life_s > DAY.total_seconds():
        warnings.append(_DAY_UNKNOWN)
    if used == DATED and _is_of_unknown_zone(slices):
        warnings.append(_ZONE_UNKNOWN)
    return moment, (*warnings, *([_DURING_SCAN] if moment > reference else []))


def _apart(name: str, difference: timedelta) -> timedelta:
    """How far a second statement is from the first; a time without a date says nothing of the day."""
    return (difference + DAY / 2) % DAY - DAY / 2 if name == TIMED else difference


def _is_of_unknown_zone(slices: Sequence[Dataset]) -> bool:
    """Whether the injection has an offset from UTC, and nothing says which the scanner's clock has."""
    stated = common_text(radiopharmaceuticals(slices), "RadiopharmaceuticalStartDateTime")
    return bool(_OFFSET.search(stated)) and not _ZONE.fullmatch(text(slices[0], "TimezoneOffsetFromUTC"))


def stated_injections(slices: Sequence[Dataset]) -> dict[str, datetime]:
    """When the tracer was given, by each element that says so, the better one first.

    Raises MissingError without an acquisition time, for a scan of more than 12 hours, or where the slices differ.
    """
    infos = radiopharmaceuticals(slices)
    if _scan_end(slices) - first_acquired(slices) > NEAR:
        raise MissingError("acquisition times within 12 hours (one date for times before and after midnight?)")
    zone = text(slices[0], "TimezoneOffsetFromUTC")
    named = {
        DATED: parse_moment(common_text(infos, "RadiopharmaceuticalStartDateTime"), zone),
        TIMED: _on_scan_day(slices, common_text(infos, "RadiopharmaceuticalStartTime")),
    }
    # A clock of another zone is worse than one without a date.
    order = reversed(named) if _is_of_unknown_zone(slices) else named
    return {name: moment for name in order if (moment := named[name]) is not None}


def reference_times(slices: Sequence[Dataset], half_life_s: float) -> dict[str, datetime]:
    """The moment that DecayCorrection START refers to, by every way to it, the best first.

    What an enhanced PET says outright; GE's own scan start; back from a frame's mean by FrameReferenceTime, of GE only
    where several beds agree; the series time, when it is not after the first acquisition, else the first acquisition
    (QIBA); Siemens's own reference, as a cross-check.

    Raises MissingError without an acquisition time.
    """
    first = first_acquired(slices)
    series = parse_moment(text(slices[0], "SeriesDate") + text(slices[0], "SeriesTime"))
    is_series = series is not None and timedelta(0) <= first - series <= NEAR
    scan_start = _private_moment(slices, GE_SCAN_START, first)
    beds = {number(header, "FrameReferenceTime") for header in slices}
    candidates = {
        CORRECTED_TO: parse_moment(common_text(slices, "DecayCorrectionDateTime")),
        "GE scan start (0009,100D)": scan_start,
        f"back-computed from {tag_name('FrameReferenceTime')}": (
            _back_computed(slices, half_life_s) if scan_start is None or len(beds) > 1 else None
        ),
        tag_name("SeriesTime") if is_series else tag_name("AcquisitionTime"): series if is_series else first,
        "Siemens reference (0071,1022)": _private_moment(slices, SIEMENS_REFERENCE, first),
    }
    return {name: moment for name, moment in candidates.items() if moment is not None}


def acquired(header: Dataset) -> datetime:
    """When the acquisition of one slice began. Raises MissingError without date and time."""
    date_time = text(header, "AcquisitionDate") + text(header, "AcquisitionTime")
    moment = parse_moment(date_time) or parse_moment(text(header, "AcquisitionDateTime"))
    if moment is None:
        absent = [name for name in ("AcquisitionDate", "AcquisitionTime") if not text(header, name)]
        raise MissingError(*(tag_name(name) for name in absent or ["AcquisitionTime"]))
    return moment


def first_acquired(slices: Sequence[Dataset]) -> datetime:
    """When the first slice of a series was acquired. Raises MissingError as `acquired`."""
    return min(acquired(header) for header in slices)


def mean_of_frame(header: Dataset, half_life_s: float) -> timedelta:
    """When in its frame the activity equals the frame's mean, counted from its start: just before the middle.

    (1/k) ln(k T / (1 - exp(-k T))) with k = ln 2 / half-life and T the frame's duration.

    Raises MissingError without a duration.
    """
    duration_ms = number(header, "ActualFrameDuration")
    if duration_ms is None or duration_ms < 0:
        raise MissingError(tag_name("ActualFrameDuration"))
    rate = math.log(2) / half_life_s
    decayed = rate * duration_ms / 1000
    return timedelta(seconds=math.log(decayed / -math.expm1(-decayed)) / rate if decayed else 0.0)


def disagree(difference: timedelta, half_life_s: float) -> bool:
    """Whether two moments that far apart give SUVs that differ by more than a hundredth."""
    return abs(difference.total_seconds()) * math.log(2) / half_life_s > math.log1p(DISAGREEMENT)


def radiopharmaceuticals(slices: Sequence[Dataset]) -> list[Dataset]:
    """The injection of every slice, which must agree where they are asked.

    Raises MissingError where a slice has none, and where it has several: which of the doses its activity comes from is
    then not known.
    """
    found = [items(header, "RadiopharmaceuticalInformationSequence") for header in slices]
    most = max(len(group) for group in found)
    if not all(found):
        raise MissingError(tag_name("RadiopharmaceuticalInformationSequence"))
    if most > 1:
        raise MissingError(
            f"one item of {tag_name('RadiopharmaceuticalInformationSequence')} (there are {most} injections, and "
            "nothing says how much of the activity each has left)"
        )
    return [group[0] for group in found]


def common_number(headers: Sequence[Dataset], keyword: str) -> float | None:
    """The one number that all headers give; None when it is missing. Raises MissingError when they differ."""
    found = {number(header, keyword) for header in headers}
    if len(found) > 1:
        raise MissingError(f"one {tag_name(keyword)} for all slices")
    return found.pop()


def common_text(headers: Sequence[Dataset], keyword: str) -> str:
    """The one text that all headers give; empty when it is missing. Raises MissingError when they differ."""
    found = {text(header, keyword) for header in headers}
    if len(found) > 1:
        raise MissingError(f"one {tag_name(keyword)} for all slices")
    return found.pop()


def parse_moment(date_time: str, zone: str = "") -> datetime | None:
    """A DICOM DT, or DA and TM joined; None without a time of day. PS3.5 section 6.2.

    An offset from UTC is turned into the clock of `zone`, the offset of the file's other times, where that is known.
    """
    found = _MOMENT.match(re.sub(r"[:\s\0]", "", date_time))
    if not found:
        return None
    day, clock, fraction, offset = found.groups(default="")
    try:
        moment = datetime.strptime(day + clock.ljust(6, "0"), "%Y%m%d%H%M%S")
    except ValueError:
        return None
    moment += timedelta(microseconds=int(fraction.ljust(6, "0")))
    both_known = offset and _ZONE.fullmatch(zone)
    return moment - _offset(offset) + _offset(zone) if both_known else moment


def _offset(zone: str) -> timedelta:
    minutes = int(zone[1:3]) * 60 + int(zone[3:5])
    return timedelta(minutes=-minutes if zone[0] == "-" else minutes)


def _on_scan_day(slices: Sequence[Dataset], clock: str) -> datetime | None:
    """A time of day on the day of the acquisition; on the day before when that would be after the scan (midnight)."""
    first = first_acquired(slices)
    moment = parse_moment(f"{first:%Y%m%d}{clock}")
    if moment is None:
        return None
    return moment if moment <= _scan_end(slices) else moment - DAY


def _scan_end(slices: Sequence[Dataset]) -> datetime:
    return max(
        acquired(header) + timedelta(milliseconds=number(header, "ActualFrameDuration") or 0.0) for header in slices
    )


def _fits(slices: Sequence[Dataset], elapsed: timedelta, half_life_s: float) -> bool:
    """Whether an injection that long before the reference can be true; in a dynamic scan it may come after it."""
    scan_s = (_scan_end(slices) - first_acquired(slices)).total_seconds()
    return -scan_s <= elapsed.total_seconds() <= MOST_HALF_LIVES * half_life_s


def _private_moment(
    slices: Sequence[Dataset], element: tuple[tuple[int, int], str, str], near: datetime
) -> datetime | None:
    """A vendor's moment, when all slices have the same one.

    De-identification often shifts the public dates and leaves the private ones: then only the time of day is used, on
    the day that brings it nearest to the acquisition.
    """
    moments = {parse_moment(private_text(header, *element)) for header in slices}
    moment = moments.pop()
    if moments or moment is None or abs(moment - near) <= NEAR:
        return None if moments else moment
    same_day = datetime.combine(near.date(), moment.time())
    return min((same_day - DAY, same_day, same_day + DAY), key=lambda day: abs(day - near))


def _back_computed(slices: Sequence[Dataset], half_life_s: float) -> datetime | None:
    """Each frame's mean lies FrameReferenceTime after the reference; None where the slices do not agree on it.

    GE counts FrameReferenceTime to the start of a bed position while AcquisitionTime stays that of the first: several
    beds then disagree, and a single one is wrong unnoticed.
    """
    try:
        means = [acquired(header) + mean_of_frame(header, half_life_s) for header in slices]
    except MissingError:
        return None
    to_reference_ms = [number(header, "FrameReferenceTime") for header in slices]
    if None in to_reference_ms:
        return None
    found = sorted(mean - timedelta(milliseconds=ms or 0.0) for mean, ms in zip(means, to_reference_ms, strict=True))
    return None if disagree(found[-1] - found[0], half_life_s) else found[len(found) // 2]
