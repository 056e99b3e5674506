"""What the `info` command says of a DICOM series, from its headers alone; whose it is, only where that is asked."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from fusecli.catalog import Window
from fusecli.core.geometry import Geometry
from fusecli.core.slices import slice_positions_mm
from fusecli.errors import ImageError
from fusecli.formats.dicom.folder import Beside
from fusecli.formats.dicom.frames import Frame
from fusecli.formats.dicom.geometry import arrange, slice_gaps, tilt_degrees
from fusecli.formats.dicom.header import number, syntax_name, text
from fusecli.formats.dicom.identity import Identity, identity_of
from fusecli.formats.dicom.listing import description_of
from fusecli.formats.dicom.pixels import rescale_of
from fusecli.formats.dicom.readiness import SuvReadiness, readiness_of
from fusecli.formats.dicom.series import Series, Volume, find_series, volumes_of
from fusecli.formats.dicom.units import unit_of
from fusecli.formats.dicom.voi import windows_of


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """A DICOM series, or one of the images in it. None and empty stand for what the headers do not say.

    `part` is what comes after the series number to choose one of several images in a series, from 1, and `part_label`
    what sets it apart; 0 where the series is one image. `description` is free text, without the patient's names.
    `files` are those of the series, `slices` those of the image. `spacing_mm` is (slice, row, column), None where the
    slices do not lie evenly; `slice_gaps_mm` the smallest and the largest distance between neighbours along the normal;
    `tilt_degrees` by how much the stack leans against it. `orientation` are the direction cosines of a row and of a
    column in LPS as the file states them, six numbers; `plane` the anatomical plane that they are nearest to;
    `positions_mm` where the first and the last slice lie along the normal, in the order in which `read` numbers them;
    `rescale_slope` and `rescale_intercept` the smallest and the largest of the series; `units` what `read` would
    return, where RGB whose channels turn out equal is read as grey; `problems` why `read` would refuse or warn;
    `set_aside` counts the other files of the folder. `identity` is None unless it was asked for.
    """

    format: str
    modality: str
    series_uid: str
    series_number: str
    part: int
    part_label: str
    description: str
    is_localizer: bool
    files: int
    slices: int
    rows: int | None
    columns: int | None
    spacing_mm: tuple[float, float, float] | None
    slice_gaps_mm: tuple[float, float] | None
    tilt_degrees: float | None
    plane: str
    orientation: tuple[float, ...] | None
    positions_mm: tuple[float, float] | None
    frame_of_reference: str
    transfer_syntax: str
    photometric_interpretation: str
    bits_allocated: int | None
    bits_stored: int | None
    is_signed: bool
    rescale_slope: tuple[float, float] | None
    rescale_intercept: tuple[float, float] | None
    units: str
    windows: tuple[Window, ...]
    suv: SuvReadiness | None
    problems: tuple[str, ...]
    set_aside: Beside
    identity: Identity | None = None

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON takes them; without an identity, without that word."""
        facts = asdict(self)
        if self.identity is None:
            del facts["identity"]
        return facts


def describe(path: Path, *, show_identity: bool = False) -> list[SeriesInfo]:
    """Every series of a file or folder, images or not, and each image of a series that holds several.

    No pixel is decoded, but where two files claim to be one image. With `show_identity` each says whose it is.

    Raises InputError when there is no DICOM file; ImageError when the one file cannot be parsed.
    """
    found = []
    for series in find_series(path):
        problems: list[str] = []
        identity = identity_of(series.files[0].header) if show_identity else None
        found += [_described(volume, [*problems, *volume.warnings], identity) for volume in _volumes(series, problems)]
    return found


def _volumes(series: Series, problems: list[str]) -> list[Volume]:
    """The images in a series; none of its frames, and why, where they cannot be told."""
    if not series.is_image:
        problems.append("This is not an image: it has no rows and columns.")
        return [Volume(series, ())]
    try:
        return volumes_of(series)
    except ImageError as error:
        problems.append(_said(error))
        return [Volume(series, ())]


