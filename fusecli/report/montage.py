"""The middle slice of each image of a fusion: for paper, for a browser without scripts, and small for a list."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusecli.core.levels import to_uint8
from fusecli.report import pictures
from fusecli.report.planes import Plane, native_plane, picture_of, planes_of
from fusecli.report.view import View

Bytes = NDArray[np.uint8]

# Brightness that FUSED has more or less than a source, at which the difference is shown in full color.
FULL_DIFFERENCE = 0.5
MOST_PIXELS = 512  # along a side of a still picture, of which four stand side by side on paper
_MORE, _LESS = (255, 170, 60), (80, 165, 255)  # orange and blue differ for every kind of color vision


@dataclass(frozen=True, slots=True)
class Figure:
    """One picture: its title, what a reader who does not see it is told, and itself as a data URI."""

    title: str
    alt: str
    uri: str


def figures(view: View) -> tuple[Figure, ...]:
    """FIXED, MOVING, FUSED and the signed difference FUSED - FIXED, in the middle slice."""
    plane = native_plane(planes_of(view.pair.fixed.geometry))
    where = plane.name if plane.name == "slice" else f"{plane.name} slice"
    shown = {
        f"FIXED, {view.pair.fixed.modality}": to_uint8(view.pair.fixed.voxels[view.middle]),
        f"MOVING, {view.pair.moving.modality}": _moving(view),
        "FUSED": _fused(view),
        "FUSED − FIXED": _difference(view),
    }
    return tuple(
        Figure(title, f"{title}: {where} {view.middle}", pictures.png_uri(_printable(_laid_out(picture, plane))))
        for title, picture in shown.items()
    )


def thumbnail(view: View, *, side: int = 96) -> bytes:
    """The middle slice of the fused image as the bytes of a PNG whose longer side has `side` pixels."""
    plane = native_plane(planes_of(view.pair.fixed.geometry))
    return pictures.png(pictures.scaled(_laid_out(_fused(view), plane), side))


def difference_colors() -> Bytes:
    """RGB, (511, 3), of differences of -255..255 grey levels: blue below zero, black at zero, orange above."""
    share = np.clip(np.arange(-255, 256) / 255 / FULL_DIFFERENCE, -1, 1)[:, np.newaxis]
    colors = np.where(share > 0, share * np.array(_MORE), -share * np.array(_LESS))
    return np.asarray(np.rint(colors), dtype=np.uint8)


def _moving(view: View) -> Bytes:
    if view.moving_shown is not None:
        return np.asarray(view.moving_shown[view.middle])
    levels = to_uint8(view.pair.moving.voxels[view.middle])
    return levels if view.palette is None else np.asarray(view.palette.of_uptake[levels])


def _fused(view: View) -> Bytes:
    middle = view.shown.voxels[view.middle]
    return np.asarray(middle) if view.shown.is_color else to_uint8(middle)


def _difference(view: View) -> Bytes:
    difference = view.fused.voxels[view.middle] - view.pair.fixed.voxels[view.middle]
    entries = np.rint(np.clip(difference, -1, 1) * 255).astype(np.intp) + 255
    return np.asarray(difference_colors()[entries])


def _laid_out(picture: Bytes, plane: Plane) -> Bytes:
    """A slice of the file as its plane shows it, with square pixels."""
    return pictures.square(picture_of(picture[np.newaxis], plane, 0), plane.pixel_mm)


def _printable(picture: Bytes) -> Bytes:
    return pictures.scaled(picture, MOST_PIXELS) if max(picture.shape[:2]) > MOST_PIXELS else picture
