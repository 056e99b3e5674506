"""The scores of every method in every pair, read and measured as `fusecli metrics` does."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

from fusecli import measuring, metrics
from fusecli.core.processors import thread_count
from fusecli.errors import FusecliError
from fusecli.evaluation.pairing import Case
from fusecli.metrics.workers import Progress, worked_through
from fusecli.report.record import window_facts
from fusecli.settings import FuseSettings

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
    at_once = min(threads or min(thread_count(), MOST_THREADS), len(cases))
    for_slices = max(1, thread_count() // at_once)  # what is left, so that no thread waits for another's threads

    def scored(case: Case) -> CaseScores:
        return _score_case(case, settings, profile, wanted, reading, for_slices)

    return list(worked_through(scored, cases, threads=at_once, progress=progress))


def _score_case(
    case: Case, settings: FuseSettings, profile: str, keys: Sequence[str] | None, reading: Lock, threads: int
) -> CaseScores:
    # Decoders catch warnings, and even stderr, for the whole process: one thread reads at a time.
    with reading, _named(f"pair {case.name}"):
        pair = measuring.read_pair(case.fixed, case.moving, settings).pair
    scores: dict[str, Mapping[str, metrics.Score]] = {}
    warnings = [*measuring.warnings_by_role(fixed=pair.fixed, moving=pair.moving)]
    for method, path in case.fused.items():
        with _named(f"{method}, pair {case.name}"):
            with reading:
                fused = measuring.read_fused(path, pair, settings)
            warnings += (f"{method}: {text}" for text in measuring.warnings_by_role(fused=fused))
            volumes = (pair.fixed.voxels, pair.moving.voxels, fused.voxels)
            slices = metrics.score_slices(
                *volumes, profile=profile, keys=keys, anywhere=True, allow_none=True, threads=threads
            )
            scores[method] = metrics.mean_scores(slices)
    windows = {role: window_facts(image) for role, image in pair.named().items()}
    return CaseScores(case.name, scores, windows, tuple(warnings))


@contextmanager
def _named(where: str) -> Iterator[None]:
    """An error that comes from inside says where it happened."""
    try:
        yield
    except FusecliError as error:
        raise type(error)(f"{where}: {error.what}", why=error.why, hint=error.hint) from error
