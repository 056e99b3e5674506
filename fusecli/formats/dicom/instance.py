"""What every derived instance has, whatever its class: UIDs, equipment, its place in the patient, its file.

Source: DICOM PS3.3 C.7.3.1, C.7.5.1, C.7.6.2 and C.12.1.
"""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import highdicom as hd
import numpy as np
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import DSfloat

from fusecli import __version__
from fusecli.catalog import RESEARCH_USE
from fusecli.core.geometry import Geometry
from fusecli.errors import FusecliError, ImageError
from fusecli.formats.dicom.derivation import patient_orientation
from fusecli.formats.dicom.frames import Frame, Plane, functional_group
from fusecli.formats.dicom.header import number, quiet, text
from fusecli.formats.dicom.uids import instance_uid
from fusecli.formats.dicom.valid import is_uid

LARGEST_SOURCE_NUMBER = 99_999  # above, a hundredfold number says nothing to a person any more
NUMBER_WITHOUT_SOURCE = 90
DECIMALS = 9  # of millimetres and of direction cosines: far below what a voxel shows, far above rounding


@contextmanager
def carried_over() -> Iterator[None]:
    """Keep remarks and errors that may quote a patient's name away from the console.

    Raises ImageError for whatever a broken element brings up.
    """
    try:
        with quiet():
            yield
    except (FusecliError, OSError, MemoryError):
        raise
    except Exception as error:
        raise ImageError(
            "The headers of the sources cannot be carried over into DICOM.",
            why=f"An element is broken: {type(error).__name__}.",
            hint="Write NIfTI or pictures instead: -o fused.nii.gz, or -o fused.png",
        ) from None


def new_instance(
    sop_class: str, common: Dataset, header: Dataset, *, modality: str, description: str, series: str, index: int
) -> Dataset:
    """Instance `index`, counted from 1, of the new series `series` in the study of `header`, by highdicom.

    `common` is what all its instances have alike.
    """
    dataset = hd.SOPClass(
        study_instance_uid=text(header, "StudyInstanceUID"),
        series_instance_uid=series,
        series_number=_series_number(header),
        series_description=description,
        sop_instance_uid=instance_uid(series, index),
        sop_class_uid=sop_class,
        instance_number=index,
        modality=modality,
        manufacturer="fusecli",
        manufacturer_model_name="fusecli",
        software_versions=__version__,
        content_qualification=hd.ContentQualificationValues.RESEARCH,
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    # Equal UIDs promise equal content, so the hour in which this runs has no place in it.
    for keyword in ("InstanceCreationDate", "InstanceCreationTime", "ContentDate", "ContentTime"):
        delattr(dataset, keyword)
    dataset.update(common)
    dataset.ImageComments = RESEARCH_USE
    return dataset


def name_sources(dataset: Dataset, sources: list[Dataset]) -> None:
    """SourceImageSequence, where any source can be named."""
    if sources:
        dataset.SourceImageSequence = sources


def refer(dataset: Dataset, geometry: Geometry) -> None:
    """The Frame of Reference module, where the grid has one and names it by a UID."""
    reference = geometry.frame_of_reference
    if geometry.is_patient and reference and is_uid(reference):
        dataset.FrameOfReferenceUID = reference
        dataset.PositionReferenceIndicator = dataset.get("PositionReferenceIndicator")


def refer_to_itself(dataset: Dataset) -> None:
    """A frame of reference of its own for a series that needs one, where the grid names none."""
    if "FrameOfReferenceUID" not in dataset:
        dataset.FrameOfReferenceUID = instance_uid(dataset.SeriesInstanceUID, 0)
        dataset.PositionReferenceIndicator = None


def place(dataset: Dataset, geometry: Geometry, index: int, thickness: DSfloat) -> None:
    """The Image Plane module of slice `index`, and toward what its rows and columns run.

    A single slice has no neighbour to be spaced from, and its grid's step may be no more than its thickness.
    """
    plane = plane_of(geometry, index)
    dataset.ImagePositionPatient = decimals(plane.position)
    dataset.ImageOrientationPatient = decimals([*plane.row, *plane.column])
    dataset.PixelSpacing = decimals(plane.spacing_mm)
    dataset.SliceThickness = thickness
    if geometry.shape[0] > 1:
        dataset.SpacingBetweenSlices = decimals([between_slices(geometry)])[0]
    dataset.PatientOrientation = patient_orientation(plane)


def plane_of(geometry: Geometry, index: int) -> Plane:
    """The plane of slice `index`."""
    corner = geometry.points(np.array([[index, 0, 0]], dtype=np.float64))[0]
    _, between_rows, between_columns = geometry.spacing_mm
    directions = geometry.directions
    return Plane(corner, directions[:, 2], directions[:, 1], (between_rows, between_columns))


def between_slices(geometry: Geometry) -> float:
    """From slice to slice along the normal, in mm; never negative, which some readers take for a turned stack."""
    return float(abs(geometry.matrix[:3, 0] @ plane_of(geometry, 0).normal))


def thickness_of(frame: Frame, geometry: Geometry) -> DSfloat:
    """The slice's own thickness, which may differ from the distance of the slices; that distance, where it has none."""
    own = number(functional_group(frame.file.header, frame.index, "PixelMeasuresSequence"), "SliceThickness")
    return decimals([own if own and own > 0 else between_slices(geometry)])[0]


def decimals(numbers: Iterable[float]) -> list[DSfloat]:
    """Decimal strings of at most 16 characters: PS3.5 section 6.2. Adding 0 turns -0 into 0."""
    return [DSfloat(round(float(value), DECIMALS) + 0.0, auto_format=True) for value in numbers]


def store(dataset: Dataset, content: bytes | io.BufferedReader, vr: str) -> None:
    """The pixels, or what they are read from while the file is written, with the zero that makes their bytes even."""
    dataset.PixelData = content + b"\0" * (len(content) % 2) if isinstance(content, bytes) else content
    dataset["PixelData"].VR = vr


def _series_number(header: Dataset) -> int:
    """The source's number with two digits more, so that the result is listed behind it."""
    source = text(header, "SeriesNumber")
    is_usual = source.isdigit() and int(source) <= LARGEST_SOURCE_NUMBER
    return 100 * (int(source) if is_usual else NUMBER_WITHOUT_SOURCE) + 1
