"""Stored pixels of a DICOM file, unpacked and rescaled to the scanner's unit or to 8-bit color.

Source: DICOM PS3.3 C.7.6.3 (Image Pixel), C.11.1 (Modality LUT), C.7.6.16.2.9 (pixel value transformation).
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.pixels.utils import iter_pixels, pixel_array
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from fusecli.errors import ImageError
from fusecli.formats.dicom.decoding import decoding
from fusecli.formats.dicom.frames import functional_group
from fusecli.formats.dicom.gdcm import checked_gdcm, decode_12_bit
from fusecli.formats.dicom.header import DicomFile, items, number, quiet, read_dataset, tag_name, text
from fusecli.formats.dicom.padding import padding_of, without_padding

# One decoder for each compression, so that a file gives the same numbers on every machine.
DECODERS = {
    HTJ2K: "pylibjpeg",
    HTJ2KLossless: "pylibjpeg",
    HTJ2KLosslessRPCL: "pylibjpeg",
    JPEG2000: "pylibjpeg",
    JPEG2000Lossless: "pylibjpeg",
    JPEGLossless: "gdcm",
    JPEGLosslessSV1: "gdcm",
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    RLELossless: "pydicom",  # pylibjpeg's panics on broken bytes, past every except Exception
}


def decode(file: DicomFile, content: bytes, frames: Sequence[int]) -> Iterator[tuple[int, NDArray[Any]]]:
    """The named frames of a file with the bytes `content`, in the scanner's unit or in color, one after another.

    Each comes with its place in `frames`, in the order of the file: (row, column) float32, which is stored x slope +
    intercept, computed in float64 with the frame's own slope; or (row, column, 3) uint8 for RGB, YBR and palette files.

    Raises ImageError when there are no pixels, too few of them, or no decoder that understands them.
    """
    if not file.has_pixels:
        raise ImageError(
            f"{file.path.name} holds no pixels.",
            why="Its header describes an image, and the file ends before the pixel data (7FE0,0010).",
            hint="Copy or export the file again.",
        )
    dataset = _completed(read_dataset(file.path, content))
    with decoding(file), quiet():
        for place, stored in _stored(dataset, frames):
            yield place, _measured(dataset, stored, frames[place])


def rescale_of(header: Dataset, frame: int) -> tuple[float, float]:
    """Slope and intercept of one frame; 1 and 0 where the file has none, which is what their absence means.

    Raises ImageError for a slope of 0, which would make every pixel the same.
    """
    group = functional_group(header, frame, "PixelValueTransformationSequence")
    slope, intercept = number(group, "RescaleSlope"), number(group, "RescaleIntercept")
    dose_scaling = number(header, "DoseGridScaling")  # RTDOSE, PS3.3 C.8.8.3
    slope = dose_scaling if slope is None and dose_scaling is not None else slope
    if slope == 0:
        raise ImageError(
            "The rescale slope of a slice is 0, so all its pixels would be the same.",
            why=f"{tag_name('RescaleSlope')} is 0.",
            hint="Export the series again.",
        )
    return 1.0 if slope is None else slope, intercept or 0.0


def _completed(dataset: Dataset) -> Dataset:
    """Say what ACR-NEMA files leave out: one sample per pixel means a grey image, high numbers bright."""
    if "SamplesPerPixel" not in dataset:
        dataset.SamplesPerPixel = 1
    if "PhotometricInterpretation" not in dataset and dataset.SamplesPerPixel == 1:
        dataset.PhotometricInterpretation = "MONOCHROME2"
    return dataset


def _stored(dataset: Dataset, frames: Sequence[int]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Stored numbers of the named frames, (row, column) or, converted to RGB, (row, column, 3), each with its place."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax == JPEGExtended12Bit and (dataset.SamplesPerPixel, dataset.BitsStored) == (1, 12):
        yield from enumerate(decode_12_bit(dataset, frames))
        return
    options: dict[str, Any] = {"decoding_plugin": DECODERS.get(syntax, "")}
    low_bits = _low_bits(dataset)
    if not syntax.is_encapsulated:
        _check_amount(dataset, low_bits)
    if low_bits > 0 and not syntax.is_encapsulated:
        options["correct_unused_bits"] = False
    with checked_gdcm(dataset) if options["decoding_plugin"] == "gdcm" else nullcontext():
        for place, plane in _planes(dataset, frames, options):
            yield place, _shifted(plane, low_bits, dataset) if "correct_unused_bits" in options else plane


def _planes(dataset: Dataset, frames: Sequence[int], options: dict[str, Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    if len(frames) == 1:
        yield 0, pixel_array(dataset, index=frames[0], **options)
        return
    places = {frame: place for place, frame in enumerate(frames)}
    for frame, plane in enumerate(iter_pixels(dataset, **options)):
        if frame in places:
            yield places.pop(frame), plane
    if places:
        raise ValueError("insufficient pixel data")  # as the decoders have it, for `decoding` to tell


def _low_bits(dataset: Dataset) -> int:
    """How many bits of a sample lie below its value; floating-point samples have no BitsStored."""
    if "BitsStored" not in dataset:
        return 0
    return int(dataset.get("HighBit", dataset.BitsStored - 1)) + 1 - int(dataset.BitsStored)


def _check_amount(dataset: Dataset, low_bits: int) -> None:
    """Whether size and bits fit the pixels: a header that knows of half the rows would show half of the image."""
    allocated = int(dataset.BitsAllocated)
    if allocated % 8 == 0 and low_bits + int(dataset.get("BitsStored", 0)) > allocated:
        raise ImageError(
            "The bits of a pixel do not fit into it.",
            why=f"{tag_name('HighBit')} is {dataset.HighBit}, and {tag_name('BitsAllocated')} {allocated}.",
            hint="Export the file again.",
        )
    count = int(dataset.get("NumberOfFrames", None) or 1) * int(dataset.SamplesPerPixel)
    promised = math.ceil(int(dataset.Rows) * int(dataset.Columns) * count * allocated / 8)
    stored = len(dataset.get("PixelData", None) or b"")
    if promised and stored >= 2 * promised > 2:
        raise ImageError(
            "The file holds more pixels than its header knows of.",
            why=f"Rows, columns and frames need {promised} bytes, and there are {stored}.",
            hint="Export the file again.",
        )


def _shifted(planes: NDArray[Any], low_bits: int, dataset: Dataset) -> NDArray[Any]:
    """Samples that do not end at bit 0, as ACR-NEMA allows: cut out BitsStored bits from HighBit down, with sign."""
    above = int(dataset.BitsAllocated) - int(dataset.BitsStored) - low_bits
    return np.asarray(np.right_shift(np.left_shift(planes, above), above + low_bits))


def _measured(dataset: Dataset, stored: NDArray[Any], frame: int) -> NDArray[Any]:
    """One frame in the scanner's unit, or in color."""
    if text(dataset, "PhotometricInterpretation") == "PALETTE COLOR":
        return _to_8_bit(apply_color_lut(stored, dataset), bits=0)
    if stored.ndim == 3:
        return _to_8_bit(stored, bits=int(dataset.BitsStored))
    return _rescaled(dataset, stored, frame)


def _rescaled(dataset: Dataset, plane: NDArray[Any], frame: int) -> NDArray[np.float32]:
    """One frame in the scanner's unit, (row, column)."""
    if items(dataset, "ModalityLUTSequence"):
        return np.asarray(apply_modality_lut(plane, dataset), dtype=np.float32)
    slope, intercept = rescale_of(dataset, frame)
    rescaled = (plane.astype(np.float64) * slope + intercept).astype(np.float32)
    return without_padding(rescaled, plane, dataset, padding_of(dataset))


def _to_8_bit(color: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Color in 8 bits a channel; `bits` is the depth of the samples, 0 for all bits of their type."""
    if color.dtype == np.uint8:
        return color
    top = 2 ** (bits or 8 * color.dtype.itemsize) - 1
    return np.asarray(np.rint(color.astype(np.float64) / top * 255).clip(0, 255), dtype=np.uint8)
