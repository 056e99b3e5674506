"""How far a PET image has decayed since the injection. DICOM PS3.3 C.8.9.1, Decay Correction (0054,1102)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from pydicom import Dataset

from fusecli.core.history import Fact
from fusecli.formats.dicom.header import tag_name
from fusecli.formats.dicom.suv.moments import (
    MissingError,
    acquired,
    common_number,
    common_text,
    disagree,
    first_acquired,
    injected,
    mean_of_frame,
    radiopharmaceuticals,
    reference_times,
)


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
    if correction not in ("START", "NONE"):
        raise MissingError(f"{tag_name('DecayCorrection')} of START, ADMIN or NONE")
    half_life_s = common_number(radiopharmaceuticals(slices), "RadionuclideHalfLife")
    if not half_life_s or half_life_s < 0:
        raise MissingError(tag_name("RadionuclideHalfLife"))
    return _from_start(slices, half_life_s) if correction == "START" else _from_frames(slices, half_life_s)


def _from_start(slices: Sequence[Dataset], half_life_s: float) -> Decay:
    (route, reference), *others = reference_times(slices, half_life_s).items()
    injection, injection_warnings = injected(slices, reference, half_life_s)
    warnings = tuple(
        f"The decay is counted to {route}; to {name} SUV would be {_grown(other - reference, half_life_s) - 1:+.1%}."
        for name, other in others
        if disagree(other - reference, half_life_s)
    )
    elapsed = reference - injection
    facts: dict[str, Fact] = {"suv_decay_s": elapsed.total_seconds(), "suv_half_life_s": half_life_s}
    factors = (_grown(elapsed, half_life_s),) * len(slices)
    return Decay(factors, f"DecayCorrection START, decay to {route}", facts, (*injection_warnings, *warnings))


def _from_frames(slices: Sequence[Dataset], half_life_s: float) -> Decay:
    injection, warnings = injected(slices, first_acquired(slices), half_life_s)
    elapsed = [acquired(header) + mean_of_frame(header, half_life_s) - injection for header in slices]
    facts: dict[str, Fact] = {
        "suv_decay_s": min(elapsed).total_seconds(),
        "suv_decay_last_s": max(elapsed).total_seconds(),
        "suv_half_life_s": half_life_s,
    }
    factors = tuple(_grown(since, half_life_s) for since in elapsed)
    return Decay(factors, "DecayCorrection NONE, decay to the mean of each frame", facts, warnings)


def _grown(elapsed: timedelta, half_life_s: float) -> float:
    """By what an activity is multiplied to be what it was `elapsed` earlier: 2^(t / T)."""
    # A broken half-life of milliseconds would overflow; whatever is beyond 2^1000 is refused later as not finite.
    halvings = elapsed.total_seconds() / half_life_s
    return float(2.0**halvings) if abs(halvings) < 1000 else float("inf")
