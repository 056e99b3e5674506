"""Q_C: structural similarity to the source that the fusion follows at each place (Cvejic)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics.kernels import Levels, checked_levels, gaussian_window, require_side
from fusecli.metrics.liu.similarity import WANG, covariance, local, similarity

WINDOW = gaussian_window(7, sd=1.5)


def q_c(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How alike the fusion is to the sources, each weighed by its share of the covariance with the fusion: -1 to 1.

    All three are (row, column) with values in 0..1; the sources may be exchanged. A place that copies one source
    scores high whatever the other one shows there, so a copy of one source scores near 1.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1; ShapeError below 7 x 7.
    Source: Cvejic, Loza, Bull and Canagarajah, Int. J. Signal Processing 2(3), 2005; Liu et al. 2012, eq. 39. The share
    is kept to 0..1 as there, and is half where neither source varies with the fusion; the similarity is SSIM with the
    guards of Wang et al., under a Gaussian window of 7 x 7 with standard deviation 1.5 kept inside the image.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(
    fixed: Levels,
    moving: Levels,
    fused: Levels,
    *,
    guards: tuple[float, float] = WANG,
    clip_the_result: bool = False,
) -> float:
    """The same for grey levels 0..255.

    Z. Liu's toolkit has `guards=similarity.TINY`, and clips not the share but the result: 0 where the share is below 0,
    1 where it is above 1 (`clip_the_result`). It returns NaN where a window of the fusion is flat; this does not.
    """
    require_side(fused.shape, len(WINDOW), metric="Q_C", need="window needs")
    a, b, f = (local(image, WINDOW) for image in (fixed, moving, fused))
    with_fixed, with_moving = covariance(a, f), covariance(b, f)
    both = with_fixed + with_moving
    share = np.divide(with_fixed, both, out=np.full_like(both, 0.5), where=both != 0)
    inside = np.clip(share, 0, 1)
    alike = inside * similarity(a, f, with_fixed, guards) + (1 - inside) * similarity(b, f, with_moving, guards)
    return float(np.mean(np.where(share == inside, alike, inside) if clip_the_result else alike))