def _described(volume: Volume, problems: list[str], identity: Identity | None) -> SeriesInfo:
    series = volume.series
    frames, geometry = _arranged(volume, problems)
    header = frames[0].file.header if frames else series.files[0].header
    slope, intercept = _rescale_ranges(frames, problems)
    is_placed = geometry is not None and geometry.is_patient
    return SeriesInfo(
        format="DICOM",
        modality=volume.modality,
        series_uid=text(header, "SeriesInstanceUID"),
        series_number=series.number,
        part=volume.part,
        part_label=volume.label,
        description=description_of(series),
        is_localizer=series.is_localizer,
        files=len(series.files),
        slices=len(frames),
        rows=_integer(header, "Rows", problems),
        columns=_integer(header, "Columns", problems),
        spacing_mm=geometry.spacing_mm if geometry and is_placed else None,
        slice_gaps_mm=slice_gaps(frames),
        tilt_degrees=round(tilt_degrees(geometry), 3) if geometry and is_placed else None,
        plane=frames[0].plane.name if frames and frames[0].plane else "",
        orientation=_orientation(frames),
        positions_mm=_positions(geometry),
        frame_of_reference=text(header, "FrameOfReferenceUID"),
        transfer_syntax=_syntaxes(frames) or syntax_name(header),
        photometric_interpretation=text(header, "PhotometricInterpretation"),
        bits_allocated=_integer(header, "BitsAllocated", problems),
        bits_stored=_integer(header, "BitsStored", problems),
        is_signed=_integer(header, "PixelRepresentation", problems) == 1,
        rescale_slope=slope,
        rescale_intercept=intercept,
        units=_units(frames, problems),
        windows=windows_of(frames[len(frames) // 2]) if frames else (),
        suv=_suv(volume, frames),
        problems=tuple(dict.fromkeys(problems)),
        set_aside=series.beside,
        identity=identity,
    )


def _arranged(volume: Volume, problems: list[str]) -> tuple[Sequence[Frame], Geometry | None]:
    """The sorted frames and their grid; the frames as they come and no grid when they are no volume."""
    if not volume.frames:
        return [], None
    try:
        if not all(frame.file.has_pixels for frame in volume.frames):
            problems.append("There is no pixel data (7FE0,0010).")
        arranged = arrange(volume.frames)
        problems.extend(arranged.warnings)
    except ImageError as error:
        problems.append(_said(error))
        return volume.frames, None
    return arranged.frames, arranged.geometry


def _syntaxes(frames: Sequence[Frame]) -> str:
    return ", ".join(dict.fromkeys(syntax_name(frame.file.header) for frame in frames))


def _rescale_ranges(
    frames: Sequence[Frame], problems: list[str]
) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    try:
        found = np.array([rescale_of(frame.file.header, frame.index) for frame in frames])
    except ImageError as error:
        problems.append(_said(error))
        return None, None
    return (_range(found[:, 0]), _range(found[:, 1])) if len(found) else (None, None)


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _integer(header: Dataset, keyword: str, problems: list[str]) -> int | None:
    try:
        found = number(header, keyword)
    except ImageError as error:
        problems.append(_said(error))
        return None
    return None if found is None else int(found)


def _units(frames: Sequence[Frame], problems: list[str]) -> str:
    if not frames:
        return ""
    photometric = text(frames[0].file.header, "PhotometricInterpretation")
    if photometric == "PALETTE COLOR" or photometric.startswith(("RGB", "YBR")):
        return "RGB"
    try:
        unit = unit_of(frames)
    except ImageError as error:
        problems.append(_said(error))
        return ""
    problems.extend(unit.warnings)
    return str(unit.intensity)


def _suv(volume: Volume, frames: Sequence[Frame]) -> SuvReadiness | None:
    return readiness_of(frames) if volume.modality == "PT" and frames else None


def _orientation(frames: Sequence[Frame]) -> tuple[float, ...] | None:
    plane = frames[0].plane if frames else None
    return None if plane is None else tuple(float(cosine) for cosine in (*plane.row, *plane.column))


def _positions(geometry: Geometry | None) -> tuple[float, float] | None:
    if geometry is None or not geometry.is_patient:
        return None
    along_normal = slice_positions_mm(geometry)
    return float(along_normal[0]), float(along_normal[-1])


def _said(error: ImageError) -> str:
    return " ".join(part for part in (error.what, error.why) if part)
