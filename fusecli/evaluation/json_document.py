"""A comparison as one JSON document: everything, with the score of every pair."""

from typing import Any

from fusecli import __version__
from fusecli.catalog import RESEARCH_USE
from fusecli.evaluation.statistics import Comparison, Contrast, Test
from fusecli.evaluation.summary import Evaluation, MetricSummary


def document(evaluation: Evaluation) -> dict[str, Any]:
    """The document, ready to be written; scripts rely on its keys. A value that is not defined is null."""
    return {
        "methods": list(evaluation.methods),
        "pairs": [case.name for case in evaluation.cases],
        "left_out": list(evaluation.left_out),
        "profile": evaluation.profile,
        "metrics": {metric.key: _metric(evaluation, metric) for metric in evaluation.metrics},
        "windows": {
            case.name: {role: dict(facts) for role, facts in case.windows.items()} for case in evaluation.cases
        },
        "warnings": {case.name: list(case.warnings) for case in evaluation.cases if case.warnings},
        "version": __version__,
        "notice": RESEARCH_USE,
    }


def _metric(evaluation: Evaluation, metric: MetricSummary) -> dict[str, Any]:
    return {
        "title": metric.title,
        "unit": metric.unit,
        "better": metric.better,
        "pairs": len(metric.pairs),
        "note": metric.reason,
        "methods": {method: _method(evaluation, metric, method) for method in evaluation.methods},
        "tests": _comparison(metric.comparison) if metric.comparison else None,
    }


def _method(evaluation: Evaluation, metric: MetricSummary, method: str) -> dict[str, Any]:
    found = metric.methods.get(method)
    return {
        "mean": found.mean if found else None,
        "sd": found.sd if found else None,
        "mean_rank": found.mean_rank if found else None,
        "goodness": found.goodness if found else None,
        "place": found.place if found else None,
        "values": {case.name: case.scores[method][metric.key].value for case in evaluation.cases},
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "overall": _test(comparison.overall),
        "note": comparison.note,
        "pairwise": [_contrast(contrast) for contrast in comparison.contrasts],
    }


def _contrast(contrast: Contrast) -> dict[str, Any]:
    return {
        "methods": [contrast.first, contrast.second],
        "mean_advantage": contrast.mean_advantage,
        "normality": _test(contrast.normality),
        "test": _test(contrast.test),
        "p_bonferroni": contrast.p_bonferroni,
        "note": contrast.note,
    }


def _test(test: Test | None) -> dict[str, Any] | None:
    if test is None:
        return None
    return {"name": test.name, "statistic": test.statistic, "p": test.p, "freedom": list(test.freedom)}
