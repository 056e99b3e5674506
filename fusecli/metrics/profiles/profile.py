"""What a profile is: by which formulas and in which units the metrics are computed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fusecli.catalog import METRICS
from fusecli.metrics.kernels import Levels, require_variation

Formula = Callable[[Levels, Levels, Levels], float]


@dataclass(frozen=True, slots=True)
class Profile:
    """The metrics of one program or paper, under the keys of catalog.METRICS.

    A formula takes FIXED, MOVING and FUSED as grey levels 0..255, (row, column), and may raise ImageError or ShapeError
    or give NaN where the metric is not defined. `units` are those that differ from the catalog's. A profile that
    `takes_pictures` is of a program that reads 8-bit files: levels are rounded, halves up, and clipped to 0..255 first.
    """

    name: str
    formulas: Mapping[str, Formula]
    units: Mapping[str, str] = field(default_factory=dict)
    takes_pictures: bool = True

    def unit(self, key: str) -> str:
        """In what the metric is given here."""
        return self.units.get(key, METRICS[key].unit)


def of_fused(formula: Callable[[Levels], float]) -> Formula:
    """A metric that looks at the fusion alone."""
    return lambda fixed, moving, fused: formula(fused)


def of_fixed(formula: Callable[[Levels, Levels], float]) -> Formula:
    """A metric of one source, for FIXED."""
    return lambda fixed, moving, fused: formula(fixed, fused)


def of_moving(formula: Callable[[Levels, Levels], float]) -> Formula:
    """A metric of one source, for MOVING."""
    return lambda fixed, moving, fused: formula(moving, fused)


def of_varying_fixed(formula: Callable[[Levels, Levels], float]) -> Formula:
    """A metric of one source, for FIXED, that is not defined where it shows nothing."""

    def checked(fixed: Levels, moving: Levels, fused: Levels) -> float:
        require_variation(fixed=fixed)
        return formula(fixed, fused)

    return checked


def of_varying_moving(formula: Callable[[Levels, Levels], float]) -> Formula:
    """The same for MOVING."""

    def checked(fixed: Levels, moving: Levels, fused: Levels) -> float:
        require_variation(moving=moving)
        return formula(moving, fused)

    return checked


def sum_of_both(formula: Callable[[Levels, Levels], float]) -> Formula:
    """A metric of one source, summed over both."""
    return lambda fixed, moving, fused: formula(fixed, fused) + formula(moving, fused)


def mean_of_both(formula: Callable[[Levels, Levels], float]) -> Formula:
    """A metric of one source, its mean over both."""
    return lambda fixed, moving, fused: (formula(fixed, fused) + formula(moving, fused)) / 2
