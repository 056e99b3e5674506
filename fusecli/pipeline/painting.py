"""Which color a fused image gets: the tracer's palette, that of a source, or none."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusecli import color
from fusecli.core import scratch
from fusecli.core.history import Step
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity

_DEFAULT = "hot-iron"


@dataclass(frozen=True, slots=True, eq=False)
class Coloring:
    """A `palette` for MOVING's uptake, or the colors of a source, (slice, row, column, 3), uint8; neither: grey.

    `is_of_moving` tells whose colors they are.
    """

    palette: str | None = None
    colors: NDArray[np.uint8] | None = None
    is_of_moving: bool = False


def coloring(fixed: Image, moving: Image, palette: str | None) -> Coloring:
    """How a fusion of two images on one grid, not yet normalized, is colored where `palette` is what was asked for.

    "none" is grey. Else a palette, hot iron unless another is named, where MOVING shows a tracer without color, or one
    was asked for; the colors of MOVING, or of FIXED, where one has them.
    """
    if palette == "none":
        return Coloring()
    if palette is not None or (moving.modality.is_uptake and not moving.is_color):
        return Coloring(palette or _DEFAULT)
    colored = next((image for image in (moving, fixed) if image.is_color), None)
    return Coloring(colors=None if colored is None else colored.voxels, is_of_moving=moving.is_color)


def paint(fused: Image, uptake: Image, how: Coloring) -> Image:
    """The fused image in color, or as it is; `uptake` is MOVING as UNIT."""
    palette, colors = how.palette, how.colors
    if palette is None and colors is None:
        return fused
    painted = scratch.empty((*fused.geometry.shape, 3), np.uint8)
    for part in scratch.slabs(fused.voxels, uptake.voxels, painted):
        if palette is not None:
            painted[part] = color.paint_uptake(fused.voxels[part], uptake.voxels[part], palette)
        elif colors is not None:
            painted[part] = color.paint(fused.voxels[part], colors[part])
            scratch.release(colors[part])
    step = Step("paint", {"color": palette or "of the source"})
    return fused.stepped(step, voxels=scratch.frozen(painted), intensity=Intensity.RGB)
