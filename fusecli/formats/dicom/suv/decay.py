"""How far a PET image has decayed since the injection. DICOM PS3.3 C.8.9.1, Decay Correction (0054,1102)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from pydicom import Dataset

from fusecli.core.history import Fact
from fusecli.formats.dicom.header import tag_name
from fusecli.formats.dicom.suv.moments import (
    CORRECTED_TO,
    MissingError,
    acquired,
    common_text,
    disagree,
    first_acquired,
    injected,
    mean_of_frame,
    reference_times,
)
from fusecli.formats.dicom.suv.quantities import half_life_s


@dataclass(frozen=True, slots=True)
class Decay:
    """By what each slice's activity is multiplied before it is divided by the injected dose, and how that was found."""

    factors: tuple[float, ...]
    route: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def decay_factors(slices: Sequence[Dataset]) -> Decay:
    """The decay of each slice by DecayCorrection (0054,1102).

    ADMIN: the image is already corrected to the injection. START: from the injection to the one reference time of the
    series. NONE: from the injection to the moment in each frame at which its mean activity was present.

    Raises MissingError naming the elements that are not there.
    """
    correction = common_text(slices, "DecayCorrection")
    if correction == "ADMIN":
        return Decay((1.0,) * len(slices), "DecayCorrection ADMIN")
    if not correction and common_text(slices, "DecayCorrected") == "YES":
        raise MissingError(CORRECTED_TO)
    if correction not in ("START", "NONE"):
        raise MissingError(f"{tag_name('DecayCorrection')} of START, ADMIN or NONE")
    half_life = half_life_s(slices)
    return _from_start(slices, half_life) if correction == "START" else _from_frames(slices, half_life)


def _from_start(slices: Sequence[Dataset], half_life: float) -> Decay:
    (route, reference), *others = reference_times(slices, half_life).items()
    injection, injection_warnings = injected(slices, reference, half_life)
    warnings = tuple(
        f"The decay is counted to {route}; to {name} SUV would be {_grown(other - reference, half_life) - 1:+.1%}."
        for name, other in others
        if disagree(other - reference, half_life)
    )
    elapsed = reference - injection
    facts: dict[str, Fact] = {"suv_decay_s": elapsed.total_seconds(), "suv_half_life_s": half_life}
    factors = (_grown(elapsed, half_life),) * len(slices)
    return Decay(factors, f"DecayCorrection START, decay to {route}", facts, (*injection_warnings, *warnings))


def _from_frames(slices: Sequence[Dataset], half_life: float) -> Decay:
    injection, warnings = injected(slices, first_acquired(slices), half_life)
    elapsed = [acquired(header) + mean_of_frame(header, half_life) - injection for header in slices]
    facts: dict[str, Fact] = {
        "suv_decay_s": min(elapsed).total_seconds(),
        "suv_decay_last_s": max(elapsed).total_seconds(),
        "suv_half_life_s": half_life,
    }
    factors = tuple(_grown(since, half_life) for since in elapsed)
    return Decay(factors, "DecayCorrection NONE, decay to the mean of each frame", facts, warnings)


def _grown(elapsed: timedelta, half_life: float) -> float:
    """By what an activity is multiplied to be what it was `elapsed` earlier: 2^(t / T)."""
    # A broken half-life of milliseconds would overflow; whatever is beyond 2^1000 is refused later as not finite.
    halvings = elapsed.total_seconds() / half_life
    return float(2.0**halvings) if abs(halvings) < 1000 else float("inf")
