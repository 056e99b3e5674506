"""Pictures, PNG, JPEG, BMP and TIFF: to Image and back, through Pillow.

Grey becomes UNIT (0..1) and color stays 8-bit RGB; the geometry has a size and no millimetres.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL.TiffImagePlugin import AppendingTiffWriter

from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.history import Fact, Step
from fusecli.core.image import Image, Source
from fusecli.core.intensity import Intensity
from fusecli.core.levels import to_uint8
from fusecli.core.scratch import slabs
from fusecli.core.slices import SliceChoice
from fusecli.errors import UsageError
from fusecli.formats.naming import named_modality
from fusecli.formats.raster.decoding import Picture, RasterInfo, is_16_bit, load
from fusecli.formats.raster.legend import Legend, beside

__all__ = ["Legend", "RasterInfo", "describe", "read", "to_uint8", "write"]

# Level 4 takes half the time of Pillow's 6, and the files of slices grow by one per cent.
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "PNG": {"compress_level": 4},
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "TIFF": {"compression": "tiff_adobe_deflate"},
}
_EXTENSIONS = {"PNG": ".png", "JPEG": ".jpg"}


def read(path: Path, *, slice_choice: SliceChoice | None = None) -> Image:
    """The picture as one slice, or a TIFF of several pages as one slice per page.

    Grey of 8 or 16 bits becomes UNIT: the stored number by the largest that its type can hold. Grey of floats or signed
    integers is ARBITRARY. Color becomes RGB, but where red, green and blue agree everywhere it is grey after all.
    Transparent parts are shown on black, EXIF orientation is applied, and the modality is what the file's name says.

    Raises ImageError for a broken file, more than 100 megapixels or pages that differ; UsageError for a missing page.
    """
    picture = load(path, slice_choice)
    info = picture.info
    voxels, intensity = _meaning(picture)
    modality = named_modality(path)
    facts: dict[str, Fact] = {
        "format": info.format,
        "mode": info.mode,
        "bits": info.bits,
        "pages": info.pages,
        "grey_stored_as_color": info.grey_stored_as_color,
        "modality_told_by": "its file name" if modality else "nothing",
    }
    step = Step("read", facts, picture.warnings)
    grid = Geometry((voxels.shape[0], voxels.shape[1], voxels.shape[2]))
    return Image(voxels, grid, modality or Modality.OTHER, intensity, Source(picture.digest, info.format), (step,))


def describe(path: Path) -> list[RasterInfo]:
    """What the file says of itself, in a list of one. Raises ImageError for a broken file."""
    return [load(path, SliceChoice(index=0)).info]


def write(image: Image, path: Path, format_name: str, legend: Legend | None = None) -> None:
    """Write a UNIT or RGB image to `path` as "PNG", "JPEG" or "TIFF", with no text in it.

    A volume becomes a folder of slice_000.png, slice_001.png ... (JPEG: .jpg), or one TIFF with a page per slice.
    PNG and TIFF carry the pixel spacing where it is known. JPEG has quality 95 and full color resolution. `legend` is
    drawn as a color bar at the right of every slice.

    Raises UsageError for an image in a scanner's unit: a picture would lose its numbers.
    """
    if image.intensity not in (Intensity.RGB, Intensity.UNIT):
        raise _not_a_picture(image.intensity)
    options = _SAVE_OPTIONS[format_name] | _dpi_to_write(image.geometry, format_name)
    slices, pages = image.geometry.shape[0], _pages(image, legend)
    if slices == 1:
        next(pages).save(path, format_name, **options)
    elif format_name == "TIFF":
        _write_tiff(pages, path, options)
    else:
        path.mkdir()
        digits = max(3, len(str(slices - 1)))
        for number, page in enumerate(pages):
            page.save(path / f"slice_{number:0{digits}d}{_EXTENSIONS[format_name]}", format_name, **options)


def _meaning(picture: Picture) -> tuple[NDArray[Any], Intensity]:
    pixels = picture.pixels[..., 0] if picture.info.grey_stored_as_color else picture.pixels
    if pixels.ndim == 4:
        return pixels, Intensity.RGB
    if pixels.dtype.kind != "u":
        return pixels.astype(np.float32), Intensity.ARBITRARY
    largest = (1 << picture.info.bits) - 1 if is_16_bit(pixels) else 255
    return np.asarray(pixels / np.float32(largest), dtype=np.float32), Intensity.UNIT


def _pages(image: Image, legend: Legend | None) -> Iterator[PIL.Image.Image]:
    for part in slabs(image.voxels, thick=1):
        pixels = np.asarray(image.voxels[part]) if image.is_color else to_uint8(image.voxels[part])
        yield PIL.Image.fromarray((pixels if legend is None else beside(pixels, legend))[0])


def _write_tiff(pages: Iterable[PIL.Image.Image], path: Path, options: dict[str, Any]) -> None:
    # As Pillow's save_all does, which wants all pages at once.
    with path.open("w+b") as file, AppendingTiffWriter(file, True) as pile:
        for page in pages:
            page.save(pile, "TIFF", **options)
            pile.newFrame()


def _not_a_picture(intensity: Intensity) -> UsageError:
    return UsageError(
        f"An image in {intensity} cannot be written as a picture.",
        why="A picture holds brightness from black to white, and the numbers would be lost.",
        hint="Write NIfTI (.nii.gz), or choose a window first: --window auto",
    )


def _dpi_to_write(geometry: Geometry, format_name: str) -> dict[str, Any]:
    if format_name == "JPEG" or not geometry.is_patient:
        return {}
    _, row_mm, column_mm = geometry.spacing_mm
    return {"dpi": (25.4 / column_mm, 25.4 / row_mm)}
