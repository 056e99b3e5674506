"""DICOM to Image: where planes, pixels and units come together. Source: DICOM PS3.3."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from fusecli.catalog import DICOM_MODALITIES, Modality
from fusecli.core.geometry import Geometry
from fusecli.core.history import Fact, Step
from fusecli.core.image import Image, Source
from fusecli.core.intensity import Intensity
from fusecli.core.slices import SliceChoice, slice_index
from fusecli.errors import ImageError
from fusecli.formats.dicom.display import Flips
from fusecli.formats.dicom.frames import Frame, frames_of
from fusecli.formats.dicom.geometry import Arranged, arrange
from fusecli.formats.dicom.header import is_dicom, syntax_name, text
from fusecli.formats.dicom.info import SeriesInfo, describe
from fusecli.formats.dicom.pixels import decode
from fusecli.formats.dicom.series import LOCALIZER_WARNING, Series, choose_series, find_series
from fusecli.formats.dicom.units import Unit, is_picture, unit_of, windows_of

__all__ = ["SeriesInfo", "describe", "is_dicom", "read"]


def read(path: Path, *, series: str | None = None, slice_choice: SliceChoice | None = None) -> Image:
    """A DICOM file, or the one series of a folder, as an Image.

    CT comes out in HU; PET in SUV (g/ml) when its headers allow, else in Bq/ml or counts with a warning that names what
    is missing; color as 8-bit RGB; a screenshot without color as 0..1; everything else on the scanner's own scale.
    Slices are flipped into display order: columns and rows run toward the patient's left, back or feet.
    `series` is a SeriesInstanceUID or a series number. With `slice_choice` only that slice is decoded.

    Raises InputError when no series or more than one fits; ImageError for files that are broken or are no volume;
    UsageError for a slice that is not there.
    """
    chosen = choose_series(find_series(path), series)
    arranged = arrange([frame for file in chosen.files for frame in frames_of(file)])
    frames, geometry, unit = arranged.frames, arranged.geometry, unit_of(arranged.frames)
    if slice_choice is not None:
        index = slice_index(geometry, slice_choice)
        frames, geometry, unit = [frames[index]], geometry.slices(index, index + 1), unit.of_slice(index)
    stored, digest = _decoded(frames, arranged.flips)
    voxels, unit = _in_unit(stored, unit, frames)
    step = _read_step(chosen, geometry, unit, arranged)
    modality = DICOM_MODALITIES.get(chosen.modality, Modality.OTHER)
    return Image(voxels, geometry, modality, unit.intensity, _source(frames, unit, digest), (step,))


def _decoded(frames: Sequence[Frame], flips: Flips) -> tuple[NDArray[Any], str]:
    """The slices in the order of `frames`, as `decode` gives them but flipped, and the sha256 of their files."""
    digest = hashlib.sha256()
    stack: NDArray[Any] | None = None
    for places in _places_by_file(frames):
        file = frames[places[0]].file
        content = _bytes_of(file.path)
        digest.update(content)
        slices = decode(file, content, [frames[k].index for k in places])
        if stack is None:
            stack = np.empty((len(frames), *slices.shape[1:]), slices.dtype)
        if slices.shape[1:] != stack.shape[1:] or slices.dtype != stack.dtype:
            raise ImageError(
                "The slices of this series do not all hold the same kind of pixels.",
                why=f"{file.path.name} has {slices.shape[1:]}, the slices before it {stack.shape[1:]}.",
                hint="Put the slices that belong together into a folder of their own, or give a single file.",
            )
        stack[places] = flips.of_pixels(slices)
    assert stack is not None
    return stack, digest.hexdigest()


def _places_by_file(frames: Sequence[Frame]) -> list[list[int]]:
    """For each file, once, where its frames stand in the sorted series."""
    places: dict[int, list[int]] = {}
    for place, frame in enumerate(frames):
        places.setdefault(id(frame.file), []).append(place)
    return list(places.values())


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path.name} cannot be opened.", why=f"{error.strerror or error}.") from error


def _in_unit(stored: NDArray[Any], unit: Unit, frames: Sequence[Frame]) -> tuple[NDArray[Any], Unit]:
    """The voxels in their unit: grey ones multiplied by its factors, color as it is, grey stored as color as grey."""
    if stored.ndim == 4:
        if not (stored == stored[..., :1]).all():
            return stored, Unit(Intensity.RGB)
        grey = stored[..., 0].astype(np.float32)
        return (grey / 255, Unit(Intensity.UNIT)) if is_picture(frames) else (grey, Unit(Intensity.ARBITRARY))
    for voxels, factor in zip(stored, unit.factors, strict=False):
        voxels *= factor
    return stored, unit


def _read_step(chosen: Series, geometry: Geometry, unit: Unit, arranged: Arranged) -> Step:
    header = chosen.files[0].header
    slices, rows, columns = geometry.shape
    facts: dict[str, Fact] = {
        "format": "DICOM",
        "modality": chosen.modality or "unknown",
        "transfer_syntax": syntax_name(header),
        "photometric_interpretation": text(header, "PhotometricInterpretation") or "MONOCHROME2",
        "slices": slices,
        "rows": rows,
        "columns": columns,
        "intensity": str(unit.intensity),
    }
    turned: dict[str, Fact] = {"turned": arranged.flips.names} if arranged.flips.names else {}
    warnings = (*unit.warnings, *_warnings_of_series(chosen), *arranged.warnings)
    return Step("read", {**facts, **turned, **unit.facts}, warnings)


def _warnings_of_series(chosen: Series) -> tuple[str, ...]:
    localizer = (LOCALIZER_WARNING,) if chosen.is_localizer else ()
    if not chosen.unreadable:
        return localizer
    lost = f"{chosen.unreadable} DICOM files of this folder are broken; if they belong to the series, it is cut."
    return (*localizer, lost)


def _source(frames: Sequence[Frame], unit: Unit, digest: str) -> Source:
    middle = frames[len(frames) // 2]
    header = middle.file.header
    # A window in Bq/ml means nothing in SUV, and one in 0..255 nothing in 0..1.
    has_windows = unit.intensity not in (Intensity.SUV, Intensity.RGB, Intensity.UNIT)
    return Source(
        digest=digest,
        format="DICOM",
        series_uid=text(header, "SeriesInstanceUID") or None,
        windows=windows_of(middle) if has_windows else (),
        dark_is_high=text(header, "PhotometricInterpretation") == "MONOCHROME1",
        patient=_patient_digest(header),
    )


def _patient_digest(header: Dataset) -> str | None:
    """A sha256 of the patient ID and its issuer, by which two files are compared; None without an ID."""
    patient = text(header, "PatientID")
    if not patient:
        return None
    return hashlib.sha256(f"{patient}\0{text(header, 'IssuerOfPatientID')}".encode(errors="replace")).hexdigest()
