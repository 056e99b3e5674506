"""Every expected number is worked out here by hand, or stands in the source that is named."""

import math

import numpy as np
import pytest
from scipy.stats import t as student

from fusecli.evaluation import statistics
from fusecli.evaluation.ranks import mean_ranks
from fusecli.evaluation.statistics import compare

RNG_SEED = 7

# The table's 0.975 and 0.975 of its 13th row are ranked 2 and 3 there, so they differ beyond their digits.
DEMSAR = [
    (0.763, 0.768, 0.771, 0.798), (0.599, 0.591, 0.590, 0.569), (0.954, 0.971, 0.968, 0.967),
    (0.628, 0.661, 0.654, 0.657), (0.882, 0.888, 0.886, 0.898), (0.936, 0.931, 0.916, 0.931),
    (0.661, 0.668, 0.609, 0.685), (0.583, 0.583, 0.563, 0.625), (0.775, 0.838, 0.866, 0.875),
    (1.000, 1.000, 1.000, 1.000), (0.940, 0.962, 0.965, 0.962), (0.619, 0.666, 0.614, 0.669),
    (0.972, 0.981, 0.9751, 0.975), (0.957, 0.978, 0.946, 0.970),
]  # fmt: skip


def normal_values(methods=3, pairs=20, step=0.5):
    """Methods apart by `step`, with normal differences."""
    rng = np.random.default_rng(RNG_SEED)
    ease = rng.normal(0, 1, pairs)
    return {f"m{k}": ease + k * step + rng.normal(0, 0.3, pairs) for k in range(methods)}


def skewed_values(methods=3, pairs=20):
    """Methods that differ by few large numbers and many small ones, all apart."""
    rng = np.random.default_rng(RNG_SEED)
    return {f"m{k}": rng.normal(0, 0.01, pairs) + k * rng.exponential(1, pairs) ** 3 for k in range(methods)}


def test_friedman_is_that_of_a_table_worked_out_by_hand():
    """Ten judges rank three wines; the differences are made far from normal by one judge's scale.

    Rank sums: A is first in 8 and second in 2 (12); B is second in 7, first in 2, third in 1 (19); C is third in 9 and
    second in 1 (29). chi2 = 12 / (n k (k+1)) * sum(R^2) - 3 n (k+1) = 12 / 120 * (144 + 361 + 841) - 120 = 14.6, and
    with two degrees of freedom p = exp(-14.6 / 2).
    """
    a = np.array([3.0, 3, 3, 3, 3, 3, 3, 300, 2, 2])
    b = np.array([2.0, 2, 2, 2, 2, 2, 2, 1, 3, 3])
    c = np.array([1.0, 1, 1, 1, 1, 1, 1, 2, 1, 1])
    found = compare({"A": a, "B": b, "C": c})
    assert found.overall is not None
    assert found.overall.name == "Friedman"
    assert found.overall.statistic == pytest.approx(14.6)
    assert found.overall.p == pytest.approx(math.exp(-7.3))
    assert found.overall.freedom == (2.0,)


def test_friedman_on_demsar_s_table_gives_his_ranks_and_chi_squared():
    """Demsar, J. Machine Learning Research 7, 2006, table 6: mean ranks, and chi2 = 9.28 without a correction for ties.

    scipy divides by 1 - sum(t^3 - t) / (n k (k^2 - 1)): three ties of two and one of four among 14 rows of 4, 78 / 840.
    """
    rows = np.array(DEMSAR)
    # A high power changes no rank, and leaves no normal difference.
    found = compare({f"c{k}": rows[:, k] ** 40 for k in range(4)}).overall
    assert mean_ranks(rows, "higher") == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    assert found is not None
    assert found.name == "Friedman"
    assert found.statistic * (1 - 78 / 840) == pytest.approx(9.28, abs=5e-3)


def test_repeated_measures_anova_is_the_sum_of_squares_by_hand():
    pytest.importorskip("statsmodels", reason="the extra fusecli[evaluate] is not installed")
    values = normal_values()
    table = np.stack(list(values.values()), axis=1)
    pairs, methods = table.shape
    centred = table - table.mean(axis=1, keepdims=True)
    between = pairs * ((table.mean(axis=0) - table.mean()) ** 2).sum()
    error = (centred**2).sum() - between
    found = compare(values).overall
    assert found is not None
    assert found.name == "repeated-measures ANOVA"
    assert found.freedom == (methods - 1, (pairs - 1) * (methods - 1))
    assert found.statistic == pytest.approx(between / found.freedom[0] / (error / found.freedom[1]))


def test_the_paired_t_test_of_two_methods_is_the_formula():
    values = normal_values(2)
    difference = values["m0"] - values["m1"]
    t = difference.mean() / (difference.std(ddof=1) / math.sqrt(20))
    found = compare(values).overall
    assert found is not None
    assert (found.name, found.freedom) == ("paired t", (19.0,))
    assert found.statistic == pytest.approx(t)
    assert found.p == pytest.approx(2 * student.sf(abs(t), 19))


