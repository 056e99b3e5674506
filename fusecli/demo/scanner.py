"""What the two scanners do to the truth: their grids, their blur and their noise."""

import numpy as np
from numpy.typing import NDArray

from fusecli.core.geometry import Geometry
from fusecli.demo.wall import Values

FWHM_TO_SIGMA = 1 / (2 * np.sqrt(2 * np.log(2)))


def axial_grid(
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    centre_mm: tuple[float, float, float],
    frame: str,
) -> Geometry:
    """An axial grid, feet first: slices go toward the head, rows to the back, columns to the patient's left.

    `shape` and `spacing_mm` are (slice, row, column); `centre_mm` is the LPS middle of the grid; `frame` a UID.
    """
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2] = spacing_mm
    half = (np.array(shape) - 1) / 2
    affine[:3, 3] = np.array(centre_mm) - affine[:3, :3] @ half
    affine[3, 3] = 1
    return Geometry(shape, affine, frame)


def blurred(volume: Values, sigma_voxels: tuple[float, float, float]) -> Values:
    """A volume convolved with a Gaussian, separably; sigma per axis in voxels. Outside the volume its edge goes on."""
    for axis, sigma in enumerate(sigma_voxels):
        volume = _convolved(volume, _gaussian(sigma), axis)
    return volume


def grainy_noise(rng: np.random.Generator, shape: tuple[int, ...], grain_voxels: tuple[float, ...]) -> Values:
    """Gaussian noise of standard deviation 1 whose neighbours resemble each other, as reconstruction makes them."""
    noise = rng.standard_normal(shape)
    for axis, sigma in enumerate(grain_voxels):
        kernel = _gaussian(sigma)
        noise = _convolved(noise, kernel / np.sqrt((kernel**2).sum()), axis)
    return noise


def _gaussian(sigma: float) -> Values:
    reach = int(np.ceil(3.5 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-6)) ** 2)
    return np.asarray(kernel / kernel.sum())


def _convolved(volume: Values, kernel: Values, axis: int) -> Values:
    reach = len(kernel) // 2
    if reach == 0:
        return np.asarray(volume * kernel[0])
    width = [(reach, reach) if i == axis else (0, 0) for i in range(volume.ndim)]
    padded = np.pad(volume, width, mode="edge")
    size = volume.shape[axis]
    result = np.zeros_like(volume)
    for offset, weight in enumerate(kernel):
        result += weight * np.take(padded, range(offset, offset + size), axis=axis)
    return result


def binned(volume: Values, factor: int) -> NDArray[np.float64]:
    """Mean of `factor` x `factor` pixels in every slice: what one larger detector pixel sees."""
    slices, rows, columns = volume.shape
    parts = volume.reshape(slices, rows // factor, factor, columns // factor, factor)
    return np.asarray(parts.mean(axis=(2, 4)))
