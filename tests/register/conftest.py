from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy import ndimage

from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity

VOXEL_MM = 4.0
SHAPE = (40, 52, 44)  # slices, rows, columns


@pytest.fixture
def make_image():
    return image_of


def image_of(voxels, affine=None, *, intensity=Intensity.SUV, frame=None):
    """An image of `voxels`; without an affine a picture whose place is unknown."""
    voxels = np.asarray(voxels)
    matrix = None if affine is None else np.array(affine, dtype=float)
    return Image(voxels, Geometry(voxels.shape[:3], matrix, frame), Modality.PET, intensity)


@dataclass(frozen=True)
class HeadPair:
    """An MRI-like and a PET-like image of one head on one grid, and points in mm of LPS all over that head."""

    mri: Image
    pet: Image
    points: np.ndarray


@pytest.fixture(scope="session")
def head():
    """A head without symmetry: skull, brain, ventricles on one side of the middle, and three round lesions."""
    affine = np.array([[0, 0, VOXEL_MM, -86], [0, VOXEL_MM, 0, -102], [VOXEL_MM, 0, 0, -78], [0, 0, 0, 1]])
    geometry = Geometry(SHAPE, affine)
    points = geometry.points(np.indices(SHAPE).reshape(3, -1).T)
    tissue = tissue_at(points).reshape(SHAPE)
    random = np.random.default_rng(3)
    mri = np.array([0, 0.8, 0.15, 0.85, 0.25, 0.45, 0.6])[tissue] * 900 + random.normal(0, 12, SHAPE)
    suv = np.array([0, 0.5, 0.3, 2.0, 0.6, 9.0, 6.0])[tissue]
    pet = np.maximum(ndimage.gaussian_filter(suv, 1.0) + random.normal(0, 0.05, SHAPE), 0)
    inside = points[(tissue > 0).ravel()][::50]
    return HeadPair(
        Image(np.abs(mri), geometry, Modality.MRI, Intensity.ARBITRARY),
        Image(pet, geometry, Modality.PET, Intensity.SUV),
        inside,
    )


def tissue_at(points):
    """0 air, 1 scalp, 2 skull, 3 white matter, 4 ventricle, 5 lesion, 6 grey matter in folds."""
    tissue = np.zeros(len(points), dtype=int)
    for name, centre, axes in (
        (1, (0, 0, 0), (66, 84, 68)),
        (1, (0, -84, -20), (12, 16, 18)),  # the nose
        (2, (0, 0, 0), (60, 78, 62)),
        (3, (0, 2, 2), (54, 72, 56)),
        (4, (-9, 6, 6), (7, 26, 12)),
        (4, (14, 12, 2), (6, 20, 9)),
        (5, (-30, -30, 20), (9, 9, 9)),
        (5, (34, 30, 26), (12, 12, 12)),
        (5, (20, -44, -18), (7, 7, 7)),
    ):
        tissue[(((points - centre) / axes) ** 2).sum(axis=1) < 1] = name
    folds = np.sin(points[:, 0] / 8 + 1) * np.sin(points[:, 1] / 9 + 2) * np.sin(points[:, 2] / 7) > 0.2
    tissue[(tissue == 3) & folds] = 6
    return tissue


@pytest.fixture(scope="session")
def motion():
    return motion_of


def motion_of(degrees, axis, shift_mm, scales=(1, 1, 1), centre=(0, 0, 0)):
    """A 4 x 4 affine of points in mm: scales, then a turn about `axis` through `centre`, then a shift."""
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    matrix = np.eye(4)
    matrix[:3, :3] = (np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross) @ np.diag(scales)
    matrix[:3, 3] = np.array(centre) + shift_mm - matrix[:3, :3] @ centre
    return matrix


@pytest.fixture(scope="session")
def moved():
    """The same voxels at another place: `matrix` takes their points in mm of LPS to where they are now."""

    def move(image, matrix):
        return replace(image, geometry=replace(image.geometry, affine=matrix @ image.geometry.matrix))

    return move
