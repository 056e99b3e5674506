"""Every default in one place: frozen values that travel from the command line to the pipeline and to training."""

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


@dataclass(frozen=True, slots=True)
class Goal:
    """A metric to do well in: `weight` times what a patch lacks of being `lead` better than the brighter of the two.

    Pixelwise maximum is what a network has to beat. Nothing is gained beyond the lead, so that a goal which is reached
    does not outweigh one that is not.
    """

    weight: float
    lead: float


@dataclass(frozen=True, slots=True)
class CompositeWeights:
    """What each term of the CSAFusion loss weighs: the published [1, 1, 1, 2.5, 1, 1], in this order.

    The paper calls its pairs SPECT-MRI and CT-MRI, so that its second source is our FIXED.
    """

    ssim_moving: float = 1.0
    ssim_fixed: float = 1.0
    region_moving: float = 1.0
    region_fixed: float = 2.5
    contrast_moving: float = 1.0
    contrast_fixed: float = 1.0


@dataclass(frozen=True, slots=True)
class LossSettings:
    """What a fused image is rewarded for; `train.losses.fusion_loss` has the formulas.

    `intensity`: "both" asks for the smallest distance to FIXED and MOVING (the paper, eqs. 17-19), "max" for the
    smallest distance to the brighter of the two, pixel by pixel, "none" for nothing.
    `gradient`: "absolute" compares gradient magnitudes (the paper, eq. 20), "signed" gradient vectors, "mixed" the mean
    of the two. `alpha` weighs the gradient term; the paper does not give its value.

    The rest is not in the paper. `excess` weighs gradients beyond those of both sources. `qabf`, `vif` (the sum),
    `vif_worse` (of the source that is kept worse), `ssim` (the mean of both) and `scd` are goals, None where a metric
    does not count; with `vif` or `vif_worse` a patch needs at least 41 x 41 pixels. `composite` adds the loss of
    CSAFusion. `brightness` weighs the intensity term; `clearer` weighs what lacks of SSIM to the source that, window by
    window, has the larger variance: both are for the loss of DM-FNet.
    """

    intensity: str = "both"
    gradient: str = "absolute"
    alpha: float = 2.0
    excess: float = 0.0
    qabf: Goal | None = None
    vif: Goal | None = None
    vif_worse: Goal | None = None
    ssim: Goal | None = None
    scd: Goal | None = None
    composite: CompositeWeights | None = None
    brightness: float = 1.0
    clearer: float = 0.0

    @property
    def goals(self) -> dict[str, Goal]:
        """The metrics that count, by name."""
        named = {name: getattr(self, name) for name in ("qabf", "vif", "vif_worse", "ssim", "scd")}
        return {name: goal for name, goal in named.items() if goal is not None}

    @property
    def needs_four_scales(self) -> bool:
        """Whether VIF is a goal, which asks for images of a certain size."""
        return not {"vif", "vif_worse"}.isdisjoint(self.goals)


# The losses that `fusecli train --loss` names. What the weights of "metrics" were chosen by stands in
# docs/experiments.md.
LOSSES = {
    "paper": LossSettings(),
    "max": LossSettings("max", "mixed"),
    "metrics": LossSettings(
        "max",
        alpha=0,
        excess=0.03,
        qabf=Goal(1.0, 0.10),
        vif=Goal(0.4, 0.015),
        vif_worse=Goal(0.6, 0.02),
        ssim=Goal(1.5, 0.02),
        scd=Goal(0.1, 0.04),
    ),
    "csafusion": LossSettings("none", alpha=0, composite=CompositeWeights()),
    "dmfnet": LossSettings("max", alpha=1, brightness=1.5, clearer=0.5),
}


@dataclass(frozen=True, slots=True)
class AugmentSettings:
    """How the contrast of a training patch is changed, apart in FIXED and MOVING; ranges are drawn from evenly.

    Every patch is raised to the power 2^u with u in ± `gamma_octaves`, and with `quarter_turns` lies on any of its
    sides. At most one of three follows, with odds that sum to 1 at most: a window from `window_low` on, `window_width`
    wide, saturating what lies outside; a background lifted to `lift`, white staying white; a negative. Unit: 0..1.
    """

    gamma_octaves: float = 0.35
    window_odds: float = 0.2
    window_low: tuple[float, float] = (0.0, 0.3)
    window_width: tuple[float, float] = (0.2, 0.7)
    lift_odds: float = 0.1
    lift: tuple[float, float] = (0.0, 0.5)
    negative_odds: float = 0.05
    quarter_turns: bool = True


# For registration: heads lie upright in nearly all pictures, and a network that knows it finds their parts more easily.
UPRIGHT = AugmentSettings(gamma_octaves=0.5, window_odds=0.1, lift_odds=0.0, negative_odds=0.0, quarter_turns=False)


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How a network is trained. Seed, batch, epochs, patience, min delta and the decay are the LRC paper's.

    `schedule`: "paper" starts at `learning_rate` and multiplies it by `decay` every `decay_epochs`; "one-cycle" rises
    to it over the share `warm_up` of all steps and anneals to zero (Smith and Topin, 2019). Gradients longer than
    `clip_norm` are shortened to it. `ema` is the memory of the running mean of the weights, which is what is validated
    and saved (0: the weights themselves). `validation_pairs` is about how many pairs are scored after an epoch.

    `crop` is the side of a training patch in pixels. A patch in which neither image has a mean brightness above
    `background` is cut anew, until there have been `looks`.

    `stage` is "fusion"; "diffusion" for the first stage of DM-FNet, which has a `noise_schedule`, "cosine" or "linear";
    or "registration" for the network that registers. The latter two have no `loss` to choose.
    """

    seed: int = 42
    epochs: int = 80
    batch: int = 8
    crop: int = 80
    background: float = 0.05
    looks: int = 4
    learning_rate: float = 2e-3
    schedule: str = "one-cycle"
    warm_up: float = 0.1
    decay: float = 0.9
    decay_epochs: int = 5
    clip_norm: float = 1.0
    patience: int = 10
    min_delta: float = 1e-4
    ema: float = 0.995
    validation_pairs: int = 24
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    stage: str = "fusion"
    noise_schedule: str = "cosine"
