"""Every default in one place: frozen values that travel from the command line to the pipeline."""

from dataclasses import dataclass, field
from pathlib import Path

from fusecli.catalog import Modality


@dataclass(frozen=True, slots=True)
class SliceChoice:
    """One slice: its `index` counted from 0, or its `position_mm` along the slice axis. Exactly one is given.

    The position is the projection of the slice's centre line on the slice normal: for an axial series the patient's
    z in LPS, which grows toward the head.
    """

    index: int | None = None
    position_mm: float | None = None


@dataclass(frozen=True, slots=True)
class SuvSettings:
    """Which SUV is computed, and quantities given by hand where a PET header lacks them or is wrong.

    `norm` is "bw" (body weight), "lbm" (lean body mass after James), "lbmjanma" (after Janmahasatian) or "bsa" (body
    surface area); "bqml" asks for activity concentration instead, "stored" for the unit of the file. `weight_kg`,
    `dose_bq` and `half_life_s` are positive; `injected_at` is a DICOM time (HHMMSS) or date and time (YYYYMMDDHHMMSS)
    on the scanner's clock. None: what the header says.
    """

    norm: str = "bw"
    weight_kg: float | None = None
    dose_bq: float | None = None
    injected_at: str | None = None
    half_life_s: float | None = None

    @property
    def is_given(self) -> bool:
        """Whether anything is asked for that the header does not decide."""
        return self != SuvSettings()

    @property
    def given(self) -> tuple[str, ...]:
        """The fields that go before what a header says."""
        names = ("weight_kg", "dose_bq", "half_life_s", "injected_at")
        return tuple(name for name in names if getattr(self, name) is not None)


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """How an image is read, beyond which series and slice: `allow_gaps` resamples missing slices of DICOM."""

    allow_gaps: bool = False
    suv: SuvSettings = field(default_factory=SuvSettings)


@dataclass(frozen=True, slots=True)
class ConvertSettings:
    """How an image is converted: `units` is one of catalog.UNITS, "native" for the unit that the file has.

    `suv` carries what is given by hand; its norm follows from `units`. `dicom` writes DICOM in the class of the source.
    """

    units: str = "native"
    series: str | None = None
    slice_choice: SliceChoice | None = None
    allow_gaps: bool = False
    suv: SuvSettings = field(default_factory=SuvSettings)
    dicom: bool = False
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class RegisterSettings:
    """How MOVING is aligned with FIXED.

    `method` is one of catalog.REGISTRATIONS; `apply` is a saved transform that is taken instead of a search.
    `transform` and `check` are where the transform and a picture to judge it by are written; None: nowhere. `accept`
    writes the result of an alignment that is not believable too. `dicom` writes DICOM in the class of MOVING.
    """

    method: str = "auto"
    apply: Path | None = None
    transform: Path | None = None
    check: Path | None = None
    accept: bool = False
    dicom: bool = False
    overwrite: bool = False

    @property
    def is_wanted(self) -> bool:
        """Whether anything is searched for, checked or applied."""
        return self.method != "none" or self.apply is not None


@dataclass(frozen=True, slots=True)
class FuseSettings:
    """How a pair is fused.

    `window` is what --window says (None: chosen by what is seen). `suv_range` is what PET in SUV is shown between, in
    its own unit. `palette` None colors a tracer with hot iron and nothing else. `fixed_modality` and `moving_modality`
    say what a file does not. `polarity` tells how a grey MOVING picture shows high uptake: "white-hot", "black-hot", or
    "auto". `resize` lets a picture of another size be scaled onto FIXED. `alpha` is MOVING's share in the `alpha`
    model, 0..1. `dicom` is how DICOM is written, one of catalog.DICOM_LAYOUTS; None: the output's suffix names the
    format. `deidentify` leaves the patient out of it. `force_pair` fuses what seems to be of two patients, or of two
    sides of the body. `grid` is whose voxels the result has: "fixed", "moving", or "iso:MM", cubes over FIXED's field
    of view. `planes` are those that the result is cut in, None: FIXED's own. `color_bar` draws the palette and its unit
    beside a picture. `projection` and `coverage` are where MOVING's maximum intensity projection, and a mask of
    MOVING's field of view, are written; None: nowhere. `mask` is a file that marks lesions on FIXED's or MOVING's grid.
    """

    model: str = "lrc"
    device: str = "auto"
    backend: str = "auto"
    slice_choice: SliceChoice | None = None
    fixed_series: str | None = None
    moving_series: str | None = None
    fixed_modality: Modality | None = None
    moving_modality: Modality | None = None
    window: str | None = None
    suv_range: tuple[float, float] | None = None
    polarity: str = "auto"
    palette: str | None = None
    resize: bool = False
    alpha: float = 0.5
    dicom: str | None = None
    deidentify: bool = False
    force_pair: bool = False
    grid: str = "fixed"
    planes: str | None = None
    color_bar: bool = False
    projection: Path | None = None
    coverage: Path | None = None
    mask: Path | None = None
    reading: ReadSettings = field(default_factory=ReadSettings)
    registration: RegisterSettings = field(default_factory=RegisterSettings)
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class MeasureSettings:
    """How a fused image is measured.

    `profile` says by whose formulas, `keys` which metrics (None: all of the profile). `mask` is a file that marks a
    region on FIXED's grid. `foreground` measures inside the head or body alone.
    """

    profile: str = "fusecli"
    keys: tuple[str, ...] | None = None
    mask: Path | None = None
    foreground: bool = False
