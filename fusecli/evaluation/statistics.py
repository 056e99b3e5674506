"""Whether methods differ by more than chance: tests for values that belong together pair by pair.

Every figure is computed by scipy or statsmodels. docs/evaluate.md says what the tests assume.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Numbers = NDArray[np.float64]

FEWEST = 5  # pairs; with fewer no test could find anything
MOST = 5000  # values; beyond, Shapiro-Wilk's p is not accurate and the ANOVA's matrix does not fit into memory
LEVEL = 0.05  # below it, differences are not taken as normal
SAME = 1e-9  # relative to the largest value: what rounding may leave between equal scores

NO_ANOVA = "The repeated-measures ANOVA needs statsmodels: pip install 'fusecli[evaluate]'"


@dataclass(frozen=True, slots=True)
class Test:
    """What a test found: `statistic` is W, F, chi², t or the signed-rank sum; `freedom` the degrees of freedom."""

    name: str
    statistic: float
    p: float
    freedom: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two methods. `mean_advantage` is by how much the first is better, as a mean over the pairs.

    `normality` is of the differences, `p_bonferroni` is p times the number of contrasts, 1 at most. A test that could
    not be made is None, and `note` says why.
    """

    first: str
    second: str
    mean_advantage: float
    normality: Test | None
    test: Test | None = None
    p_bonferroni: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All methods in one metric: a test over all of them, and every two.

    `note` says why a test is missing, and why ranks are tested where no difference was found not to be normal.
    """

    pairs: int
    overall: Test | None
    contrasts: tuple[Contrast, ...]
    note: str = ""


def compare(values: Mapping[str, Numbers]) -> Comparison:
    """Whether the methods differ, given how good each is in the same pairs, (pairs,): more is better.

    Shapiro-Wilk is asked whether the differences of every two methods look normal. If all do: repeated-measures ANOVA
    (two methods: paired t test), then paired t tests. If one does not: Friedman's test (two methods: Wilcoxon's
    signed-rank test), then Wilcoxon's. Where values are too few or the same, nothing is computed and the note says so.

    Sources: Shapiro and Wilk, Biometrika 52, 1965; Friedman, J. Am. Stat. Assoc. 32, 1937; Wilcoxon, Biometrics
    Bulletin 1, 1945; the choice between them follows Demšar, J. Machine Learning Research 7, 2006.
    """
    pairs = len(next(iter(values.values())))
    if len(values) < 2:
        return Comparison(pairs, None, (), "There is one method, so there is nothing to compare.")
    contrasts = [_described(first, second, values) for first, second in combinations(values, 2)]
    if pairs < FEWEST:
        return Comparison(pairs, None, tuple(contrasts), f"Too few pairs to test: {pairs}, and {FEWEST} are needed.")
    if all(_differing(values[c.first], values[c.second]) == 0 for c in contrasts):
        return Comparison(
            pairs, None, tuple(contrasts), "All methods have the same values, so there is nothing to test."
        )
    normal = pairs * len(values) <= MOST and all(c.normality is not None and c.normality.p >= LEVEL for c in contrasts)
    tested = tuple(_tested(contrast, values, normal, len(contrasts)) for contrast in contrasts)
    why = "" if normal else _why_ranks(contrasts, pairs * len(values))
    if len(values) == 2:
        return Comparison(pairs, tested[0].test, tested, _joined(tested[0].note, why))
    if normal:
        overall = _anova(values)
        return Comparison(pairs, overall, tested, "" if overall else NO_ANOVA)
    return Comparison(pairs, _friedman(values), tested, _joined(why, _out_of_reach(pairs, len(tested))))


def _described(first: str, second: str, values: Mapping[str, Numbers]) -> Contrast:
    difference = values[first] - values[second]
    return Contrast(first, second, float(difference.mean()), _normality(values[first], values[second]))


def _normality(first: Numbers, second: Numbers) -> Test | None:
    """None where the differences do not vary, or are too few or too many to ask."""
    difference = first - second
    if not FEWEST <= len(difference) <= MOST or np.ptp(difference) <= _rounding(first, second):
        return None
    found = stats.shapiro(difference)
    return Test("Shapiro-Wilk", float(found.statistic), float(found.pvalue))


def _tested(contrast: Contrast, values: Mapping[str, Numbers], normal: bool, count: int) -> Contrast:
    first, second = values[contrast.first], values[contrast.second]
    differing = _differing(first, second)
    if differing < FEWEST:
        note = (
            f"The two differ in {differing} pairs, and {FEWEST} are needed." if differing else "The two are the same."
        )
        return Contrast(contrast.first, contrast.second, contrast.mean_advantage, contrast.normality, note=note)
    test = _paired_t(first, second) if normal else _wilcoxon(first, second)
    return Contrast(
        contrast.first, contrast.second, contrast.mean_advantage, contrast.normality, test, min(1.0, test.p * count)
    )


def _paired_t(first: Numbers, second: Numbers) -> Test:
    found = stats.ttest_rel(first, second)
    return Test("paired t", float(found.statistic), float(found.pvalue), (float(found.df),))


def _wilcoxon(first: Numbers, second: Numbers) -> Test:
    difference = first - second
    found = stats.wilcoxon(difference[np.abs(difference) > _rounding(first, second)])
    return Test("Wilcoxon signed-rank", float(found.statistic), float(found.pvalue))


def _friedman(values: Mapping[str, Numbers]) -> Test:
    found = stats.friedmanchisquare(*values.values())
    return Test("Friedman", float(found.statistic), float(found.pvalue), (len(values) - 1.0,))


def _why_ranks(contrasts: Sequence[Contrast], values: int) -> str:
    """Why ranks are tested, where it is not that some differences do not look normal; "" where it is."""
    if values > MOST:
        return f"Ranks are tested, because beyond {MOST} values an ANOVA has no room"
    if any(contrast.normality is not None and contrast.normality.p < LEVEL for contrast in contrasts):
        return ""
    alike = ", ".join(f"{c.first} and {c.second}" for c in contrasts if c.normality is None)
    return f"Ranks are tested, because these differ by nothing or by the same in every pair: {alike}"


def _joined(*notes: str) -> str:
    return ". ".join(note.rstrip(".") for note in notes if note)


def _out_of_reach(pairs: int, count: int) -> str:
    """The smallest p of a signed-rank test is 2 in 2^pairs: one method better in every pair."""
    if 2.0 ** (1 - pairs) * count < LEVEL:
        return ""
    return f"{pairs} pairs are too few for any two methods to differ at {LEVEL} after Bonferroni"


def _anova(values: Mapping[str, Numbers]) -> Test | None:
    """None where statsmodels is not installed."""
    if find_spec("statsmodels") is None:
        return None
    import pandas as pd
    from statsmodels.stats.anova import AnovaRM

    rows = [(k, method, value) for method, scores in values.items() for k, value in enumerate(scores.tolist())]
    frame = pd.DataFrame(rows, columns=["pair", "method", "score"])
    (found,) = AnovaRM(frame, "score", "pair", within=["method"]).fit().anova_table.to_dict("records")
    freedom = (float(found["Num DF"]), float(found["Den DF"]))
    return Test("repeated-measures ANOVA", float(found["F Value"]), float(found["Pr > F"]), freedom)


def _differing(first: Numbers, second: Numbers) -> int:
    """In how many pairs two methods differ by more than rounding."""
    return int((np.abs(first - second) > _rounding(first, second)).sum())


def _rounding(first: Numbers, second: Numbers) -> float:
    return SAME * float(max(np.abs(first).max(), np.abs(second).max()))
