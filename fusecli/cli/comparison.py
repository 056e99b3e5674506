"""What a person reads of a comparison: the table of means, the mean ranks, and what the tests found."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from fusecli.cli import console

if TYPE_CHECKING:
    from fusecli.evaluation import Evaluation

TERMINAL = {1: "[bold]{}[/]", 2: "[underline]{}[/]"}
PLAIN = {1: "{} *", 2: "{} +", 0: "{}  "}


def remarks(evaluation: "Evaluation") -> None:
    """On stderr: warnings and windows, each with the number of pairs that it is about."""
    from fusecli.evaluation.statistics import NO_ANOVA

    total = len(evaluation.cases)
    texts = Counter(text for case in evaluation.cases for text in case.warnings)
    console.warn([f"{count} of {total} pairs: {text}" for text, count in texts.items()])
    for role in ("fixed", "moving"):
        windows = Counter(str(case.windows[role]["text"]) for case in evaluation.cases)
        for text, count in windows.most_common(3):
            console.say(f"{role.upper():<6} {text} ({count} of {total} pairs)")
        if len(windows) > 3:
            console.say(f"{role.upper():<6} and {len(windows) - 3} more windows; --json lists them all")
    if any(metric.comparison and metric.comparison.note == NO_ANOVA for metric in evaluation.metrics):
        console.warn([NO_ANOVA])


def show(evaluation: "Evaluation") -> None:
    """On stdout: mean ± SD, the mean ranks, and one line of tests for each metric."""
    from rich.markup import escape

    from fusecli.evaluation.tables import ARROWS, caption, cells, finding, p_text, rank_cells

    out = _stdout(len(evaluation.methods))
    marks = TERMINAL if out.is_terminal else PLAIN
    names = [escape(method) for method in evaluation.methods]
    table = _table(["metric", *names, "p", "unit"])
    ranks = _table(["mean rank", *names])
    for metric in evaluation.metrics:
        title = f"{metric.key} {ARROWS[metric.better]}"
        table.add_row(title, *cells(metric, evaluation.methods, marks), p_text(metric.comparison), metric.unit)
        ranks.add_row(metric.key, *rank_cells(metric, evaluation.methods, marks))
    legend = "best bold, second best underlined" if out.is_terminal else "* best, + second best"
    out.print(caption(evaluation, legend), markup=False, soft_wrap=True)
    out.print(table, ranks)
    for metric in evaluation.metrics:
        out.print(f"{metric.key}: {finding(metric)}", markup=False, soft_wrap=True)


def _table(titles: list[str]) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(titles[0], no_wrap=True)
    for title in titles[1:]:
        # On a narrow terminal a cell becomes two lines, and no number is cut.
        table.add_column(title, justify="right", min_width=8, overflow="fold")
    return table


def _stdout(methods: int) -> Any:
    from rich.console import Console

    out = Console(highlight=False, soft_wrap=False)
    if not out.is_terminal:
        out.width = 60 + 32 * methods
    return out
