"""JPEG through GDCM, kept from what GDCM does with broken streams: abort the program, and talk on the console.

Source: ITU-T T.81 (JPEG), annex B: markers and segments.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import JPEGExtended12Bit

from fusecli.formats.dicom.header import tag_name

START_OF_IMAGE, START_OF_SCAN = b"\xff\xd8", 0xDA
# Start of frame, by coding process; C4, C8 and CC are other segments. T.81, table B.1.
START_OF_FRAME = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class BrokenJpegError(ValueError):
    """A JPEG that contradicts itself or its data set. The text is ours, and quotes nothing but sizes."""


def decode_12_bit(dataset: Dataset, frames: Sequence[int]) -> NDArray[Any]:
    """The named frames of a grey 12-bit JPEG, which none of pydicom's decoders takes, (frame, row, column).

    Raises BrokenJpegError for a broken stream or header.
    """
    packed = _packed_frames(dataset)
    kind = {0: "<u2", 1: "<i2"}.get(dataset.PixelRepresentation)
    if kind is None:
        raise BrokenJpegError(f"{tag_name('PixelRepresentation')} is neither 0 nor 1")  # GDCM would end the program
    with checked_gdcm(dataset):
        planes = [np.frombuffer(_by_gdcm(dataset, packed[frame]), kind) for frame in frames]
    return np.stack(planes).reshape(len(frames), dataset.Rows, dataset.Columns)


@contextmanager
def checked_gdcm(dataset: Dataset) -> Iterator[None]:
    """A block in which GDCM may decode the JPEG frames of `dataset`: their headers are sound, and its console is shut.

    Raises BrokenJpegError when a frame's own header is broken or contradicts the data set.
    """
    for packed in _packed_frames(dataset):
        _check_header(packed, dataset)
    with _muted_stderr():
        yield


def _by_gdcm(dataset: Dataset, packed: bytes) -> bytes:
    """One frame of 12 bits in 16, unpacked. GDCM is given the bytes alone: its own parser aborts on broken headers."""
    import gdcm  # type: ignore[import-untyped]  # heavy, and seldom needed

    fragment, fragments = gdcm.Fragment(), gdcm.SequenceOfFragments.New()
    fragment.SetByteStringValue(packed)
    fragments.AddFragment(fragment)
    pixel_data = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    pixel_data.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((int(dataset.Columns), int(dataset.Rows), 1))
    image.SetDataElement(pixel_data)
    grey = gdcm.PhotometricInterpretation.GetPIType("MONOCHROME2")
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(grey))
    syntax = gdcm.TransferSyntax.GetTSType(str(JPEGExtended12Bit))
    image.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    image.SetPixelFormat(gdcm.PixelFormat(1, 16, 12, 11, int(dataset.PixelRepresentation)))
    samples: bytes = image.GetBuffer().encode("utf-8", "surrogateescape")
    return samples


def _packed_frames(dataset: Dataset) -> list[bytes]:
    count = int(dataset.get("NumberOfFrames", None) or 1)
    return list(generate_frames(dataset.PixelData, number_of_frames=count))


def _check_header(packed: bytes, dataset: Dataset) -> None:
    """Follow the segments from the start of the image to that of the scan; one of them must describe this frame."""
    if not packed.startswith(START_OF_IMAGE):
        raise BrokenJpegError("the compressed pixels do not begin like a JPEG")
    place, is_described = 2, False
    while place + 4 <= len(packed):
        mark, kind, length = packed[place], packed[place + 1], int.from_bytes(packed[place + 2 : place + 4], "big")
        if mark != 0xFF or length < 2:
            break
        if kind == START_OF_SCAN and is_described:
            return
        if kind in START_OF_FRAME:
            _check_frame(packed[place + 4 : place + 2 + length], dataset)
            is_described = True
        place += 2 + length
    raise BrokenJpegError("the header of the JPEG in the pixel data is broken")


def _check_frame(segment: bytes, dataset: Dataset) -> None:
    if len(segment) < 6:
        raise BrokenJpegError("the frame header of the JPEG in the pixel data is cut short")
    bits, samples = segment[0], segment[5]
    rows, columns = int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big")
    if (rows, columns, samples) != (dataset.Rows, dataset.Columns, dataset.SamplesPerPixel):
        raise BrokenJpegError(f"the JPEG in the pixel data is {rows} x {columns} with {samples} samples a pixel")
    if not 2 <= bits <= dataset.BitsAllocated:
        raise BrokenJpegError(f"the JPEG in the pixel data has {bits} bits, which the data set has no room for")


@contextmanager
def _muted_stderr() -> Iterator[None]:
    """Keep GDCM's C library quiet: it complains on the console, even when it goes on to succeed with 12 bits."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
