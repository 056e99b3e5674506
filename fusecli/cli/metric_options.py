"""The words by which metrics are chosen: their types and help."""

from typing import Annotated

import typer

from fusecli.catalog import METRIC_PROFILES

Metrics = Annotated[
    str,
    typer.Option("--metrics", metavar="all|paper|quick|KEY,...", help="Which metrics. paper: eight; quick: eleven."),
]
MetricProfile = Annotated[
    str,
    typer.Option("--profile", metavar="|".join(METRIC_PROFILES), help="By whose formulas the metrics are computed."),
]
