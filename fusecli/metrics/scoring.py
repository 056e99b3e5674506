"""The scores of a slice or a volume, by any profile."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.catalog import METRICS
from fusecli.core.processors import thread_count
from fusecli.core.scratch import release, slabs
from fusecli.errors import ImageError, UsageError
from fusecli.metrics.histograms import whole_levels
from fusecli.metrics.kernels import Levels, check, checked_levels, grey_levels, varies
from fusecli.metrics.profiles import Profile, profile_named
from fusecli.metrics.score import Score
from fusecli.metrics.workers import Progress, worked_through

Scores = dict[str, Score]
Foreground = NDArray[np.bool_] | None

MOST_WORKERS = 8  # each holds the maps of one slice in memory


def score(
    fixed: NDArray[Any],
    moving: NDArray[Any],
    fused: NDArray[Any],
    *,
    profile: str = "fusecli",
    keys: Iterable[str] | None = None,
    strict: bool = False,
) -> Scores:
    """The scores of one fused slice, in the order of catalog.METRICS; of `keys` only, if they are given.

    The images are (row, column) with values in 0..1, measured on the scale 0..255. Color images are measured by their
    luma. A metric that is not defined for the images has the value None and a reason; `strict` raises instead.

    Raises UsageError for a profile or key that there is not; ShapeError unless all have one size of at least 2 x 2;
    ImageError for values that are not finite numbers on 0..1, and if no metric is defined.
    """
    chosen = profile_named(profile)
    wanted = chosen_keys(chosen, keys)
    scores, problems = _scores(chosen, wanted, checked_levels(fixed=fixed, moving=moving, fused=fused), strict=strict)
    _check_any(scores, problems)
    return scores


def score_slices(
    fixed: NDArray[Any],
    moving: NDArray[Any],
    fused: NDArray[Any],
    *,
    profile: str = "fusecli",
    keys: Iterable[str] | None = None,
    strict: bool = False,
    anywhere: bool = False,
    allow_none: bool = False,
    foreground: Foreground = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> dict[int, Scores]:
    """The scores of each of `scored_slices(fixed, moving)`, by its index from 0.

    The images are (slice, row, column) with values in 0..1. `foreground`, bool of the same size, restricts pointwise
    metrics to its voxels and the others to the box around them; slices without any are left out. `anywhere` measures
    all slices where there is none to be preferred, `allow_none` answers even if no metric has a value. `threads`
    measure at once (None: one for each core, up to eight). `progress` hears of the slices done and of all.

    Raises as `score` does, and ImageError if there is no slice to measure.
    """
    check(axes=3, fixed=fixed, moving=moving, fused=fused)
    own = profile_named(profile)
    wanted = chosen_keys(own, keys)
    indices = _slices(fixed, moving, foreground, anywhere=anywhere)

    def of_slice(k: int) -> tuple[Scores, list[ImageError]]:
        inside = None if foreground is None else foreground[k]
        return _scores(own, wanted, _levels_of((fixed, moving, fused), k), strict=strict, foreground=inside)

    at_once = min(threads or min(thread_count(), MOST_WORKERS), len(indices))
    results = list(worked_through(of_slice, indices, threads=at_once, progress=progress))
    found = {k: scores for k, (scores, _) in zip(indices, results, strict=True)}
    if not allow_none:
        _check_any(mean_scores(found), [problem for _, met in results for problem in met])
    return found


def score_volume(
    fixed: NDArray[Any],
    moving: NDArray[Any],
    fused: NDArray[Any],
    *,
    profile: str = "fusecli",
    keys: Iterable[str] | None = None,
    strict: bool = False,
) -> Scores:
    """The scores of a fused volume: each the mean over the slices of `score_slices` where it is defined, with its SD.

    Raises as `score_slices` does.
    """
    return mean_scores(score_slices(fixed, moving, fused, profile=profile, keys=keys, strict=strict))


def mean_scores(slices: Mapping[int, Scores]) -> Scores:
    """The mean of each score over slices, and its sample standard deviation."""
    tables = list(slices.values())
    return {key: _mean([table[key] for table in tables]) for key in tables[0]}


def score_whole_volume(
    fixed: NDArray[Any],
    moving: NDArray[Any],
    fused: NDArray[Any],
    *,
    profile: str = "fusecli",
    keys: Iterable[str] | None = None,
    foreground: Foreground = None,
) -> Scores:
    """The scores of all voxels of a volume at once, of those metrics that look at voxels one by one.

    The images are (slice, row, column) with values in 0..1. Raises as `score` does; {} if `keys` names no such metric.
    """
    check(axes=3, fixed=fixed, moving=moving, fused=fused)
    own = profile_named(profile)
    wanted = [key for key in chosen_keys(own, keys) if METRICS[key].pointwise]
    flat = [grey_levels(volume).reshape(-1, volume.shape[-1]) for volume in (fixed, moving, fused)]
    inside = None if foreground is None else foreground.reshape(flat[0].shape)
    return _scores(own, wanted, flat, strict=False, foreground=inside)[0] if wanted else {}


def _slices(fixed: NDArray[Any], moving: NDArray[Any], foreground: Foreground, *, anywhere: bool) -> list[int]:
    indices = scored_slices(fixed, moving) or (list(range(len(fixed))) if anywhere else [])
    if foreground is not None:
        indices = [k for k in indices if foreground[k].any()]
    if not indices:
        raise ImageError(
            "There is no slice to measure the fusion on.",
            why=f"In each of the {len(fixed)} slices FIXED or MOVING is constant, so SCD and VIF are not defined.",
            hint="Check that the two overlap, and that their windows leave something to see.",
        )
    return indices


def scored_slices(fixed: NDArray[Any], moving: NDArray[Any]) -> list[int]:
    """Indices of the slices, from 0, in which both sources vary by at least one of 256 grey levels.

    The volumes are (slice, row, column) with values in 0..1. Outside of them SCD and VIF are not defined.

    Raises ShapeError and ImageError for volumes that cannot be measured together.
    """
    check(axes=3, fixed=fixed, moving=moving)
    return [
        part.start
        for part in slabs(fixed, moving, thick=1)
        if varies(grey_levels(fixed[part])) and varies(grey_levels(moving[part]))
    ]


def chosen_keys(profile: Profile, keys: Iterable[str] | None) -> list[str]:
    """The keys that are to be measured, each once: all of the profile in the catalog's order, or those that are given.

    Raises UsageError for a key that the profile does not have.
    """
    if keys is None:
        return [key for key in METRICS if key in profile.formulas]
    wanted = list(dict.fromkeys(keys))
    missing = [key for key in wanted if key not in profile.formulas]
    if missing:
        raise UsageError(
            f"The profile {profile.name} has no metric {', '.join(map(repr, missing))}.",
            hint=f"It has: {', '.join(profile.formulas)}",
        )
    return wanted


def _levels_of(volumes: Sequence[NDArray[Any]], k: int) -> list[Levels]:
    """Grey levels of one slice of each; what is in a file is given back."""
    levels = [grey_levels(volume[k]) for volume in volumes]
    for volume in volumes:
        release(volume[k])
    return levels


def _scores(
    profile: Profile, keys: Sequence[str], levels: list[Levels], *, strict: bool, foreground: Foreground = None
) -> tuple[Scores, list[ImageError]]:
    if profile.takes_pictures:
        levels = [whole_levels(image).astype(np.float64) for image in levels]
    inside, box = (levels, levels) if foreground is None else _restricted(levels, foreground)
    scores: Scores = {}
    problems: list[ImageError] = []
    for key in keys:
        try:
            value, reason = _defined(key, profile, inside if METRICS[key].pointwise else box), None
        except ImageError as problem:
            if strict:
                raise
            problems.append(problem)
            value, reason = None, f"not defined: {problem.what} {problem.why}".strip()
        scores[key] = Score(value, profile.unit(key), METRICS[key].better, reason)
    return scores, problems


def _check_any(scores: Scores, problems: Sequence[ImageError]) -> None:
    """Raises the problem that most metrics have where none of them has a value."""
    if problems and all(score.value is None for score in scores.values()):
        raise _common(problems)


def _restricted(levels: list[Levels], foreground: NDArray[np.bool_]) -> tuple[list[Levels], list[Levels]]:
    """The voxels of the foreground, one below the other, and the box around them."""
    rows, columns = (np.flatnonzero(foreground.any(axis=axis)) for axis in (1, 0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return [image[foreground][:, np.newaxis] for image in levels], [image[box] for image in levels]


def _defined(key: str, profile: Profile, levels: list[Levels]) -> float:
    # A toolkit's formula may divide 0 by 0, which is one of its facts.
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(profile.formulas[key](*levels))
    if not np.isfinite(value):
        raise ImageError(f"The formula of {key} in the profile {profile.name} divides by zero on these images.")
    return value


def _common(problems: Sequence[ImageError]) -> ImageError:
    """The problem that most metrics have; the first of those."""
    texts = [problem.what for problem in problems]
    return problems[texts.index(max(texts, key=texts.count))]


def _mean(scores: Sequence[Score]) -> Score:
    """Of one metric over slices."""
    values = [score.value for score in scores if score.value is not None]
    if not values:
        return Score(None, scores[0].unit, scores[0].better, scores[0].reason)
    if len(scores) == 1:
        return scores[0]
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Score(float(np.mean(values)), scores[0].unit, scores[0].better, sd=sd, slices=len(values))
