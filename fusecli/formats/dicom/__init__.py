"""DICOM to Image: where planes, pixels and units come together. Source: DICOM PS3.3."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.catalog import DICOM_MODALITIES, Modality
from fusecli.core.geometry import Geometry
from fusecli.core.history import Fact, Step
from fusecli.core.image import Image, Source
from fusecli.core.intensity import Intensity
from fusecli.core.slices import SliceChoice, slice_index
from fusecli.errors import ImageError
from fusecli.formats.dicom.frames import Frame, frames_of
from fusecli.formats.dicom.geometry import arrange
from fusecli.formats.dicom.header import is_dicom, text
from fusecli.formats.dicom.info import SeriesInfo, describe
from fusecli.formats.dicom.pixels import decode
from fusecli.formats.dicom.series import Series, choose_series, find_series
from fusecli.formats.dicom.units import Unit, unit_of, windows_of

__all__ = ["SeriesInfo", "describe", "is_dicom", "read"]


def read(path: Path, *, series: str | None = None, slice_choice: SliceChoice | None = None) -> Image:
    """A DICOM file, or the one series of a folder, as an Image.

    CT comes out in HU; PET in SUV (g/ml) when its headers allow, else in Bq/ml or counts with a warning that names what
    is missing; color as 8-bit RGB; everything else on the scanner's own scale. `series` is a SeriesInstanceUID or a
    series number. With `slice_choice` only that slice is decoded.

    Raises InputError when no series or more than one fits; ImageError for files that are broken or are no volume;
    UsageError for a slice that is not there.
    """
    chosen = choose_series(find_series(path), series)
    frames, geometry, warnings = arrange([frame for file in chosen.files for frame in frames_of(file)])
    unit = unit_of(frames)
    if slice_choice is not None:
        index = slice_index(geometry, slice_choice)
        frames, geometry, unit = [frames[index]], geometry.slices(index, index + 1), unit.of_slice(index)
    stored, digest = _decoded(frames)
    voxels, unit = _in_unit(stored, unit)
    step = _read_step(chosen, geometry, unit, (*_lost_files(chosen), *warnings))
    modality = DICOM_MODALITIES.get(chosen.modality, Modality.OTHER)
    return Image(voxels, geometry, modality, unit.intensity, _source(frames, unit, digest), (step,))


def _decoded(frames: Sequence[Frame]) -> tuple[NDArray[Any], str]:
    """The slices in the order of `frames`, as `decode` gives them, and the sha256 of the files in that order."""
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
        stack[places] = slices
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


def _in_unit(stored: NDArray[Any], unit: Unit) -> tuple[NDArray[Any], Unit]:
    """The voxels in their unit: grey ones multiplied by its factors, color as it is, grey stored as color as grey."""
    if stored.ndim == 4:
        if (stored == stored[..., :1]).all():
            return stored[..., 0].astype(np.float32), Unit(Intensity.ARBITRARY)
        return stored, Unit(Intensity.RGB)
    for voxels, factor in zip(stored, unit.factors, strict=False):
        voxels *= factor
    return stored, unit


def _lost_files(chosen: Series) -> tuple[str, ...]:
    if not chosen.unreadable:
        return ()
    return (f"{chosen.unreadable} DICOM files of this folder are broken; if they belong to the series, it is cut.",)


def _read_step(chosen: Series, geometry: Geometry, unit: Unit, warnings: tuple[str, ...]) -> Step:
    header = chosen.files[0].header
    slices, rows, columns = geometry.shape
    facts: dict[str, Fact] = {
        "format": "DICOM",
        "modality": chosen.modality or "unknown",
        "transfer_syntax": header.file_meta.TransferSyntaxUID.name,
        "photometric_interpretation": text(header, "PhotometricInterpretation") or "MONOCHROME2",
        "slices": slices,
        "rows": rows,
        "columns": columns,
        "intensity": str(unit.intensity),
    }
    return Step("read", {**facts, **unit.facts}, (*unit.warnings, *warnings))


def _source(frames: Sequence[Frame], unit: Unit, digest: str) -> Source:
    middle = frames[len(frames) // 2]
    header = middle.file.header
    has_windows = unit.intensity not in (Intensity.SUV, Intensity.RGB)  # a window in Bq/ml means nothing in SUV
    return Source(
        digest=digest,
        format="DICOM",
        series_uid=text(header, "SeriesInstanceUID") or None,
        windows=windows_of(middle) if has_windows else (),
        dark_is_high=text(header, "PhotometricInterpretation") == "MONOCHROME1",
    )
