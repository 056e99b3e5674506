"""What FMI compares: features of an image, each an array of two axes."""

from functools import cache
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft

from fusecli.metrics.kernels import SNAP, Levels, magnitude, sobel

Feature = Literal["pixel", "gradient", "edge", "dct", "wavelet"]

CUTOFF = 2  # an edge is stronger than this many times the root mean square of all gradients
DECIMALS = 9  # of a grey level that a transform leaves
TAPS = 102  # of the discrete Meyer filter
SAMPLES = 1 << 14  # of its frequency response, from which the taps are exact to 1e-12


def feature_of(levels: Levels, feature: Feature, *, rounding: bool = False) -> Levels:
    """The feature of grey levels 0..255, (row, column); of the same shape but for the wavelet.

    pixel: the grey levels. gradient: central differences along the rows only, as in Fast-FMI. edge: see `edges`. dct:
    the orthonormal discrete cosine transform of the whole image. wavelet: see `wavelet`.

    What the two transforms leave below a billionth of a grey level is dropped, or kept with `rounding` as in Fast-FMI,
    which then also stretches the wavelet to 0..1, so that windows that are the same before may differ after.
    """
    if feature == "pixel":
        return levels
    if feature == "gradient":
        return np.asarray(np.gradient(levels, axis=1))
    if feature == "edge":
        return edges(levels).astype(np.float64)
    transformed = np.asarray(fft.dctn(levels, norm="ortho")) if feature == "dct" else wavelet(levels)
    if not rounding:
        # A window is stretched, whereby rounding in a flat place would look like a pattern.
        return np.round(transformed, DECIMALS)
    return transformed if feature == "dct" else (transformed - transformed.min()) / (np.ptp(transformed) or 1)


def edges(levels: Levels) -> NDArray[np.bool_]:
    """Where the gradient is strong and largest across its edge; of two equal neighbours, the one further on."""
    down, right = sobel(levels, border="edge")
    strength = magnitude(down, right)
    steep, flat = np.abs(down), np.abs(right)
    here = strength[1:-1, 1:-1]
    along_row = _is_crest(strength[1:-1, :-2], here, strength[1:-1, 2:]) & (flat >= steep - SNAP)[1:-1, 1:-1]
    along_column = _is_crest(strength[:-2, 1:-1], here, strength[2:, 1:-1]) & (steep >= flat - SNAP)[1:-1, 1:-1]
    strong = here > CUTOFF * np.sqrt(np.mean(strength**2))
    return np.pad(strong & (along_row | along_column), 1)


def _is_crest(before: Levels, here: Levels, after: Levels) -> NDArray[np.bool_]:
    # Gradients of 8-bit pictures that differ do so by 1 / (2 · 1443) or more, so only equal ones lie within SNAP.
    return (before <= here + SNAP) & (here > after + SNAP)


def wavelet(levels: Levels) -> Levels:
    """One level of the discrete Meyer wavelet as one picture of four: the means, the details down the columns to their
    right, those along the rows below them, and those in both directions.

    The image goes on mirrored, its last value repeated, so each of the four has half of (side + 101) rows and columns.
    """
    return np.block([[*_halved(half, axis=0)] for half in _halved(levels, axis=1)])


def _halved(values: Levels, axis: int) -> tuple[Levels, Levels]:
    """Low and high frequencies along one axis, at every second place."""
    margins = [(0, 0), (0, 0)]
    margins[axis] = (TAPS - 1, TAPS - 1)
    windows = sliding_window_view(np.pad(values, margins, mode="symmetric"), TAPS, axis=axis)
    chosen = windows[1::2] if axis == 0 else windows[:, 1::2]
    low, high = np.moveaxis(chosen @ np.stack(_meyer_filters(), axis=1), -1, 0)
    return low, high


@cache
def _meyer_filters() -> tuple[Levels, Levels]:
    """Low-pass and high-pass filter, as they slide over the image.

    The low-pass filter is the Fourier series of √2 Φ(2ω), Φ the scaling function of Meyer with the usual polynomial
    of degree 7 (Daubechies, Ten Lectures on Wavelets, 1992, section 4.2.1), cut off at 101 taps as MATLAB's dmey is.
    """
    frequency = np.abs(2 * np.pi * fft.fftfreq(SAMPLES))
    x = np.clip(3 * frequency / np.pi - 1, 0, 1)
    step = x**4 * (35 - 84 * x + 70 * x**2 - 20 * x**3)
    series = fft.ifft(np.cos(np.pi / 2 * step)).real
    half = TAPS // 2
    low = np.concatenate([series[half - 1 : 0 : -1], series[:half], [0]])
    low *= np.sqrt(2) / low.sum()
    high = low[::-1] * (-1.0) ** np.arange(TAPS)
    return low, high
