"""`fusecli compare`."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fusecli.catalog import MODELS
from fusecli.cli import console, metric_options, model_table, options, own_weights, register_options, suv_options
from fusecli.cli.register_options import registration_settings
from fusecli.cli.source_words import fusing_settings
from fusecli.errors import BatchError, UsageError
from fusecli.settings import FuseSettings, MeasureSettings, SliceChoice

if TYPE_CHECKING:
    from fusecli.comparing.comparison import Comparison


def compare(
    fixed: options.FixedPath,
    moving: options.MovingOrNone = None,
    *,
    models: Annotated[
        str | None,
        typer.Option(metavar="NAME,...", help=f"Which models. Default: all, {', '.join(MODELS)}.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            parser=options.named_path,
            help="Also write all pictures on one sheet, with captions: .png, .jpg or .tif.",
            show_default=False,
        ),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", parser=options.named_path, help="Also write the table: .csv.", show_default=False),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            parser=options.named_path,
            help="Also write a page with all of it: .html.",
            show_default=False,
        ),
    ] = None,
    which: metric_options.Metrics = "quick",
    profile: metric_options.MetricProfile = "fusecli",
    show: Annotated[
        str | None,
        typer.Option(
            metavar="N|Xmm",
            help="Which slice of a volume the pictures show, all being fused and measured. Default: the middle one.",
            show_default=False,
        ),
    ] = None,
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
    force_pair: options.ForcePair = False,
    allow_gaps: options.AllowGaps = False,
    json: options.AsJson = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Fuse one pair by all models, and say how well each does, how long it takes and how much memory.

    The pair is read, aligned and normalized once. Each model runs in a process of its own; one that fails is a row with
    its reason, and the exit code is then 8. The table goes to stdout, all else to stderr.

    Example: fusecli compare mri.png pet.png -o grid.png

    Example: fusecli compare CT/ PT/ --models lrc,lrc-fast,max --slice -120mm --report models.html

    Example: fusecli compare study.zip --metrics all --csv models.csv --json
    """
    names, shown, settings = _named_models(models), _shown(show), _settings(locals())
    from fusecli.comparing import outputs as files
    from fusecli.comparing.compare import compare_files
    from fusecli.comparing.document import document
    from fusecli.metrics.choice import keys_named
    from fusecli.report.record import to_json

    outputs, choice = files.Outputs(output, csv, report, overwrite), keys_named(which, profile)
    files.check(outputs, (fixed,) if moving is None else (fixed, moving))
    console.warn(choice.notes)
    measure = MeasureSettings(profile, choice.keys)
    with console.progress("Comparing") as progress:
        found = compare_files(fixed, moving, names, settings, measure, shown=shown, progress=progress)
    files.write(found, outputs)
    model_table.remarks(found, outputs.named)
    if json:
        console.emit(to_json(document(found, outputs.named)))
    else:
        model_table.show(found)
    _check_all_done(found)


def _named_models(words: str | None) -> tuple[str, ...]:
    """The models that are asked for, each once. Raises UsageError for one that there is not, with names near to it."""
    if words is None:
        return tuple(MODELS)
    names = tuple(dict.fromkeys(word.strip() for word in words.split(",") if word.strip()))
    if not names:
        raise UsageError("--models names no model.", hint=f"Choose from: {', '.join(MODELS)}")
    for name in names:
        own_weights.check_is_no_file("--models", name)
        if name not in MODELS:
            raise UsageError(f"There is no model called {name!r}.", hint=_near(name))
    return names


def _near(name: str) -> str:
    from difflib import get_close_matches

    near = " or ".join(get_close_matches(name.lower(), MODELS, n=2))
    return f"{f'Did you mean {near}? ' if near else ''}There are: {', '.join(MODELS)}"


def _shown(text: str | None) -> SliceChoice | None:
    try:
        return None if text is None else options.parse_slice(text)
    except UsageError:
        hint = "Give a number counted from 0, or a position: --show 45mm"
        raise UsageError(f"--show {text} is not a slice.", hint=hint) from None


def _settings(words: Mapping[str, Any]) -> FuseSettings:
    """How the pair is read, aligned and shown, and what runs models. Raises UsageError for a word that is not known."""
    aligned = registration_settings(
        "--register", **{name: words[name] for name in ("register", "accept_registration", "apply")}
    )
    return replace(fusing_settings(words), registration=aligned)


def _check_all_done(found: "Comparison") -> None:
    """Raises BatchError if a model failed."""
    if found.failed:
        raise BatchError(
            f"{len(found.failed)} of {len(found.entries)} models failed: {', '.join(e.name for e in found.failed)}.",
            why="The reason of each is above; what the others made is whole.",
        )
