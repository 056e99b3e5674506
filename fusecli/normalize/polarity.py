"""White-hot or black-hot: which end of a grey picture means high uptake."""

import numpy as np

from fusecli.core import scratch
from fusecli.core.history import Step
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity

# A frame this bright around one image and this dark around the other: one of them is shown as a negative.
BRIGHT, DARK = 0.9, 0.25


def white_hot(moving: Image, *, beside: Image, polarity: str = "auto") -> Image:
    """A UNIT image in which high uptake is bright, made from one that may show it dark.

    PET is often shown as dark spots on white; fused like that its background would hide the anatomy. "black-hot" turns
    the picture round and "white-hot" keeps it. "auto" turns it round, with a warning, when its frame is white while
    that of `beside`, the other image, is dark. This is for pictures: a physical unit has no polarity.

    Raises ValueError for another polarity, or an image that is not UNIT.
    """
    if moving.intensity is not Intensity.UNIT or polarity not in ("auto", "white-hot", "black-hot"):
        raise ValueError(f"polarity {polarity!r} of a {moving.intensity} image")
    if polarity == "white-hot":
        return moving
    if polarity == "auto" and not (_frame(moving) >= BRIGHT and _frame(beside) <= DARK):
        return moving
    warnings = () if polarity == "black-hot" else (_TURNED,)
    step = Step("white_hot", {"polarity": polarity}, warnings)
    turned = scratch.empty(moving.geometry.shape)
    for part in scratch.slabs(moving.voxels, turned):
        np.subtract(1, moving.voxels[part], out=turned[part])
    return moving.stepped(step, voxels=scratch.frozen(turned))


_TURNED = (
    "MOVING is dark on white while FIXED is not: taken as a black-hot picture and turned round. "
    "--polarity white-hot keeps it as it is."
)


def _frame(image: Image) -> float:
    """Median brightness of the outermost pixels of all slices."""
    frames = []
    for part in scratch.slabs(image.voxels):
        slab = image.voxels[part]
        edges = (slab[:, 0, :], slab[:, -1, :], slab[:, :, 0], slab[:, :, -1])
        frames.append(np.concatenate([edge.ravel() for edge in edges]))
    return float(np.median(np.concatenate(frames)))
