"""Filtering an image by what the eye sees of each spatial frequency."""

import numpy as np
from scipy import fft

from fusecli.metrics.kernels import Levels


def cycles_per_degree(shape: tuple[int, ...], field_degrees: float) -> Levels:
    """Spatial frequency of each term of the real Fourier transform of an image, (row, column).

    The image, whatever its number of pixels, is seen under `field_degrees` along each side.
    """
    rows, columns = shape
    down = fft.fftfreq(rows, 1 / rows) / field_degrees
    right = fft.rfftfreq(columns, 1 / columns) / field_degrees
    return np.asarray(np.sqrt(down[:, np.newaxis] ** 2 + right**2))


def filtered(levels: Levels, gain: Levels) -> Levels:
    """The image with each frequency multiplied by its gain; beyond its edge the image repeats."""
    return np.asarray(fft.irfft2(fft.rfft2(levels) * gain, s=levels.shape))
