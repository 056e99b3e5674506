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
    """A display window: `centre` ± `width`/2, in the unit of the image (HU for CT)."""

    width: float
    centre: float
    name: str = ""

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
    """A metric's public face: its key in JSON, its title, its unit, and which way is better."""

    key: str
    title: str
    unit: str
    better: str


# The eight of the LRC paper, in the order of its tables, and three more. docs/metrics.md has the definitions.
METRICS = {
    info.key: info
    for info in (
        MetricInfo("IE", "information entropy", "bit", "higher"),
        MetricInfo("AG", "average gradient", "grey level", "higher"),
        MetricInfo("SD", "standard deviation", "grey level", "higher"),
        MetricInfo("SF", "spatial frequency", "grey level", "higher"),
        MetricInfo("SCD", "sum of the correlations of differences", "1", "higher"),
        MetricInfo("VIF", "visual information fidelity, sum over both sources", "1", "higher"),
        MetricInfo("QABF", "edge information kept, Q^AB/F", "1", "higher"),
        MetricInfo("EI", "edge intensity", "grey level", "higher"),
        MetricInfo("SSIM", "structural similarity, mean over both sources", "1", "higher"),
        MetricInfo("FMI", "feature mutual information of edge maps, mean over both sources", "1", "higher"),
        MetricInfo("NABF", "edges that neither source has, N^AB/F", "1", "lower"),
    )
}


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A way to fuse: `needs_weights` tells a network from a baseline."""

    name: str
    title: str
    needs_weights: bool


MODELS = {
    info.name: info
    for info in (
        ModelInfo("lrc", "long-range correlation-guided dual-encoder network", True),
        ModelInfo("max", "brighter of the two, pixel by pixel", False),
        ModelInfo("average", "mean of the two", False),
        ModelInfo("laplacian", "Laplacian pyramid, larger detail wins", False),
        ModelInfo("alpha", "linear blend: (1 - alpha) FIXED + alpha MOVING", False),
    )
}

DEVICES = ("auto", "cpu", "cuda")
BACKENDS = ("auto", "torch", "openvino")

RESEARCH_USE = (
    "For research use. fusecli has not been cleared or approved by any regulatory authority (FDA, CE/MDR) "
    "and must not be the basis of diagnosis or treatment."
)
