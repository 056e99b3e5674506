"""A grey volume of numbers as a derived series in the class of its source: CT, MR, PET or NM, never color.

Source: DICOM PS3.3 A.3, A.4, A.5 and A.21 (CT, MR, NM and PET Image), C.8.9.1.1.5 (decay correction).
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from pydicom import Dataset

from fusecli.atomic import replacing
from fusecli.core.geometry import Geometry
from fusecli.core.history import Fact, Step
from fusecli.core.image import Image
from fusecli.errors import ImageError, UsageError
from fusecli.formats.dicom import derivation, grey_nuclear, instance
from fusecli.formats.dicom.frames import Frame
from fusecli.formats.dicom.grey_attributes import GREY_CLASSES
from fusecli.formats.dicom.grey_origin import Origin
from fusecli.formats.dicom.grey_pixels import quantization
from fusecli.formats.dicom.grey_units import check_unit, unit_elements
from fusecli.formats.dicom.header import number, tag_name, text, texts
from fusecli.formats.dicom.inherited import inherit, inherit_of_slice
from fusecli.formats.dicom.lineage import Parent
from fusecli.formats.dicom.suv.frame_header import frame_header
from fusecli.formats.dicom.suv.moments import MissingError, acquired, first_acquired, mean_of_frame, reference_times
from fusecli.formats.dicom.suv.quantities import half_life_s
from fusecli.formats.dicom.uids import series_uid
from fusecli.formats.dicom.valid import valid_element
from fusecli.formats.targets import NUMBERS, check_writable, folder_of_dicom

__all__ = ["Origin", "check", "check_grid", "checked_step", "files_of", "write"]


def check(parent: Parent) -> None:
    """Whether a volume of this series can be written in its own class, told by its headers, before the long work.

    Raises UsageError for a modality other than CT, MR, PET and NM; ImageError for a PET without a unit, and for headers
    that cannot be carried over.
    """
    modality = text(parent.header, "Modality")
    if modality not in GREY_CLASSES:
        raise UsageError(
            f"DICOM cannot be written of modality {modality or 'unknown'}.",
            why="Numbers are written in the class of their source, and those of CT, MR, PET and NM are known here.",
            hint="Write NIfTI, which keeps the numbers: -o NAME.nii.gz",
        )
    with instance.carried_over():
        check_unit(_header(parent.frames[0]))
        for frame in parent.frames:
            _copied(_header(frame), modality, of_slice=True)
        _copied(_header(parent.frames[0]), modality, of_slice=False)


def check_grid(geometry: Geometry, parent: Parent | None = None) -> None:
    """Whether slices of `parent`'s class can lie so; without it, of any class.

    Raises ImageError for a grid without a place in the patient, and for one that leans where the class is NM.
    """
    if not geometry.is_patient:
        raise ImageError(
            "The image cannot be written as CT, MR, PET or NM.",
            why="Slices of these have a place in the patient, and its grid has none.",
            hint="Write NIfTI instead: -o NAME.nii.gz",
        )
    if parent is not None and text(parent.header, "Modality") == "NM":
        grey_nuclear.check_grid(geometry)


def files_of(parent: Parent, slices: int) -> int:
    """In how many files so many slices of this series are written: an NM Image holds all of them."""
    return 1 if text(parent.header, "Modality") == "NM" else slices


def checked_step(parent: Parent) -> Step:
    """For the history of what is written: which elements of its class the source lacks, and the result with it."""
    modality = text(parent.header, "Modality")
    with instance.carried_over():
        header = _header(parent.frames[0])
        absent = [name for name in GREY_CLASSES[modality].required if valid_element(header, name) is None]
    facts: dict[str, Fact] = {"class": GREY_CLASSES[modality].uid.name}
    if not absent:
        return Step("to_dicom", facts)
    missing = ", ".join(tag_name(name) for name in absent)
    return Step("to_dicom", facts, (f"The source has no {missing}, which its class requires: nor has the result.",))


def write(image: Image, path: Path, origin: Origin, *, overwrite: bool = False) -> Path:
    """Write grey `image`, made of `origin`, as a series of 16 bits in the class of its source, whole or not at all.

    Patient and study are the source's, the place is the image's own. `path` becomes a folder of IM0001.dcm ..., or,
    named .dcm, the only file; an NM volume is one file of many frames in either. One slope and one intercept hold for
    all slices, each voxel within half a step. Equal input gives equal bytes.

    Raises what `check`, `check_grid` and `check_writable` raise; ImageError for color, and where the series changed
    since it was read.
    """
    check(origin.parent)
    check_grid(image.geometry, origin.parent)
    _check_image(image, origin)
    check_writable(path, overwrite, slices=files_of(origin.parent, image.geometry.shape[0]), dicom=NUMBERS)
    folder_of = folder_of_dicom(path)
    with replacing(path, overwrite=overwrite, folder_of=folder_of) as temporary, instance.carried_over():
        if folder_of is not None:
            temporary.mkdir()
        _write_all(image, temporary, origin, as_file=folder_of is None)
    return path


def _check_image(image: Image, origin: Origin) -> None:
    if image.is_color:
        raise ImageError(
            "The image cannot be written as CT, MR, PET or NM.",
            why="It is color, and slices of these are grey.",
            hint="Write pictures instead: -o NAME.png",
        )
    if origin.through is None and image.geometry.shape[0] != len(origin.parent.frames):
        raise ImageError("The series changed while it was read.", hint="Run again when it is complete.")


def _write_all(image: Image, folder: Path, origin: Origin, *, as_file: bool) -> None:
    digest = hashlib.sha256(image.voxels.tobytes()).hexdigest()
    grid = " ".join(f"{number:.9g}" for number in image.geometry.matrix.ravel())
    uid = series_uid(image, (image,), {"voxels": digest, "grid": grid})
    header, modality = _header(origin.parent.frames[0]), text(origin.parent.header, "Modality")
    stored_as = quantization(image.voxels, has_offset=modality in ("CT", "MR"))
    common = _common(image, origin, header)
    stored_as.describe(common)
    new = partial(
        instance.new_instance,
        GREY_CLASSES[modality].uid,
        common,
        origin.parent.header,
        modality=modality,
        description=_description(image, origin),
        series=uid,
    )
    if modality == "NM":
        dataset = grey_nuclear.described(new(index=1), image, origin, stored_as)
        _save(dataset, folder if as_file else folder / "IM0001.dcm")
        return
    reference = _reference(origin, common)
    digits = max(4, len(str(image.geometry.shape[0])))
    for index, voxels in enumerate(image.voxels):
        dataset = new(index=index + 1)
        _describe_slice(dataset, image, origin, index, reference)
        instance.store(dataset, stored_as.stored(voxels).tobytes(), "OW")
        _save(dataset, folder if as_file else folder / f"IM{index + 1:0{digits}d}.dcm")


def _common(image: Image, origin: Origin, header: Dataset) -> Dataset:
    """What all slices say alike: patient, study, series, unit, and how they came about."""
    common, modality = Dataset(), text(header, "Modality")
    inherit(common, origin.parent.header, origin.parent.header)
    common.update(_copied(header, modality, of_slice=False))
    common.update(unit_elements(image, header))
    instance.refer(common, image.geometry)
    common.ImageType = ["DERIVED", *_image_characteristics(header, modality)]
    if modality in ("PT", "NM") and "PatientPosition" in common:
        del common.PatientPosition  # which the codes of their patient orientation stand for: PS3.3 C.7.3.1
    if modality == "PT":
        # What is written is one volume, whatever series of time points or gates it was taken from.
        is_whole_body = texts(header, "SeriesType")[:1] == ("WHOLE BODY",)
        common.SeriesType = ["WHOLE BODY" if is_whole_body else "STATIC", "IMAGE"]
        common.NumberOfSlices = image.geometry.shape[0]
    elif modality in ("CT", "MR") and "PatientPosition" not in common:
        common.PatientPosition = None
    common.DerivationDescription = derivation.describe_numbers(image)
    if origin.through is not None:
        common.DerivationCodeSequence = [derivation.spatial_resampling()]
    common.ContributingEquipmentSequence = derivation.equipment((origin.parent,), "Derivation of a volume")
    _, common.Rows, common.Columns = image.geometry.shape
    return common


def _image_characteristics(header: Dataset, modality: str) -> Sequence[str]:
    """Image Type from its second value on: of a PET and an NM that is always PRIMARY.

    Source: PS3.3 C.8.9.4.1.1 (PET), C.8.4.9.1.1 (NM), C.8.2.1.1.1 (CT), C.8.3.1.1.1 (MR).
    """
    if modality == "PT":
        return ["PRIMARY"]
    if modality == "NM":
        return ["PRIMARY", "RECON TOMO", "TRANSMISSION" if "TRANSMISSION" in texts(header, "ImageType") else "EMISSION"]
    kept, stated = Dataset(), valid_element(header, "ImageType")
    if stated is not None:
        kept.add(stated)
    return ["SECONDARY", *(["AXIAL"] if modality == "CT" else texts(kept, "ImageType")[2:] or ["OTHER"])]


def _describe_slice(dataset: Dataset, image: Image, origin: Origin, index: int, reference: datetime | None) -> None:
    """What is a slice's own: its place, when it was scanned, what it was made of."""
    geometry, nearest = image.geometry, origin.nearest(image, index)
    header = _header(nearest)
    modality = text(header, "Modality")
    inherit_of_slice(dataset, header)
    dataset.update(_copied(header, modality, of_slice=True))
    if modality == "PT":
        dataset.ImageIndex = index + 1
        _correct_to(dataset, header, reference)
    if origin.through is None:
        kept = derivation.locations_kept(origin.parent)
        thickness = instance.thickness_of(nearest, geometry)
    else:
        kept, thickness = "NO", instance.decimals([instance.between_slices(geometry)])[0]
    instance.name_sources(dataset, derivation.named(origin.frames(image, index), kept))
    instance.refer_to_itself(dataset)
    instance.place(dataset, geometry, index, thickness)


