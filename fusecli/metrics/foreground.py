"""Which voxels show the patient: a head or a body."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fusecli.errors import ImageError
from fusecli.metrics.kernels import check

FAINTEST = 0.05  # of the whole scale: what is darker in both sources may be air or noise
SMALLEST_PART = 0.1  # of the largest part; arms beside a body stay, the table's edge and specks go

Mask = NDArray[np.bool_]


def foreground(fixed: NDArray[Any], moving: NDArray[Any]) -> Mask:
    """Where a head or body is, (slice, row, column), judged by the brighter of two sources with values in 0..1.

    In each slice: what is brighter than 5 % of the scale in either source, opened by a cross of 3 x 3 voxels so that
    single noisy voxels go, without the parts that are smaller than a tenth of the largest of the volume, and with every
    hole filled, such as a ventricle or a lung.

    Raises ShapeError or ImageError as `check` does, and ImageError if nothing is left.
    """
    check(axes=3, fixed=fixed, moving=moving)
    bright = np.maximum(fixed, moving) > FAINTEST
    opened = np.stack([ndimage.binary_opening(piece) for piece in bright])
    labels, count = ndimage.label(opened)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    if count == 0:
        raise ImageError(
            "There is no foreground to measure in.",
            why=f"Nothing in FIXED or MOVING is brighter than {FAINTEST:.0%} of the scale over a few voxels.",
            hint="Check the windows, or measure without --foreground.",
        )
    kept = np.concatenate([[False], sizes >= SMALLEST_PART * sizes.max()])[labels]
    return np.stack([ndimage.binary_fill_holes(piece) for piece in kept])
