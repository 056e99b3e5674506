"""An even grid for slices that do not lie evenly: the measured ones where they are, others between two neighbours."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.core.history import Fact
from fusecli.core.scratch import empty, release, slabs
from fusecli.errors import ImageError

# A message names so many places and counts the rest.
MOST_NAMED = 12
# A grid of more slices than this for each measured one is no series with gaps, but several series in one.
MOST_FILLED = 4


@dataclass(frozen=True, slots=True, eq=False)
class Filling:
    """How each slice of an even grid comes from the sorted slices of a series.

    Slice k is (1 - `share[k]`) of measured slice `lower[k]` and `share[k]` of the one after it; where `share[k]` is 0,
    it was measured. `depths_mm` says where the slices of the grid lie along their normal, `gaps_mm` how far apart the
    measured slices are that each lies between.
    """

    lower: NDArray[np.intp]
    share: NDArray[np.float64]
    depths_mm: NDArray[np.float64]
    gaps_mm: NDArray[np.float64]

    def of_slice(self, index: int) -> "Filling":
        """The filling of one slice, from the measured slices that `sources` names and from no others."""
        own = slice(index, index + 1)
        return Filling(np.zeros(1, dtype=np.intp), self.share[own], self.depths_mm[own], self.gaps_mm[own])

    def sources(self, index: int) -> list[int]:
        """Which measured slices a slice of the grid is made of."""
        first = int(self.lower[index])
        return [first, first + 1] if self.share[index] else [first]

    def of(self, measured: NDArray[Any]) -> NDArray[Any]:
        """The slices of the grid, in the unit and type of the `measured` ones, (slice, row, column, ...)."""
        filled = empty((len(self.lower), *measured.shape[1:]), measured.dtype)
        for part in slabs(filled, thick=1):
            first = int(self.lower[part.start])
            filled[part] = _between(measured, first, float(self.share[part.start]))
            release(measured[first : first + 2])
        return filled

    def facts(self) -> dict[str, Fact]:
        """How many slices of the grid were not measured, for the history."""
        count = int(np.count_nonzero(self.share))
        return {"interpolated_slices": count} if count else {}

    def warnings(self) -> tuple[str, ...]:
        """Which slices were not measured, by their places."""
        invented = self.share > 0
        if not invented.any():
            return ()
        places = [f"{depth:.1f}" for depth in self.depths_mm[invented]]
        more = f" and {len(places) - MOST_NAMED} more" if len(places) > MOST_NAMED else ""
        return (
            f"{len(places)} of {len(self.share)} slices were not measured: they are interpolated between their "
            f"neighbours, at {', '.join(places[:MOST_NAMED])}{more} mm. "
            f"The widest gap is {self.gaps_mm[invented].max():.2f} mm.",
        )


def filling_of(depths_mm: NDArray[np.float64], usual_mm: float, tolerance_mm: float) -> Filling:
    """An even grid from the first to the last of the ascending `depths_mm`, with steps as near to `usual_mm` as fits.

    A slice of the grid that lies within `tolerance_mm` of a measured one is that one.

    Raises ImageError where far more slices would be invented than there are.
    """
    count = round(float(depths_mm[-1] - depths_mm[0]) / usual_mm) + 1
    if count > MOST_FILLED * len(depths_mm):
        raise ImageError(
            "The slices lie too unevenly to be put onto one grid.",
            why=f"At their usual distance of {usual_mm:.2f} mm it would have {count} slices, and there are "
            f"{len(depths_mm)}.",
            hint="Put the slices that belong together into a folder of their own.",
        )
    grid = np.linspace(depths_mm[0], depths_mm[-1], max(count, 2))
    nearest = np.abs(grid[:, None] - depths_mm[None, :]).argmin(axis=1)
    lower = np.clip(np.searchsorted(depths_mm, grid, side="right") - 1, 0, len(depths_mm) - 2)
    gaps = np.diff(depths_mm)[lower]
    share = (grid - depths_mm[lower]) / gaps
    is_measured = np.abs(grid - depths_mm[nearest]) <= tolerance_mm
    lower, share = np.where(is_measured, nearest, lower), np.where(is_measured, 0.0, share)
    return Filling(lower, share, grid, gaps)


def _between(measured: NDArray[Any], first: int, share: float) -> NDArray[Any]:
    if not share:
        return np.asarray(measured[first])
    blended = measured[first] * (1 - share) + measured[first + 1] * share
    return np.asarray(np.rint(blended) if measured.dtype.kind == "u" else blended)
