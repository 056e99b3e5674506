"""Color that never touches the brightness: hue from the tracer, luma from the fused image."""

import numpy as np
from numpy.typing import NDArray

from fusecli.color.palettes import lookup, position_of_luma
from fusecli.core.luma import color_difference
from fusecli.errors import ShapeError

# The differences take 24 bytes a pixel: this many stay in the processor's cache, and a volume never fills the memory.
PIXELS_AT_ONCE = 16384


def paint_uptake(fused: NDArray[np.floating], uptake: NDArray[np.floating], palette: str) -> NDArray[np.uint8]:
    """RGB, (..., 3), with the brightness of `fused` and the hue that `palette` gives to `uptake`, both 0..1, (...,).

    A palette that ends in white has no hue for the hottest uptake, and a lesion that the fusion shows less than white
    would turn grey, like bone. There the hue is the palette's at the brightness of `fused`: orange, yellow, and white
    only where the fusion is white. That needs a palette that grows brighter all along; others are taken as they are.

    Raises ShapeError when the two differ in size; UsageError for a palette that does not exist.
    """
    if uptake.shape != fused.shape:
        raise ShapeError(f"A fused image of {fused.shape} cannot be painted with uptake of {uptake.shape}.")
    position = np.minimum(uptake, position_of_luma(fused, palette))
    return paint(fused, lookup(position, palette))


def painted_colors(palette: str) -> NDArray[np.uint8]:
    """Every color that `paint_uptake` gives with a palette, (256, 256, 3): by brightness, then by uptake, from 0 to 1.

    Raises UsageError for a palette that does not exist.
    """
    levels = np.arange(256) / 255
    brightness, uptake = np.meshgrid(levels, levels, indexing="ij")
    return paint_uptake(brightness, uptake, palette)


def paint(fused: NDArray[np.floating], color: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB, (..., 3), with the brightness of `fused`, 0..1, (...,), and the hue of `color`, (..., 3).

    The luma of the result is `fused` to within the rounding to 8 bits; black stays black and white white, and a pixel
    that is grey in `color` stays grey. Where a color would leave the RGB cube it is made paler, never darker or
    brighter: its saturation gives way, so that its luma and its hue need not.

    Raises ShapeError when the two differ in size; ValueError for a color that is not 8-bit.
    Source: ITU-R BT.601-7 section 2.5 (luma and color difference), full range as in JFIF 1.02.
    """
    if color.dtype != np.uint8:
        raise ValueError(f"color is 8-bit RGB, and this is {color.dtype}")
    if color.shape != (*fused.shape, 3):
        raise ShapeError(f"A fused image of {fused.shape} cannot be painted with colors of {color.shape}.")
    brightness, hues = fused.reshape(-1), color.reshape(-1, 3)
    painted = np.empty(hues.shape, dtype=np.uint8)
    for start in range(0, brightness.size, PIXELS_AT_ONCE):
        part = slice(start, start + PIXELS_AT_ONCE)
        painted[part] = _painted(brightness[part], hues[part])
    return painted.reshape(color.shape)


def _painted(fused: NDArray[np.floating], color: NDArray[np.uint8]) -> NDArray[np.uint8]:
    brightness = np.clip(fused.astype(np.float64), 0, 1)[..., np.newaxis]
    difference = color_difference(color)
    kept = _fitting_share(brightness, difference)
    return np.asarray(np.rint((brightness + kept * difference).clip(0, 1) * 255), dtype=np.uint8)


def _fitting_share(brightness: NDArray[np.float64], difference: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of the color difference, 0..1, (..., 1), keeps all three channels within 0..1."""
    room = np.where(difference > 0, 1 - brightness, brightness)
    # Any number far below 1/255 will do: it only keeps grey from being divided by zero.
    share = room / np.maximum(np.abs(difference), 1e-9)
    # numpy's own minimum along an axis of three takes ten times as long.
    red, green, blue = share[..., 0], share[..., 1], share[..., 2]
    return np.asarray(np.minimum(np.minimum(np.minimum(red, green), blue), 1)[..., np.newaxis])
