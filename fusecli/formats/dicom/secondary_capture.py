"""A fused image as Secondary Capture in FIXED's study: a file per slice, or one multi-frame file.

Source: DICOM PS3.3 A.8.1 (SC Image) and A.8.5 (Multi-frame True Color SC Image).
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, MultiFrameTrueColorSecondaryCaptureImageStorage
from pydicom.uid import SecondaryCaptureImageStorage as SingleFrameStorage
from pydicom.valuerep import DSfloat

from fusecli import __version__
from fusecli.catalog import RESEARCH_USE
from fusecli.core.geometry import Geometry
from fusecli.core.history import Fact, last_step
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.pair import Pair
from fusecli.errors import FusecliError, ImageError
from fusecli.formats.dicom import derivation
from fusecli.formats.dicom.frames import Plane, functional_group
from fusecli.formats.dicom.header import number, quiet, text
from fusecli.formats.dicom.inherited import inherit, inherit_of_slice
from fusecli.formats.dicom.lineage import Lineage
from fusecli.formats.dicom.uids import instance_uid, series_uid
from fusecli.formats.raster import to_uint8

LARGEST_SOURCE_NUMBER = 99_999  # above, a hundredfold number says nothing to a person any more
NUMBER_WITHOUT_SOURCE = 90
DECIMALS = 9  # of millimetres and of direction cosines: far below what a voxel shows, far above rounding
MOST_BYTES = 2**32 - 2  # what a pixel data element without compression can hold: PS3.5 section 7.1


def write(
    image: Image, path: Path, lineage: Lineage, pair: Pair, *, layout: str, as_file: bool, options: Mapping[str, Fact]
) -> None:
    """Write a UNIT or RGB `image` made of `pair`, whose series are `lineage`, as 8-bit RGB, Explicit VR Little Endian.

    `layout` is "series" (SC Image, a file per slice) or "multiframe" (one Multi-frame True Color SC; of one slice an SC
    Image all the same). `path` becomes a folder of IM0001.dcm ..., or with `as_file` the one file. Equal input gives
    equal bytes: there is no clock in it.
    `options` decide the pixels and stand in no history.

    Raises ImageError when the series changed since it was read, or one file cannot hold so much; ValueError for an
    image in a scanner's unit.
    """
    if image.intensity not in (Intensity.UNIT, Intensity.RGB):
        raise ValueError(f"a fused image is UNIT or RGB, and this one is {image.intensity}")
    slices = len(lineage.fixed.frames)
    if image.geometry.shape[0] != slices:
        raise ImageError("The series of FIXED changed while it was fused.", hint="Run again when it is complete.")
    uid = series_uid(image, pair, {**options, "layout": layout})
    with _building():
        common = _common(image, lineage, pair)
        if not as_file:
            path.mkdir()
        if layout == "multiframe" and slices > 1:
            dataset = _multiframe(common, image, lineage, pair, uid)
            _save(dataset, path if as_file else path / "IM0001.dcm")
            return
        digits = max(4, len(str(slices)))
        for index in range(slices):
            dataset = _single_frame(common, image, lineage, pair, uid, index)
            _save(dataset, path if as_file else path / f"IM{index + 1:0{digits}d}.dcm")


@contextmanager
def _building() -> Iterator[None]:
    """Keep remarks and errors that may quote a patient's name away from the console."""
    try:
        with quiet():
            yield
    except (FusecliError, OSError, MemoryError):
        raise
    except Exception as error:
        raise ImageError(
            "The headers of FIXED or MOVING cannot be carried over into DICOM.",
            why=f"An element is broken: {type(error).__name__}.",
            hint="Write NIfTI or pictures instead: -o fused.nii.gz, or -o fused.png",
        ) from None


