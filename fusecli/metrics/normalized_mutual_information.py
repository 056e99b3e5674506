"""NMI: mutual information that an image's own entropy does not raise."""

from typing import Any

from numpy.typing import NDArray

from fusecli.metrics.histograms import counts_of, entropy_bits, joint_counts, whole_levels
from fusecli.metrics.kernels import Levels, checked_levels


def normalized_mutual_information(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How much the grey levels of the fusion tell of those of both sources: the mean of two ratios, 1..2.

    All three are (row, column) with values in 0..1; the sources may be exchanged. A ratio is
    (H(source) + H(fused)) / H(source, fused): 1 if neither tells the other, 2 if each tells the other wholly. Two
    constant images tell each other wholly.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1, at least 2 x 2.
    Source: Studholme, Hill and Hawkes, Pattern Recognition 32(1), 1999, with 256 levels. QMI divides by the sum of the
    entropies instead, and papers call that NMI as well.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The same for grey levels 0..255."""
    return (of_source(fixed, fused) + of_source(moving, fused)) / 2


def of_source(source: Levels, fused: Levels) -> float:
    """One of the two ratios, for grey levels 0..255."""
    own, result = whole_levels(source), whole_levels(fused)
    alone = entropy_bits(counts_of(own)) + entropy_bits(counts_of(result))
    together = entropy_bits(joint_counts(own, result))
    return alone / together if together > 0 else 2.0
