"""Phase congruency: where the waves that make up an image agree in phase, which is where the eye sees a feature."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from fusecli.metrics.kernels import Levels

SCALES, ORIENTATIONS = 4, 6
SHORTEST_WAVE, WAVE_RATIO = 3.0, 2.1  # in pixels
BANDWIDTH = 0.55  # of a filter, as the standard deviation over the centre frequency
ANGULAR_SD = np.pi / ORIENTATIONS / 1.2
LOW_PASS, LOW_PASS_ORDER = 0.45, 15  # cycles per pixel, Butterworth
NOISE_DEVIATIONS, NOISE_OVERESTIMATED = 2.0, 1.7
NARROWEST, NARROWNESS_STEEPNESS = 0.5, 10.0
GUARD = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Of each pixel: phase congruency 0..1, and its strongest and weakest moment, for edges and for corners."""

    congruency: Levels
    edges: Levels
    corners: Levels

    def maps(self) -> tuple[Levels, Levels, Levels]:
        return self.congruency, self.edges, self.corners


class FilterBank:
    """Log-Gabor filters for the Fourier transform of images of one shape, (row, column).

    `as_toolkit` has two slips of Kovesi's code of 2005 on sides of an odd number n of pixels: frequencies are scaled by
    n / (n - 1), and the low-pass filter is one sample off.
    """

    def __init__(self, shape: tuple[int, ...], *, as_toolkit: bool = False) -> None:
        down, right = (_frequencies(side, as_toolkit) for side in shape)
        radius = np.sqrt(down[:, np.newaxis] ** 2 + right**2)
        radius[0, 0] = 1  # whose logarithm is taken; the mean has no phase, and its gain is set to 0 below
        low_pass = _low_pass(shape, as_toolkit)
        waves = SHORTEST_WAVE * WAVE_RATIO ** np.arange(SCALES)[:, np.newaxis, np.newaxis]
        self.radial = np.exp(-(np.log(radius * waves) ** 2) / (2 * np.log(BANDWIDTH) ** 2)) * low_pass
        self.radial[:, 0, 0] = 0
        self._angle = np.arctan2(-down[:, np.newaxis], right)

    def __iter__(self) -> Iterator[tuple[float, Levels]]:
        """Angle of each orientation in radians, and its filters, (SCALES, row, column)."""
        for number in range(ORIENTATIONS):
            angle = number * np.pi / ORIENTATIONS
            apart = np.abs(self._angle - angle)
            apart = np.minimum(apart, 2 * np.pi - apart)
            yield angle, self.radial * np.exp(-(apart**2) / (2 * ANGULAR_SD**2))


def _frequencies(side: int, as_toolkit: bool) -> Levels:
    """Cycles per pixel of the terms of a Fourier transform."""
    scale = side / (side - 1) if as_toolkit and side % 2 else 1.0
    return np.asarray(fft.fftfreq(side) * scale)


def _low_pass(shape: tuple[int, ...], as_toolkit: bool) -> Levels:
    down, right = (np.roll(fft.fftfreq(side), -(side % 2) if as_toolkit else 0) for side in shape)
    squared = (down[:, np.newaxis] ** 2 + right**2) / LOW_PASS**2
    return np.asarray(1 / (1 + squared**LOW_PASS_ORDER))


def phase_congruency(images: list[Levels], *, as_toolkit: bool = False) -> list[Features]:
    """Features of each image, (row, column), grey levels 0..255; all of one size. A constant image has none.

    `as_toolkit` has the slips that FilterBank names, and a covariance of a quarter of its size in the moments.

    Source: Kovesi, Videre 1(3), 1999, and DICTA 2003, with the parameters of his published code of 2005.
    """
    spectra = [fft.fft2(image) for image in images]
    sums = [_Sums.of(image.shape) for image in images]
    for angle, filters in FilterBank(images[0].shape, as_toolkit=as_toolkit):
        noise = _noise_gain(filters)
        for spectrum, total in zip(spectra, sums, strict=True):
            responses = fft.ifft2(spectrum * filters, axes=(1, 2), overwrite_x=True)
            total.add(angle, *_energy(responses, noise))
    return [total.features(as_toolkit) for total in sums]


def _noise_gain(filters: Levels) -> float:
    """Energy that noise leaves in the sum of the responses, by its median energy at the finest scale."""
    # By Parseval: the even part of a filter is the Fourier transform of the real part of its impulse response.
    together = filters.sum(axis=0)
    mirrored = np.roll(together[::-1, ::-1], (1, 1), axis=(0, 1))
    return float(np.sum(((together + mirrored) / 2) ** 2) / np.sum(filters[0] ** 2) / np.log(2))


def _energy(responses: NDArray[np.complex128], noise_gain: float) -> tuple[Levels, Levels]:
    """Of one orientation: energy in phase above the noise, weighed by its spread over scales, and all amplitude."""
    amplitudes = np.abs(responses)
    total = amplitudes.sum(axis=0)
    sum_of_waves = responses.sum(axis=0)
    length = np.abs(sum_of_waves)
    direction = sum_of_waves / (length + GUARD)
    across = np.abs(responses.real * direction.imag - responses.imag * direction.real).sum(axis=0)
    energy = (sum_of_waves * direction.conj()).real - across
    tau = np.sqrt(np.median(amplitudes[0] ** 2) * noise_gain)
    noise = tau * (np.sqrt(np.pi / 2) + NOISE_DEVIATIONS * np.sqrt(2 - np.pi / 2)) / NOISE_OVERESTIMATED
    width = total / (amplitudes.max(axis=0) + GUARD) / SCALES
    weight = 1 / (1 + np.exp(NARROWNESS_STEEPNESS * (NARROWEST - width)))
    return np.asarray(weight * np.maximum(energy - noise, 0)), total


class _Sums:
    """What the orientations add up to, for one image."""

    def __init__(self, energy: Levels, amplitude: Levels, moments: Levels) -> None:
        self.energy, self.amplitude, self.moments = energy, amplitude, moments

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> "_Sums":
        return cls(np.zeros(shape), np.zeros(shape), np.zeros((3, *shape)))

    def add(self, angle: float, energy: Levels, amplitude: Levels) -> None:
        self.energy += energy
        self.amplitude += amplitude
        congruency = np.divide(energy, amplitude, out=np.zeros_like(energy), where=amplitude > 0)
        squared = congruency**2
        along, across = np.cos(angle), np.sin(angle)
        for moment, factor in zip(self.moments, (along**2, across**2, along * across), strict=True):
            moment += factor * squared

    def features(self, as_toolkit: bool) -> Features:
        xx, yy, xy = self.moments / (ORIENTATIONS / 2)
        spread = np.sqrt(((0.5 if as_toolkit else 2) * xy) ** 2 + (xx - yy) ** 2) + GUARD
        return Features(self.energy / (self.amplitude + GUARD), (xx + yy + spread) / 2, (xx + yy - spread) / 2)
