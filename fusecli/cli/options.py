"""The words that several commands share: their types, help and parsing."""

import math
from pathlib import Path
from typing import Annotated

import typer

from fusecli.catalog import (
    BACKENDS,
    CT_WINDOWS,
    DEVICES,
    DICOM_LAYOUTS,
    FORMATS,
    MODELS,
    PALETTES,
    PLANES,
    Modality,
)
from fusecli.errors import UsageError
from fusecli.settings import FuseSettings, ReadSettings, SliceChoice


def parse_slice(text: str) -> SliceChoice:
    """`12` is the slice of index 12, counted from 0; `45mm` the one nearest to 45 mm along the slice normal.

    Raises UsageError for anything else.
    """
    try:
        if text.endswith("mm"):
            position = float(text.removesuffix("mm"))
            if math.isfinite(position):
                return SliceChoice(position_mm=position)
        return SliceChoice(index=int(text))
    except ValueError:
        raise UsageError(
            f"--slice {text} is not a slice.", hint="Give a number counted from 0, or a position: --slice 45mm"
        ) from None


def parse_range(text: str) -> tuple[float, float]:
    """`0-5` is the range from 0 to 5.

    Raises UsageError unless both are numbers and the second is the larger.
    """
    low, _, high = text.partition("-")
    try:
        limits = (float(low), float(high))
    except ValueError:
        limits = (0.0, 0.0)
    if not limits[1] > limits[0]:
        raise UsageError(
            f"--suv-range {text} is not a range.", hint="Give two numbers, the larger last: --suv-range 0-5"
        )
    return limits


def fuse_settings(
    *,
    slice_: str | None,
    fixed_series: str | None,
    moving_series: str | None,
    fixed_modality: str | None,
    moving_modality: str | None,
    window: str | None,
    suv_range: str | None,
    polarity: str,
    resize: bool,
    force_pair: bool = False,
    reading: ReadSettings | None = None,
) -> FuseSettings:
    """What both `fuse` and `metrics` say of their sources, checked.

    Raises UsageError for a word that is not known.
    """
    return FuseSettings(
        slice_choice=None if slice_ is None else parse_slice(slice_),
        fixed_series=fixed_series,
        moving_series=moving_series,
        fixed_modality=_modality("--fixed-modality", fixed_modality),
        moving_modality=_modality("--moving-modality", moving_modality),
        window=window,
        suv_range=None if suv_range is None else parse_range(suv_range),
        polarity=str(one_of("--polarity", polarity, POLARITIES)),
        resize=resize,
        force_pair=force_pair,
        reading=reading or ReadSettings(),
    )


def _modality(option: str, value: str | None) -> Modality | None:
    upper = one_of(option, None if value is None else value.upper(), MODALITIES)
    return None if upper is None else Modality(upper)


def parse_grid(text: str) -> str:
    """`fixed`, `moving`, or `iso:1.5`: whose voxels the result has.

    Raises UsageError for anything else.
    """
    side = text.removeprefix("iso:")
    if text in ("fixed", "moving") or (side != text and _is_a_length(side)):
        return text
    raise UsageError(
        f"--grid {text} is not a grid.", hint="Give fixed, moving, or the side of a cube in mm: --grid iso:1.0"
    )


def _is_a_length(text: str) -> bool:
    try:
        return 0.05 <= float(text) <= 1000
    except ValueError:
        return False


def named_path(text: str) -> Path:
    """A path that was given: an empty word, such as an unset variable of the shell, is not the current folder.

    Raises UsageError for it.
    """
    if not text:
        raise UsageError("A file name is empty.", hint="Check the variables in your command.")
    return Path(text)


def dicom_layout(format_: str, layout: str | None) -> str | None:
    """How DICOM is written, and None where it is not: `--dicom` says how, and that it is.

    Raises UsageError for a word that is not known.
    """
    one_of("--format", format_, FORMATS)
    chosen = one_of("--dicom", layout, DICOM_LAYOUTS)
    return chosen or ("series" if format_ == "dicom" else None)


def one_of(option: str, value: str | None, known: tuple[str, ...]) -> str | None:
    """The value, if it is one of those that are known.

    Raises UsageError that lists them otherwise.
    """
    if value is None or value in known:
        return value
    raise UsageError(f"{option} {value} is not known.", hint=f"Choose one of: {', '.join(known)}")


POLARITIES = ("auto", "white-hot", "black-hot")
MODALITIES = tuple(m.value for m in (Modality.CT, Modality.MRI, Modality.PET, Modality.SPECT))

