"""DICOM to Image: where planes, pixels and units come together. Source: DICOM PS3.3."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.catalog import DICOM_MODALITIES, Modality
from fusecli.core import scratch
from fusecli.core.history import Fact, Step
from fusecli.core.image import Image, Source
from fusecli.core.intensity import Intensity
from fusecli.core.slices import SliceChoice, slice_index
from fusecli.core.statistics import count
from fusecli.errors import ImageError
from fusecli.formats.dicom.choosing import find_volume
from fusecli.formats.dicom.display import Flips
from fusecli.formats.dicom.frames import Frame
from fusecli.formats.dicom.geometry import Arranged, arrange
from fusecli.formats.dicom.header import is_dicom, syntax_name, text
from fusecli.formats.dicom.identity import patient_of
from fusecli.formats.dicom.info import SeriesInfo, describe
from fusecli.formats.dicom.padding import padding_of
from fusecli.formats.dicom.pixels import decode
from fusecli.formats.dicom.series import Volume
from fusecli.formats.dicom.units import Unit, is_picture, judged, unit_of
from fusecli.formats.dicom.voi import tables_of, windows_of
from fusecli.settings import ReadSettings

_AS_IT_IS = ReadSettings()

__all__ = ["SeriesInfo", "describe", "is_dicom", "read"]


def read(
    path: Path,
    *,
    series: str | Volume | None = None,
    slice_choice: SliceChoice | None = None,
    settings: ReadSettings = _AS_IT_IS,
) -> Image:
    """A DICOM file, or the one series of a folder, as an Image.

    CT comes out in HU; PET in SUV when its headers allow, else in Bq/ml or counts with a warning that names what
    is missing (`settings.suv` asks for another norm or unit); color as 8-bit RGB; a screenshot without color as 0..1;
    everything else on the scanner's own scale.
    Slices are flipped into display order: columns and rows run toward the patient's left, back or feet.
    `series` is a SeriesInstanceUID or a series number, `:2` after it the second image in the series, or what was chosen
    already. With `slice_choice` only that slice is decoded; `settings.allow_gaps` fills gaps between slices.

    Raises InputError when no series or more than one fits; ImageError for files that are broken or are no volume;
    UsageError for a slice that is not there.
    """
    chosen = find_volume(path, series)
    arranged = arrange(chosen.frames, allow_gaps=settings.allow_gaps)
    unit = unit_of(arranged.frames, settings.suv)
    if slice_choice is not None:
        index = slice_index(arranged.geometry, slice_choice)
        unit = unit.of_frames(arranged.sources(index))
        arranged = arranged.slice(index)
    frames, filling = arranged.frames, arranged.filling
    stored, digest = _decoded(frames, arranged.flips)
    voxels, unit = _in_unit(stored, unit, frames)
    if filling is not None:
        voxels = filling.of(voxels)
    step = _read_step(chosen, unit, arranged)
    modality, source = DICOM_MODALITIES.get(chosen.modality, Modality.OTHER), _source(frames, unit, digest)
    return Image(scratch.frozen(voxels), arranged.geometry, modality, unit.intensity, source, (step,))


def _decoded(frames: Sequence[Frame], flips: Flips) -> tuple[NDArray[Any], str]:
    """The slices in the order of `frames`, as `decode` gives them but flipped, and the sha256 of their files."""
    digest = hashlib.sha256()
    stack: NDArray[Any] | None = None
    for places in _places_by_file(frames):
        file = frames[places[0]].file
        content = _bytes_of(file.path)
        digest.update(content)
        for own, plane in decode(file, content, [frames[k].index for k in places]):
            if stack is None:
                stack = scratch.empty((len(frames), *plane.shape), plane.dtype)
            if plane.shape != stack.shape[1:] or plane.dtype != stack.dtype:
                raise _mixed_pixels(file.path, plane, stack)
            stack[places[own]] = flips.of_pixels(plane[np.newaxis])[0]
            scratch.release(stack[places[own]])
    assert stack is not None
    return stack, digest.hexdigest()


def _mixed_pixels(path: Path, plane: NDArray[Any], stack: NDArray[Any]) -> ImageError:
    return ImageError(
        "The slices of this series do not all hold the same kind of pixels.",
        why=f"{path.name} has {plane.shape}, the slices before it {stack.shape[1:]}.",
        hint="Put the slices that belong together into a folder of their own, or give a single file.",
    )


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
        if count(stored, lambda slab: slab != slab[..., :1]):
            return stored, Unit(Intensity.RGB)
        is_shown = is_picture(frames)
        grey = scratch.empty(stored.shape[:3])
        for part in scratch.slabs(stored, grey):
            grey[part] = stored[part][..., 0] / np.float32(255 if is_shown else 1)
        return grey, Unit(Intensity.UNIT if is_shown else Intensity.ARBITRARY)
    if unit.factors:
        for part in scratch.slabs(stored, thick=1):
            stored[part] *= unit.factors[part.start]
    return stored, judged(unit, stored)


def _read_step(chosen: Volume, unit: Unit, arranged: Arranged) -> Step:
    header = chosen.frames[0].file.header
    slices, rows, columns = arranged.geometry.shape
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
    part: dict[str, Fact] = {"part": chosen.part} if chosen.part else {}
    padding = padding_of(header)
    padded: dict[str, Fact] = {"pixel_padding": padding[0]} if padding else {}
    filled, unmeasured = (arranged.filling.facts(), arranged.filling.warnings()) if arranged.filling else ({}, ())
    warnings = (*unit.warnings, *chosen.warnings, *arranged.warnings, *unmeasured)
    return Step("read", {**facts, **part, **turned, **padded, **filled, **unit.facts}, warnings)


def _source(frames: Sequence[Frame], unit: Unit, digest: str) -> Source:
    middle = frames[len(frames) // 2]
    header = middle.file.header
    # A window in Bq/ml means nothing in SUV, and one in 0..255 nothing in 0..1.
    has_windows = not unit.intensity.is_suv and unit.intensity not in (Intensity.RGB, Intensity.UNIT)
    return Source(
        digest=digest,
        format="DICOM",
        series_uid=text(header, "SeriesInstanceUID") or None,
        windows=windows_of(middle) if has_windows else (),
        tables=tables_of(middle) if has_windows else (),
        dark_is_high=text(header, "PhotometricInterpretation") == "MONOCHROME1",
        laterality=text(header, "ImageLaterality") or text(header, "Laterality") or None,
        patient=patient_of(header),
    )