def test_wilcoxon_of_a_method_that_always_wins_has_the_smallest_p_there_is():
    ease, better = np.arange(8.0), np.array([1, 1.1, 1.2, 1.3, 1.4, 1.5, 90, 100])
    found = compare({"a": ease + better, "b": ease}).overall
    assert found is not None
    assert (found.name, found.statistic) == ("Wilcoxon signed-rank", 0)
    assert found.p == pytest.approx(2 / 2**8)


def test_one_difference_that_is_not_normal_makes_all_tests_nonparametric():
    found = compare(skewed_values())
    assert found.overall is not None
    assert found.overall.name == "Friedman"
    assert {contrast.test.name for contrast in found.contrasts} == {"Wilcoxon signed-rank"}
    found = compare(normal_values())
    assert {contrast.test.name for contrast in found.contrasts} == {"paired t"}


@pytest.mark.parametrize(("methods", "contrasts"), [(2, 1), (3, 3), (4, 6), (5, 10)])
def test_bonferroni_multiplies_by_the_number_of_contrasts(methods, contrasts):
    found = compare(normal_values(methods, step=0.1)).contrasts
    assert len(found) == contrasts
    assert [c.p_bonferroni for c in found] == pytest.approx([min(1, c.test.p * contrasts) for c in found])
    assert methods == 2 or any(c.p_bonferroni > c.test.p for c in found)


def test_too_few_pairs_are_said_and_not_tested():
    few = compare({name: values[:4] for name, values in normal_values().items()})
    assert few.overall is None
    assert all(contrast.test is None for contrast in few.contrasts)
    assert "4, and 5 are needed" in few.note
    assert compare({name: values[:5] for name, values in normal_values(2).items()}).overall is not None


def test_methods_with_the_same_values_are_said_and_not_tested():
    same = np.arange(9.0)
    found = compare({"a": same, "b": same.copy(), "c": same * (1 + 1e-14)})
    assert found.overall is None
    assert "same values" in found.note


def test_two_equal_methods_beside_a_third_leave_out_only_their_own_contrast():
    values = normal_values(2)
    found = compare({"a": values["m0"], "twin": values["m0"], "c": values["m1"]})
    assert found.overall is not None
    assert found.overall.name == "Friedman"
    assert "Ranks are tested" in found.note
    assert found.note.endswith("a and twin")
    twins, *others = found.contrasts
    assert (twins.test, twins.note) == (None, "The two are the same.")
    assert all(contrast.test is not None for contrast in others)


def test_methods_that_differ_in_a_few_pairs_only_are_not_tested():
    values = normal_values(2)["m0"]
    changed = values.copy()
    changed[:4] += 1
    assert "differ in 4 pairs" in compare({"a": values, "b": changed}).note


def test_ranks_that_are_tested_because_differences_are_not_normal_need_no_note():
    assert compare(skewed_values()).overall.name == "Friedman"
    assert compare(skewed_values()).note == ""


def test_two_methods_that_differ_by_a_constant_say_why_ranks_are_tested():
    ease = normal_values(1)["m0"]
    found = compare({"a": ease + 0.25, "b": ease})
    assert found.overall.name == "Wilcoxon signed-rank"
    assert "by the same in every pair: a and b" in found.note


def test_a_constant_advantage_makes_no_noise_and_is_found():
    ease = normal_values(1)["m0"]
    found = compare({"a": ease + 0.25, "b": ease, "c": ease - 0.25})
    assert found.overall is not None
    assert found.overall.name == "Friedman"
    assert found.overall.p < 1e-6
    assert found.contrasts[0].mean_advantage == pytest.approx(0.25)


def test_pairs_that_are_too_few_for_any_contrast_are_said():
    ease = np.array([1.0, 2, 3, 4, 5, 6])
    little = np.array([1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 50])
    values = {"a": ease, "b": ease + little, "c": ease - little}
    found = compare(values)
    assert found.overall is not None
    assert "too few for any two methods" in found.note  # 2 / 2^6 * 3 = 0.09
    assert compare(skewed_values()).note == ""


def test_more_values_than_an_anova_has_room_for_are_given_to_friedman(monkeypatch):
    values = normal_values(methods=3, pairs=20)
    assert compare(values).contrasts[0].test.name == "paired t"
    monkeypatch.setattr(statistics, "MOST", 59)
    assert compare(values).overall.name == "Friedman"
    assert "beyond 59 values" in compare(values).note
    monkeypatch.setattr(statistics, "MOST", 60)
    assert compare(values).contrasts[0].test.name == "paired t"


def test_one_method_is_nothing_to_compare():
    assert "nothing to compare" in compare({"a": np.arange(9.0)}).note


def test_without_statsmodels_the_anova_is_named_and_the_contrasts_stay(monkeypatch):
    monkeypatch.setattr(statistics, "find_spec", lambda name: None)
    found = compare(normal_values())
    assert found.overall is None
    assert "fusecli[evaluate]" in found.note
    assert all(contrast.test is not None for contrast in found.contrasts)
