"""Which slices of a series a grey volume was made of, slice by slice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusecli.core.geometry import Geometry
from fusecli.core.history import last_step
from fusecli.core.image import Image
from fusecli.formats.dicom.frames import Frame
from fusecli.formats.dicom.lineage import Parent, frames_reached

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """The series that a volume was made of. `through` takes points of the volume's grid to that series' own, both in
    mm of LPS, (N, 3); None: the volume has the series' own slices.
    """

    parent: Parent
    through: Callable[[Points], Points] | None = None

    def frames(self, image: Image, index: int) -> Sequence[Frame]:
        """The slices of the source that slice `index` was made of; none outside of its field of view."""
        if self.through is None:
            return self.parent.frames[index : index + 1]
        resampled = last_step(image.history, "resample")
        blur = float(resampled.facts.get("smoothed_by_voxels") or 0) if resampled else 0.0
        return frames_reached(self.parent, self._lattice(image.geometry, index), smoothed_by_voxels=blur)

    def nearest(self, image: Image, index: int) -> Frame:
        """The slice of the source that the middle of slice `index` lies nearest to, within its field of view or not."""
        frames = self.parent.frames
        if self.through is None:
            return frames[index]
        middle = self._lattice(image.geometry, index).mean(axis=0, keepdims=True)
        place = round(float(self.parent.geometry.indices(middle)[0, 0]))
        return frames[min(max(place, 0), len(frames) - 1)]

    def _lattice(self, geometry: Geometry, index: int) -> Points:
        """Corners, edges and middle of a slice, where they lie in the source: a bent slice has more than corners."""
        assert self.through is not None
        _, rows, columns = geometry.shape
        places = [
            [index, row, column]
            for row in (0, (rows - 1) / 2, rows - 1)
            for column in (0, (columns - 1) / 2, columns - 1)
        ]
        return self.through(geometry.points(np.array(places, dtype=np.float64)))
