"""One slice of each image of a comparison as a picture, in the colors that `fuse` would give it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli import color, pipeline
from fusecli.catalog import Modality
from fusecli.core.image import Image
from fusecli.core.levels import to_uint8
from fusecli.core.pair import Pair
from fusecli.pipeline import Coloring
from fusecli.report import pictures
from fusecli.report.planes import native_plane, picture_of, planes_of

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class SlicePictures:
    """The slice `index` of a pair and its fusions, colored as `coloring` says.

    All pictures are 8-bit, (row, column) or (row, column, 3), of one size: laid out as a viewer does, with square
    pixels.
    """

    pair: Pair
    coloring: Coloring
    index: int

    def sources(self) -> dict[str, Bytes]:
        """FIXED and MOVING by their captions."""
        own, other = (_captioned(role, image) for role, image in self.pair.named().items())
        return {own: self._laid_out(self._fixed()), other: self._laid_out(self._moving())}

    def fused(self, voxels: NDArray[np.floating[Any]]) -> Bytes:
        """Of a fusion, (slice, row, column) in 0..1."""
        part, how = self._of_slice(self.pair.moving), self.coloring
        if how.colors is not None:
            how = replace(how, colors=how.colors[self.index : self.index + 1])
        own = voxels[self.index : self.index + 1]
        shown = pipeline.paint(replace(part, voxels=own, modality=Modality.FUSED), part, how)
        return self._laid_out(shown.voxels[0] if shown.is_color else to_uint8(shown.voxels[0]))

    def _of_slice(self, image: Image) -> Image:
        k = self.index
        return replace(image, voxels=image.voxels[k : k + 1], geometry=image.geometry.slices(k, k + 1))

    def _fixed(self) -> Bytes:
        how = self.coloring
        if how.colors is not None and not how.is_of_moving:
            return np.asarray(how.colors[self.index])
        return to_uint8(self.pair.fixed.voxels[self.index])

    def _moving(self) -> Bytes:
        how, uptake = self.coloring, self.pair.moving.voxels[self.index]
        if how.colors is not None and how.is_of_moving:
            return np.asarray(how.colors[self.index])
        return to_uint8(uptake) if how.palette is None else color.lookup(uptake, how.palette)

    def _laid_out(self, picture: Bytes) -> Bytes:
        plane = native_plane(planes_of(self.pair.fixed.geometry))
        return pictures.square(picture_of(picture[np.newaxis], plane, 0), plane.pixel_mm)


def _captioned(role: str, image: Image) -> str:
    return role.upper() if image.modality is Modality.OTHER else f"{role.upper()}, {image.modality}"
