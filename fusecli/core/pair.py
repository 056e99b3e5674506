"""Two images of one patient on their way to become one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusecli.core.geometry import same_grid
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.errors import PairError


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """FIXED (the anatomy, whose grid the result has) and MOVING (the tracer, or the CT of a CT/MRI pair).

    Both are UNIT images on one grid. `coverage` is (slice, row, column), bool: where MOVING has data; None: everywhere.
    `fixed_coverage` is the same of FIXED, for a grid that is not its own.

    Raises PairError for two grids; ValueError for images that are not UNIT, or a coverage of another shape.
    """

    fixed: Image
    moving: Image
    coverage: NDArray[np.bool_] | None = None
    fixed_coverage: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        for image in (self.fixed, self.moving):
            if image.intensity is not Intensity.UNIT:
                raise ValueError(f"a pair takes UNIT images, and this one is {image.intensity}")
        if not same_grid(self.fixed.geometry, self.moving.geometry):
            raise PairError(
                "The two images are not on one grid.",
                why=f"(slices, rows, columns): {self.fixed.geometry.shape} and {self.moving.geometry.shape}.",
                hint="Resample MOVING onto FIXED first.",
            )
        for coverage in (self.coverage, self.fixed_coverage):
            if coverage is not None and coverage.shape != self.fixed.geometry.shape:
                raise ValueError(f"the coverage is {coverage.shape}, and the images are {self.fixed.geometry.shape}")

    def named(self) -> dict[str, Image]:
        """Both images by their role: `fixed` and `moving`."""
        return {"fixed": self.fixed, "moving": self.moving}
