"""Axial, coronal and sagittal: every voxel keeps its value and its place in mm."""

import numpy as np
import pytest

from fusecli.catalog import PLANES, Modality
from fusecli.core.geometry import Geometry
from fusecli.core.history import Step
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.planes import reformat
from fusecli.errors import UsageError

AFFINES = {
    "axial": [[0, 0, 1, 10], [0, 2, 0, -20], [3, 0, 0, 30], [0, 0, 0, 1]],
    "head first": [[0, 0, 1, 10], [0, 2, 0, -20], [-3, 0, 0, 30], [0, 0, 0, 1]],
    "sagittal": [[-3, 0, 0, 10], [0, 0, 2, -20], [0, -1, 0, 30], [0, 0, 0, 1]],
    "oblique": [[0, -1.2, 1.2, 10], [0, 1.6, 0.9, -20], [3, 0, 0, 30], [0, 0, 0, 1]],
    "sheared": [[0, 0, 1, 10], [0.5, 2, 0, -20], [3, 0, 0, 30], [0, 0, 0, 1]],
}
TOWARD = {
    "axial": ([0, 0, 1], [0, 1, 0], [1, 0, 0]),
    "coronal": ([0, 1, 0], [0, 0, -1], [1, 0, 0]),
    "sagittal": ([1, 0, 0], [0, 0, -1], [0, 1, 0]),
}


def volume(affine, *, color=False):
    shape = (4, 5, 6)
    random = np.random.default_rng(3)
    voxels = random.integers(0, 255, (*shape, 3), dtype=np.uint8) if color else random.normal(size=shape)
    intensity = Intensity.RGB if color else Intensity.ARBITRARY
    return Image(voxels, Geometry(shape, np.array(affine, dtype=float), "1.2.3"), Modality.MRI, intensity)


def by_place(image):
    """{(x, y, z) in mm: value}."""
    indices = np.argwhere(np.ones(image.geometry.shape))
    points = np.round(image.geometry.points(indices), 6) + 0.0
    return {tuple(p): np.array(image.voxels[tuple(i)]).tolist() for p, i in zip(points, indices, strict=True)}


@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("name", AFFINES)
def test_every_voxel_keeps_its_value_and_its_place(name, plane, color):
    image = volume(AFFINES[name], color=color)
    cut = reformat(image, plane)
    assert by_place(cut) == by_place(image)
    assert cut.geometry.frame_of_reference == "1.2.3"


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("name", AFFINES)
def test_slices_rows_and_columns_run_as_a_radiologist_looks_at_them(name, plane):
    directions = reformat(volume(AFFINES[name]), plane).geometry.directions
    for axis, toward in enumerate(TOWARD[plane]):
        assert directions[:, axis] @ toward > 0.7


def test_an_axial_volume_stays_as_it_is_in_axial_planes_and_not_in_others():
    image = volume(AFFINES["axial"])
    assert np.array_equal(reformat(image, "axial").voxels, image.voxels)
    assert reformat(image, "coronal").voxels.shape == (5, 4, 6)
    assert reformat(image, "sagittal").voxels.shape == (6, 4, 5)


def test_a_picture_has_no_planes():
    picture = Image(np.zeros((1, 4, 4)), Geometry((1, 4, 4)), Modality.OTHER, Intensity.UNIT)
    with pytest.raises(UsageError, match="no coronal planes"):
        reformat(picture, "coronal")


def test_one_slice_is_refused_in_another_plane_than_its_own():
    image = volume(AFFINES["axial"])
    one = image.stepped(Step("slice"), voxels=image.voxels[:1], geometry=image.geometry.slices(0, 1))
    assert reformat(one, "axial").voxels.shape == (1, 5, 6)
    with pytest.raises(UsageError, match="One slice"):
        reformat(one, "sagittal")