def _common(image: Image, lineage: Lineage, pair: Pair) -> Dataset:
    """What all instances say alike: patient, study, series, and how the image came about."""
    common, fixed, moving = Dataset(), lineage.fixed.header, lineage.moving.header
    inherit(common, fixed, moving)
    if image.geometry.is_patient and image.geometry.frame_of_reference:
        common.FrameOfReferenceUID = image.geometry.frame_of_reference
        common.PositionReferenceIndicator = common.get("PositionReferenceIndicator")
    common.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    common.ConversionType = "WSD"
    common.ImageComments = RESEARCH_USE
    common.DerivationDescription = derivation.describe(image, pair)
    codes = derivation.derivation_codes(image, pair)
    if codes:
        common.DerivationCodeSequence = codes
    common.ContributingEquipmentSequence = derivation.equipment(lineage)
    common.SamplesPerPixel, common.PhotometricInterpretation, common.PlanarConfiguration = 3, "RGB", 0
    _, common.Rows, common.Columns = image.geometry.shape
    common.BitsAllocated, common.BitsStored, common.HighBit, common.PixelRepresentation = 8, 8, 7, 0
    return common


def _single_frame(common: Dataset, image: Image, lineage: Lineage, pair: Pair, series: str, index: int) -> Dataset:
    """One slice as SC Image, with Image Plane where the place is known."""
    dataset = _instance(SingleFrameStorage, common, lineage, image, series, index + 1)
    inherit_of_slice(dataset, lineage.fixed.frames[index].file.header)
    _name_sources(dataset, derivation.source_images(lineage, [index], pair))
    geometry = image.geometry
    if geometry.is_patient:
        plane = _plane(geometry, index)
        dataset.ImagePositionPatient = _decimals(plane.position)
        dataset.ImageOrientationPatient = _decimals([*plane.row, *plane.column])
        dataset.PixelSpacing = _decimals(plane.spacing_mm)
        dataset.SliceThickness = _thickness(lineage, geometry, index)
        dataset.SpacingBetweenSlices = _decimals([_between_slices(geometry)])[0]
        dataset.PatientOrientation = derivation.patient_orientation(plane)
    else:
        dataset.PatientOrientation = None
    _store(dataset, _rgb(image, slice(index, index + 1)))
    return dataset


def _multiframe(common: Dataset, image: Image, lineage: Lineage, pair: Pair, series: str) -> Dataset:
    """All slices as one Multi-frame True Color SC; each frame has its place in the functional groups."""
    slices, rows, columns = image.geometry.shape
    if slices * rows * columns * 3 > MOST_BYTES:
        raise ImageError(
            "The fused volume is too large for one DICOM file.",
            why=f"{slices} slices of {columns} x {rows} RGB pixels are more than 4 GiB.",
            hint="Write a file per slice: --dicom series",
        )
    dataset = _instance(MultiFrameTrueColorSecondaryCaptureImageStorage, common, lineage, image, series, 1)
    inherit_of_slice(dataset, lineage.fixed.header)
    if "ContentDate" not in dataset:
        raise ImageError(
            "FIXED has no date at all, and a multi-frame file needs one.",
            hint="Write a file per slice: --dicom series",
        )
    # Type 1 here: where the sources leave it open, the careful answer is that there may be text.
    dataset.BurnedInAnnotation = dataset.get("BurnedInAnnotation") or "YES"
    _name_sources(dataset, derivation.source_images(lineage, range(slices), pair))
    dataset.NumberOfFrames = slices
    dataset.PatientOrientation = None
    if image.geometry.is_patient:
        _place_frames(dataset, image.geometry, lineage)
    else:
        dataset.FrameIncrementPointer = Tag("PageNumberVector")
        dataset.PageNumberVector = list(range(1, slices + 1))
    _store(dataset, _rgb(image, slice(None)))
    return dataset


def _name_sources(dataset: Dataset, sources: list[Dataset]) -> None:
    if sources:
        dataset.SourceImageSequence = sources


