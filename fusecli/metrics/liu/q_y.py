"""Q_Y: structural similarity to both sources where they agree, to the better one where they do not (Yang)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics.kernels import Levels, checked_levels, gaussian_window, require_side
from fusecli.metrics.liu.similarity import WANG, covariance, local, saliency_share, similarity

WINDOW = gaussian_window(7, sd=1.5)
AGREE = 0.75  # similarity of the sources from which the fusion has to keep both


def q_y(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How alike the fusion is to both sources where these are alike, and to either one elsewhere: -1 to 1.

    All three are (row, column) with values in 0..1; the sources may be exchanged. A copy of one source scores near 1,
    so it says nothing of the other source where the two differ.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1; ShapeError below 7 x 7.
    Source: Yang, Zhang, Wang and Liu, ICIG 2008; Liu et al. 2012, eq. 42. SSIM has the guards of Wang et al. and a
    Gaussian window of 7 x 7 with standard deviation 1.5 kept inside the image; where neither source varies both weigh
    the same.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels, *, guards: tuple[float, float] = WANG) -> float:
    """The same for grey levels 0..255.

    Z. Liu's toolkit has `guards=similarity.TINY`. It returns NaN where both sources are flat; this does not.
    """
    require_side(fused.shape, len(WINDOW), metric="Q_Y", need="window needs")
    a, b, f = (local(image, WINDOW) for image in (fixed, moving, fused))
    to_fixed, to_moving = (similarity(source, f, covariance(source, f), guards) for source in (a, b))
    share = saliency_share(a, b)
    agree = similarity(a, b, covariance(a, b), guards) >= AGREE
    alike = np.where(agree, share * to_fixed + (1 - share) * to_moving, np.maximum(to_fixed, to_moving))
    return float(np.mean(alike))
