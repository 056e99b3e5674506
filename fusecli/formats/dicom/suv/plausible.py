"""Whether an SUV can be true, judged by the voxels: the last guard against a header that lies."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# By definition the mean SUV of a body that kept its tracer is 1 g/ml, a quarter of it in cm2/ml. No body is as far off.
BELIEVABLE = (0.01, 50.0)


def implausible(suv: NDArray[Any]) -> tuple[str, ...]:
    """A warning where the median SUV of the body lies outside of 0.01 to 50; (slice, row, column).

    The body is what has more than the mean of all voxels, which leaves out the air around it. A single slice may hold
    nothing but air, and is never too low.
    """
    body = suv[suv > suv.mean(dtype=np.float64)]
    if body.size == 0:
        return ()
    median, (low, high) = float(np.median(body)), BELIEVABLE
    if (low <= median or len(suv) == 1) and median <= high:
        return ()
    return (
        f"The SUV is not believable: its median in the body is {median:.3g}, and {low:g} to {high:g} is possible. "
        "Check weight, dose, its unit and the time of injection.",
    )
