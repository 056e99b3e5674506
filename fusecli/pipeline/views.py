"""How a fused volume is looked at: in which planes, with which color bar, and seen through as a projection."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fusecli import color
from fusecli.core.geometry import Geometry
from fusecli.core.history import last_step
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.pair import Pair
from fusecli.core.planes import reformat
from fusecli.core.projection import maximum_projection, mean_projection
from fusecli.pipeline.painting import Coloring, paint

if TYPE_CHECKING:
    from fusecli.formats.raster import Legend

_PROJECTED_IN = "coronal"  # as nuclear medicine looks at a whole body


def in_planes(shown: Image, plane: str | None, *, as_picture: bool) -> Image:
    """The fused image in the planes that are asked for; None: in FIXED's own.

    A picture has no millimetres, so that its pixels must be squares: where the planes are new and the voxels are not
    cubes, it is interpolated linearly to the finer of the two spacings.

    Raises UsageError as `core.planes.reformat` does.
    """
    if plane is None:
        return shown
    cut = reformat(shown, plane)
    return _squared(cut) if as_picture else cut


def legend_of(shown: Image, pair: Pair) -> "Legend":
    """The color bar of an image that a palette colors, over MOVING's range and every brightness.

    Raises ValueError where no palette does.
    """
    from fusecli.formats.raster import Legend

    painted, window = last_step(shown.history, "paint"), last_step(pair.moving.history, "to_unit")
    if painted is None or window is None:
        raise ValueError("this image has no palette")
    low, high = float(window.facts["low"] or 0), float(window.facts["high"] or 0)
    colors = color.painted_colors(str(painted.facts["color"]))
    return Legend(colors, low, high, str(window.facts["unit"]))


def projection(pair: Pair, shown: Image) -> Image:
    """MOVING's maximum intensity projection, from the front, colored as the fused image is, over FIXED's mean.

    The brighter of the two shows, so that a focus is as bright as in its own slice, wherever it lies.

    Raises UsageError where FIXED says nothing of its place, or has one slice.
    """
    fixed, moving = (reformat(image, _PROJECTED_IN) for image in (pair.fixed, pair.moving))
    uptake, anatomy = maximum_projection(moving), mean_projection(fixed)
    both = replace(uptake, voxels=np.maximum(uptake.voxels, anatomy.voxels), intensity=Intensity.UNIT)
    painted = last_step(shown.history, "paint")
    name = str(painted.facts["color"]) if painted and painted.facts["color"] in color.PALETTES else None
    return _squared(paint(both, uptake, Coloring(name)))


def _squared(image: Image) -> Image:
    """On square pixels: those of the finer spacing."""
    thickness, *spacings = image.geometry.spacing_mm
    side = min(spacings)
    if max(spacings) < side * 1.001:
        return image
    from fusecli.register import resample

    slices, rows, columns = image.geometry.shape
    shape = (slices, max(1, round(rows * spacings[0] / side)), max(1, round(columns * spacings[1] / side)))
    affine = image.geometry.matrix.copy()
    steps = np.array([thickness, side, side])
    affine[:3, :3] = image.geometry.directions * steps
    # The outer edges coincide, not the outermost voxel centres.
    scale = steps / np.array([thickness, *spacings])
    affine[:3, 3] = image.geometry.points(np.array([(scale - 1) / 2]))[0]
    return resample(image, onto=Geometry(shape, affine, image.geometry.frame_of_reference))[0]
