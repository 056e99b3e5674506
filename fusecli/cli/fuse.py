"""`fusecli fuse`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from fusecli.catalog import BACKENDS, DEVICES, MODELS, PALETTES
from fusecli.cli import console, options
from fusecli.cli.options import one_of
from fusecli.errors import UsageError
from fusecli.settings import FuseSettings


def fuse(
    fixed: options.FixedPath,
    moving: options.MovingPath,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="Result: .png, .jpg, .tif, .nii or .nii.gz; a folder with --format dicom.",
            show_default=False,
        ),
    ],
    format_: options.Format = "auto",
    dicom: options.Dicom = None,
    model: options.Model = "lrc",
    slice_: options.Slice = None,
    window: options.WindowOption = None,
    suv_range: options.SuvRange = None,
    palette: options.Palette = None,
    device: options.Device = "auto",
    backend: options.Backend = "auto",
    fixed_modality: options.FixedModality = None,
    moving_modality: options.MovingModality = None,
    fixed_series: options.FixedSeries = None,
    moving_series: options.MovingSeries = None,
    polarity: options.Polarity = "auto",
    resize: options.Resize = False,
    alpha: Annotated[
        float | None, typer.Option(help="Share of MOVING, 0 to 1, with --model alpha. Default 0.5.", show_default=False)
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Also write what was done and the scores: .json or .csv.", show_default=False)
    ] = None,
    json: options.AsJson = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Fuse two images of one patient into one.

    FIXED gives the anatomy and the grid, MOVING is brought onto it by the positions that the files state. A tracer
    is shown in color. The path of the result goes to stdout, everything else to stderr.

    Example: fusecli fuse ct.dcm pet.dcm -o fused.png

    Example: fusecli fuse CT/ PT/ -o fused.png --slice -120mm --window lung

    Example: fusecli fuse mri.png spect.png -o fused.png --json

    Example: fusecli fuse CT/ PT/ -o fused.nii.gz --report fused.json

    Example: fusecli fuse CT/ PT/ -o fused --format dicom
    """
    if alpha is not None and model != "alpha":
        raise UsageError(f"--alpha has no effect with --model {model}.", hint="Add --model alpha, or leave it out.")
    source = options.fuse_settings(
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
    settings = replace(
        source,
        model=str(one_of("--model", model, tuple(MODELS))),
        device=str(one_of("--device", device, DEVICES)),
        backend=str(one_of("--backend", backend, BACKENDS)),
        palette=one_of("--palette", palette, tuple(PALETTES)),
        alpha=source.alpha if alpha is None else alpha,
        dicom=options.dicom_layout(format_, dicom),
        overwrite=overwrite,
    )
    _run(fixed, moving, output, settings, report, json)


def _run(fixed: Path, moving: Path, output: Path, settings: FuseSettings, report: Path | None, json: bool) -> None:
    from fusecli import formats, pipeline
    from fusecli.report import record as records

    if report is not None:
        records.check_report(report, overwrite=settings.overwrite)
        formats.check_not_an_input(report, (fixed, moving))
    with console.progress("Fusing") as progress:
        record = pipeline.fuse_files(fixed, moving, output, settings, progress=progress)
    if report is not None:
        records.write(record, report, overwrite=settings.overwrite)
    console.summary(record, table=not json)
    console.emit(records.to_json(record.as_dict()) if json else str(record.output))
