"""Other planes through the same voxels: axes exchanged and turned round, never interpolated."""

from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from fusecli.core import scratch
from fusecli.core.geometry import Geometry
from fusecli.core.history import Step
from fusecli.core.image import Image
from fusecli.errors import UsageError

# Where slices, rows and columns run in each plane, in LPS: as a radiologist looks at them, from the feet or the front.
_RUN_TOWARD = {
    "axial": ((0, 0, 1), (0, 1, 0), (1, 0, 0)),
    "coronal": ((0, 1, 0), (0, 0, -1), (1, 0, 0)),
    "sagittal": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
}


def reformat(image: Image, plane: str) -> Image:
    """The volume cut into "axial", "coronal" or "sagittal" slices: those of its own planes that are nearest to these.

    Voxels keep their values and their places in mm; only the order in which they are counted changes. Columns then run
    to the patient's left (sagittal: to the back), rows to the back (coronal, sagittal: to the feet).

    Raises UsageError as `geometry_in` does.
    """
    geometry = geometry_in(plane, image.geometry)
    order, turned = _order(image.geometry, plane)
    channels = (3,) if image.is_color else ()
    voxels = np.flip(image.voxels.transpose(*order, *channels), tuple(axis for axis in range(3) if turned[axis]))
    copy = scratch.frozen(scratch.copied(voxels))
    return image.stepped(Step("reformat", {"plane": plane}), voxels=copy, geometry=geometry)


def geometry_in(plane: str, geometry: Geometry) -> Geometry:
    """The same grid, counted in the slices, rows and columns of another plane.

    Raises UsageError for a grid without a place in the patient, and for a single slice in another plane than its own.
    """
    if not geometry.is_patient:
        raise UsageError(
            f"There are no {plane} planes.",
            why="The image does not say where it lies in the patient.",
            hint="Leave --planes out.",
        )
    order, turned = _order(geometry, plane)
    if order[0] != 0 and geometry.shape[0] == 1:
        raise UsageError(f"One slice cannot be seen in {plane} planes.", hint="Leave --planes or --slice out.")
    return _along(geometry, order, turned)


def _order(geometry: Geometry, plane: str) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """Which old axis becomes slices, rows and columns, and which of these three then run the other way."""
    # cosines[new, old]: how far the old axis runs where the new one should.
    cosines = np.array(_RUN_TOWARD[plane], dtype=np.float64) @ geometry.directions
    best = max(permutations(range(3)), key=lambda order: sum(abs(cosines[new, old]) for new, old in enumerate(order)))
    return best, tuple(bool(cosines[new, old] < 0) for new, old in enumerate(best))


def _along(geometry: Geometry, order: tuple[int, ...], turned: tuple[bool, ...]) -> Geometry:
    shape = tuple(geometry.shape[axis] for axis in order)
    mapping: NDArray[np.float64] = np.zeros((4, 4))
    mapping[3, 3] = 1
    for new, old in enumerate(order):
        mapping[old, new] = -1 if turned[new] else 1
        mapping[old, 3] = shape[new] - 1 if turned[new] else 0
    return Geometry((shape[0], shape[1], shape[2]), geometry.matrix @ mapping, geometry.frame_of_reference)
