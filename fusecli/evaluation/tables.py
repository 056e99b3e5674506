"""A comparison as the table of a paper: mean ± SD, the best marked bold and the second best underlined.

Metrics are rows and methods columns, in CSV one line for each metric and method.
"""

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fusecli.atomic import check_may_be_written, replacing
from fusecli.errors import UsageError
from fusecli.evaluation.json_document import document
from fusecli.evaluation.ranks import DIGITS, RANK_DIGITS
from fusecli.evaluation.statistics import LEVEL, Comparison, Contrast
from fusecli.evaluation.summary import Evaluation, MethodSummary, MetricSummary
from fusecli.report.record import to_json

Marks = Mapping[int, str]

ARROWS = {"higher": "↑", "lower": "↓", "zero": "→0"}


def check_table(path: Path, *, overwrite: bool = False) -> None:
    """Whether a table may be written at `path`.

    Raises UsageError for a suffix other than .csv, .json, .tex and .md; OutputError as `check_may_be_written` does.
    """
    if path.suffix.lower() not in _FORMS:
        known = ", ".join(_FORMS)
        raise UsageError(f"A table cannot be written as {path.name!r}.", hint=f"Known suffixes: {known}. -o table.md")
    check_may_be_written(path, overwrite=overwrite)


def write(evaluation: Evaluation, path: Path, *, overwrite: bool = False) -> None:
    """Write the comparison in the form that the suffix of `path` names, whole or not at all.

    Raises as `check_table` does.
    """
    check_table(path, overwrite=overwrite)
    text = _FORMS[path.suffix.lower()](evaluation)
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def as_csv(evaluation: Evaluation) -> str:
    """One line for each metric and method, numbers with all their digits, and empty where there is none."""
    header = ("metric", "unit", "better", "method", "pairs", "left_out", "mean", "sd", "mean_rank", "place")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for metric in evaluation.metrics:
        for method in evaluation.methods:
            found = metric.methods.get(method)
            cells = (found.mean, found.sd, found.mean_rank, found.place) if found else ("", "", "", "")
            facts = (metric.key, metric.unit, metric.better, method, len(metric.pairs), len(evaluation.left_out))
            writer.writerow([*facts, *("" if cell is None else cell for cell in cells)])
    return text.getvalue()


def as_markdown(evaluation: Evaluation) -> str:
    """Three parts: the table, the mean ranks, and what the tests found."""
    names = [_markdown(method) for method in evaluation.methods]
    marks = {1: "**{}**", 2: "<u>{}</u>"}
    head = _markdown_row(["metric", "unit", *names, "p"]) + _markdown_row(["---", "---", *["---:"] * (len(names) + 1)])
    rows = (
        _markdown_row(
            [_title(metric), metric.unit, *cells(metric, evaluation.methods, marks), p_text(metric.comparison)]
        )
        for metric in evaluation.metrics
    )
    ranks_head = _markdown_row(["mean rank", *names]) + _markdown_row(["---", *["---:"] * len(names)])
    ranks = (
        _markdown_row([_markdown(metric.key), *rank_cells(metric, evaluation.methods, marks)])
        for metric in evaluation.metrics
    )
    found = (f"- {_markdown(metric.key)}: {_markdown(finding(metric))}\n" for metric in evaluation.metrics)
    parts = (caption(evaluation), head + "".join(rows), ranks_head + "".join(ranks), "".join(found))
    return "\n".join(part if part.endswith("\n") else part + "\n" for part in parts)


