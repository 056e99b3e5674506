"""A picture to judge an alignment by eye: FIXED and MOVING as on a chessboard, and FIXED's outlines on MOVING."""

from collections.abc import Callable

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from numpy.typing import NDArray
from scipy import ndimage

from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.history import Step
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.errors import PairError
from fusecli.register.alignment import Alignment, identity, placed
from fusecli.register.resampling import resample
from fusecli.register.scene import Scene, scene

Picture = NDArray[np.uint8]

PANEL = 256  # pixels along the longest side of FIXED's field of view
CUBE = 2  # pixels along the side of a voxel, in the planes of a volume
TILES = 8  # of the chessboard along that side
# Yellow stands out on grey, for readers who do not tell red from green as well.
LINE = (255, 220, 0)
# Outlines: that of the head or body, and two inside it, at these shares of its brightness.
SHARES = (40.0, 80.0)
BLUR = 2.0  # pixels, so that the noise of FIXED is not outlined
GAP = 4
CAPTION = 18  # pixels: a line of text
TEXT = 12
# The first square, at the top left, is FIXED's.
COLUMNS = ("squares: FIXED, MOVING, ...", "FIXED's outlines on MOVING")
ROWS = ("BEFORE alignment", "AFTER alignment")

_blur: Callable[..., NDArray[np.float32]] = ndimage.gaussian_filter


def check_picture(fixed: Image, moving: Image, by: Alignment) -> Image:
    """One RGB slice of two rows, before and after: for each plane a chessboard, and FIXED's outlines on MOVING.

    Above each row stands a line that names it, and one that says what its columns show.

    The planes go through the middle of FIXED's foreground: three of a volume, that of a single slice. Brightness is
    that of registration, no window of a reader.
    """
    grid = _grid(fixed.geometry)
    still = scene(resample(fixed, onto=grid, by=identity())[0], 0.0)
    rows = [_row(still, _seen(moving, grid, alignment)) for alignment in (identity(), by)]
    page = _stacked([_captioned(row, name) for row, name in zip(rows, ROWS, strict=True)], axis=0)
    geometry = Geometry((1, page.shape[0], page.shape[1]))
    step = Step("draw", {"rows": "before, after", "columns": "chessboard, outlines of FIXED on MOVING"})
    return Image(page[np.newaxis], geometry, Modality.OTHER, Intensity.RGB, history=(step,))


def _grid(geometry: Geometry) -> Geometry:
    """Cubes over FIXED's field of view, PANEL pixels along its longest side."""
    own = placed(geometry)
    sides = np.array(own.spacing_mm) * own.shape
    return own.cubes(float(sides.max()) / PANEL * (1 if own.shape[0] == 1 else CUBE))


def _seen(moving: Image, grid: Geometry, by: Alignment) -> NDArray[np.float32]:
    """MOVING's brightness on the grid; black where they do not meet at all."""
    try:
        return scene(resample(moving, onto=grid, by=by)[0], 0.0).values
    except PairError:
        return np.zeros(grid.shape, dtype=np.float32)


def _row(fixed: Scene, moving: NDArray[np.float32]) -> Picture:
    middle = np.rint(np.argwhere(fixed.foreground).mean(axis=0) if fixed.foreground.any() else _middle(fixed)).astype(
        int
    )
    panels = []
    for axis in range(3):
        if fixed.values.shape[0] == 1 and axis > 0:
            break
        volumes = (fixed.values, moving, fixed.foreground.astype(np.float32))
        own, other, body = (_cut(volume, axis, middle[axis]) for volume in volumes)
        pictures = (_chessboard(own, other), _outlined(own, other, body.astype(bool)))
        panels += [_captioned(picture, words) for picture, words in zip(pictures, COLUMNS, strict=True)]
    return _stacked(panels, axis=1)


def _middle(fixed: Scene) -> NDArray[np.float64]:
    return (np.array(fixed.values.shape) - 1) / 2


def _cut(volume: NDArray[np.float32], axis: int, index: int) -> NDArray[np.float32]:
    """One plane; those that contain the slice axis are turned so that the last slice, the head's end, is on top."""
    plane = np.take(volume, index, axis=axis)
    if volume.shape[0] > 1:
        plane = plane.repeat(CUBE, axis=0).repeat(CUBE, axis=1)
    return np.asarray(plane if axis == 0 else plane[::-1])


def _chessboard(fixed: NDArray[np.float32], moving: NDArray[np.float32]) -> Picture:
    side = max(1, PANEL // TILES)
    rows, columns = np.indices(fixed.shape)
    return _grey(np.where((rows // side + columns // side) % 2 == 0, fixed, moving))


def _outlined(fixed: NDArray[np.float32], moving: NDArray[np.float32], body: NDArray[np.bool_]) -> Picture:
    picture = _grey(moving)
    smooth = _blur(fixed, BLUR)
    levels = np.percentile(smooth[body], SHARES) if body.any() else ()
    for region in (body, *(smooth > level for level in levels)):
        picture[_border(region)] = LINE
    return picture


def _border(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of a region that touch what lies outside it, below or to the right."""
    border = np.zeros_like(region)
    border[:-1] |= region[:-1] != region[1:]
    border[:, :-1] |= region[:, :-1] != region[:, 1:]
    return border


def _grey(values: NDArray[np.float32]) -> Picture:
    return np.repeat(np.rint(values * 255).astype(np.uint8)[..., np.newaxis], 3, axis=-1)


def _captioned(picture: Picture, words: str) -> Picture:
    """A line of text above a picture, which gets room at its right where it is narrower than the text."""
    font = PIL.ImageFont.load_default(TEXT)
    width = max(picture.shape[1], round(font.getlength(words)) + 3 * GAP)
    line = PIL.Image.new("RGB", (width, CAPTION))
    PIL.ImageDraw.Draw(line).text((GAP, CAPTION // 2), words, font=font, fill="white", anchor="lm")
    room = ((0, 0), (0, width - picture.shape[1]), (0, 0))
    return np.concatenate([np.asarray(line), np.pad(picture, room)])


def _stacked(pictures: list[Picture], axis: int) -> Picture:
    """Side by side (axis 1) or below each other (axis 0), on black, with a gap."""
    longest = max(picture.shape[1 - axis] for picture in pictures)
    padded = []
    for picture in pictures:
        room = [(0, 0), (0, 0), (0, 0)]
        room[1 - axis] = (0, longest - picture.shape[1 - axis])
        room[axis] = (0, GAP)
        padded.append(np.pad(picture, room))
    return np.concatenate(padded, axis=axis)
