"""`fusecli fuse`."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from fusecli.catalog import MODELS, PLANES
from fusecli.cli import console, options, own_weights, register_options, suv_options
from fusecli.cli.options import one_of
from fusecli.cli.register_options import registration_settings
from fusecli.cli.source_words import fusing_settings
from fusecli.errors import UsageError
from fusecli.settings import FuseSettings

_OF_ALIGNING = ("register", "accept_registration", "apply", "transform", "check", "overwrite")


def fuse(
    fixed: options.FixedPath,
    moving: options.MovingOrNone = None,
    *,
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
    deidentify: options.Deidentify = False,
    model: options.Model = "lrc",
    slice_: options.Slice = None,
    window: options.WindowOption = None,
    suv_range: options.SuvRange = None,
    suv_norm: suv_options.SuvNorm = "bw",
    suv_weight: suv_options.SuvWeight = None,
    suv_dose: suv_options.SuvDose = None,
    suv_injected_at: suv_options.SuvInjectedAt = None,
    suv_half_life: suv_options.SuvHalfLife = None,
    palette: options.Palette = None,
    device: options.Device = "auto",
    backend: options.Backend = "auto",
    fixed_modality: options.FixedModality = None,
    moving_modality: options.MovingModality = None,
    fixed_series: options.FixedSeries = None,
    moving_series: options.MovingSeries = None,
    polarity: options.Polarity = "auto",
    resize: options.Resize = False,
    register: register_options.Register = "auto",
    accept_registration: register_options.AcceptRegistration = False,
    apply: register_options.AppliedTransform = None,
    transform: register_options.SavedTransform = None,
    check: register_options.CheckPicture = None,
    grid: options.Grid = "fixed",
    planes: options.Planes = None,
    color_bar: options.ColorBar = False,
    mip: options.Projection = None,
    coverage: options.Coverage = None,
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            parser=options.named_path,
            help="Lesions, above 0, on FIXED's or MOVING's grid: --report .html or .json and --json list them.",
            show_default=False,
        ),
    ] = None,
    force_pair: options.ForcePair = False,
    allow_gaps: options.AllowGaps = False,
    alpha: Annotated[
        float | None, typer.Option(help="Share of MOVING, 0 to 1, with --model alpha. Default 0.5.", show_default=False)
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Also write what was done and the scores: .json, .csv, or .html, a page with the images.",
            show_default=False,
        ),
    ] = None,
    json: options.AsJson = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Fuse two images of one patient into one.

    FIXED gives the anatomy and the grid. MOVING is brought onto it by the positions that the files state, or aligned
    where they share none. A tracer is shown in color. The path of the result goes to stdout, all else to stderr.

    Example: fusecli fuse ct.dcm pet.dcm -o fused.png

    Example: fusecli fuse CT/ PT/ -o fused.png --slice -120mm --window lung

    Example: fusecli fuse mri.png spect.png -o fused.png --json

    Example: fusecli fuse study.zip -o fused.nii.gz --report fused.html

    Example: fusecli fuse t1.nii.gz pet.nii.gz -o fused.nii.gz --register rigid --check check.png

    Example: fusecli fuse CT/ PT/ -o coronal.png --planes coronal --color-bar --mip mip.png

    Example: fusecli fuse CT/ PT/ -o fused --format dicom

    Example: fusecli fuse CT/ PT/ -o fused.nii.gz --mask lesions.nii.gz --report fused.html
    """
    _run(fixed, moving, output, settings_of(locals()), report, json)


def settings_of(words: Mapping[str, Any]) -> FuseSettings:
    """What the words of `fuse` ask for, by the names of its parameters. `batch` has the same words for every case.

    Raises UsageError for a word that is not known, and for words that do not go together.
    """
    alpha = words["alpha"]
    model = _model(words)
    fusing = fusing_settings(words)
    return replace(
        fusing,
        model=model,
        alpha=fusing.alpha if alpha is None else alpha,
        dicom=options.dicom_layout(words["format_"], words["dicom"]),
        deidentify=words["deidentify"],
        grid=options.parse_grid(words["grid"]),
        planes=one_of("--planes", words["planes"], PLANES),
        color_bar=words["color_bar"],
        projection=words["mip"],
        coverage=words["coverage"],
        mask=words["mask"],
        registration=registration_settings("--register", **{name: words[name] for name in _OF_ALIGNING}),
        overwrite=words["overwrite"],
    )


def _model(words: Mapping[str, Any]) -> str:
    """The model that is asked for, where the options that suit some models only suit it."""
    model = words["model"]
    own_weights.check_is_no_file("--model", model)
    known = str(one_of("--model", model, tuple(MODELS)))
    if words["alpha"] is not None and model != "alpha":
        raise UsageError(f"--alpha has no effect with --model {model}.", hint="Add --model alpha, or leave it out.")
    return known


def _run(
    fixed: Path, moving: Path | None, output: Path, settings: FuseSettings, report: Path | None, json: bool
) -> None:
    from fusecli import formats, pipeline
    from fusecli.report import record as records

    if report is not None:
        records.check_report(report, overwrite=settings.overwrite)
        formats.check_not_an_input(report, [path for path in (fixed, moving, settings.mask) if path is not None])
    if settings.mask is not None and not json and (report is None or report.suffix.lower() == ".csv"):
        raise UsageError("--mask has no effect: nothing lists its lesions.", hint="Add --report fused.html, or --json.")
    pictured = report is not None and records.is_page(report)
    with console.progress("Fusing") as progress:
        done = pipeline.fuse_to(output, fixed, moving, settings, progress=progress, pictured=pictured)
    if report is not None:
        pipeline.write_report(done, report, overwrite=settings.overwrite)
    console.summary(done.record, table=not json)
    console.emit(records.to_json(done.record.as_dict()) if json else str(done.record.output))
