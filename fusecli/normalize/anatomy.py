"""Which part of the body a CT shows, judged by its lungs and its skull."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label
from skimage.morphology import closing, opening

from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.scratch import slabs

# Averaging to about 3 mm keeps an adult skull closed, takes the noise out and makes a whole series fast.
COARSE_MM = 3.0
# A file without spacing is brought to about this many voxels along each axis instead.
COARSE_SIZE = 128

BODY_ABOVE_HU = -300.0
LUNG_HU = (-950.0, -500.0)
BONE_ABOVE_HU = 200.0
# Water of the ventricles to fresh blood.
BRAIN_HU = (0.0, 90.0)

# Of each lung: a slice or a chest has far more than a 25th of its volume in either lung, an abdomen with the lung
# bases has less than a 50th. In a scan of the whole body that share is small, but the volume is not.
LUNG_SHARE = 0.04
LUNG_ML = 500.0
# A head is about a third brain; in a scan of head, neck and shoulders the brain is less than a tenth.
BRAIN_SHARE = 0.2

Mask = NDArray[np.bool_]

# scikit-image carries no types; these are the ones of the call below.
_label: Callable[..., NDArray[np.int64]] = label


@dataclass(frozen=True, slots=True)
class _Coarse:
    """HU on a coarse grid whose axes are (head-foot, front-back, left-right), and the size of its voxels."""

    hu: NDArray[np.float32]
    voxel_ml: float | None


def window_by_anatomy(image: Image) -> tuple[str, str]:
    """The name of a preset in catalog.CT_WINDOWS for a CT in HU, and the reason in a few words.

    Lungs on both sides give "mediastinum"; a ring of bone around tissue of the brain's density gives "brain"; all else
    gives "soft". The thresholds were set on phantoms and checked on real slices: docs/normalization.md.
    """
    coarse = _coarse(image)
    body = _body(coarse.hu)
    if not body.any():
        return "soft", "no body seen"
    if _has_both_lungs(coarse, body):
        return "mediastinum", "lungs seen"
    if _brain(coarse.hu, body).sum() >= BRAIN_SHARE * body.sum():
        return "brain", "a skull around brain tissue seen"
    return "soft", "neither lungs nor a brain seen"


def _coarse(image: Image) -> _Coarse:
    order, factors = _patient_axes(image.geometry), _factors(image.geometry)
    hu = _averaged(image.voxels, factors).transpose(order)
    if not image.geometry.is_patient:
        return _Coarse(hu, None)
    voxel_mm3 = abs(float(np.linalg.det(image.geometry.matrix[:3, :3]))) * float(np.prod(factors))
    return _Coarse(hu, voxel_mm3 / 1000)


def _patient_axes(geometry: Geometry) -> tuple[int, int, int]:
    """The axes of the array in the order head-foot, front-back, left-right, for slices of any orientation."""
    if not geometry.is_patient:
        return (0, 1, 2)
    along = np.abs(geometry.directions)  # (x, y, z of the patient; axis of the array)
    head_foot = int(along[2].argmax())
    left_right = max((axis for axis in range(3) if axis != head_foot), key=lambda axis: float(along[0, axis]))
    return (head_foot, 3 - head_foot - left_right, left_right)


def _factors(geometry: Geometry) -> tuple[int, int, int]:
    """How many voxels along each axis become one."""
    if geometry.is_patient:
        wanted = [round(COARSE_MM / spacing) for spacing in geometry.spacing_mm]
    else:
        wanted = [size // COARSE_SIZE for size in geometry.shape]
    slices, rows, columns = (max(1, min(f, size)) for f, size in zip(wanted, geometry.shape, strict=True))
    return (slices, rows, columns)


def _averaged(voxels: NDArray[np.float32], factors: tuple[int, int, int]) -> NDArray[np.float32]:
    """Means of blocks; what does not fill a last block is left out."""
    deep, high, wide = factors
    slices, rows, columns = (size // factor for size, factor in zip(voxels.shape, factors, strict=True))
    means = np.empty((slices, rows, columns), dtype=np.float32)
    # One slab at a time, so that a large series is never copied as a whole.
    for part in slabs(voxels[: slices * deep], thick=deep):
        slab = voxels[part, : rows * high, : columns * wide]
        means[part.start // deep] = slab.reshape(deep, rows, high, columns, wide).mean(axis=(0, 2, 4), dtype=np.float64)
    return means


def _body(hu: NDArray[np.float32]) -> Mask:
    """The largest solid thing, with whatever it encloses in each axial slice: lungs and gas, not table and blankets."""
    labels = _label(_opened(hu > BODY_ABOVE_HU), connectivity=1)
    sizes = np.bincount(labels.ravel())[1:]
    if sizes.size == 0:
        return np.zeros(hu.shape, dtype=bool)
    return _filled(labels == sizes.argmax() + 1)


def _opened(mask: Mask) -> Mask:
    """Each axial slice without what is less than three voxels wide."""
    return np.asarray(opening(mask.astype(np.uint8), np.ones((1, 3, 3), dtype=np.uint8)), dtype=bool)


def _filled(mask: Mask) -> Mask:
    """Each axial slice with its holes filled."""
    return np.stack([~_outside(slice_) for slice_ in mask])


def _outside(slice_: Mask) -> Mask:
    """What can be reached from the edge of a slice, (row, column), without crossing the mask."""
    regions = _label(np.pad(~slice_, 1, constant_values=True), connectivity=1)
    return np.asarray(regions == regions[0, 0], dtype=bool)[1:-1, 1:-1]


def _has_both_lungs(coarse: _Coarse, body: Mask) -> bool:
    low, high = LUNG_HU
    # Opening removes the rim where gas meets tissue, which averages to the density of lung.
    lung = _opened(body & (coarse.hu > low) & (coarse.hu < high))
    middle = round(float(np.average(np.arange(body.shape[2]), weights=body.sum(axis=(0, 1)))))
    smaller = min(int(lung[..., :middle].sum()), int(lung[..., middle:].sum()))
    if smaller >= LUNG_SHARE * body.sum():
        return True
    return coarse.voxel_ml is not None and smaller * coarse.voxel_ml >= LUNG_ML


def _brain(hu: NDArray[np.float32], body: Mask) -> Mask:
    """What has the density of brain and lies in a closed ring of bone, slice by slice."""
    low, high = BRAIN_HU
    # Sutures and the thin temporal bone leave gaps of up to four voxels.
    bone = closing((body & (hu > BONE_ABOVE_HU)).astype(np.uint8), np.ones((1, 5, 5), dtype=np.uint8)).astype(bool)
    return np.asarray(_filled(bone) & ~bone & (hu >= low) & (hu <= high))
