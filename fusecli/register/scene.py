"""What registration looks at: an image made coarse and even, with a foreground, in the space where it is moved."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.luma import luma
from fusecli.core.scratch import slabs
from fusecli.register.alignment import placed

# Air to the densest organs. Bone and metal beyond are few and would take most of the levels of grey.
HU_RANGE = (-1000.0, 600.0)
BODY_ABOVE_HU = -300.0
# The few brightest voxels of a tracer (bladder, injection site) must not make everything else look alike.
PERCENTILES = (0.1, 99.8)

MARGIN = 0.15

# Along an axis of one layer nothing changes: a thin slab keeps some of those that it has.
LEAST_LAYERS = 2

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]

# SciPy carries no types; these are the ones of the calls below.
_label: Callable[..., tuple[NDArray[np.int32], int]] = ndimage.label
_fill: Callable[..., Mask] = ndimage.binary_fill_holes
_highest: Callable[..., NDArray[np.uint8]] = ndimage.maximum_filter1d
_map: Callable[..., NDArray[Any]] = ndimage.map_coordinates


@dataclass(frozen=True, eq=False)
class Scene:
    """A volume, or a single slice, as registration sees it.

    `values` is (slice, row, column), or (row, column) for a slice; float32 in 0..1. `matrix` takes indices, in the
    order of the axes, to points (x, y, z) or (x, y) in mm; its axes are at right angles. `foreground` is the head or
    body, of the shape of `values`.
    """

    values: NDArray[np.float32]
    matrix: Values
    foreground: Mask

    @property
    def dimension(self) -> int:
        """2 for a slice, 3 for a volume."""
        return self.values.ndim

    @cached_property
    def spacing_mm(self) -> Values:
        """Distance between neighbours along each axis of `values`."""
        return np.asarray(np.linalg.norm(self.matrix[:-1, :-1], axis=0))

    @cached_property
    def field_centre(self) -> Values:
        """The middle of the field of view in mm."""
        middle = (np.array([self.values.shape]) - 1) / 2
        return np.asarray(at(self.matrix, middle)[0])

    @cached_property
    def centre(self) -> Values:
        """The middle of the foreground in mm; of the field of view where there is none."""
        return np.asarray(self.points().mean(axis=0))

    @cached_property
    def size_mm(self) -> float:
        """How far the foreground reaches from its middle: the root of the mean square distance."""
        return float(np.sqrt(((self.points() - self.centre) ** 2).sum(axis=1).mean())) or 1.0

    @cached_property
    def surroundings(self) -> Mask:
        """The foreground and what lies within MARGIN of its size, so that its outline counts too."""
        grown = self.foreground.astype(np.uint8)
        for axis, spacing in enumerate(self.spacing_mm):
            reach = max(1, round(MARGIN * self.size_mm / float(spacing)))
            grown = _highest(grown, 2 * reach + 1, axis=axis, mode="constant")
        return grown.astype(bool) if grown.any() else np.ones(grown.shape, dtype=bool)

    @property
    def mirrored(self) -> "Scene":
        """The same with its rows in the opposite order."""
        values = np.ascontiguousarray(np.flip(self.values, axis=-2))
        return replace(self, values=values, foreground=np.ascontiguousarray(np.flip(self.foreground, axis=-2)))

    def points(self) -> Values:
        """Where the voxels of the foreground lie, (N, dimension), in mm; all voxels where there is none."""
        return at(self.matrix, np.argwhere(self.foreground if self.foreground.any() else ~self.foreground))


def at(matrix: Values, points: NDArray[Any]) -> Values:
    """An affine, (n + 1, n + 1), applied to points, (N, n)."""
    return np.asarray(np.asarray(points, dtype=np.float64) @ matrix[:-1, :-1].T + matrix[:-1, -1])


def scene(image: Image, spacing_mm: float, plane: Values | None = None) -> Scene:
    """`image` averaged to voxels of about `spacing_mm`, or as fine as they are.

    `plane` is 4 x 4 and rigid, from mm of LPS to a slice's own (x, y, height): with it the scene is of two dimensions.
    """
    geometry = placed(image.geometry)
    factors = [
        min(max(1, round(spacing_mm / own)), max(1, size // LEAST_LAYERS))
        for own, size in zip(geometry.spacing_mm, geometry.shape, strict=True)
    ]
    voxels = _averaged(_grey(image), factors, image.intensity is Intensity.HU)
    matrix = geometry.matrix @ _of_blocks(factors)
    if plane is not None:
        voxels, matrix = voxels[0], _in_plane(plane @ matrix)
    voxels, matrix = _squared(voxels, matrix)
    return Scene(_evened(voxels, image), matrix, _foreground(voxels, image))


def _grey(image: Image) -> NDArray[np.float32]:
    if image.is_color:
        return luma(image.voxels)
    return np.asarray(image.voxels, dtype=np.float32)


def _averaged(voxels: NDArray[np.float32], factors: list[int], hu: bool) -> NDArray[np.float32]:
    """Means of blocks; what does not fill a last block is left out."""
    deep, high, wide = factors
    slices, rows, columns = (size // factor for size, factor in zip(voxels.shape, factors, strict=True))
    means = np.empty((slices, rows, columns), dtype=np.float32)
    # One slab at a time, so that a large series is never copied as a whole.
    for part in slabs(voxels[: slices * deep], thick=deep):
        slab = voxels[part, : rows * high, : columns * wide]
        # Clipped before it is averaged: padding far below air, and metal, would bend the mean.
        slab = np.clip(slab, *HU_RANGE) if hu else slab
        sums = np.add.reduceat(slab.sum(axis=0, dtype=np.float32), np.arange(0, rows * high, high), axis=0)
        sums = np.add.reduceat(sums, np.arange(0, columns * wide, wide), axis=1)
        means[part.start // deep] = sums / (deep * high * wide)
    return means


def _of_blocks(factors: list[int]) -> Values:
    """The affine from indices of blocks to indices of voxels: a block lies where the middle of its voxels does."""
    matrix = np.diag([*map(float, factors), 1.0])
    matrix[:3, 3] = (np.array(factors) - 1) / 2
    return matrix


def _in_plane(matrix: Values) -> Values:
    """Without the slice axis and without the height over the plane."""
    return np.asarray(np.delete(np.delete(matrix, 2, axis=0), 0, axis=1))


def _squared(voxels: NDArray[np.float32], matrix: Values) -> tuple[NDArray[np.float32], Values]:
    """A sheared grid (a tilted gantry) as one whose axes are at right angles, which is all that ITK takes."""
    size = voxels.ndim
    axes = matrix[:-1, :-1]
    spacing = np.linalg.norm(axes, axis=0)
    cosines = (axes / spacing).T @ (axes / spacing)
    if np.abs(cosines - np.eye(size)).max() < 1e-6:
        return voxels, matrix
    # Columns keep their direction, then rows, and slices give way.
    turned, _ = np.linalg.qr(axes[:, ::-1])
    frame = turned[:, ::-1] * np.sign(np.einsum("ij,ij->j", turned[:, ::-1], axes))
    last = np.array(voxels.shape) - 1.0
    corners = at(matrix, np.array(np.meshgrid(*[(0, n) for n in last])).reshape(size, -1).T) @ frame
    low, high = corners.min(axis=0), corners.max(axis=0)
    shape = tuple(int(n) for n in np.floor((high - low) / spacing + 1e-6) + 1)
    square = np.eye(size + 1)
    square[:-1, :-1], square[:-1, -1] = frame * spacing, frame @ low
    mapping = np.linalg.inv(matrix) @ square
    where = at(mapping, np.indices(shape).reshape(size, -1).T).T.reshape(size, *shape)
    return np.asarray(_map(voxels, where, order=1, cval=float(voxels.min())), dtype=np.float32), square


def _evened(voxels: NDArray[np.float32], image: Image) -> NDArray[np.float32]:
    """Brightness in 0..1 in which tissues differ: HU as they are, tracers by their square root, all else linearly."""
    if image.intensity is Intensity.HU:
        low, high = HU_RANGE
    else:
        low, high = (float(v) for v in np.percentile(voxels, PERCENTILES))
    unit = np.clip((voxels - low) / max(high - low, 1e-12), 0, 1)
    is_linear = image.is_color or image.intensity is Intensity.UNIT or not image.modality.is_uptake
    return np.asarray(unit if is_linear else np.sqrt(unit), dtype=np.float32)


def _foreground(voxels: NDArray[np.float32], image: Image) -> Mask:
    """The head or body with whatever it encloses, without table, blankets and the noise of air."""
    if image.intensity is Intensity.HU:
        mask = voxels > BODY_ABOVE_HU
    else:
        bright = voxels.max() - voxels if _is_dark_on_bright(voxels) else voxels
        root = np.sqrt(np.clip(bright - np.percentile(bright, PERCENTILES[0]), 0, None))
        mask = root > _otsu(root)
    return _filled(_largest(mask))


def _is_dark_on_bright(values: NDArray[np.float32]) -> bool:
    """Whether the border is brighter than the inside, as in a picture of dark uptake on white."""
    rim = np.ones(values.shape[-2:], dtype=bool)
    rim[1:-1, 1:-1] = False
    return bool(np.median(values[..., rim]) > values[..., ~rim].mean())


def _otsu(values: NDArray[np.float32]) -> float:
    """The threshold that splits values into two classes of the least variance. Source: Otsu, IEEE SMC 9(1), 1979."""
    counts, edges = np.histogram(values, bins=128)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    sums = np.cumsum(counts * middles)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1:][np.nanargmax(between[:-1])]) if np.ptp(values) > 0 else float(values.max())


def _largest(mask: Mask) -> Mask:
    """The largest connected part, and others of at least a fifth of its size: both legs, not the table."""
    labels, count = _label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= 0.2 * sizes.max())[labels])


def _filled(mask: Mask) -> Mask:
    """Without holes, slice by slice, so that airways and lungs cut off by the edge of a volume are holes too."""
    return np.asarray(_fill(mask)) if mask.ndim == 2 else np.stack([_fill(slice_) for slice_ in mask])