def _place_frames(dataset: Dataset, geometry: Geometry, lineage: Lineage) -> None:
    """Pixel measures, orientation and positions as functional groups: PS3.3 A.8.5.4."""
    plane = _plane(geometry, 0)
    shared, frames = Dataset(), []
    shared.PixelMeasuresSequence = hd.PixelMeasuresSequence(
        _decimals(plane.spacing_mm), _thickness(lineage, geometry, 0), _decimals([_between_slices(geometry)])[0]
    )
    in_patient, cosines = hd.CoordinateSystemNames.PATIENT, _decimals([*plane.row, *plane.column])
    shared.PlaneOrientationSequence = hd.PlaneOrientationSequence(in_patient, cosines)
    for index in range(geometry.shape[0]):
        frame = Dataset()
        position = _decimals(_plane(geometry, index).position)
        frame.PlanePositionSequence = hd.PlanePositionSequence(in_patient, position)
        frames.append(frame)
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = frames
    dataset.FrameIncrementPointer = Tag("PerFrameFunctionalGroupsSequence")
    if "FrameOfReferenceUID" not in dataset:
        # Functional groups of a place ask for one: where FIXED has none, the file is a frame of reference of its own.
        dataset.FrameOfReferenceUID = instance_uid(dataset.SeriesInstanceUID, 0)
        dataset.PositionReferenceIndicator = None


def _instance(sop_class: str, common: Dataset, lineage: Lineage, image: Image, series: str, index: int) -> Dataset:
    """A new instance by highdicom, with what all instances have in common."""
    dataset = hd.SOPClass(
        study_instance_uid=text(lineage.fixed.header, "StudyInstanceUID"),
        series_instance_uid=series,
        series_number=_series_number(lineage.fixed.header),
        series_description=_series_description(image, lineage),
        sop_instance_uid=instance_uid(series, index),
        sop_class_uid=sop_class,
        instance_number=index,
        modality="OT",
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
    return dataset


def _series_number(header: Dataset) -> int:
    """FIXED's number with two digits more, so that the result is listed behind it."""
    source = text(header, "SeriesNumber")
    is_usual = source.isdigit() and int(source) <= LARGEST_SOURCE_NUMBER
    return 100 * (int(source) if is_usual else NUMBER_WITHOUT_SOURCE) + 1


def _series_description(image: Image, lineage: Lineage) -> str:
    own, other = (text(parent.header, "Modality") for parent in (lineage.fixed, lineage.moving))
    fuse = last_step(image.history, "fuse")
    return f"FUSED {own}+{other} {fuse.facts['model'] if fuse else ''} (research)"


def _plane(geometry: Geometry, index: int) -> Plane:
    corner = geometry.points(np.array([[index, 0, 0]], dtype=np.float64))[0]
    _, between_rows, between_columns = geometry.spacing_mm
    directions = geometry.directions
    return Plane(corner, directions[:, 2], directions[:, 1], (between_rows, between_columns))


def _between_slices(geometry: Geometry) -> float:
    """From slice to slice along the normal, in mm; never negative, which some readers take for a turned stack."""
    return float(abs(geometry.matrix[:3, 0] @ _plane(geometry, 0).normal))


def _thickness(lineage: Lineage, geometry: Geometry, index: int) -> DSfloat:
    """FIXED's own slice thickness, which may differ from the distance of its slices."""
    frame = lineage.fixed.frames[index]
    own = number(functional_group(frame.file.header, frame.index, "PixelMeasuresSequence"), "SliceThickness")
    return _decimals([own if own and own > 0 else _between_slices(geometry)])[0]


def _decimals(numbers: Iterable[float]) -> list[DSfloat]:
    """Decimal strings of at most 16 characters: PS3.5 section 6.2. Adding 0 turns -0 into 0."""
    return [DSfloat(round(float(value), DECIMALS) + 0.0, auto_format=True) for value in numbers]


def _rgb(image: Image, part: slice) -> NDArray[np.uint8]:
    """8-bit RGB of some slices, (slice, row, column, 3); grey has three equal channels."""
    voxels = image.voxels[part]
    if image.is_color:
        return np.asarray(voxels)
    return np.repeat(to_uint8(voxels)[..., np.newaxis], 3, axis=3)


def _store(dataset: Dataset, rgb: NDArray[np.uint8]) -> None:
    content = rgb.tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OB"


def _save(dataset: Dataset, path: Path) -> None:
    dataset.save_as(path, enforce_file_format=True)
