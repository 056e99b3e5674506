"""What a page about one fusion shows: the record of the run, and the images that it is about."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fusecli.core.geometry import same_grid
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.pair import Pair
from fusecli.report.glossary import DEFINITIONS
from fusecli.report.record import RunRecord

Bytes = NDArray[np.uint8]
Cell = str | float | int | bool | None


@dataclass(frozen=True, slots=True, eq=False)
class Palette:
    """The colors of a tracer, sampled at 256 levels, as 8-bit RGB.

    `of_uptake`, (256, 3), is MOVING's own color. `of_fused`, (256, 256, 3), is the color of a fused brightness (first
    axis) over an uptake (second axis), so that a page needs no color volume.

    Raises ValueError for tables of another size or type.
    """

    name: str
    of_uptake: Bytes
    of_fused: Bytes

    def __post_init__(self) -> None:
        for table, shape in ((self.of_uptake, (256, 3)), (self.of_fused, (256, 256, 3))):
            if table.shape != shape or table.dtype != np.uint8:
                raise ValueError(f"a palette table is {shape} of uint8, and this is {table.shape} of {table.dtype}")


@dataclass(frozen=True, slots=True)
class RegistrationCheck:
    """How MOVING was brought onto FIXED, and whether to believe it.

    `verdict` is one word or line, `is_good` what it comes to, `reasons` what it rests on. `quality` has, by name, a
    value before and one after, None where there is none. `picture` is a PNG that lets the eye judge.
    """

    method: str
    verdict: str
    is_good: bool
    reasons: tuple[str, ...] = ()
    quality: Mapping[str, tuple[Cell, Cell]] = field(default_factory=dict)
    picture: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One fusion with everything that its page shows.

    `fused` is UNIT, as the scores measured it; `shown` is what was written, in color or the same. `palette` colors a
    tracer; without one, `moving_shown` is MOVING in its own colors, (slice, row, column, 3), where its file has them.
    All images are on the pair's grid. `lesions` are rows of a table: the keys of the first are its columns, and a key
    "voxel" with (slice, row, column), counted from 0, makes a button that goes there. `definitions` explain the keys of
    metrics.

    Raises ValueError for an image on another grid or in another unit.
    """

    record: RunRecord
    pair: Pair
    fused: Image
    shown: Image
    palette: Palette | None = None
    moving_shown: Bytes | None = None
    registration: RegistrationCheck | None = None
    lesions: tuple[Mapping[str, Cell | tuple[int, int, int]], ...] = ()
    definitions: Mapping[str, str] = field(default_factory=lambda: DEFINITIONS)

    def __post_init__(self) -> None:
        if self.fused.intensity is not Intensity.UNIT:
            raise ValueError(f"the fused image of a view is UNIT, and this one is {self.fused.intensity}")
        if self.shown.intensity not in (Intensity.UNIT, Intensity.RGB):
            raise ValueError(f"an image in {self.shown.intensity} cannot be shown")
        grid = self.pair.fixed.geometry
        if not all(same_grid(grid, image.geometry) for image in (self.fused, self.shown)):
            raise ValueError("the images of a view are not on one grid")
        if self.palette is not None and self.moving_shown is not None:
            raise ValueError("MOVING is shown by a palette or in its own colors, not both")
        if self.moving_shown is not None and self.moving_shown.shape != (*grid.shape, 3):
            raise ValueError(f"MOVING's colors are {self.moving_shown.shape}, and the images are {grid.shape}")

    @property
    def middle(self) -> int:
        """The slice that a page opens with, and that paper shows."""
        return self.pair.fixed.geometry.shape[0] // 2
