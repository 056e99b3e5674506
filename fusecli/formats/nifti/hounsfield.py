"""Whether numbers that nobody explains can only be a CT in Hounsfield units."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.core.statistics import count, highest, lowest

# 12 bits with the usual intercepts: -1024 - 2048 is the lowest padding that scanners write, 4095 the highest number.
_LOWEST, _HIGHEST = -3072, 4095
# Air is -1000 HU by definition; noise and lung spread it. Fat, water and soft organs follow above a gap in which only
# the lung's edge and partial volumes lie.
_AIR, _GAP, _SOFT = (-1100, -800), (-500, -200), (-200, 300)
_LEAST_SHARE = 0.02


def looks_like_hu(voxels: NDArray[Any]) -> bool:
    """Whether the values show the two hills of every CT with the valley between them. Rather no than a wrong yes.

    All must hold: whole numbers, as scanners store them; a minimum from -3072 to -800 and a maximum from 0 to 4095;
    at least 2 % of the voxels in air (-1100 to -800) and 2 % in soft tissue (-200 to 300); and between them, from -500
    to -200, per HU less than half of what lies in either. Noise around zero, as in a PET in Bq/ml or the real part of
    an MR, has no such valley: it only gets denser toward zero. A CT that was resampled to fractions is not recognized.
    """
    if not (_LOWEST <= lowest(voxels) <= _AIR[1] and 0 <= highest(voxels) <= _HIGHEST):
        return False
    air, gap, soft = (_share(voxels, hill) for hill in (_AIR, _GAP, _SOFT))
    if min(air, soft) < _LEAST_SHARE:
        return False
    least_hill = min(air / _width(_AIR), soft / _width(_SOFT))
    return gap / _width(_GAP) < least_hill / 2 and count(voxels, _is_fraction) == 0


def _share(voxels: NDArray[Any], interval: tuple[int, int]) -> float:
    low, high = interval
    return count(voxels, lambda slab: (slab >= low) & (slab < high)) / voxels.size


def _is_fraction(slab: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(slab != np.rint(slab))


def _width(interval: tuple[int, int]) -> int:
    return interval[1] - interval[0]
