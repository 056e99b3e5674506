"""What there is to choose from: pure data, read by the command line, the pipeline and the documentation.

Nothing here imports anything heavy, so that `fusecli --help` stays fast.
"""

from dataclasses import dataclass
from enum import StrEnum


class Modality(StrEnum):
    """What made an image. OTHER is a picture, or a file that does not say."""

    CT = "CT"
    MRI = "MRI"
    PET = "PET"
    SPECT = "SPECT"
    FUSED = "FUSED"
    OTHER = "OTHER"

    @property
    def is_uptake(self) -> bool:
        """Whether the image shows a tracer, which is what gets a color."""
        return self in (Modality.PET, Modality.SPECT)


# DICOM (0008,0060) to ours; anything else is OTHER. PS3.3 C.7.3.1.1.1.
DICOM_MODALITIES = {"CT": Modality.CT, "MR": Modality.MRI, "PT": Modality.PET, "NM": Modality.SPECT}


@dataclass(frozen=True, slots=True)
class Window:
    """A display window: `centre` ± `width`/2, in the unit of the image (HU for CT).

    `function` is that of a DICOM file's own window (0028,1056): "LINEAR", "LINEAR_EXACT" or "SIGMOID".
    """

    width: float
    centre: float
    name: str = ""
    function: str = "LINEAR"

    @property
    def low(self) -> float:
        return self.centre - self.width / 2

    @property
    def high(self) -> float:
        return self.centre + self.width / 2


# Width / level in HU. There is no single standard; these are the common values, printed with every result.
CT_WINDOWS = {
    "brain": Window(80, 40, "brain"),
    "soft": Window(400, 40, "soft"),
    "mediastinum": Window(350, 50, "mediastinum"),
    "lung": Window(1500, -600, "lung"),
    "liver": Window(150, 90, "liver"),
    "bone": Window(2000, 500, "bone"),
}


# Color tables of DICOM PS3.6 annex B.1 by their UID; none is no color at all.
PALETTES: dict[str, str | None] = {
    "hot-iron": "1.2.840.10008.1.5.1",
    "pet": "1.2.840.10008.1.5.2",
    "hot-metal-blue": "1.2.840.10008.1.5.3",
    "pet-20-step": "1.2.840.10008.1.5.4",
    "none": None,
}


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """A metric's public face: its key in JSON, its title, its unit, which way is `better`, and where tables list it.

    `better` is "higher", "lower" or "zero" (the nearer to 0 the better). A metric that is `pointwise` looks at voxels
    one by one, so that it is also defined for a whole volume.
    """

    key: str
    title: str
    unit: str
    better: str
    group: str
    pointwise: bool = False


def _group(name: str, *metrics: tuple[str, str, str, str], pointwise: str = "") -> dict[str, MetricInfo]:
    return {row[0]: MetricInfo(*row, name, row[0] in pointwise.split()) for row in metrics}


# docs/metrics.md has the definitions. "both" is the mean over both sources, "sum" their sum.
METRICS = {
    **_group(
        "the fused image alone",
        ("IE", "information entropy", "bit", "higher"),
        ("AG", "average gradient", "grey level", "higher"),
        ("SD", "standard deviation", "grey level", "higher"),
        ("SF", "spatial frequency", "grey level", "higher"),
        ("EI", "edge intensity", "grey level", "higher"),
        pointwise="IE SD",
    ),
    **_group(
        "information",
        ("MI", "mutual information, sum", "bit", "higher"),
        ("MI_FIXED", "mutual information with FIXED", "bit", "higher"),
        ("MI_MOVING", "mutual information with MOVING", "bit", "higher"),
        ("NMI", "normalized mutual information, 1 to 2, both", "1", "higher"),
        ("CE", "cross entropy of the histograms, both", "bit", "lower"),
        pointwise="MI MI_FIXED MI_MOVING NMI CE",
    ),
    **_group(
        "difference and correlation",
        ("SCD", "sum of the correlations of differences", "1", "higher"),
        ("CC", "correlation, both", "1", "higher"),
        ("PSNR", "peak signal-to-noise ratio, both", "dB", "higher"),
        ("MSE", "mean squared error, both", "grey level²", "lower"),
        ("RMSE", "root mean squared error, both", "grey level", "lower"),
        pointwise="SCD CC PSNR MSE RMSE",
    ),
    **_group(
        "structure and visual fidelity",
        ("SSIM", "structural similarity, both", "1", "higher"),
        ("SSIM_FIXED", "structural similarity to FIXED", "1", "higher"),
        ("SSIM_MOVING", "structural similarity to MOVING", "1", "higher"),
        ("MS_SSIM", "structural similarity at five scales, both", "1", "higher"),
        ("MEF_SSIM", "structural similarity to the ideal patch of both", "1", "higher"),
        ("VIF", "visual information fidelity, sum", "1", "higher"),
        ("VIF_FIXED", "visual information fidelity of FIXED", "1", "higher"),
        ("VIF_MOVING", "visual information fidelity of MOVING", "1", "higher"),
        ("VIFF", "visual information fidelity for fusion", "1", "higher"),
    ),
    **_group(
        "edges",
        ("QABF", "edge information kept, Q^AB/F", "1", "higher"),
        ("LABF", "edge information lost, L^AB/F", "1", "lower"),
        ("NABF", "edges that neither source has, N^AB/F", "1", "lower"),
        ("EPI", "edge preservation index, both", "1", "higher"),
        ("EPI_FIXED", "edge preservation index of FIXED", "1", "higher"),
        ("EPI_MOVING", "edge preservation index of MOVING", "1", "higher"),
    ),
    **_group(
        "feature mutual information",
        ("FMI_PIXEL", "mutual information of the pixels, both", "1", "higher"),
        ("FMI_GRADIENT", "mutual information of the gradient, both", "1", "higher"),
        ("FMI_EDGE", "mutual information of edge maps, both", "1", "higher"),
        ("FMI_DCT", "mutual information of the cosine transform, both", "1", "higher"),
        ("FMI_WAVELET", "mutual information of the wavelet transform, both", "1", "higher"),
    ),
    **_group(
        "the twelve of Liu et al. 2012",
        ("QMI", "normalized mutual information, Q_MI", "1", "higher"),
        ("QTE", "Tsallis entropy, Q_TE", "1", "higher"),
        ("QNCIE", "nonlinear correlation information entropy, Q_NCIE", "1", "higher"),
        ("QG", "gradients kept, Q_G", "1", "higher"),
        ("QM", "details kept at two scales, Q_M", "1", "higher"),
        ("QSF", "spatial frequency beside the sources', Q_SF", "1", "zero"),
        ("QP", "phase congruency, Q_P", "1", "higher"),
        ("QS", "structural similarity weighted by variance, Q_S (Piella)", "1", "higher"),
        ("QC", "structural similarity weighted by covariance, Q_C (Cvejic)", "1", "higher"),
        ("QY", "structural similarity where the sources agree, Q_Y (Yang)", "1", "higher"),
        ("QCV", "difference that an eye would see, Q_CV (Chen and Varshney)", "grey level²", "lower"),
        ("QCB", "contrast kept, Q_CB (Chen and Blum)", "1", "higher"),
        pointwise="QMI QTE QNCIE",
    ),
}

