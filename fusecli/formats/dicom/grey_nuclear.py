"""A volume of nuclear medicine as one NM Image of many frames: a reconstruction, slice upon slice.

The place of the first slice stands with the detector, that of the others follows from their distance. The class has no
rescale slope; counts are mapped by a real world value map, and by the slope that most readers look for all the same.

Source: DICOM PS3.3 A.5 (NM Image), C.8.4.8 (frames), C.8.4.10 (isotope), C.8.4.11 (detector), C.8.4.15 (its slices),
C.7.6.16.2.11 (real world value map).
"""

import highdicom as hd
import numpy as np
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.sr.codedict import codes

from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.errors import ImageError
from fusecli.formats.dicom import derivation, instance
from fusecli.formats.dicom.frames import COSINE_TOLERANCE, Frame
from fusecli.formats.dicom.grey_origin import Origin
from fusecli.formats.dicom.grey_pixels import Quantization
from fusecli.formats.dicom.header import items, numbers
from fusecli.formats.dicom.inherited import inherit_of_slice
from fusecli.formats.dicom.valid import valid_element

_OF_DETECTOR = ("CollimatorType", "CollimatorGridName", "FocalDistance")
_WINDOWS = "EnergyWindowInformationSequence"


def check_grid(geometry: Geometry) -> None:
    """Raises ImageError for slices that do not lie straight behind one another, which this class cannot say."""
    step, normal = geometry.matrix[:3, 0], instance.plane_of(geometry, 0).normal
    if np.linalg.norm(step - (step @ normal) * normal) > COSINE_TOLERANCE * np.linalg.norm(step):
        raise ImageError(
            "The image cannot be written as NM.",
            why="Its grid leans, as a tilted gantry leaves it, and the slices of an NM Image lie straight.",
            hint="Write NIfTI instead: -o NAME.nii.gz",
        )


def described(dataset: Dataset, image: Image, origin: Origin, stored_as: Quantization) -> Dataset:
    """The new instance `dataset` with all slices of `image` as its frames: their place, their origin, their pixels."""
    count, first = image.geometry.shape[0], origin.nearest(image, 0)
    inherit_of_slice(dataset, first.file.header)
    _describe_frames(dataset, image.geometry, first, is_own=origin.through is None)
    _set_window(dataset, first)
    dataset.DetectorInformationSequence = [_detector(first, image.geometry)]
    _map_values(dataset, stored_as)
    kept = derivation.locations_kept(origin.parent) if origin.through is None else "NO"
    used = dict.fromkeys(frame for index in range(count) for frame in origin.frames(image, index))
    instance.name_sources(dataset, derivation.named(list(used), kept))
    instance.refer_to_itself(dataset)
    instance.store(dataset, stored_as.stored(image.voxels).tobytes(), "OW")
    return dataset


def _describe_frames(dataset: Dataset, geometry: Geometry, first: Frame, *, is_own: bool) -> None:
    """One energy window, one detector, and slices in their order: table C.8.4-8."""
    plane, between = instance.plane_of(geometry, 0), instance.between_slices(geometry)
    dataset.NumberOfFrames = dataset.NumberOfSlices = geometry.shape[0]
    dataset.FrameIncrementPointer = tag_for_keyword("SliceVector")
    dataset.SliceVector = list(range(1, geometry.shape[0] + 1))
    dataset.NumberOfEnergyWindows = dataset.NumberOfDetectors = 1
    dataset.NumberOfRotations = len(items(dataset, "RotationInformationSequence")) or 1
    dataset.PixelSpacing = instance.decimals(plane.spacing_mm)
    dataset.SliceThickness = instance.thickness_of(first, geometry) if is_own else instance.decimals([between])[0]
    # With its sign: a stack that grows against the normal of its first slice says so here.
    along = float(np.sign(geometry.matrix[:3, 0] @ plane.normal))
    dataset.SpacingBetweenSlices = instance.decimals([along * between])[0]
    dataset.PatientOrientation = derivation.patient_orientation(plane)


def _set_window(dataset: Dataset, first: Frame) -> None:
    """The one energy window that the slices were measured in, of as many as the source has."""
    header, found = first.file.header, []
    element = valid_element(header, _WINDOWS)
    if element is not None and len(element.value) == len(items(header, _WINDOWS)):
        vector = numbers(header, "EnergyWindowVector")
        place = int(vector[first.index]) - 1 if first.index < len(vector) else 0
        found = list(element.value)[place : place + 1]
    dataset.EnergyWindowInformationSequence = found


def _detector(first: Frame, geometry: Geometry) -> Dataset:
    """The first detector's item: its collimator, and where the first slice lies."""
    item, plane = Dataset(), instance.plane_of(geometry, 0)
    source = next(iter(items(first.file.header, "DetectorInformationSequence")), Dataset())
    for keyword in _OF_DETECTOR:
        element = valid_element(source, keyword)
        if element is not None:
            item.add(element)
    for keyword in ("CollimatorType", "FocalDistance"):
        if keyword not in item:
            setattr(item, keyword, None)
    item.ImagePositionPatient = instance.decimals(plane.position)
    item.ImageOrientationPatient = instance.decimals([*plane.row, *plane.column])
    return item


def _map_values(dataset: Dataset, stored_as: Quantization) -> None:
    limits = np.iinfo(np.int16 if stored_as.is_signed else np.uint16)
    dataset.RealWorldValueMappingSequence = [
        hd.pm.RealWorldValueMapping(
            lut_label="COUNTS",
            lut_explanation="Counts, as the source has them",
            unit=codes.UCUM.Counts,
            value_range=(int(limits.min), int(limits.max)),
            slope=float(stored_as.slope),
            intercept=float(stored_as.intercept),
        )
    ]
