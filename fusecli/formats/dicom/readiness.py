"""For which norms the SUV of a PET can be computed from its headers, and what is missing for the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fusecli.formats.dicom.frames import Frame
from fusecli.formats.dicom.suv import TARGETS, SuvResult, pet_headers, suv_factors
from fusecli.settings import SuvSettings


@dataclass(frozen=True, slots=True)
class NormReadiness:
    """Whether one norm can be had: the smallest and the largest factor of a slice, or what is missing."""

    factor_range: tuple[float, float] | None
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SuvReadiness:
    """Whether SUV by body weight can be computed: the route and the smallest and largest factor, or what is missing.

    `norms` tells the same of every norm that can be asked for, and of activity (bqml), by its name.
    """

    route: str
    factor_range: tuple[float, float] | None
    missing: tuple[str, ...]
    norms: Mapping[str, NormReadiness]


def readiness_of(frames: Sequence[Frame]) -> SuvReadiness:
    """What `suv_factors` makes of the frames of one PET, for each norm."""
    headers = pet_headers(frames)
    found = {norm: suv_factors(headers, SuvSettings(norm=norm)) for norm in TARGETS}
    norms = {norm: NormReadiness(_factor_range(result), result.missing) for norm, result in found.items()}
    return SuvReadiness(found["bw"].route, norms["bw"].factor_range, found["bw"].missing, norms)


def _factor_range(result: SuvResult) -> tuple[float, float] | None:
    return (min(result.factors), max(result.factors)) if result.factors else None
