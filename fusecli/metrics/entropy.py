"""IE: information entropy."""

from typing import Any

from numpy.typing import NDArray

from fusecli.metrics.histograms import counts_of, entropy_bits, whole_levels
from fusecli.metrics.kernels import Levels, checked_levels


def entropy(fused: NDArray[Any]) -> float:
    """How evenly an image uses the grey scale, in bit: 0 for a flat image, 8 for all 256 levels equally often.

    `fused` is (row, column) with values in 0..1, rounded (halves up) and clipped to 256 levels here. Noise raises it,
    too, so that a noisy background scores above a black one.

    Raises ShapeError or ImageError unless `fused` is one finite image on 0..1, at least 2 x 2.
    Source: Shannon, Bell System Technical Journal 27(3), 1948, section 6.
    """
    return of_levels(*checked_levels(fused=fused))


def of_levels(fused: Levels) -> float:
    """The same for grey levels 0..255."""
    return entropy_bits(counts_of(whole_levels(fused)))
