"""What a comparison of models on one pair has found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fusecli.comparing.alone import Run
from fusecli.core.pair import Pair
from fusecli.errors import FusecliError
from fusecli.metrics.scoring import Scores

if TYPE_CHECKING:
    from fusecli.register import Registration

Bytes = NDArray[np.uint8]

DIGITS = 4  # after the point, of a score in a table


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One model: its scores, its picture of the shown slice, and how it ran; or the `error` that it ended with.

    `scores` are means over the measured slices. `picture` is (row, column) or (row, column, 3), square pixels, laid out
    as a viewer shows it.
    """

    name: str
    scores: Scores
    picture: Bytes | None = None
    run: Run | None = None
    error: FusecliError | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """All models on one pair that was read, aligned and normalized once.

    `sources` are pictures by their captions, FIXED first, of the slice `shown_slice`, counted from 0 in the volume that
    was fused; `keys` the metrics, by the formulas of `profile`; `measured_slices` how many slices a score is the mean
    of.
    """

    entries: tuple[Entry, ...]
    sources: Mapping[str, Bytes]
    pair: Pair
    registration: "Registration | None"
    keys: tuple[str, ...]
    profile: str
    shown_slice: int
    measured_slices: int
    warnings: tuple[str, ...]

    @property
    def failed(self) -> tuple[Entry, ...]:
        """The models that ended with an error."""
        return tuple(entry for entry in self.entries if entry.error is not None)

    def is_best(self, entry: Entry, key: str) -> bool:
        """Whether no other model does better; of one model alone nothing is said.

        Those that agree to the fourth digit after the point, as tables show it, are best together.
        """
        found = [goodness for other in self.entries if (goodness := _goodness(other, key)) is not None]
        return len(found) > 1 and _goodness(entry, key) == max(found)


def _goodness(entry: Entry, key: str) -> float | None:
    """A score as shown, turned so that more is better; None where there is none."""
    score = entry.scores.get(key)
    if score is None or score.value is None:
        return None
    value = round(score.value, DIGITS)
    return {"higher": value, "lower": -value, "zero": -abs(value)}[score.better]
