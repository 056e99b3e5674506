"""What a comparison found: of each metric and method the mean, its spread, its rank, and the tests over all methods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusecli.catalog import METRICS
from fusecli.evaluation import statistics
from fusecli.evaluation.ranks import RANK_DIGITS, goodness, mean_ranks, places
from fusecli.evaluation.scoring import CaseScores


@dataclass(frozen=True, slots=True)
class MethodSummary:
    """One method in one metric. `sd` is the sample's, None for one pair.

    `goodness` is the mean over the pairs of how good the method is, more for better: where nearest to 0 is best, the
    mean distance from 0 negated, so that values on both sides of it do not cancel. `place` is by it and `rank_place` by
    the mean rank, 1 for the best.
    """

    mean: float
    sd: float | None
    mean_rank: float
    goodness: float
    place: int
    rank_place: int


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric over the pairs in which every method has a value.

    `better` is "higher", "lower" or "zero". `methods` is empty, and `reason` says why, where there is no such pair.
    """

    key: str
    title: str
    unit: str
    better: str
    pairs: tuple[str, ...]
    methods: Mapping[str, MethodSummary]
    comparison: statistics.Comparison | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything about a comparison of methods: the profile of the metrics, the scores, and what they come to.

    `left_out` names the pairs that were not compared because a method lacks them.
    """

    profile: str
    methods: tuple[str, ...]
    cases: tuple[CaseScores, ...]
    metrics: tuple[MetricSummary, ...]
    left_out: tuple[str, ...] = ()


def summarize(cases: Sequence[CaseScores], *, profile: str = "fusecli", left_out: Sequence[str] = ()) -> Evaluation:
    """The scores of at least one case, put together; every case has the same methods and metrics."""
    methods = tuple(cases[0].scores)
    keys = tuple(cases[0].scores[methods[0]])
    found = tuple(_of_metric(key, methods, cases) for key in keys)
    return Evaluation(profile, methods, tuple(cases), found, tuple(left_out))


def values_of(evaluation: Evaluation, metric: MetricSummary) -> dict[str, NDArray[np.float64]]:
    """The scores behind a summary: of each method in the metric's pairs, (pairs,)."""
    kept = [case for case in evaluation.cases if case.name in set(metric.pairs)]
    return _table(metric.key, evaluation.methods, kept)


def _of_metric(key: str, methods: Sequence[str], cases: Sequence[CaseScores]) -> MetricSummary:
    facts = cases[0].scores[methods[0]][key]
    kept = [case for case in cases if all(case.scores[method][key].value is not None for method in methods)]
    pairs, title = tuple(case.name for case in kept), METRICS[key].title
    if not kept:
        reason = next(score[key].reason or "" for score in cases[0].scores.values() if score[key].value is None)
        return MetricSummary(key, title, facts.unit, facts.better, pairs, {}, None, reason)
    table = _table(key, methods, kept)
    comparison = statistics.compare({method: goodness(values, facts.better) for method, values in table.items()})
    return MetricSummary(
        key, title, facts.unit, facts.better, pairs, _of_methods(table, facts.better), comparison, _missing(cases, kept)
    )


def _of_methods(table: Mapping[str, NDArray[np.float64]], better: str) -> dict[str, MethodSummary]:
    values = np.stack(list(table.values()), axis=1)
    means, ranks = values.mean(axis=0), mean_ranks(values, better)
    spread = values.std(axis=0, ddof=1).tolist() if len(values) > 1 else [None] * len(table)
    good = goodness(values, better).mean(axis=0)
    rows = zip(
        means.tolist(), spread, ranks.tolist(), good.tolist(), places(good), places(-ranks, RANK_DIGITS), strict=True
    )
    return {method: MethodSummary(*row) for method, row in zip(table, rows, strict=True)}


def _table(key: str, methods: Sequence[str], cases: Sequence[CaseScores]) -> dict[str, NDArray[np.float64]]:
    return {m: np.array([case.scores[m][key].value for case in cases], dtype=np.float64) for m in methods}


def _missing(cases: Sequence[CaseScores], kept: Sequence[CaseScores]) -> str:
    left_out = len(cases) - len(kept)
    return f"not defined for every method in {left_out} of {len(cases)} pairs" if left_out else ""
