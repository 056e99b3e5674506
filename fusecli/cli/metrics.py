"""`fusecli metrics`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fusecli.cli import console, metric_options, options, register_options, suv_options
from fusecli.cli.register_options import registration_settings
from fusecli.cli.score_table import clinical_table, score_table, slice_table
from fusecli.cli.source_words import source_settings
from fusecli.settings import MeasureSettings

if TYPE_CHECKING:
    from fusecli.measuring import Measurement


def metrics(
    fixed: options.FixedPath,
    moving: options.MovingPath,
    fused: Annotated[
        Path, typer.Argument(metavar="FUSED", parser=options.named_path, help="The fused image, made by any program.")
    ],
    which: metric_options.Metrics = "all",
    profile: metric_options.MetricProfile = "fusecli",
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", parser=options.named_path, help="A region on FIXED, above 0 inside: its contrast and SUV."
        ),
    ] = None,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Measure inside the head or body alone; docs/metrics.md says how.")
    ] = False,
    per_slice: Annotated[bool, typer.Option("--per-slice", help="Show the scores of every slice of a volume.")] = False,
    slice_: options.Slice = None,
    window: options.WindowOption = None,
    suv_range: options.SuvRange = None,
    suv_norm: suv_options.SuvNorm = "bw",
    suv_weight: suv_options.SuvWeight = None,
    suv_dose: suv_options.SuvDose = None,
    suv_injected_at: suv_options.SuvInjectedAt = None,
    suv_half_life: suv_options.SuvHalfLife = None,
    fixed_modality: options.FixedModality = None,
    moving_modality: options.MovingModality = None,
    fixed_series: options.FixedSeries = None,
    moving_series: options.MovingSeries = None,
    polarity: options.Polarity = "auto",
    resize: options.Resize = False,
    register: register_options.Register = "auto",
    accept_registration: register_options.AcceptRegistration = False,
    apply: register_options.AppliedTransform = None,
    force_pair: options.ForcePair = False,
    allow_gaps: options.AllowGaps = False,
    json: options.AsJson = False,
) -> None:
    """Measure how much of both originals a fused image keeps.

    Color images are measured by their luma (0 to 255). docs/metrics.md defines each score.

    Example: fusecli metrics mri.png pet.png fused.png

    Example: fusecli metrics mri.png pet.png fused.png --metrics paper --profile cddfuse

    Example: fusecli metrics ct.dcm pet.dcm fused.png --mask tumor.nii.gz --json

    Example: fusecli metrics t1.nii.gz pet.nii.gz fused.nii.gz --apply found.tfm
    """
    aligned = registration_settings(
        "--register", register=register, accept_registration=accept_registration, apply=apply
    )
    settings = replace(source_settings(locals()), registration=aligned)
    from fusecli import measuring

    measure = MeasureSettings(profile, _keys(which, profile), mask, foreground)
    with console.progress("Measuring") as progress:
        found = measuring.measure_files(fixed, moving, fused, settings, measure, progress=progress)
    console.warn(found.warnings)
    console.say_windows(found.pair)
    if json:
        console.emit(_document(found))
    else:
        _show(found, per_slice=per_slice)


def _keys(which: str, profile: str) -> tuple[str, ...]:
    from fusecli.metrics.choice import keys_named

    choice = keys_named(which, profile)
    console.warn(choice.notes)
    return choice.keys


def _document(found: "Measurement") -> str:
    """The JSON of `fusecli metrics --json`; scripts rely on its keys."""
    from fusecli import __version__
    from fusecli.report.record import to_json, window_facts

    volume: dict[str, Any] = {}
    if found.whole:
        volume = {
            "slices": [{"slice": k, "metrics": _as_dicts(scores)} for k, scores in found.slices.items()],
            "whole_volume": _as_dicts(found.whole),
        }
    return to_json(
        {
            "metrics": _as_dicts(found.scores),
            "profile": found.profile,
            **volume,
            "clinical": found.clinical,
            "windows": {role: window_facts(image) for role, image in found.pair.named().items()},
            "warnings": list(found.warnings),
            "version": __version__,
        }
    )


def _show(found: "Measurement", *, per_slice: bool) -> None:
    score_table(_as_dicts(found.scores), to_stdout=True)
    if per_slice and found.whole:
        slice_table({k: _as_dicts(scores) for k, scores in found.slices.items()})
    clinical_table(found.clinical)


def _as_dicts(scores: Any) -> dict[str, dict[str, Any]]:
    return {key: score.as_dict() for key, score in scores.items()}
