"""Brightness and color of an RGB picture: full-range YCbCr of ITU-R BT.601, as JPEG (JFIF 1.02) uses it."""

import numpy as np
from numpy.typing import NDArray

# Weights of R, G and B in the brightness: BT.601-7, section 2.5.1.
LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114])


def luma(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Brightness in 0..1, (...,), of an 8-bit RGB picture, (..., 3).

    Rounded to one of 256 levels, as every 8-bit YCbCr conversion does, so that scores compare with published ones.
    """
    return np.asarray(np.rint(rgb @ LUMA_WEIGHTS) / 255, dtype=np.float32)


def color_difference(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What is left of an RGB picture, (..., 3), when its brightness is taken away: RGB - Y, in -1..1, (..., 3).

    Carries the same information as Cb and Cr: B - Y = 1.772 Cb and R - Y = 1.402 Cr.
    """
    scaled = np.asarray(rgb, dtype=np.float64) / 255
    return np.asarray(scaled - (scaled @ LUMA_WEIGHTS)[..., np.newaxis])
