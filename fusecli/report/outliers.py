"""Which cases of a batch stand apart, by a rule that one wild case cannot bend."""

from collections.abc import Sequence
from statistics import fmean, median

LIMIT = 3.5
# Fewer values than this have no middle to stand apart from.
FEWEST = 5
# The standard deviation of a normal distribution by its median and by its mean absolute deviation.
SD_BY_MEDIAN_DEVIATION, SD_BY_MEAN_DEVIATION = 1.4826, 1.2533


def outliers(values: Sequence[float | None]) -> list[bool]:
    """For each of the finite `values` (None: not measured) whether it lies farther than 3.5 spreads from the median.

    The spread is 1.4826 times the median absolute deviation, or, where that is 0 because more than half of the values
    are equal, 1.2533 times the mean absolute deviation. Of fewer than five values none stands apart.

    Source: Iglewicz and Hoaglin, How to Detect and Handle Outliers, ASQC 1993, modified z-score.
    """
    known = [value for value in values if value is not None]
    if len(known) < FEWEST:
        return [False] * len(values)
    centre = median(known)
    deviations = [abs(value - centre) for value in known]
    spread = SD_BY_MEDIAN_DEVIATION * median(deviations) or SD_BY_MEAN_DEVIATION * fmean(deviations)
    return [value is not None and spread > 0 and abs(value - centre) > LIMIT * spread for value in values]
