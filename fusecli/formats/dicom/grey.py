"""A grey volume of numbers as a derived series in the class of its source: CT, MR or PET, never color.

Source: DICOM PS3.3 A.3, A.4 and A.21 (CT, MR and PET Image), C.8.9.1.1.5 (decay correction).
"""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from fusecli.atomic import replacing
from fusecli.core.geometry import Geometry
from fusecli.core.history import Fact, Step, last_step
from fusecli.core.image import Image
from fusecli.errors import ImageError, UsageError
from fusecli.formats.dicom import derivation, instance
from fusecli.formats.dicom.frames import Frame
from fusecli.formats.dicom.grey_attributes import GREY_CLASSES
from fusecli.formats.dicom.grey_pixels import quantization
from fusecli.formats.dicom.grey_units import check_unit, unit_elements
from fusecli.formats.dicom.header import number, tag_name, text, texts
from fusecli.formats.dicom.inherited import inherit, inherit_of_slice
from fusecli.formats.dicom.lineage import Parent, frames_reached
from fusecli.formats.dicom.suv.frame_header import frame_header
from fusecli.formats.dicom.suv.moments import MissingError, acquired, first_acquired, mean_of_frame, reference_times
from fusecli.formats.dicom.suv.quantities import half_life_s
from fusecli.formats.dicom.uids import series_uid
from fusecli.formats.dicom.valid import valid_element
from fusecli.formats.targets import check_writable, folder_of_dicom

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """The series that a volume was made of. `through` takes points of the volume's grid to that series' own, both in
    mm of LPS, (N, 3); None: the volume has the series' own slices.
    """

    parent: Parent
    through: Callable[[Points], Points] | None = None

    def frames(self, image: Image, index: int) -> Sequence[Frame]:
        """The slices of the source that slice `index` was made of; none outside of its field of view."""
        if self.through is None:
            return self.parent.frames[index : index + 1]
        resampled = last_step(image.history, "resample")
        blur = float(resampled.facts.get("smoothed_by_voxels") or 0) if resampled else 0.0
        return frames_reached(self.parent, self._lattice(image.geometry, index), smoothed_by_voxels=blur)

    def nearest(self, image: Image, index: int) -> Frame:
        """The slice of the source that the middle of slice `index` lies nearest to, within its field of view or not."""
        frames = self.parent.frames
        if self.through is None:
            return frames[index]
        middle = self._lattice(image.geometry, index).mean(axis=0, keepdims=True)
        place = round(float(self.parent.geometry.indices(middle)[0, 0]))
        return frames[min(max(place, 0), len(frames) - 1)]

    def _lattice(self, geometry: Geometry, index: int) -> Points:
        """Corners, edges and middle of a slice, where they lie in the source: a bent slice has more than corners."""
        assert self.through is not None
        _, rows, columns = geometry.shape
        places = [
            [index, row, column]
            for row in (0, (rows - 1) / 2, rows - 1)
            for column in (0, (columns - 1) / 2, columns - 1)
        ]
        return self.through(geometry.points(np.array(places, dtype=np.float64)))


def check(parent: Parent) -> None:
    """Whether a volume of this series can be written in its own class, told by its headers, before the long work.

    Raises UsageError for a modality other than CT, MR and PET; ImageError for a PET without a unit, and for headers
    that cannot be carried over.
    """
    modality = text(parent.header, "Modality")
    if modality not in GREY_CLASSES:
        raise UsageError(
            f"DICOM cannot be written of modality {modality or 'unknown'}.",
            why="Numbers are written in the class of their source, and those of CT, MR and PET are known here.",
            hint="Write NIfTI, which keeps the numbers: -o NAME.nii.gz",
        )
    with instance.carried_over():
        check_unit(_header(parent.frames[0]))
        for frame in parent.frames:
            _copied(_header(frame), modality, of_slice=True)
        _copied(_header(parent.frames[0]), modality, of_slice=False)


def check_grid(geometry: Geometry) -> None:
    """Raises ImageError for a grid without a place in the patient, which slices of CT, MR and PET have."""
    if not geometry.is_patient:
        raise ImageError(
            "The image cannot be written as CT, MR or PET.",
            why="Slices of these have a place in the patient, and its grid has none.",
            hint="Write NIfTI instead: -o NAME.nii.gz",
        )


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
    named .dcm, the only file. One slope and one intercept hold for all slices, each voxel within half a step. Equal
    input gives equal bytes.

    Raises what `check`, `check_grid` and `check_writable` raise; ImageError for color, and where the series changed
    since it was read.
    """
    check(origin.parent)
    check_grid(image.geometry)
    _check_image(image, origin)
    check_writable(path, overwrite, slices=image.geometry.shape[0], dicom="series")
    folder_of = folder_of_dicom(path)
    with replacing(path, overwrite=overwrite, folder_of=folder_of) as temporary, instance.carried_over():
        if folder_of is not None:
            temporary.mkdir()
        _write_all(image, temporary, origin, as_file=folder_of is None)
    return path


def _check_image(image: Image, origin: Origin) -> None:
    if image.is_color:
        raise ImageError(
            "The image cannot be written as CT, MR or PET.",
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
    stored_as = quantization(image.voxels, has_offset=modality != "PT")
    common = _common(image, origin, header)
    stored_as.describe(common)
    reference = _reference(origin, common)
    digits = max(4, len(str(image.geometry.shape[0])))
    for index, voxels in enumerate(image.voxels):
        dataset = instance.new_instance(
            GREY_CLASSES[modality].uid,
            common,
            origin.parent.header,
            modality=modality,
            description=_description(image, origin),
            series=uid,
            index=index + 1,
        )
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
    if modality == "PT":
        if "PatientPosition" in common:
            del common.PatientPosition  # which the codes of a PET's patient orientation stand for: PS3.3 C.7.3.1
        # What is written is one volume, whatever series of time points or gates it was taken from.
        is_whole_body = texts(header, "SeriesType")[:1] == ("WHOLE BODY",)
        common.SeriesType = ["WHOLE BODY" if is_whole_body else "STATIC", "IMAGE"]
        common.NumberOfSlices = image.geometry.shape[0]
    elif "PatientPosition" not in common:
        common.PatientPosition = None
    common.DerivationDescription = derivation.describe_numbers(image)
    if origin.through is not None:
        common.DerivationCodeSequence = [derivation.spatial_resampling()]
    common.ContributingEquipmentSequence = derivation.equipment((origin.parent,), "Derivation of a volume")
    _, common.Rows, common.Columns = image.geometry.shape
    return common


def _image_characteristics(header: Dataset, modality: str) -> Sequence[str]:
    """Image Type from its second value on: of a PET that is always PRIMARY, C.8.9.4.1.1; C.8.2.1.1.1; C.8.3.1.1.1."""
    if modality == "PT":
        return ["PRIMARY"]
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
