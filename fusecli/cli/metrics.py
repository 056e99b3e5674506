"""`fusecli metrics`."""

from pathlib import Path
from typing import Annotated

import typer

from fusecli.cli import console, options


def metrics(
    fixed: options.FixedPath,
    moving: options.MovingPath,
    fused: Annotated[
        Path, typer.Argument(metavar="FUSED", parser=options.named_path, help="The fused image, made by any program.")
    ],
    slice_: options.Slice = None,
    window: options.WindowOption = None,
    suv_range: options.SuvRange = None,
    fixed_modality: options.FixedModality = None,
    moving_modality: options.MovingModality = None,
    fixed_series: options.FixedSeries = None,
    moving_series: options.MovingSeries = None,
    polarity: options.Polarity = "auto",
    resize: options.Resize = False,
    json: options.AsJson = False,
) -> None:
    """Measure how much of both originals a fused image keeps.

    Color images are measured by their luma (0 to 255). docs/metrics.md defines each score.

    Example: fusecli metrics mri.png pet.png fused.png

    Example: fusecli metrics ct.dcm pet.dcm fused.png --json
    """
    from fusecli import __version__, normalize, pipeline
    from fusecli.report.record import to_json, window_facts

    settings = options.fuse_settings(
        slice_=slice_,
        fixed_series=fixed_series,
        moving_series=moving_series,
        fixed_modality=fixed_modality,
        moving_modality=moving_modality,
        window=window,
        suv_range=suv_range,
        polarity=polarity,
        resize=resize,
    )
    scores, pair, warnings = pipeline.measure_files(fixed, moving, fused, settings)
    documents = {key: score.as_dict() for key, score in scores.items()}
    console.warn(warnings)
    for role, image in pair.named().items():
        console.say_window(role, image.modality.value, str(normalize.window_of(image)))
    if json:
        windows = {role: window_facts(image) for role, image in pair.named().items()}
        rest = {"windows": windows, "warnings": list(warnings), "version": __version__}
        console.emit(to_json({"metrics": documents, **rest}))
    else:
        console.score_table(documents, to_stdout=True)
