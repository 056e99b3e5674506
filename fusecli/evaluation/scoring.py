"""The scores of every method in every pair, read and measured as `fusecli metrics` does."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from fusecli import formats, metrics, pipeline
from fusecli.core.history import warnings_of
from fusecli.core.image import Image
from fusecli.core.pair import Pair
from fusecli.errors import FusecliError
from fusecli.evaluation.pairing import Case
from fusecli.report.record import window_facts
from fusecli.settings import FuseSettings

Progress = Callable[[int, int], None]

# Metrics let other threads run for about four fifths of their time, so more would wait for one another.
MOST_THREADS = 4


@dataclass(frozen=True, slots=True)
class CaseScores:
    """What was measured in one pair: scores by method and metric, the windows of its sources, and warnings."""

    name: str
    scores: Mapping[str, Mapping[str, metrics.Score]]
    windows: Mapping[str, Mapping[str, Any]]
    warnings: tuple[str, ...]


def score_cases(
    cases: Sequence[Case],
    settings: FuseSettings,
    *,
    profile: str = "fusecli",
    keys: Iterable[str] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[CaseScores]:
    """The scores of all cases, in their order whatever the number of `threads` (None: one for each core, up to four).

    `profile` and `keys` are those of `metrics.score`. `progress` hears of the pairs done and of all.

    Raises the error of the first pair that cannot be measured, with its name and the method.
    """
    wanted = None if keys is None else tuple(keys)
    reading = Lock()
    done: list[CaseScores] = []

    def scored(case: Case) -> CaseScores:
        return _score_case(case, settings, profile, wanted, reading)

    with ThreadPoolExecutor(threads or _cores()) as pool:
        for case in pool.map(scored, cases):
            done.append(case)
            if progress is not None:
                progress(len(done), len(cases))
    return done


def _cores() -> int:
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(own or 1, MOST_THREADS))


def _score_case(
    case: Case, settings: FuseSettings, profile: str, keys: Sequence[str] | None, reading: Lock
) -> CaseScores:
    # Decoders catch warnings, and even stderr, for the whole process: one thread reads at a time.
    with reading, _named(f"pair {case.name}"):
        pair = _source_pair(case, settings)
    scores: dict[str, Mapping[str, metrics.Score]] = {}
    history = [*pair.fixed.history, *pair.moving.history]
    for method, path in case.fused.items():
        with _named(f"{method}, pair {case.name}"):
            with reading:
                fused = _fused(path, pair)
            history += fused.history
            volumes = (pair.fixed.voxels, pair.moving.voxels, fused.voxels)
            slices = metrics.score_slices(*volumes, profile=profile, keys=keys, anywhere=True, allow_none=True)
            scores[method] = metrics.mean_scores(slices)
    windows = {role: window_facts(image) for role, image in pair.named().items()}
    return CaseScores(case.name, scores, windows, warnings_of(history))


def _source_pair(case: Case, settings: FuseSettings) -> Pair:
    sources = pipeline.read_sources(case.fixed, case.moving, settings)
    aligned, coverage = pipeline.put_on_one_grid(sources.fixed, sources.moving, resize=settings.resize)
    return pipeline.normalize_pair(sources, aligned, coverage, settings)


def _fused(path: Path, pair: Pair) -> Image:
    return pipeline.fused_on_grid(pair.fixed, formats.read(path))


@contextmanager
def _named(where: str) -> Iterator[None]:
    """An error that comes from inside says where it happened."""
    try:
        yield
    except FusecliError as error:
        raise type(error)(f"{where}: {error.what}", why=error.why, hint=error.hint) from error
