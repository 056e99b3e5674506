"""A pair of single slices is aligned within its plane, and the result told in space."""

import numpy as np

from fusecli.core.geometry import Geometry
from fusecli.register.alignment import placed
from fusecli.register.scene import Values

# Slices whose normals differ by less than a degree lie in one plane or in two that are parallel.
PARALLEL = np.cos(np.radians(1.0))


def planes(fixed: Geometry, moving: Geometry) -> tuple[Values, Values] | None:
    """From mm of LPS to (x, y, height) in FIXED's and in MOVING's slice, 4 x 4, rigid; None unless both are one slice.

    Parallel slices share their x and y, so that what the files say is no motion. Others have x along their rows.
    """
    if fixed.shape[0] != 1 or moving.shape[0] != 1:
        return None
    own, other = _frame(placed(fixed)), _frame(placed(moving))
    if abs(own[2, :3] @ other[2, :3]) >= PARALLEL:
        place = placed(moving).matrix[:3, 3]
        other = own.copy()
        other[2, 3] = -(own[2, :3] @ place)
    return own, other


def lifted(transform: Values, planes: tuple[Values, Values]) -> Values:
    """A 3 x 3 transform within the planes as a 4 x 4 transform of points in mm of LPS; heights stay what they are."""
    own, other = planes
    within = np.eye(4)
    within[:2, :2], within[:2, 3] = transform[:2, :2], transform[:2, 2]
    return np.asarray(np.linalg.inv(other) @ within @ own)


def lowered(matrix: Values, planes: tuple[Values, Values]) -> Values:
    """The inverse of `lifted`; what a transform does across the planes is left out."""
    own, other = planes
    within = other @ matrix @ np.linalg.inv(own)
    lowered = np.eye(3)
    lowered[:2, :2], lowered[:2, 2] = within[:2, :2], within[:2, 3]
    return lowered


def _frame(geometry: Geometry) -> Values:
    """The slice's own (x, y, height): from its first voxel, x along a row, height along its normal."""
    along, down = geometry.matrix[:3, 2], geometry.matrix[:3, 1]
    x = along / np.linalg.norm(along)
    normal = np.cross(x, down)
    normal /= np.linalg.norm(normal)
    frame = np.eye(4)
    frame[:3, :3] = (x, np.cross(normal, x), normal)
    frame[:3, 3] = -frame[:3, :3] @ geometry.matrix[:3, 3]
    return frame