def as_latex(evaluation: Evaluation) -> str:
    """A table environment for the package booktabs, in UTF-8."""
    marks = {1: r"\textbf{{{}}}", 2: r"\underline{{{}}}"}
    names = [_latex(method) for method in evaluation.methods]
    rows = [
        [
            f"{_latex(metric.key)} {_LATEX_ARROWS[metric.better]}",
            *(cell.replace(" ± ", r" $\pm$ ") for cell in cells(metric, evaluation.methods, marks)),
            _latex(p_text(metric.comparison)),
        ]
        for metric in evaluation.metrics
    ]
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_latex(caption(evaluation))}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(names) + 1)}}}",
        r"\toprule",
        rf"{' & '.join(['Metric', *names, '$p$'])} \\",
        r"\midrule",
        *(rf"{' & '.join(row)} \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def caption(evaluation: Evaluation, legend: str = "best bold, second best underlined") -> str:
    """What the table shows, in one paragraph."""
    count, left_out = len(evaluation.cases), len(evaluation.left_out)
    pairs = "1 pair" if count == 1 else f"{count} pairs"
    common = f" that all methods have ({left_out} left out)" if left_out else ""
    return (
        f"Mean ± SD over {pairs}{common}, metrics by the profile {evaluation.profile}; "
        f"{legend}. p: over all methods, not corrected for the number of metrics."
    )


def cells(metric: MetricSummary, methods: Sequence[str], marks: Marks) -> list[str]:
    """Mean ± SD of each method; `marks` has a template for place 1, one for place 2, and 0 for the others."""
    places = {method: found.place for method, found in metric.methods.items()}
    return _marked({method: _mean(found) for method, found in metric.methods.items()}, methods, places, marks)


def rank_cells(metric: MetricSummary, methods: Sequence[str], marks: Marks) -> list[str]:
    """The mean rank of each method, marked by its own order."""
    places = {method: found.rank_place for method, found in metric.methods.items()}
    texts = {method: f"{found.mean_rank:.{RANK_DIGITS}f}" for method, found in metric.methods.items()}
    return _marked(texts, methods, places, marks)


def p_text(comparison: Comparison | None) -> str:
    """The p-value over all methods, empty where there is none."""
    return _p(comparison.overall.p) if comparison and comparison.overall else ""


def finding(metric: MetricSummary) -> str:
    """What the tests found in one metric, in one line."""
    comparison = metric.comparison
    if comparison is None:
        return metric.reason
    parts = (_overall(comparison), comparison.note, metric.reason, _differences(comparison))
    return ". ".join(part.rstrip(".") for part in parts if part) + "."


def _differences(comparison: Comparison) -> str:
    """Which methods differ, or, where most do, which do not."""
    tested = [contrast for contrast in comparison.contrasts if contrast.p_bonferroni is not None]
    if len(comparison.contrasts) < 2 or not tested:
        return ""
    apart = [contrast for contrast in tested if contrast.p_bonferroni is not None and contrast.p_bonferroni < LEVEL]
    rest = [contrast for contrast in comparison.contrasts if contrast not in apart]
    if len(apart) > len(rest):
        listed = f"every two, except {_listed(rest)}" if rest else "every two"
    else:
        listed = _listed(apart) or "no two"
    name = next(contrast.test.name for contrast in tested if contrast.test)
    return f"Different at {LEVEL} ({name}, Bonferroni): {listed}"


def _listed(contrasts: Sequence[Contrast]) -> str:
    return "; ".join(f"{contrast.first} and {contrast.second}" for contrast in contrasts)


def _overall(comparison: Comparison) -> str:
    test = comparison.overall
    if test is None:
        return ""
    freedom = f"({', '.join(f'{number:g}' for number in test.freedom)})" if test.freedom else ""
    symbol = {"repeated-measures ANOVA": "F", "Friedman": "χ²", "paired t": "t", "Wilcoxon signed-rank": "W"}[test.name]
    p = _p(test.p)
    return f"{test.name}, {symbol}{freedom} = {test.statistic:.4g}, p {p if p.startswith('<') else f'= {p}'}"


def _marked(texts: Mapping[str, str], methods: Sequence[str], places: Mapping[str, int], marks: Marks) -> list[str]:
    """The texts in the order of the methods, a dash where there is none. Where all are equal there is no best."""
    other = marks.get(0, "{}")
    chosen = marks if len(set(places.values())) > 1 else {}
    return [chosen.get(places[m], other).format(texts[m]) if m in texts else "–" for m in methods]


def _mean(found: MethodSummary) -> str:
    spread = "" if found.sd is None else f" ± {found.sd:.{DIGITS}f}"
    return f"{found.mean:.{DIGITS}f}{spread}"


def _title(metric: MetricSummary) -> str:
    return f"{_markdown(metric.key)} {ARROWS[metric.better]}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _markdown_row(row: Sequence[str]) -> str:
    return f"| {' | '.join(row)} |\n"


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", text)


def _latex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)


_LATEX_ARROWS = {"higher": r"$\uparrow$", "lower": r"$\downarrow$", "zero": r"$\rightarrow 0$"}
_LATEX = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "±": r"$\pm$",
    "<": "$<$",
    ">": "$>$",
    "²": "$^2$",
}
_FORMS: dict[str, Callable[[Evaluation], str]] = {
    ".csv": as_csv,
    ".json": lambda evaluation: to_json(document(evaluation)),
    ".tex": as_latex,
    ".md": as_markdown,
}
