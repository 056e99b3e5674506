"""How much of both originals a fused image keeps: eleven scores. docs/metrics.md has the definitions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.catalog import METRICS
from fusecli.errors import ImageError
from fusecli.metrics import (
    average_gradient,
    edge_intensity,
    entropy,
    fmi,
    nabf,
    qabf,
    scd,
    spatial_frequency,
    ssim,
    standard_deviation,
    vif,
)
from fusecli.metrics.kernels import Levels, check, checked_levels, grey_levels, varies
from fusecli.metrics.score import Score

__all__ = ["Score", "score", "score_volume", "scored_slices"]


def score(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> dict[str, Score]:
    """All eleven scores of one fused slice, in the order of catalog.METRICS.

    The images are (row, column) with values in 0..1, measured on the scale 0..255. `fixed` and `moving` may be
    exchanged. Color images are measured by their luma.

    Raises ShapeError unless all have one size of at least 41 x 41; ImageError for values that are not finite numbers
    on 0..1, and for a source that is constant.
    """
    return _scores(_values(*checked_levels(fixed=fixed, moving=moving, fused=fused)))


def score_volume(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> dict[str, Score]:
    """All eleven scores of a fused volume: each the mean over `scored_slices(fixed, moving)`.

    The images are (slice, row, column) with values in 0..1.

    Raises ShapeError and ImageError as `score` does, and ImageError if no slice shows something in both sources.
    """
    check(axes=3, fixed=fixed, moving=moving, fused=fused)
    chosen = scored_slices(fixed, moving)
    if not chosen:
        raise ImageError(
            "There is no slice to measure the fusion on.",
            why=f"In each of the {len(fixed)} slices FIXED or MOVING is constant, so SCD and VIF are not defined.",
            hint="Check that the two overlap, and that their windows leave something to see.",
        )
    values = [_values(*(grey_levels(volume[k]) for volume in (fixed, moving, fused))) for k in chosen]
    return _scores({key: float(np.mean([value[key] for value in values])) for key in METRICS})


def scored_slices(fixed: NDArray[Any], moving: NDArray[Any]) -> list[int]:
    """Indices of the slices, from 0, in which both sources vary by at least one of 256 grey levels.

    The volumes are (slice, row, column) with values in 0..1. Outside of them SCD and VIF are not defined.

    Raises ShapeError and ImageError for volumes that cannot be measured together.
    """
    check(axes=3, fixed=fixed, moving=moving)
    return [k for k in range(len(fixed)) if varies(grey_levels(fixed[k])) and varies(grey_levels(moving[k]))]


def _values(fixed: Levels, moving: Levels, fused: Levels) -> dict[str, float]:
    return {
        "IE": entropy.of_levels(fused),
        "AG": average_gradient.of_levels(fused),
        "SD": standard_deviation.of_levels(fused),
        "SF": spatial_frequency.of_levels(fused),
        "SCD": scd.of_levels(fixed, moving, fused),
        "VIF": vif.of_levels(fixed, moving, fused),
        "QABF": qabf.of_levels(fixed, moving, fused),
        "EI": edge_intensity.of_levels(fused),
        "SSIM": ssim.of_levels(fixed, moving, fused),
        "FMI": fmi.of_levels(fixed, moving, fused),
        "NABF": nabf.of_levels(fixed, moving, fused),
    }


def _scores(values: dict[str, float]) -> dict[str, Score]:
    return {key: Score.of(values[key], info) for key, info in METRICS.items()}
