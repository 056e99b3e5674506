"""How much two images tell of each other where one has been moved: mutual information at the points of FIXED."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fusecli.register.scene import Mask, Scene, Values, at

BINS = 24

_map: Callable[..., NDArray[Any]] = ndimage.map_coordinates


class Sight:
    """FIXED's points as MOVING is seen from them: made once, asked for many transforms.

    `points` is (N, dimension) in mm, `fixed` FIXED's brightness there, both of at most `count` voxels of FIXED's
    foreground and what lies around it.
    """

    def __init__(self, fixed: Scene, moving: Scene, count: int = 20000) -> None:
        mask = fixed.surroundings
        chosen = np.flatnonzero(mask)
        # Every k-th voxel would fall into step with rows; a fixed draw does not.
        if chosen.size > count:
            chosen = np.sort(np.random.default_rng(0).choice(chosen, count, replace=False))
        self.points = at(fixed.matrix, np.column_stack(np.unravel_index(chosen, mask.shape)))
        self.fixed = fixed.values.ravel()[chosen]
        self._levels = _levels(self.fixed)
        self._moving = moving
        self._to_index = np.linalg.inv(moving.matrix)

    def moving(self, transform: Values) -> tuple[NDArray[np.float32], Mask]:
        """MOVING's brightness at FIXED's points, and which of these it covers; (n + 1, n + 1) FIXED mm to MOVING mm."""
        where = at(self._to_index @ transform, self.points)
        last = np.array(self._moving.values.shape) - 0.5
        inside = np.asarray(((where > -0.5) & (where < last)).all(axis=1))
        return np.asarray(_map(self._moving.values, where.T, order=1, mode="nearest")), inside

    def information(self, transform: Values) -> float:
        """Normalized mutual information, 1 to 2, of FIXED and of MOVING; where MOVING ends it is black."""
        return self.both_informations(transform)[0]

    def both_informations(self, transform: Values) -> tuple[float, float]:
        """Mutual information, normalized (1 to 2) and in bit.

        Counting what lies outside keeps two images from agreeing perfectly in the little that they share.
        Source: Studholme et al., Pattern Recognition 32, 1999, eq. 8.
        """
        values, inside = self.moving(transform)
        levels = self._levels * BINS + _levels(np.where(inside, values, 0))
        joint = np.bincount(levels, minlength=BINS * BINS).reshape(BINS, BINS) / levels.size
        alone, both = _entropy(joint.sum(axis=0)) + _entropy(joint.sum(axis=1)), _entropy(joint)
        return (alone / both if both > 0 else 1.0), alone - both


def _levels(values: NDArray[np.float32]) -> NDArray[np.intp]:
    return np.minimum((values * BINS).astype(np.intp), BINS - 1)


def _entropy(share: Values) -> float:
    share = share[share > 0]
    return float(-(share * np.log2(share)).sum())
