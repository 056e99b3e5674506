"""Q_MI: normalized mutual information with both sources."""

from typing import Any

from numpy.typing import NDArray

from fusecli.metrics.kernels import Levels, checked_levels, require_variation
from fusecli.metrics.liu.histogram import entropies_bits, joint_shares


def q_mi(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How well the grey levels of the fusion tell those of both sources, each by its own entropy: 0 to 2.

    All three are (row, column) with values in 0..1; the sources may be exchanged. 0 for a constant fusion, 2 where all
    three are one image; renaming the grey levels one to one changes nothing, so an inverted image scores alike.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1, and neither source is constant.
    Source: Hossny, Nahavandi and Creighton, Electronics Letters 44(18), 2008; Liu et al. 2012, eq. 3.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The same for grey levels 0..255."""
    require_variation(fixed=fixed, moving=moving)
    return 2 * sum(_share(source, fused) for source in (fixed, moving))


def _share(source: Levels, fused: Levels) -> float:
    """Mutual information by the sum of both entropies, 0..0.5."""
    of_source, of_fused, together = entropies_bits(joint_shares(source, fused))
    alone = of_source + of_fused
    # A source that varies only beyond 0..255 has one level after clipping.
    return max((alone - together) / alone, 0.0) if alone > 0 else 0.0
