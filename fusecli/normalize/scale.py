"""A window as a value: which measured number is black, which is white, and why these two."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fusecli.core import scratch
from fusecli.core.history import Fact
from fusecli.core.intensity import Intensity

# What a line of text says after a number.
UNIT_NAMES = {
    Intensity.HU: "HU",
    Intensity.SUV: "SUV",
    Intensity.SUVLBM: "SUVlbm",
    Intensity.SUVBSA: "SUVbsa",
    Intensity.BQML: "Bq/ml",
    Intensity.COUNTS: "counts",
    Intensity.ARBITRARY: "arbitrary units",
    Intensity.UNIT: "of 0..1",
    Intensity.RGB: "of 0..1",
}


@dataclass(frozen=True, slots=True)
class Scale:
    """`low` and everything below it is 0, `high` and everything above it is 1, and it is linear in between.

    With a `curve`, what lies in between follows it: brightness at equal steps from `low` to `high`, both included.
    Where `low` equals `high` it is a step: 0 up to and with `low`, 1 above it, as DICOM defines a window of width 1.
    `kind` is "preset", "numbers", "dicom", "percentiles", "suv", "positive", "as-is" or "constant"; `name` what the
    user would type for it, or ""; `shown` the scale in words, and `why` the reason for it. Both are printable as they
    are and hold nothing from a file's free text.
    """

    kind: str
    name: str
    low: float
    high: float
    unit: str
    shown: str
    why: str
    warnings: tuple[str, ...] = ()
    curve: tuple[float, ...] = field(default=(), repr=False)

    @property
    def text(self) -> str:
        """One line for the console and the report."""
        return f"{self.shown}, chosen: {self.why}"

    def facts(self) -> dict[str, Fact]:
        """What the history keeps of it."""
        return {
            "kind": self.kind,
            "name": self.name,
            "low": self.low,
            "high": self.high,
            "unit": self.unit,
            "text": self.text,
        }

    def apply(self, voxels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Brightness in 0..1, float32, of `voxels`, (slice, row, column), in the unit of the scale.

        Source: DICOM PS3.3 C.11.2.1.3.2 (LINEAR_EXACT) for `low` and `high` = centre ± width / 2.
        """
        unit = scratch.empty(voxels.shape)
        # One slice at a time in double precision: exact for any range, and never a second copy of the volume.
        for part in scratch.slabs(voxels, unit, thick=1):
            unit[part] = self._brightness(voxels[part].astype(np.float64))
        return unit

    def _brightness(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.curve:
            steps = np.linspace(self.low, self.high, len(self.curve))
            return np.asarray(np.interp(values, steps, self.curve))
        if self.low == self.high:
            return np.asarray(values > self.low, dtype=np.float64)
        return np.clip((values - self.low) / (self.high - self.low), 0.0, 1.0)
