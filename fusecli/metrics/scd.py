"""SCD: sum of the correlations of differences."""

from typing import Any

from numpy.typing import NDArray

from fusecli.metrics.correlation import pearson
from fusecli.metrics.kernels import Levels, checked_levels, require_variation


def scd(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """How well what each source adds to the other arrives in the fusion: corr(F - B, A) + corr(F - A, B), -2..2.

    All three are (row, column) with values in 0..1; A is `fixed`, B is `moving`, and they may be exchanged. A fusion
    that equals one source up to a constant has taken nothing from the other: that term is 0, where toolkits that
    divide 0 by 0 return no number.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1, at least 2 x 2; ImageError if a
    source is constant.
    Source: Aslantas and Bendes, AEU Int. J. Electronics and Communications 69(12), 2015.
    """
    return of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The same for grey levels 0..255."""
    require_variation(fixed=fixed, moving=moving)
    return pearson(fused - moving, fixed) + pearson(fused - fixed, moving)
