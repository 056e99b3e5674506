"""The regions of a mask one by one: which there are, and how each stands out in a fusion."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fusecli.errors import ImageError
from fusecli.metrics.clinical import GAP, WIDTH, Facts, Mask, Volumes, contrast_kept

_TOUCHING = np.ones((3, 3, 3), dtype=bool)  # also by a corner


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """One region of a mask. `box` is where it lies, (slice, row, column), and `inside` its voxels in there.

    `label` is what the mask says of it, None where it says only inside or outside.
    """

    label: int | None
    box: tuple[slice, slice, slice]
    inside: Mask

    @property
    def indices(self) -> NDArray[np.intp]:
        """(slice, row, column) of each of its voxels, (N, 3)."""
        return np.asarray(np.argwhere(self.inside) + [side.start for side in self.box])

    @property
    def middle(self) -> NDArray[np.intp]:
        """Its voxel nearest to its centre of mass, (slice, row, column)."""
        indices = self.indices
        return np.asarray(indices[np.square(indices - indices.mean(axis=0)).sum(axis=1).argmin()])


def connected(mask: Mask) -> list[Region]:
    """The parts of a mask, (slice, row, column), that do not touch each other, not even by a corner; largest first."""
    parts, _ = ndimage.label(mask, _TOUCHING)
    regions = [Region(None, box, parts[box] == number) for number, box in enumerate(ndimage.find_objects(parts), 1)]
    return sorted(regions, key=lambda region: -int(region.inside.sum()))


def labelled(mask: Mask, label: int) -> Region | None:
    """All that a mask has under one label as one region; None where it has nothing."""
    boxes = ndimage.find_objects(mask.astype(np.uint8))
    return Region(label, boxes[0], mask[boxes[0]]) if boxes else None


def contrast_of(volumes: Volumes, region: Region) -> Facts | None:
    """As `contrast_kept`, of a region and its own surround; None where nothing lies around it."""
    margin = GAP + WIDTH + 1
    sides = zip(region.box, volumes.fused.shape, (0, margin, margin), strict=True)
    place = tuple(slice(max(box.start - wide, 0), min(box.stop + wide, length)) for box, length, wide in sides)
    mask = np.zeros([side.stop - side.start for side in place], dtype=bool)
    mask[tuple((region.indices - [side.start for side in place]).T)] = True
    piece = Volumes(volumes.fixed[place], volumes.moving[place], volumes.fused[place])
    try:
        return contrast_kept(piece, mask)
    except ImageError:
        return None
