"""What the `info` command says of a DICOM series, from its headers alone and without anything that names a person."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.catalog import Window
from fusecli.core.geometry import Geometry
from fusecli.core.slices import slice_positions_mm
from fusecli.errors import ImageError
from fusecli.formats.dicom.frames import Frame, frames_of
from fusecli.formats.dicom.geometry import arrange
from fusecli.formats.dicom.header import number, syntax_name, text
from fusecli.formats.dicom.pixels import rescale_of
from fusecli.formats.dicom.series import LOCALIZER_WARNING, Series, find_series
from fusecli.formats.dicom.suv import suv_factors
from fusecli.formats.dicom.units import unit_of, windows_of


@dataclass(frozen=True, slots=True)
class SuvReadiness:
    """Whether SUV can be computed: the route and the smallest and largest factor, or what is missing."""

    route: str
    factor_range: tuple[float, float] | None
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """A DICOM series. None and empty stand for what the headers do not say.

    `spacing_mm` is (slice, row, column); `orientation` the direction cosines of a row and of a column in LPS as
    the file states them, six numbers; `plane` the anatomical plane that they are nearest to; `positions_mm` where the
    first and the last slice lie along the slice normal, in the order in which `read` numbers them;
    `rescale_slope` and `rescale_intercept` the smallest and the largest of the series; `units` what `read` would
    return, where RGB whose channels turn out equal is read as grey; `problems` why `read` would refuse or warn.
    """

    format: str
    modality: str
    series_uid: str
    series_number: str
    is_localizer: bool
    slices: int
    rows: int | None
    columns: int | None
    spacing_mm: tuple[float, float, float] | None
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

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON takes them."""
        return asdict(self)


def describe(path: Path) -> list[SeriesInfo]:
    """Every series of a file or folder, images or not; no pixel is decoded.

    Raises InputError when there is no DICOM file; ImageError when the one file cannot be parsed.
    """
    return [_described(series) for series in find_series(path)]


def _described(series: Series) -> SeriesInfo:
    problems = [f"{series.unreadable} DICOM files of this folder cannot be parsed."] if series.unreadable else []
    problems.extend([LOCALIZER_WARNING] if series.is_localizer else [])
    frames, geometry = _arranged(series, problems)
    header = series.files[0].header
    slope, intercept = _rescale_ranges(frames, problems)
    return SeriesInfo(
        format="DICOM",
        modality=series.modality,
        series_uid=text(header, "SeriesInstanceUID"),
        series_number=series.number,
        is_localizer=series.is_localizer,
        slices=len(frames),
        rows=_integer(series, "Rows", problems),
        columns=_integer(series, "Columns", problems),
        spacing_mm=geometry.spacing_mm if geometry and geometry.is_patient else None,
        plane=_plane_name(frames),
        orientation=_orientation(frames),
        positions_mm=_positions(geometry),
        frame_of_reference=text(header, "FrameOfReferenceUID"),
        transfer_syntax=syntax_name(header),
        photometric_interpretation=text(header, "PhotometricInterpretation"),
        bits_allocated=_integer(series, "BitsAllocated", problems),
        bits_stored=_integer(series, "BitsStored", problems),
        is_signed=_integer(series, "PixelRepresentation", problems) == 1,
        rescale_slope=slope,
        rescale_intercept=intercept,
        units=_units(frames, problems),
        windows=windows_of(frames[len(frames) // 2]) if frames else (),
        suv=_suv(series, frames),
        problems=tuple(dict.fromkeys(problems)),
    )


def _arranged(series: Series, problems: list[str]) -> tuple[list[Frame], Geometry | None]:
    """The sorted frames and their grid; the frames as they come and no grid when they are no volume."""
    if not series.is_image:
        problems.append("This is not an image: it has no rows and columns.")
        return [], None
    frames: list[Frame] = []
    try:
        if not all(file.has_pixels for file in series.files):
            problems.append("There is no pixel data (7FE0,0010).")
        frames = [frame for file in series.files for frame in frames_of(file)]
        arranged = arrange(frames)
        problems.extend(arranged.warnings)
    except ImageError as error:
        problems.append(_said(error))
        return frames, None
    return arranged.frames, arranged.geometry


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


def _integer(series: Series, keyword: str, problems: list[str]) -> int | None:
    try:
        found = number(series.files[0].header, keyword)
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


def _suv(series: Series, frames: Sequence[Frame]) -> SuvReadiness | None:
    if series.modality != "PT" or not frames:
        return None
    result = suv_factors([frame.file.header for frame in frames])
    factor_range = (min(result.factors), max(result.factors)) if result.factors else None
    return SuvReadiness(result.route, factor_range, result.missing)


def _orientation(frames: Sequence[Frame]) -> tuple[float, ...] | None:
    plane = frames[0].plane if frames else None
    return None if plane is None else tuple(float(cosine) for cosine in (*plane.row, *plane.column))


def _plane_name(frames: Sequence[Frame]) -> str:
    plane = frames[0].plane if frames else None
    if plane is None:
        return ""
    return ("sagittal", "coronal", "axial")[int(np.abs(plane.normal).argmax())]


def _positions(geometry: Geometry | None) -> tuple[float, float] | None:
    if geometry is None or not geometry.is_patient:
        return None
    along_normal = slice_positions_mm(geometry)
    return float(along_normal[0]), float(along_normal[-1])


def _said(error: ImageError) -> str:
    return " ".join(part for part in (error.what, error.why) if part)
