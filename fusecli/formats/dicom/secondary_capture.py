"""A fused image as Secondary Capture in FIXED's study: a file per slice, or one multi-frame file.

Source: DICOM PS3.3 A.8.1 (SC Image) and A.8.5 (Multi-frame True Color SC Image).
"""

import io
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import highdicom as hd
import numpy as np
from pydicom import Dataset, dcmwrite
from pydicom.tag import Tag
from pydicom.uid import MultiFrameTrueColorSecondaryCaptureImageStorage
from pydicom.uid import SecondaryCaptureImageStorage as SingleFrameStorage

from fusecli.core.geometry import Geometry
from fusecli.core.history import Fact, last_step
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.pair import Pair
from fusecli.core.scratch import release
from fusecli.errors import ImageError
from fusecli.formats.dicom import derivation, instance
from fusecli.formats.dicom.deidentified import Deidentifier, check_no_text_is_drawn
from fusecli.formats.dicom.header import text
from fusecli.formats.dicom.inherited import inherit, inherit_of_slice
from fusecli.formats.dicom.instance import decimals
from fusecli.formats.dicom.lineage import Lineage
from fusecli.formats.dicom.pixel_stream import stream
from fusecli.formats.dicom.uids import series_uid
from fusecli.formats.raster import to_uint8

MOST_BYTES = 2**32 - 2  # what a pixel data element without compression can hold: PS3.5 section 7.1


def check_layout(lineage: Lineage, layout: str, *, deidentify: bool = False) -> None:
    """Whether the headers of FIXED and MOVING allow what is asked for, so that nobody waits for what is then refused.

    Raises ImageError for headers that cannot be carried over, for text that may be drawn into what is to be
    de-identified, and for a multi-frame file of a FIXED without any date or of more than 4 GiB.
    """
    own = Dataset()
    with instance.carried_over():
        inherit(own, lineage.fixed.header, lineage.moving.header)
        for frame in lineage.fixed.frames:
            inherit_of_slice(own, frame.file.header)
        own.ContributingEquipmentSequence = derivation.equipment((lineage.fixed, lineage.moving), "")
        dcmwrite(io.BytesIO(), own, implicit_vr=False, little_endian=True)
        if layout == "multiframe" and len(lineage.fixed.frames) > 1:
            _check_one_file(lineage)
    if deidentify:
        check_no_text_is_drawn(own)


def write(
    image: Image,
    path: Path,
    lineage: Lineage,
    pair: Pair,
    *,
    layout: str,
    as_file: bool,
    options: Mapping[str, Fact],
    deidentify: bool = False,
) -> None:
    """Write a UNIT or RGB `image` made of `pair`, whose series are `lineage`, as 8-bit RGB, Explicit VR Little Endian.

    `layout` is "series" (SC Image, a file per slice) or "multiframe" (one Multi-frame True Color SC; of one slice an SC
    Image all the same). `path` becomes a folder of IM0001.dcm ..., or with `as_file` the one file. Equal input gives
    equal bytes: there is no clock in it.
    `options` decide the pixels and stand in no history. `deidentify` takes the patient out: new UIDs in every run.

    Raises ImageError when the series changed since it was read, or text may be drawn into what should be
    de-identified; ValueError for an image in a scanner's unit. What else can be wrong `check_layout` tells beforehand.
    """
    if image.intensity not in (Intensity.UNIT, Intensity.RGB):
        raise ValueError(f"a fused image is UNIT or RGB, and this one is {image.intensity}")
    slices = len(lineage.fixed.frames)
    if image.geometry.shape[0] != slices:
        raise ImageError("The series of FIXED changed while it was fused.", hint="Run again when it is complete.")
    uid = series_uid(image, (pair.fixed, pair.moving), {**options, "layout": layout})
    finish = Deidentifier() if deidentify else _as_it_is
    with instance.carried_over():
        common = _common(image, lineage, pair)
        if not as_file:
            path.mkdir()
        is_one = layout == "multiframe" and slices > 1
        digits = max(4, len(str(slices)))
        for index in range(1 if is_one else slices):
            make = _multiframe if is_one else partial(_single_frame, index=index)
            dataset = make(common, image, lineage, pair, uid)
            finish(dataset)
            _save(dataset, path if as_file else path / f"IM{index + 1:0{digits}d}.dcm")


def _as_it_is(dataset: Dataset) -> None:
    """Leave an instance with its patient."""


def _check_one_file(lineage: Lineage) -> None:
    """Raises ImageError where one file cannot hold all slices, or has no date, which it needs."""
    dated, per_slice = Dataset(), "Write a file per slice: --dicom series"
    inherit_of_slice(dated, lineage.fixed.header)
    if "ContentDate" not in dated:
        raise ImageError("FIXED has no date at all, and a multi-frame file needs one.", hint=per_slice)
    slices, rows, columns = lineage.fixed.geometry.shape
    if slices * rows * columns * 3 > MOST_BYTES:
        raise ImageError(
            "The fused volume is too large for one DICOM file.",
            why=f"{slices} slices of {columns} x {rows} RGB pixels are more than 4 GiB.",
            hint=per_slice,
        )


