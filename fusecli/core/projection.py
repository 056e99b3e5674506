"""A volume seen through: one picture of all its slices."""

import numpy as np

from fusecli.core.history import Step
from fusecli.core.image import Image
from fusecli.core.scratch import slabs


def maximum_projection(image: Image) -> Image:
    """The largest value along the slices (MIP), as an image of one slice that lies where the first one does.

    Raises ValueError for color: the largest of each channel is no color of the image.
    """
    if image.is_color:
        raise ValueError("a projection takes brightness, not color")
    highest = image.voxels[0].copy()
    for part in slabs(image.voxels):
        np.maximum(highest, image.voxels[part].max(axis=0), out=highest)
    return _one_slice(image, highest, "maximum")


def mean_projection(image: Image) -> Image:
    """The mean along the slices, as `maximum_projection` has it."""
    if image.is_color:
        raise ValueError("a projection takes brightness, not color")
    total = np.zeros(image.geometry.shape[1:])
    for part in slabs(image.voxels, thick=1):
        total += image.voxels[part][0]
    return _one_slice(image, total / image.geometry.shape[0], "mean")


def _one_slice(image: Image, voxels: np.ndarray[tuple[int, ...], np.dtype[np.floating]], how: str) -> Image:
    step = Step("project", {"how": how, "slices": image.geometry.shape[0]})
    return image.stepped(step, voxels=voxels[np.newaxis], geometry=image.geometry.slices(0, 1))
