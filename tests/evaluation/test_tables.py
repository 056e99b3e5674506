import csv
import io
import json
from dataclasses import replace

import pytest

from fusecli.errors import OutputError, UsageError
from fusecli.evaluation import document, tables
from fusecli.evaluation.summary import values_of

# Means 2, 3, 1 and the other way round; the sample standard deviation of (1, 2, 3) is 1.
THREE = {"a": (1.0, 2.0, 3.0), "b": (2.0, 3.0, 4.0), "c": (0.0, 1.0, 2.0)}
FORMS = (".csv", ".json", ".tex", ".md")


@pytest.fixture
def evaluation(compared):
    return compared({"QABF": THREE, "NABF": THREE})


def test_the_best_is_bold_and_the_second_underlined_in_markdown(evaluation):
    lines = tables.as_markdown(evaluation).splitlines()
    assert "| QABF ↑ | 1 | <u>2.0000 ± 1.0000</u> | **3.0000 ± 1.0000** | 1.0000 ± 1.0000 |  |" in lines
    assert "| NABF ↓ | 1 | <u>2.0000 ± 1.0000</u> | 3.0000 ± 1.0000 | **1.0000 ± 1.0000** |  |" in lines


def test_ranks_are_marked_by_their_own_order(compared):
    """b has the best mean by one lucky pair, and a is better in the two others."""
    lines = tables.as_markdown(compared({"QABF": {"a": (2.0, 2.0, 0.0), "b": (1.0, 1.0, 9.0)}})).splitlines()
    assert "| QABF ↑ | 1 | <u>1.3333 ± 1.1547</u> | **3.6667 ± 4.6188** |  |" in lines
    assert "| QABF | **1.33** | <u>1.67</u> |" in lines