def _common(image: Image, lineage: Lineage, pair: Pair) -> Dataset:
    """What all instances say alike: patient, study, series, and how the image came about."""
    common, fixed, moving = Dataset(), lineage.fixed.header, lineage.moving.header
    inherit(common, fixed, moving)
    instance.refer(common, image.geometry)
    common.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    common.ConversionType = "WSD"
    common.DerivationDescription = derivation.describe(image, pair)
    codes = derivation.derivation_codes(image, pair)
    if codes:
        common.DerivationCodeSequence = codes
    common.ContributingEquipmentSequence = derivation.equipment((lineage.fixed, lineage.moving), "Image fusion")
    common.SamplesPerPixel, common.PhotometricInterpretation, common.PlanarConfiguration = 3, "RGB", 0
    _, common.Rows, common.Columns = image.geometry.shape
    common.BitsAllocated, common.BitsStored, common.HighBit, common.PixelRepresentation = 8, 8, 7, 0
    return common


def _single_frame(common: Dataset, image: Image, lineage: Lineage, pair: Pair, series: str, index: int) -> Dataset:
    """One slice as SC Image, with Image Plane where the place is known."""
    dataset = _instance(SingleFrameStorage, common, lineage, image, series, index + 1)
    inherit_of_slice(dataset, lineage.fixed.frames[index].file.header)
    instance.name_sources(dataset, derivation.source_images(lineage, [index], pair))
    if image.geometry.is_patient:
        thickness = instance.thickness_of(lineage.fixed.frames[index], image.geometry)
        instance.place(dataset, image.geometry, index, thickness)
    else:
        dataset.PatientOrientation = None
    instance.store(dataset, _rgb(image, index), "OB")
    return dataset


def _multiframe(common: Dataset, image: Image, lineage: Lineage, pair: Pair, series: str) -> Dataset:
    """All slices as one Multi-frame True Color SC; each frame has its place in the functional groups."""
    slices = image.geometry.shape[0]
    dataset = _instance(MultiFrameTrueColorSecondaryCaptureImageStorage, common, lineage, image, series, 1)
    inherit_of_slice(dataset, lineage.fixed.header)
    # Type 1 here: where the sources leave it open, the careful answer is that there may be text.
    dataset.BurnedInAnnotation = dataset.get("BurnedInAnnotation") or "YES"
    instance.name_sources(dataset, derivation.source_images(lineage, range(slices), pair))
    dataset.NumberOfFrames = slices
    dataset.PatientOrientation = None
    if image.geometry.is_patient:
        _place_frames(dataset, image.geometry, lineage)
    else:
        dataset.FrameIncrementPointer = Tag("PageNumberVector")
        dataset.PageNumberVector = list(range(1, slices + 1))
    instance.store(dataset, stream(slices, partial(_rgb, image)), "OB")
    return dataset


def _place_frames(dataset: Dataset, geometry: Geometry, lineage: Lineage) -> None:
    """Pixel measures, orientation and positions as functional groups: PS3.3 A.8.5.4."""
    plane = instance.plane_of(geometry, 0)
    shared, frames = Dataset(), []
    shared.PixelMeasuresSequence = hd.PixelMeasuresSequence(
        decimals(plane.spacing_mm),
        instance.thickness_of(lineage.fixed.frames[0], geometry),
        decimals([instance.between_slices(geometry)])[0],
    )
    in_patient, cosines = hd.CoordinateSystemNames.PATIENT, decimals([*plane.row, *plane.column])
    shared.PlaneOrientationSequence = hd.PlaneOrientationSequence(in_patient, cosines)
    for index in range(geometry.shape[0]):
        frame = Dataset()
        position = decimals(instance.plane_of(geometry, index).position)
        frame.PlanePositionSequence = hd.PlanePositionSequence(in_patient, position)
        frames.append(frame)
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = frames
    dataset.FrameIncrementPointer = Tag("PerFrameFunctionalGroupsSequence")
    instance.refer_to_itself(dataset)  # functional groups of a place ask for a frame of reference


def _instance(sop_class: str, common: Dataset, lineage: Lineage, image: Image, series: str, index: int) -> Dataset:
    return instance.new_instance(
        sop_class,
        common,
        lineage.fixed.header,
        modality="OT",
        description=_series_description(image, lineage),
        series=series,
        index=index,
    )


def _series_description(image: Image, lineage: Lineage) -> str:
    own, other = (text(parent.header, "Modality") for parent in (lineage.fixed, lineage.moving))
    fuse = last_step(image.history, "fuse")
    return f"FUSED {own}+{other} {fuse.facts['model'] if fuse else ''} (research)"


def _rgb(image: Image, index: int) -> bytes:
    """8-bit RGB of a slice, in the order (row, column, 3); grey has three equal channels."""
    voxels = image.voxels[index]
    content = voxels.tobytes() if image.is_color else np.repeat(to_uint8(voxels)[..., np.newaxis], 3, axis=2).tobytes()
    release(voxels)
    return content


def _save(dataset: Dataset, path: Path) -> None:
    dataset.save_as(path, enforce_file_format=True)
