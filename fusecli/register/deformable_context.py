"""What one image should look like where the other looks as it does: the measure that a deformation is driven by.

A modality shows no other's contrast, and brightness alone cannot say which: in MRI the scalp is as bright as the
brain, in CT one is black and the other grey. How deep under the skin a voxel lies and what surrounds it tell them
apart. So the expected brightness is a regression on all three, fitted to the pair itself: its residuals are what a
deformation has to lower. With brightness as the only regressor that is the correlation ratio (Roche et al., MICCAI
1998), and lowering it by the demons' force is the adaptive intensity correction of Guimond et al., IEEE Trans. Med.
Imaging 20(1), 2001; the regressors of place and surroundings are ours.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fusecli.register.scene import Scene

BRIGHTNESS_CLASSES = 6
SURROUNDING_CLASSES = 8
REVERSE_CLASSES = 16

# Layers of a head or body, as shares of its size: outside, skin, bone and below; and how far its surroundings reach.
DEPTHS = (-0.36, -0.15, -0.055, 0.0, 0.055, 0.11, 0.16, 0.22, 0.29, 0.36, 0.55, 1.1)
SURROUNDINGS = (0.07, 0.22)

# Shares of the mean: of the diagonal, which keeps rare classes near nothing, and of the variance, which keeps classes
# that are all alike (air) from outweighing everything else.
RIDGE = 1e-3
LEAST_VARIANCE = 0.1

Field = NDArray[np.float32]

_blur: Callable[..., Field] = ndimage.gaussian_filter
_depth: Callable[..., NDArray[np.float64]] = ndimage.distance_transform_edt


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """A linear regression on `regressors`, (voxels, N), that is solved for one image after another.

    `inverse` is N x N, of the regularized normal equations; `weight` is (voxels,), 0 where nothing is known.
    """

    regressors: Field
    inverse: Field
    weight: Field

    def of(self, values: Field) -> tuple[Field, Field]:
        """The expected values and their variance, both of the shape of `values`."""
        mean = self._fitted(values)
        squares = (values - mean) ** 2
        overall = float(np.average(squares.ravel(), weights=self.weight))
        return mean, np.maximum(self._fitted(squares), max(LEAST_VARIANCE * overall, 1e-8))

    def _fitted(self, values: Field) -> Field:
        coefficients = self.inverse @ (self.regressors.T @ (self.weight * values.ravel()))
        return np.asarray((self.regressors @ coefficients).reshape(values.shape))


def from_place(fixed: Scene, size_mm: float, weight: Field) -> Expectation:
    """What to expect by FIXED's brightness, depth under the surface and surroundings.

    `weight` is of the shape of FIXED's values: how much each voxel is to count.
    """
    brightness = _classes(fixed.values, np.linspace(0, 1, BRIGHTNESS_CLASSES))
    layers = _classes(_depth_mm(fixed) / size_mm, np.array(DEPTHS))
    blurred = (_blur(fixed.values, share * size_mm / fixed.spacing_mm) for share in SURROUNDINGS)
    around = [_classes(values, _even(values, SURROUNDING_CLASSES)) for values in blurred]
    joint = (brightness[:, :, np.newaxis] * layers[:, np.newaxis]).reshape(len(layers), -1)
    return _expectation(np.concatenate([joint, *around], axis=1), weight)


def from_brightness(values: Field, weight: Field) -> Expectation:
    """What to expect by the brightness in `values` alone, 0..1; `weight` is of the same shape."""
    return _expectation(_classes(values, np.linspace(0, 1, REVERSE_CLASSES)), weight)


def _expectation(regressors: Field, weight: Field) -> Expectation:
    normal = regressors.T @ (weight.reshape(-1, 1) * regressors)
    ridge = max(RIDGE * float(np.trace(normal)) / len(normal), 1e-6)
    inverse = np.linalg.inv(normal.astype(np.float64) + ridge * np.eye(len(normal)))
    return Expectation(regressors, inverse.astype(np.float32), weight.ravel())


def _classes(values: NDArray[Any], centres: NDArray[np.float64]) -> Field:
    """How much each value belongs to each class, (values, classes): linear between `centres`, which rise; sums to 1."""
    position = np.interp(values.ravel(), centres, np.arange(len(centres)))
    distance = np.abs(position[:, np.newaxis] - np.arange(len(centres)))
    return np.asarray(np.maximum(0, 1 - distance), dtype=np.float32)


def _even(values: Field, count: int) -> NDArray[np.float64]:
    low, high = (float(v) for v in np.quantile(values, (0.001, 0.999)))
    return np.linspace(low, max(high, low + 1e-6), count)


def _depth_mm(fixed: Scene) -> NDArray[np.float64]:
    """How deep each voxel lies in the foreground; below 0 outside."""
    if not fixed.foreground.any() or fixed.foreground.all():
        return np.zeros(fixed.values.shape)
    inside = _depth(fixed.foreground, sampling=fixed.spacing_mm)
    return inside - _depth(~fixed.foreground, sampling=fixed.spacing_mm)