InputPath = Annotated[Path, typer.Argument(metavar="PATH", parser=named_path, help="A file, a folder, or a ZIP.")]
FixedPath = Annotated[
    Path,
    typer.Argument(
        metavar="FIXED", parser=named_path, help="The anatomy (CT or MRI): a file, or a folder or ZIP of DICOM."
    ),
]
MovingPath = Annotated[
    Path,
    typer.Argument(metavar="MOVING", parser=named_path, help="The tracer (PET or SPECT), or the CT of a CT/MRI pair."),
]
MovingOrNone = Annotated[
    Path | None,
    typer.Argument(
        metavar="MOVING",
        parser=named_path,
        help="The tracer (PET or SPECT), or the CT of a CT/MRI pair. Not needed where FIXED is a study with both.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]
Slice = Annotated[
    str | None,
    typer.Option("--slice", metavar="N|Xmm", help="One slice of FIXED: its number from 0, or its position (45mm)."),
]
WindowOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|W/L|dicom|auto",
        help=f"Display window of the CT or MRI: {', '.join(CT_WINDOWS)}; width/level in HU (1500/-600); dicom[:n], "
        "the file's own; auto, percentiles. Chosen by what is seen when not given, and printed.",
    ),
]
SuvRange = Annotated[
    str | None, typer.Option("--suv-range", metavar="LOW-HIGH", help="SUV shown as black and as full. Default 0-5.")
]
Polarity = Annotated[
    str,
    typer.Option(
        metavar="auto|white-hot|black-hot",
        help="How a grey PET picture shows high uptake. auto: black-hot when it is dark on white and FIXED is not.",
    ),
]
Device = Annotated[
    str, typer.Option(metavar="|".join(DEVICES), help="Where the network runs. auto takes a GPU if it can.")
]
Backend = Annotated[
    str,
    typer.Option(
        metavar="|".join(BACKENDS),
        help="What runs the network. auto: OpenVINO on a CPU where it is installed, else torch.",
    ),
]
Model = Annotated[str, typer.Option(metavar="NAME", help=f"How to fuse: {', '.join(MODELS)}.")]
Grid = Annotated[
    str,
    typer.Option(
        metavar="fixed|moving|iso:MM",
        help="Whose voxels the result has: FIXED's, MOVING's, or cubes over FIXED's field of view.",
    ),
]
Planes = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(PLANES), help="Cut the fused volume in these planes. Default: FIXED's own.", show_default=False
    ),
]
ForcePair = Annotated[
    bool, typer.Option("--force-pair", help="Go on although the files name two patients, sides or places of the body.")
]
ColorBar = Annotated[
    bool,
    typer.Option(
        "--color-bar", help="Draw beside a picture which color stands for which uptake, with numbers and unit."
    ),
]
Projection = Annotated[
    Path | None,
    typer.Option(
        "--mip",
        metavar="FILE",
        parser=named_path,
        help="Also write MOVING's maximum intensity projection from the front, over FIXED's mean.",
        show_default=False,
    ),
]
Coverage = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        parser=named_path,
        help="Also write a mask of the part of the result that MOVING covers: .nii.gz, .png ...",
        show_default=False,
    ),
]
Palette = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=f"Colors of the tracer: {', '.join(PALETTES)}. Default: hot-iron for grey PET and SPECT; a source that "
        "has color keeps its own; none: grey output.",
    ),
]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="|".join(FORMATS),
        help="auto: by the suffix of the output. dicom: -o names a folder, of Secondary Capture in FIXED's study.",
    ),
]
GreyFormat = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="|".join(FORMATS),
        help="auto: by the suffix of the output. dicom: -o names a folder; numbers in the class of CT, MR, PET or NM.",
    ),
]
Dicom = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(DICOM_LAYOUTS),
        help="How DICOM is written: a file per slice (the default), or one file of many frames. Means --format dicom.",
        show_default=False,
    ),
]
Deidentify = Annotated[
    bool,
    typer.Option("--deidentify", help="Leave the patient out of the DICOM: PS3.15 basic profile, new UIDs every time."),
]
FixedModality = Annotated[
    str | None, typer.Option(metavar="|".join(MODALITIES), help="What FIXED is, when its file does not say.")
]
MovingModality = Annotated[
    str | None, typer.Option(metavar="|".join(MODALITIES), help="What MOVING is, when its file does not say.")
]
FixedSeries = Annotated[str | None, typer.Option(metavar="UID|NUMBER", help="Which series, if FIXED holds several.")]
MovingSeries = Annotated[str | None, typer.Option(metavar="UID|NUMBER", help="Which series, if MOVING holds several.")]
AllowGaps = Annotated[
    bool,
    typer.Option(
        "--allow-gaps",
        help="Read DICOM with missing or uneven slices: they are interpolated from their neighbours, and named.",
    ),
]
Resize = Annotated[
    bool,
    typer.Option("--resize", help="Scale MOVING to FIXED's size when at least one of them does not say where it lies."),
]