# The eight of the LRC paper, in the order of its tables; and what every report of `fuse` has.
PAPER_METRICS = ("IE", "AG", "SD", "SF", "SCD", "VIF", "QABF", "EI")
QUICK_METRICS = (*PAPER_METRICS, "SSIM", "FMI_EDGE", "NABF")

# By whose formulas the metrics are computed.
METRIC_PROFILES = {
    "fusecli": "the definitions of docs/metrics.md",
    "cddfuse": "the evaluator of MMIF-CDDFuse",
    "linfeng": "Evaluation-for-Image-Fusion of L. Tang",
    "vifb": "VIFB of X. Zhang",
    "liu": "imageFusionMetrics of Z. Liu",
}


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A way to fuse, or to register: `needs_weights` tells a network from a baseline."""

    name: str
    title: str
    needs_weights: bool


MODELS = {
    info.name: info
    for info in (
        ModelInfo("lrc", "long-range correlation-guided dual-encoder network", True),
        ModelInfo("lrc-fast", "slimmer form of lrc for CPUs and volumes", True),
        ModelInfo("csafusion", "U-Net with an adaptive convolution and Swin blocks", True),
        ModelInfo("dmfnet-small", "features of a diffusion U-Net, fused scale by scale", True),
        ModelInfo("max", "brighter of the two, pixel by pixel", False),
        ModelInfo("average", "mean of the two", False),
        ModelInfo("laplacian", "Laplacian pyramid, larger detail wins", False),
        ModelInfo("alpha", "linear blend: (1 - alpha) FIXED + alpha MOVING", False),
    )
}

# Used by `--register deformable`, and not a way to fuse.
REGISTRATION_MODEL = ModelInfo("registration-head", "bends a slice of CT, PET or SPECT onto MRI of the head", True)
ALL_MODELS = {**MODELS, REGISTRATION_MODEL.name: REGISTRATION_MODEL}

# What `convert --units` names, and how a PET is then read: SuvSettings.norm.
UNITS = {
    "native": "stored",
    "suvbw": "bw",
    "suvlbm": "lbm",
    "suvlbmjanma": "lbmjanma",
    "suvbsa": "bsa",
    "bqml": "bqml",
    "hu": "stored",
}

ONLY_PET_TAKES_SUV = "The --suv options have no effect: only a PET in DICOM is brought to SUV."
SUV_NORMS = ("bw", "lbm", "lbmjanma", "bsa")

# What `--register` names. auto: what the files state where that is a reason to believe it, else rigid.
REGISTRATIONS = ("auto", "none", "rigid", "affine", "deformable", "demons")
# Those whose transform is a field: "demons" is "deformable" without the trained network.
DEFORMING = ("deformable", "demons")

DEVICES = ("auto", "cpu", "cuda")
BACKENDS = ("auto", "torch", "openvino")

# The planes that a volume is looked at in.
PLANES = ("axial", "coronal", "sagittal")

# What `--format` names: auto goes by the suffix. DICOM is a file per slice, or one file of many frames.
FORMATS = ("auto", "dicom")
DICOM_LAYOUTS = ("series", "multiframe")

RESEARCH_USE = (
    "For research use. fusecli has not been cleared or approved by any regulatory authority (FDA, CE/MDR) "
    "and must not be the basis of diagnosis or treatment."
)
