"""As the toolkit of Z. Liu computes the twelve of Liu et al. 2012 (commit d6f7f1a), faults included.

Where that toolkit divides 0 by 0 these have no value either: Q_Y and Q_C on every image with a flat background, most
others for a constant fusion.
"""

from functools import partial

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from fusecli.errors import ImageError
from fusecli.metrics.kernels import Levels, require_side, require_variation
from fusecli.metrics.liu import q_c, q_cb, q_cv, q_g, q_m, q_mi, q_ncie, q_p, q_s, q_sf, q_te, q_y
from fusecli.metrics.liu.similarity import TINY
from fusecli.metrics.profiles.profile import Formula, Profile

SIDE = len(q_c.WINDOW)


def _of_varying(formula: Formula) -> Formula:
    # The toolkit stretches each image between its extremes, and a constant one has none.
    def checked(fixed: Levels, moving: Levels, fused: Levels) -> float:
        require_variation(fixed=fixed, moving=moving, fused=fused)
        return formula(fixed, moving, fused)

    return checked


def _q_c(fixed: Levels, moving: Levels, fused: Levels) -> float:
    if np.any(_flat(fused) | (_flat(fixed) & _flat(moving))):
        raise _no_number("Q_C", "the fusion or both sources are flat")
    return q_c.of_levels(fixed, moving, fused, guards=TINY, clip_the_result=True)


def _q_y(fixed: Levels, moving: Levels, fused: Levels) -> float:
    if np.any(_flat(fixed) & _flat(moving)):
        raise _no_number("Q_Y", "both sources are flat")
    return q_y.of_levels(fixed, moving, fused, guards=TINY)


def _flat(levels: Levels) -> NDArray[np.bool_]:
    """At which places of a window of 7 x 7 an image does not vary at all."""
    require_side(levels.shape, SIDE, metric="Q_C and Q_Y", need="window needs")
    darkest, brightest = levels, levels
    for axis in (0, 1):
        darkest = sliding_window_view(darkest, SIDE, axis=axis).min(axis=-1)
        brightest = sliding_window_view(brightest, SIDE, axis=axis).max(axis=-1)
    return np.asarray(darkest == brightest)


def _no_number(name: str, where: str) -> ImageError:
    return ImageError(f"The toolkit's {name} divides 0 by 0 in windows where {where}.")


CHEN_VARSHNEY = partial(q_cv.of_levels, slope=q_cv.TOOLKIT_SLOPE, stretch=True, black_beyond=True)
CHEN_BLUM = partial(q_cb.of_levels, black=0.0, stretch=True, black_beyond=True)

PROFILE = Profile(
    "liu",
    {
        "QMI": _of_varying(q_mi.of_levels),
        "QTE": partial(q_te.of_levels, as_toolkit=True),
        "QNCIE": _of_varying(q_ncie.of_levels),
        "QG": partial(q_g.of_levels, as_toolkit=True),
        "QM": partial(q_m.of_levels, summed=True),
        "QSF": q_sf.of_levels,
        "QP": _of_varying(partial(q_p.of_levels, as_toolkit=True)),
        "QS": partial(q_s.of_levels, rounding=float(np.finfo(np.float64).eps)),
        "QC": _q_c,
        "QY": _q_y,
        "QCV": CHEN_VARSHNEY,
        "QCB": CHEN_BLUM,
    },
)
