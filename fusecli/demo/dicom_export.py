"""Writes a phantom as two real DICOM series, with every tag that a standardized uptake value needs."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, PositronEmissionTomographyImageStorage, generate_uid

from fusecli.atomic import not_written
from fusecli.core.geometry import Geometry
from fusecli.demo.phantom import Phantom
from fusecli.demo.tags import ct_series_tags, pet_series_tags, study_tags
from fusecli.errors import OutputError

HU_INTERCEPT = -1024
LARGEST_STORED = 32767


def write_series(phantom: Phantom, folder: Path) -> tuple[Path, Path]:
    """Write CT and PET as folder/CT/0001.dcm... and folder/PET/0001.dcm..., feet first; returns those two folders.

    Explicit VR Little Endian, one slice per file, byte-identical for equal phantoms and one version of pydicom.
    Either both series appear complete or neither does.

    Raises OutputError when `folder` exists and is not empty, or cannot be written.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(
            f"The phantom was not written: {folder} exists and is not an empty folder.",
            hint="Name another folder with -o, or remove this one first.",
        )
    try:
        _write_whole(phantom, folder)
    except OSError as error:
        raise not_written(folder, error) from error
    return folder / "CT", folder / "PET"


def _write_whole(phantom: Phantom, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    # On the same disk as the target, so that the last step is a rename and not a copy.
    workshop = Path(tempfile.mkdtemp(prefix=".fusecli-", dir=folder.parent))
    try:
        finished = workshop / "series"
        for name, slices in (("CT", _ct_slices(phantom)), ("PET", _pet_slices(phantom))):
            (finished / name).mkdir(parents=True)
            for number, dataset in enumerate(slices, start=1):
                dataset.save_as(finished / name / f"{number:04d}.dcm", enforce_file_format=True)
        if folder.exists():
            folder.rmdir()
        finished.rename(folder)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _ct_slices(phantom: Phantom) -> Iterator[Dataset]:
    for index, plane in enumerate(phantom.ct_hu):
        stored = np.clip(np.rint(plane) - HU_INTERCEPT, -LARGEST_STORED - 1, LARGEST_STORED).astype(np.int16)
        dataset = _slice(phantom, "CT", CTImageStorage, phantom.ct_geometry, index, stored)
        dataset.update(ct_series_tags(phantom))
        dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = str(HU_INTERCEPT), "1", "HU"
        yield dataset


def _pet_slices(phantom: Phantom) -> Iterator[Dataset]:
    for index, plane in enumerate(phantom.pet_bqml):
        # Every slice uses the full range of its numbers, so its slope is its own, as on most scanners.
        slope = f"{max(float(plane.max()), 1.0) / LARGEST_STORED:.9g}"
        stored = np.clip(np.rint(plane / float(slope)), 0, LARGEST_STORED).astype(np.int16)
        dataset = _slice(phantom, "PET", PositronEmissionTomographyImageStorage, phantom.pet_geometry, index, stored)
        dataset.update(pet_series_tags(phantom))
        dataset.RescaleIntercept, dataset.RescaleSlope = "0", slope
        dataset.ImageIndex = index + 1
        yield dataset


def _slice(
    phantom: Phantom, series: str, sop_class: str, geometry: Geometry, index: int, stored: NDArray[np.int16]
) -> Dataset:
    dataset = Dataset()
    dataset.update(study_tags(phantom))
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[dataset.StudyInstanceUID, series, str(index)])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[dataset.StudyInstanceUID, series])
    dataset.InstanceNumber = index + 1
    _place(dataset, geometry, index)
    _store(dataset, stored)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def _place(dataset: Dataset, geometry: Geometry, index: int) -> None:
    """Frame of Reference and Image Plane modules: PS3.3 C.7.4.1 and C.7.6.2."""
    corner = geometry.points(np.array([[index, 0, 0]], dtype=np.float64))[0]
    between_slices, between_rows, between_columns = geometry.spacing_mm
    directions = geometry.directions
    dataset.FrameOfReferenceUID = geometry.frame_of_reference
    dataset.PositionReferenceIndicator = ""
    dataset.ImagePositionPatient = _decimals(corner)
    dataset.ImageOrientationPatient = _decimals([*directions[:, 2], *directions[:, 1]])
    dataset.PixelSpacing = _decimals([between_rows, between_columns])
    dataset.SliceThickness = _decimals([between_slices])[0]
    dataset.SliceLocation = _decimals([corner[2]])[0]


def _store(dataset: Dataset, stored: NDArray[np.int16]) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 1
    dataset.PixelData = stored.astype("<i2").tobytes()


def _decimals(numbers: NDArray[np.float64] | list[float]) -> list[str]:
    """Decimal strings, which DICOM limits to 16 characters: PS3.5 6.2. Adding 0 turns -0 into 0."""
    return [f"{round(float(number), 6) + 0.0:.10g}" for number in numbers]
