"""Comparisons made of numbers, without any image."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from fusecli.catalog import METRICS
from fusecli.evaluation import CaseScores, Evaluation, summarize
from fusecli.metrics import Score

Values = Mapping[str, Mapping[str, Sequence[float | None]]]


@pytest.fixture
def compared() -> Callable[[Values], Evaluation]:
    """An evaluation of {metric: {method: values of all pairs}}."""

    def make(values: Values) -> Evaluation:
        methods = list(next(iter(values.values())))
        pairs = len(next(iter(values.values()))[methods[0]])
        return summarize([CaseScores(f"p{k:02}", _of_pair(values, methods, k), {}, ()) for k in range(pairs)])

    return make


def _of_pair(values: Values, methods: Sequence[str], k: int) -> dict[str, dict[str, Score]]:
    return {m: {key: _score(key, values[key][m][k]) for key in values} for m in methods}


def _score(key: str, value: float | None) -> Score:
    info = METRICS[key]
    return Score(value, info.unit, info.better, None if value is not None else "not defined: flat")
