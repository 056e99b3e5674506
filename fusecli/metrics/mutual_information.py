"""MI: mutual information of the fusion and its sources."""

from typing import Any

from numpy.typing import NDArray

from fusecli.metrics.histograms import counts_of, entropy_bits, joint_counts, whole_levels
from fusecli.metrics.kernels import Levels, checked_levels


def mutual_information(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How much the grey levels of the fusion tell of those of both sources, in bit: the sum of two terms, 0..16.

    All three are (row, column) with values in 0..1; the sources may be exchanged. A term is 0 if knowing a pixel of the
    fusion says nothing of the source, and the source's entropy if it says all, be it by an inverted scale. Blur and
    noise lower it. A copy of the source with the higher entropy scores high while it keeps little of the other.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1, at least 2 x 2.
    Source: Qu, Zhang and Yan, Electronics Letters 38(7), 2002: 256 levels each, logarithm to base 2. Toolkits that take
    the natural logarithm get 0.693 of it.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The same for grey levels 0..255."""
    return of_source(fixed, fused) + of_source(moving, fused)


def of_source(source: Levels, fused: Levels) -> float:
    """One of the two terms, in bit, for grey levels 0..255."""
    own, result = whole_levels(source), whole_levels(fused)
    alone = entropy_bits(counts_of(own)) + entropy_bits(counts_of(result))
    return max(alone - entropy_bits(joint_counts(own, result)), 0.0)  # rounding can leave a little less than nothing
