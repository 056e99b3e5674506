"""MSE, RMSE and PSNR: how far the fusion is from its sources, pixel by pixel."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.errors import ImageError
from fusecli.metrics.kernels import Levels, checked_levels

PEAK = 255.0


def mean_squared_error(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """The mean of both mean squared differences to the fusion, in squared grey levels, 0..65025; lower is better.

    All three are (row, column) with values in 0..1; the sources may be exchanged. No image is lower than the average of
    the two, which loses half of the contrast of both.

    Raises ShapeError or ImageError unless all are finite images of one size on 0..1, at least 2 x 2.
    Source: the mean over pixels and sources; some toolkits measure on 0..1 and get 1/65025 of it.
    """
    return mse_of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def root_mean_squared_error(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """The root of `mean_squared_error`, in grey levels, 0..255; lower is better.

    Raises as `mean_squared_error` does.
    Source: as there. VIFB divides the root of the sum by the number of pixels, which depends on the size of the image.
    """
    return rmse_of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def peak_signal_to_noise_ratio(fixed: NDArray[Any], moving: NDArray[Any], fused: NDArray[Any]) -> float:
    """10 log10(255² / `mean_squared_error`), in dB; 0 or more for images on 0..1, and higher is better.

    Raises as `mean_squared_error` does, and ImageError if all three are one image, of which it is infinite.
    Source: as there, with the full scale as peak; toolkits take the brightest level of the fusion, or 255 beside an
    error on 0..1, which adds 48.13 dB.
    """
    return psnr_of_levels(*checked_levels(fixed=fixed, moving=moving, fused=fused))


def mse_of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """The mean of both mean squared differences, for grey levels 0..255."""
    return (mse_of_source(fixed, fused) + mse_of_source(moving, fused)) / 2


def rmse_of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """Its root, for grey levels 0..255."""
    return float(np.sqrt(mse_of_levels(fixed, moving, fused)))


def psnr_of_levels(fixed: Levels, moving: Levels, fused: Levels) -> float:
    """PSNR in dB, for grey levels 0..255."""
    return decibels(mse_of_levels(fixed, moving, fused))


def mse_of_source(source: Levels, fused: Levels) -> float:
    """Mean squared difference to one source, in squared grey levels."""
    return float(np.mean((source - fused) ** 2))


def decibels(error: float, *, peak: float = PEAK) -> float:
    """PSNR of a mean squared error on the scale of `peak`; ImageError for no error, of which it is infinite."""
    if error == 0:
        raise ImageError("The fusion equals its sources, so PSNR is infinite.")
    if peak <= 0:
        raise ImageError("The fusion is black, so its brightest level is no peak for PSNR.")
    return float(10 * np.log10(peak**2 / error))