def test_latex_marks_and_uses_booktabs(evaluation):
    text = tables.as_latex(evaluation)
    assert r"QABF $\uparrow$ & \underline{2.0000 $\pm$ 1.0000} & \textbf{3.0000 $\pm$ 1.0000} & 1.0000" in text
    assert all(rule in text for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\begin{tabular}{lrrrr}"))
    assert text.count("{") == text.count("}")


def test_latex_escapes_what_names_may_hold(compared):
    name = r"50% of_A&B #1 $x$ {a}~b^2\z"
    text = tables.as_latex(compared({"FMI_EDGE": {name: (1.0, 2.0), "b": (0.0, 1.0)}}))
    escaped = r"50\% of\_A\&B \#1 \$x\$ \{a\}\textasciitilde{}b\textasciicircum{}2\textbackslash{}z"
    assert f"Metric & {escaped} & b & $p$" in text
    assert r"FMI\_EDGE $\uparrow$" in text


def test_markdown_escapes_what_would_break_the_table(compared):
    text = tables.as_markdown(compared({"QABF": {"a|b_c*": (1.0, 2.0), "b": (0.0, 1.0)}}))
    assert r"| a\|b\_c\* | b |" in text


def test_csv_has_a_line_for_each_metric_and_method_with_all_digits(compared):
    rows = list(
        csv.DictReader(io.StringIO(tables.as_csv(compared({"NABF": {"a,b": (1 / 3, 2 / 3), "c": (0.1, 0.3)}}))))
    )
    assert [(row["metric"], row["method"]) for row in rows] == [("NABF", "a,b"), ("NABF", "c")]
    assert float(rows[0]["mean"]) == 0.5
    assert float(rows[0]["sd"]) == pytest.approx(2**0.5 / 6, rel=1e-15)
    assert [row["place"] for row in rows] == ["2", "1"]
    assert [float(row["mean_rank"]) for row in rows] == [2, 1]


def test_json_has_the_score_of_every_pair_and_every_test(compared):
    ease = [0.1 * k * k for k in range(8)]
    values = {"a": ease, "b": [x + 1 for x in ease], "c": [x - 0.1 * k for k, x in enumerate(ease)]}
    found = json.loads(json.dumps(document(compared({"QABF": values})), allow_nan=False))["metrics"]["QABF"]
    assert found["methods"]["b"]["values"]["p03"] == pytest.approx(1.9)
    assert found["tests"]["overall"]["name"] == "Friedman"
    assert len(found["tests"]["pairwise"]) == 3
    assert all(row["p_bonferroni"] >= row["test"]["p"] for row in found["tests"]["pairwise"])


def test_pairs_that_a_method_lacks_leave_a_trace_in_every_form(compared):
    whole = compared({"QABF": THREE})
    common = replace(whole, left_out=("x", "y"))
    for form in (tables.as_markdown, tables.as_latex):
        assert "3 pairs that all methods have (2 left out)" in form(common)
        assert "left out" not in form(whole)
    assert [next(csv.DictReader(io.StringIO(tables.as_csv(each))))["left_out"] for each in (common, whole)] == [
        "2",
        "0",
    ]
    assert [document(each)["left_out"] for each in (common, whole)] == [["x", "y"], []]


def test_where_all_means_are_equal_nothing_is_marked(compared):
    text = tables.as_markdown(compared({"QABF": {"a": (1.0, 2.0), "b": (2.0, 1.0)}}))
    assert "**" not in text
    assert "<u>" not in text


def test_one_pair_has_no_spread(compared):
    evaluation = compared({"QABF": {"a": (1.0,), "b": (2.0,)}})
    assert "± " not in tables.as_markdown(evaluation).split("\n", 1)[1]
    assert document(evaluation)["metrics"]["QABF"]["methods"]["a"]["sd"] is None


def test_a_pair_without_a_value_is_left_out_for_all_methods_and_said(compared):
    evaluation = compared({"SCD": {"a": (1.0, None, 3.0), "b": (2.0, 50.0, 4.0)}})
    (metric,) = evaluation.metrics
    assert metric.pairs == ("p00", "p02")
    assert metric.methods["b"].mean == 3
    assert values_of(evaluation, metric)["b"].tolist() == [2, 4]
    assert "not defined for every method in 1 of 3 pairs" in tables.finding(metric)


@pytest.mark.parametrize("form", [tables.as_csv, tables.as_markdown, tables.as_latex, document])
def test_a_metric_without_any_value_is_a_dash_and_its_reason(compared, form):
    evaluation = compared({"QABF": THREE, "SCD": {"a": (None,) * 3, "b": (1.0, 2.0, 3.0), "c": (1.0, 2.0, 3.0)}})
    assert "SCD" in str(form(evaluation))
    assert tables.finding(evaluation.metrics[1]) == "not defined: flat"
    assert "SCD ↑ | 1 | – | – | – |" in tables.as_markdown(evaluation)


def test_the_finding_names_the_few_that_differ_or_the_few_that_do_not(compared):
    ease = [0.1 * k * k for k in range(9)]
    wave = [(-1) ** k * (k + 1) / 1000 for k in range(9)]
    near = [x + w for x, w in zip(ease, wave, strict=True)]
    far = {name: [x + shift for x in ease] for name, shift in (("up", 1), ("top", 2))}
    (most,) = compared({"QABF": {"a": ease, "near": near, **far}}).metrics
    assert "Different at 0.05 (Wilcoxon signed-rank, Bonferroni): every two, except a and near." in tables.finding(most)
    (few,) = compared({"QABF": {"a": ease, "near": near, "also": near}}).metrics
    assert tables.finding(few).endswith("Bonferroni): no two.")


@pytest.mark.parametrize("suffix", FORMS)
def test_a_table_replaces_nothing_unless_it_may(evaluation, tmp_path, suffix):
    path = tmp_path / f"table{suffix}"
    path.write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        tables.write(evaluation, path)
    assert path.read_text() == "mine"
    tables.write(evaluation, path, overwrite=True)
    assert "QABF" in path.read_text(encoding="utf-8")
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_an_unknown_suffix_is_a_usage_error_that_lists_the_known(tmp_path):
    with pytest.raises(UsageError) as caught:
        tables.check_table(tmp_path / "table.xlsx")
    assert all(form in caught.value.hint for form in FORMS)
