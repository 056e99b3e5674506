"""Small DICOM files of known content, written by the tests that need them."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

CT_CLASS, PET_CLASS = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.128"
ROWS, COLUMNS = 4, 6
MakeSlice = Callable[..., Dataset]


@pytest.fixture
def stored_ramp() -> np.ndarray:
    """Twenty-four different numbers, (4, 6), one of them negative."""
    return np.arange(ROWS * COLUMNS, dtype=np.int16).reshape(ROWS, COLUMNS) * 10 - 5


@pytest.fixture
def ct_slice(stored_ramp: np.ndarray) -> MakeSlice:
    """An axial CT slice at `z` mm with 2.5 mm rows and 1.5 mm columns; keywords change or, as None, remove elements."""

    def make(z: float = 0.0, pixels: np.ndarray | None = None, **changes: Any) -> Dataset:
        dataset = Dataset()
        dataset.SOPClassUID = CT_CLASS
        dataset.SOPInstanceUID = f"2.25.{int(z * 1000) + 10_000_000}"
        dataset.SeriesInstanceUID = "2.25.1"
        dataset.SeriesNumber = 3
        dataset.Modality = "CT"
        dataset.PatientName = "Doe^Jane"
        dataset.PatientID = "SECRET-4711"
        dataset.PatientBirthDate = "19510203"
        dataset.SeriesDescription = "Jane Doe thorax"
        dataset.FrameOfReferenceUID = "2.25.9"
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.InstanceNumber = int(100 - z)
        dataset.ImagePositionPatient = [-10.0, -20.0, z]
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing = [2.5, 1.5]
        dataset.SliceThickness = 5.0
        dataset.RescaleSlope = 1
        dataset.RescaleIntercept = -1000
        dataset.WindowWidth, dataset.WindowCenter = [400, 1500], [40, -600]
        set_pixels(dataset, stored_ramp if pixels is None else pixels)
        return changed(dataset, changes)

    return make


@pytest.fixture
def pet_slice(ct_slice: MakeSlice) -> MakeSlice:
    """A PET slice in Bq/ml whose SUV factor is 70 kg x 1000 / (100 MBq / 2): one half-life from injection to scan."""

    def make(z: float = 0.0, pixels: np.ndarray | None = None, **changes: Any) -> Dataset:
        dataset = ct_slice(z, pixels)
        injection = Dataset()
        injection.RadiopharmaceuticalStartTime = "100000"
        injection.RadiopharmaceuticalStartDateTime = "20250101100000"
        injection.RadionuclideTotalDose = 100e6
        injection.RadionuclideHalfLife = 3600
        values: dict[str, Any] = {
            "SOPClassUID": PET_CLASS,
            "Modality": "PT",
            "Units": "BQML",
            "DecayCorrection": "START",
            "CorrectedImage": ["DECY", "ATTN", "SCAT"],
            "RescaleIntercept": 0,
            "PatientWeight": 70,
            "PatientSize": 1.75,
            "PatientSex": "M",
            "SeriesDate": "20250101",
            "SeriesTime": "110000",
            "AcquisitionDate": "20250101",
            "AcquisitionTime": "110000",
            "ActualFrameDuration": 0,
            "FrameReferenceTime": 0,
            "RadiopharmaceuticalInformationSequence": [injection],
        }
        return changed(changed(dataset, values), changes)

    return make


@pytest.fixture
def write() -> Callable[..., Path]:
    """Write a data set as a DICOM file; its path comes back."""
    return write_file


@pytest.fixture
def write_series(tmp_path: Path) -> Callable[[Iterable[Dataset]], Path]:
    """Write slices into a new folder, in an order that is not that of their places; the folder comes back."""

    def make(slices: Iterable[Dataset], name: str = "series") -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        taken = len(list(folder.iterdir()))
        for number, dataset in enumerate(slices):
            write_file(folder / f"{(7 * (number + taken)) % 101:03d}.dcm", dataset)
        return folder

    return make


def changed(dataset: Dataset, changes: dict[str, Any]) -> Dataset:
    for keyword, value in changes.items():
        if value is not None:
            setattr(dataset, keyword, value)
        elif keyword in dataset:
            delattr(dataset, keyword)
    return dataset


def set_pixels(dataset: Dataset, pixels: np.ndarray) -> None:
    """Rows, columns, bits, sign and frames as the array (row, column), (frame, row, column) or (row, column, 3) has."""
    is_color = pixels.ndim == 3 and pixels.shape[-1] == 3
    plane = pixels.shape[:2] if is_color else pixels.shape[-2:]
    dataset.Rows, dataset.Columns = (int(size) for size in plane)
    if pixels.ndim == 3 and not is_color:
        dataset.NumberOfFrames = pixels.shape[0]
    dataset.SamplesPerPixel = 3 if is_color else 1
    if is_color:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = "RGB" if is_color else "MONOCHROME2"
    bits = 8 * pixels.dtype.itemsize
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    content = pixels.tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OB" if bits == 8 else "OW"


def write_file(path: Path, dataset: Dataset, syntax: UID = ExplicitVRLittleEndian) -> Path:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dcmwrite(path, dataset, enforce_file_format=True)
    return path
