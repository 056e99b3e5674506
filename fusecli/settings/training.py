"""The defaults of training: frozen values that travel from the command line to the loop."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Goal:
    """A metric to do well in: `weight` times what a patch lacks of being `lead` better than the brighter of the two.

    Pixelwise maximum is what a network has to beat. Nothing is gained beyond the lead, so that a goal which is reached
    does not outweigh one that is not.
    """

    weight: float
    lead: float


@dataclass(frozen=True, slots=True)
class Leads:
    """By how much metrics are to pass those of the brighter of the two sources, in the mean over the patches of a task.

    Q^AB/F, SCD, VIF (the sum), SSIM; VIF of one source alone, where `vif_fixed` or `vif_moving` asks for it; `edges`
    (edge intensity) and `frequency` (spatial frequency) as natural logarithms of the ratio, so that 0.02 is 2 %.
    """

    qabf: float = 0.015
    scd: float = 0.03
    vif: float = 0.01
    vif_fixed: float | None = None
    vif_moving: float | None = None
    ssim: float = 0.01
    edges: float = 0.02
    frequency: float = 0.01


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
    CSAFusion. `balance` holds every metric of a task at its leads; the task that is not named takes those of "".
    `brightness` weighs the intensity term; `clearer` weighs what lacks of SSIM to the source that, window by
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
    balance: Mapping[str, Leads] | None = None
    brightness: float = 1.0
    clearer: float = 0.0

    @property
    def goals(self) -> dict[str, Goal]:
        """The metrics that count, by name."""
        named = {name: getattr(self, name) for name in ("qabf", "vif", "vif_worse", "ssim", "scd")}
        return {name: goal for name, goal in named.items() if goal is not None}

    @property
    def needs_four_scales(self) -> bool:
        """Whether VIF counts, which asks for images of a certain size."""
        return self.balance is not None or not {"vif", "vif_worse"}.isdisjoint(self.goals)


# The source that pixelwise maximum keeps worse is the tracer beside an MRI or a CT, and the MRI beside a CT.
BALANCE = {
    "": Leads(),
    "CT-MRI": Leads(qabf=0.030, scd=0.10, vif=0.035, vif_fixed=0.035, ssim=0.004, edges=0.025, frequency=0.015),
    "CT-PET": Leads(qabf=0.008, scd=0.20, vif=0.014, vif_moving=0.0, ssim=0.003, edges=0.015, frequency=0.008),
    "PET-MRI": Leads(qabf=0.027, scd=0.03, vif=0.012, vif_moving=0.005, ssim=0.013, edges=0.025, frequency=0.025),
    "SPECT-MRI": Leads(qabf=0.050, scd=0.10, vif=0.015, vif_moving=0.006, ssim=0.0155, edges=0.03, frequency=0.030),
}

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
    "balance": LossSettings("max", alpha=0, brightness=0.15, excess=0.1, balance=BALANCE),
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
    and saved (0: the weights themselves); in the first steps it remembers less. `validation_pairs` is about how many
    pairs are scored after an epoch.

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
