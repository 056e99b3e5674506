"""Numbers as 16 bits with one slope and one intercept for a whole series. Source: DICOM PS3.3 C.11.1, C.8.9.4.1.4."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.valuerep import DSfloat

_SHORT, _WORD = np.iinfo(np.int16), np.iinfo(np.uint16)


@dataclass(frozen=True, slots=True)
class Quantization:
    """value = stored x `slope` + `intercept`, stored in 16 bits, with a sign or without."""

    slope: DSfloat
    intercept: DSfloat
    is_signed: bool

    def stored(self, voxels: NDArray[Any]) -> NDArray[Any]:
        """The nearest stored number of each voxel, little-endian, in the shape of `voxels`."""
        limits, kind = (_SHORT, "<i2") if self.is_signed else (_WORD, "<u2")
        steps = np.rint((voxels.astype(np.float64) - float(self.intercept)) / float(self.slope))
        return np.asarray(np.clip(steps, limits.min, limits.max), dtype=kind)

    def describe(self, dataset: Dataset) -> None:
        """Image Pixel and rescale elements, but for rows, columns and the pixels themselves."""
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
        dataset.PixelRepresentation = int(self.is_signed)
        dataset.RescaleSlope, dataset.RescaleIntercept = self.slope, self.intercept


def quantization(voxels: NDArray[Any], *, has_offset: bool) -> Quantization:
    """The finest steps that hold all of `voxels`, (slice, row, column); whole numbers that fit stay as they are.

    Without `has_offset` the intercept is 0, as a PET has it.
    """
    low, high = float(voxels.min()), float(voxels.max())
    fits_signed, fits_unsigned = _SHORT.min <= low and high <= _SHORT.max, low >= 0 and high <= _WORD.max
    if (fits_signed or fits_unsigned) and bool((voxels == np.rint(voxels)).all()):
        return Quantization(_decimal(1.0), _decimal(0.0), is_signed=fits_signed)
    if has_offset:
        return Quantization(_decimal((high - low or 1.0) / _WORD.max), _decimal(low), is_signed=False)
    if low >= 0:
        return Quantization(_decimal(high / _WORD.max), _decimal(0.0), is_signed=False)
    return Quantization(_decimal(max(low / _SHORT.min, high / _SHORT.max)), _decimal(0.0), is_signed=True)


def _decimal(value: float) -> DSfloat:
    return DSfloat(value, auto_format=True)
