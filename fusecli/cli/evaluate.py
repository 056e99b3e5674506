"""`fusecli evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from fusecli.catalog import METRIC_PROFILES
from fusecli.cli import comparison, console, metric_options, options
from fusecli.errors import UsageError
from fusecli.settings import FuseSettings, RegisterSettings

# What all methods were given is what they are measured against.
_AS_THEY_ARE = FuseSettings(registration=RegisterSettings(method="none"))


def evaluate(
    fixed: Annotated[
        Path, typer.Option(metavar="DIR", parser=options.named_path, help="Folder of the FIXED image of every pair.")
    ],
    moving: Annotated[
        Path, typer.Option(metavar="DIR", parser=options.named_path, help="Folder of the MOVING images, named alike.")
    ],
    fused: Annotated[
        list[str], typer.Option(metavar="NAME=DIR", help="A method and the folder of its fused images; several times.")
    ],
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "-o", "--output", parser=options.named_path, help="Table to write: .csv, .json, .tex or .md; several times."
        ),
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", parser=options.named_path, help="Folder to make for a radar and box plots, PNG and SVG."
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="KEYS",
            help="Which metrics: quick (eleven), paper (eight), all, or KEY,KEY,... Default: quick, and all of another "
            "profile.",
        ),
    ] = None,
    profile: metric_options.MetricProfile = "fusecli",
    common: Annotated[bool, typer.Option("--common", help="Evaluate the pairs that all methods have.")] = False,
    json: options.AsJson = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Compare methods on many pairs, as the tables of papers do: means, ranks and tests.

    Files belong together by their name without suffix. docs/evaluate.md explains the ranks and the tests.

    Example: fusecli evaluate --fixed MRI --moving PET --fused ours=out --fused max=max -o table.tex

    Example: fusecli evaluate --fixed MRI --moving PET --fused a=A --fused b=B --fused c=C --plots plots --json
    """
    from fusecli import evaluation
    from fusecli.metrics.choice import keys_named
    from fusecli.report.record import to_json

    methods, tables = _methods(fused), output or []
    profile = str(options.one_of("--profile", profile, tuple(METRIC_PROFILES)))
    choice = keys_named(metrics if metrics is not None else "quick" if profile == "fusecli" else "all", profile)
    evaluation.check_outputs(tables, plots, overwrite=overwrite)
    pairing = evaluation.match(fixed, moving, methods, common=common)
    evaluation.check_no_input(tables, pairing.cases)
    console.warn((*pairing.notes, *choice.notes))
    with console.progress("Measuring pairs") as progress:
        cases = evaluation.score_cases(
            pairing.cases, _AS_THEY_ARE, profile=profile, keys=choice.keys, progress=progress
        )
    result = evaluation.summarize(cases, profile=profile, left_out=pairing.left_out)
    comparison.remarks(result)
    evaluation.write(result, tables, plots, overwrite=overwrite)
    if json:
        console.emit(to_json(evaluation.document(result)))
    else:
        comparison.show(result)


def _methods(words: list[str]) -> dict[str, Path]:
    """The folder of each method, in the order given."""
    methods: dict[str, Path] = {}
    for word in words:
        name, equals, folder = word.partition("=")
        name = name.strip()
        if not (name and equals and folder):
            raise UsageError(f"--fused {word} is not NAME=DIR.", hint="For example: --fused ours=results/ours")
        if name in methods:
            raise UsageError(f"--fused names the method {name} twice.", hint="Give each method a name of its own.")
        methods[name] = Path(folder)
    return methods
