"""`fusecli metrics`."""

from pathlib import Path
from typing import Annotated

import typer

from fusecli.cli import console, options
from fusecli.cli.options import parse_range, parse_slice
from fusecli.settings import FuseSettings


def metrics(
    fixed: options.FixedPath,
    moving: options.MovingPath,
    fused: Annotated[Path, typer.Argument(metavar="FUSED", help="The fused image, made by any program.")],
    slice_: options.Slice = None,
    window: options.WindowOption = None,
    suv_range: options.SuvRange = None,
    resize: options.Resize = False,
    json: options.AsJson = False,
) -> None:
    """Measure how much of both originals a fused image keeps.

    Color images are measured by their luma (0 to 255). docs/metrics.md defines each score.

    Example: fusecli metrics mri.png pet.png fused.png

    Example: fusecli metrics ct.dcm pet.dcm fused.png --json
    """
    from fusecli import __version__, pipeline
    from fusecli.report.record import to_json

    settings = FuseSettings(
        slice_choice=None if slice_ is None else parse_slice(slice_),
        window=window,
        suv_range=None if suv_range is None else parse_range(suv_range),
        resize=resize,
    )
    scores, warnings = pipeline.measure_files(fixed, moving, fused, settings)
    documents = {key: score.as_dict() for key, score in scores.items()}
    console.warn(warnings)
    if json:
        console.emit(to_json({"metrics": documents, "warnings": list(warnings), "version": __version__}))
    else:
        console.score_table(documents, to_stdout=True)
