"""What several toolkits do alike, and otherwise than this program."""

import math

import numpy as np

from fusecli.metrics.correlation import pearson
from fusecli.metrics.kernels import Levels


def correlation(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """CC that divides 0 by 0 where an image is constant: NaN."""
    return (pearson(fixed, fused, of_constant=math.nan) + pearson(moving, fused, of_constant=math.nan)) / 2


def scd(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """SCD that divides 0 by 0 where the fusion equals a source: NaN."""
    of_fixed = pearson(fused - moving, fixed, of_constant=math.nan)
    return of_fixed + pearson(fused - fixed, moving, of_constant=math.nan)


def average_gradient(fused: Levels) -> float:
    """AG with its sum divided by (rows - 1)(columns - 1), though it runs over all pixels."""
    down, right = np.gradient(fused)
    rows, columns = fused.shape
    return float(np.sum(np.sqrt((down**2 + right**2) / 2)) / ((rows - 1) * (columns - 1)))
