"""Bytes to pixels: one picture file decoded by Pillow, upright and without alpha, or refused."""

import hashlib
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageOps
from PIL.TiffImagePlugin import TiffImageFile

from fusecli.core.geometry import Geometry
from fusecli.core.slices import SliceChoice, slice_index
from fusecli.errors import ImageError

FORMATS = ("PNG", "JPEG", "BMP", "TIFF")
MAX_PIXELS = 100_000_000

_TIFF_BITS_PER_SAMPLE = 258
_TIFF_PHOTOMETRIC = 262  # 0: white is zero. TIFF 6.0, section 8.
# A PNG's bit depth: the byte after signature (8), chunk head (8), width and height (4 + 4). PNG 3rd ed., 11.2.1.
_PNG_DEPTH_OFFSET = 24

# Everything that Pillow is known to raise for broken bytes.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    OverflowError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class RasterInfo:
    """What a picture file says of itself: it knows pixels, and neither millimetres nor a place in the patient.

    `mode` is Pillow's (L, RGB, P ...), `bits` per channel as stored, `value_range` of the first page as stored.
    """

    format: str
    width: int
    height: int
    pages: int
    mode: str
    bits: int
    dtype: str
    grey_stored_as_color: bool
    value_range: tuple[float, float]

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON takes them."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Pixels in stored numbers, upright and without alpha: (page, row, column), or a last axis of RGB in uint8."""

    pixels: NDArray[Any]
    info: RasterInfo
    digest: str
    warnings: tuple[str, ...]


def load(path: Path, choice: SliceChoice | None) -> Picture:
    """The pages of the file, or the one that is chosen.

    Raises ImageError for a broken file, more than 100 megapixels or pages that differ; UsageError for a missing page.
    """
    data, remarks = path.read_bytes(), list[str]()
    with _decoding(path, remarks), PIL.Image.open(BytesIO(data), formats=FORMATS) as picture:
        # Only TIFF has pages; a second picture in a JPEG is a thumbnail, and in a PNG an animation.
        pages = picture.n_frames if isinstance(picture, TiffImageFile) else 1
        mode, bits = picture.mode, _stored_bits(picture, data)
        numbers = _chosen(Geometry((pages, picture.height, picture.width)), choice)
        stack = _stacked([_page(picture, number, bits) for number in numbers], path)
    pixels, was_transparent = _flatten_alpha(stack)
    info = RasterInfo(
        format="JPEG" if data.startswith(b"\xff\xd8") else str(picture.format),  # Pillow may say MPO
        width=pixels.shape[2],
        height=pixels.shape[1],
        pages=pages,
        mode=mode,
        bits=bits,
        dtype=str(pixels.dtype),
        grey_stored_as_color=pixels.ndim == 4 and bool((pixels[..., :1] == pixels[..., 1:]).all()),
        value_range=(float(pixels.min()), float(pixels.max())),
    )
    found = (*dict.fromkeys(remarks), *_warnings(pixels, bits, was_transparent))
    return Picture(pixels, info, hashlib.sha256(data).hexdigest(), found)


def _chosen(grid: Geometry, choice: SliceChoice | None) -> list[int]:
    return list(range(grid.shape[0])) if choice is None else [slice_index(grid, choice)]


def _stacked(pages: list[NDArray[Any]], path: Path) -> NDArray[Any]:
    if len({(page.shape, page.dtype.str) for page in pages}) == 1:
        return np.stack(pages)
    raise ImageError(
        f"The pages of {path} differ in size or kind, so they are no volume.",
        why=f"Their shapes are {', '.join(sorted({str(page.shape) for page in pages}))}: rows, columns, channels.",
        hint="Choose one page: --slice N, counted from 0.",
    )


@contextmanager
def _decoding(path: Path, remarks: list[str]) -> Iterator[None]:
    """Turn what Pillow raises into ImageError, and collect what it warns of."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    except PIL.Image.DecompressionBombError as error:
        raise _too_large(str(error)) from error
    except _BROKEN as error:
        raise ImageError(
            f"{path} is damaged, or holds a kind of picture that cannot be read.",
            why=f"{error}.",
            hint="Export it again, as PNG if possible.",
        ) from error
    bombs = PIL.Image.DecompressionBombWarning  # our own limit decides
    remarks += (f"Pillow says: {note.message}" for note in caught if not issubclass(note.category, bombs))


def _too_large(why: str) -> ImageError:
    return ImageError(f"The picture is larger than {MAX_PIXELS // 10**6} megapixels.", why=why, hint="Crop it first.")


def _stored_bits(picture: PIL.Image.Image, data: bytes) -> int:
    """Bits per channel in the file, which Pillow's mode does not tell."""
    if isinstance(picture, TiffImageFile):
        bits = picture.tag_v2.get(_TIFF_BITS_PER_SAMPLE, 1)
        return int(bits[0] if isinstance(bits, tuple) else bits)
    if picture.format == "PNG":
        return data[_PNG_DEPTH_OFFSET]
    return 1 if picture.mode == "1" else 8


def _page(picture: PIL.Image.Image, number: int, bits: int) -> NDArray[Any]:
    picture.seek(number)
    if picture.width * picture.height > MAX_PIXELS:
        raise _too_large(f"It has {picture.width} x {picture.height} pixels.")
    white_is_zero = isinstance(picture, TiffImageFile) and picture.tag_v2.get(_TIFF_PHOTOMETRIC) == 0
    pixels = np.asarray(_plain(ImageOps.exif_transpose(picture)))
    if picture.format == "PNG" and pixels.dtype == np.int32:
        pixels = pixels.astype(np.uint16)  # what Pillow before 11 makes of 16-bit grey
    # Pillow turns white-is-zero around for 8 bits only.
    if white_is_zero and is_16_bit(pixels):
        pixels = np.asarray((1 << bits) - 1 - pixels)
    return pixels


def _plain(picture: PIL.Image.Image) -> PIL.Image.Image:
    """The same pixels as 8-bit grey, RGB or RGBA; 16-bit, signed and float grey stays as it is."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return picture
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    return picture.convert("L" if picture.mode in ("1", "L") else "RGB")


def _flatten_alpha(pixels: NDArray[Any]) -> tuple[NDArray[Any], bool]:
    """RGBA, (..., 4) uint8, as RGB on black, and whether any pixel was transparent; anything else as it is."""
    if pixels.ndim != 4 or pixels.shape[-1] != 4:
        return pixels, False
    color, alpha = pixels[..., :3], pixels[..., 3:]
    if bool((alpha == 255).all()):
        return color, False
    return np.asarray((color.astype(np.uint16) * alpha + 127) // 255, dtype=np.uint8), True


def is_16_bit(pixels: NDArray[Any]) -> bool:
    """Whether these are unsigned numbers of 16 bits."""
    return pixels.dtype.kind == "u" and pixels.dtype.itemsize == 2


def _warnings(pixels: NDArray[Any], bits: int, was_transparent: bool) -> list[str]:
    found = []
    if was_transparent:
        found.append("The picture has transparent parts; they are shown on black.")
    if bits == 16 and pixels.dtype == np.uint8:
        found.append("The picture has 16 bits per channel and several channels: only the upper 8 bits were read.")
    if bits == 16 and is_16_bit(pixels) and pixels.max() <= 4095:
        found.append(
            f"The picture has 16 bits and no value above {pixels.max()}: it looks like 12-bit data and will look dark. "
            "Try --window auto."
        )
    return found
