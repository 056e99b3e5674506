"""Every default in one place: frozen values that travel from the command line to the pipeline and to training."""

from dataclasses import dataclass, field

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
class FuseSettings:
    """How a pair is fused.

    `window` is what --window says (None: chosen by what is seen). `suv_range` is what PET in SUV is shown between, in
    g/ml. `palette` None colors a tracer with hot iron and nothing else. `fixed_modality` and `moving_modality` say what
    a file does not. `polarity` tells how a grey MOVING picture shows high uptake: "white-hot", "black-hot", or "auto".
    `resize` lets a picture of another size be scaled onto FIXED. `alpha` is MOVING's share in the `alpha` model, 0..1.
    """

    model: str = "lrc"
    device: str = "auto"
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
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class LossSettings:
    """What a fused image is rewarded for; `train.losses.fusion_loss` has the formulas.

    `intensity`: "both" asks for the smallest distance to FIXED and MOVING (the paper, eqs. 17-19), "max" for the
    smallest distance to the brighter of the two, pixel by pixel.
    `gradient`: "absolute" compares gradient magnitudes (the paper, eq. 20), "signed" gradient vectors, "mixed" the mean
    of the two. `alpha` weighs the gradient term; the paper does not give its value.
    """

    intensity: str = "both"
    gradient: str = "absolute"
    alpha: float = 2.0


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How a network is trained. Seed, batch, epochs, patience and min delta are the LRC paper's.

    `schedule`: "paper" starts at `learning_rate` and takes 10 % off every 5 epochs; "one-cycle" warms up and anneals to
    zero (Smith and Topin, 2019). `crop` is the side of a training patch in pixels; `ema` the memory of the running mean
    of the weights, which is what is validated and saved (0: the weights themselves).
    """

    seed: int = 42
    epochs: int = 80
    batch: int = 8
    crop: int = 80
    learning_rate: float = 2e-3
    schedule: str = "one-cycle"
    patience: int = 10
    min_delta: float = 1e-4
    ema: float = 0.995
    validation_pairs: int = 24
    loss: LossSettings = field(default_factory=LossSettings)