def _reference(origin: Origin, common: Dataset) -> datetime | None:
    """The moment that a Bq/ml of DecayCorrection START refers to; None for other numbers, or where it is not told.

    Readers take the series time for it, while the source may have told it in elements of its maker's own.
    """
    if text(common, "Units") != "BQML" or text(common, "DecayCorrection") != "START":
        return None
    headers = [_header(frame) for frame in origin.parent.frames]
    with suppress(MissingError, ImageError):
        reference = next(iter(reference_times(headers, half_life_s(headers)).values()))
        return reference if reference <= first_acquired(headers) else None
    return None


def _correct_to(dataset: Dataset, header: Dataset, reference: datetime | None) -> None:
    """State `reference` as series time, and the frame's mean counted from it: C.8.9.4.1.5."""
    if reference is None:
        return
    with suppress(MissingError, ImageError):
        since = acquired(header) + mean_of_frame(header, half_life_s([header])) - reference
        dataset.FrameReferenceTime = instance.decimals([since / timedelta(milliseconds=1)])[0]
    dataset.SeriesDate, dataset.SeriesTime = f"{reference:%Y%m%d}", f"{reference:%H%M%S.%f}"


def _header(frame: Frame) -> Dataset:
    """The header of one slice in classic form."""
    return frame_header(frame.file.header, frame.index)


def _copied(header: Dataset, modality: str, *, of_slice: bool) -> Dataset:
    """The valid elements of the class that are a slice's own, or those that are the series'."""
    of_class, found = GREY_CLASSES[modality], Dataset()
    for keyword in (*of_class.required, *of_class.known, *of_class.optional):
        if (keyword in of_class.of_slice) is of_slice:
            element = valid_element(_in_whole_ms(header, keyword), keyword)
            if element is not None:
                found.add(element)
            elif keyword in of_class.known:
                setattr(found, keyword, None)
    return found


def _in_whole_ms(header: Dataset, keyword: str) -> Dataset:
    """The header; where an enhanced PET gives a fraction of a millisecond that a slice cannot, with that rounded."""
    duration = number(header, keyword) if keyword == "ActualFrameDuration" else None
    if duration is None:
        return header
    rounded = Dataset()
    rounded.ActualFrameDuration = round(duration)
    return rounded


def _description(image: Image, origin: Origin) -> str:
    moved = " on another grid" if origin.through is not None else ""
    return f"{text(origin.parent.header, 'Modality')} {image.intensity.value}{moved} (research)"


def _save(dataset: Dataset, path: Path) -> None:
    dataset.save_as(path, enforce_file_format=True)
