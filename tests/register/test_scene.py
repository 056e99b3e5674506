"""What registration looks at: coarse voxels at the right places, and a foreground without table and noise."""

from dataclasses import replace

import numpy as np
import pytest

from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.register.plane import lifted, lowered, planes
from fusecli.register.scene import at, scene

GRID = np.array([[0, 0.3, 0.9, -20], [0.2, 0.9, -0.3, -30], [2.0, 0, 0, 5], [0, 0, 0, 1]])
SQUARE = np.array([[0, 0, 1.0, -20], [0, 1, 0, -30], [2.0, 0, 0, 5], [0, 0, 0, 1]])


def ramp(affine, shape=(12, 20, 24), **changes):
    """Brightness that grows linearly in mm, so that its value tells the place."""
    geometry = Geometry(shape, affine)
    points = geometry.points(np.indices(shape).reshape(3, -1).T)
    image = Image((points @ RAMP + 500).reshape(shape), geometry, Modality.MRI, Intensity.ARBITRARY)
    return replace(image, **changes)


RAMP = np.array([3.0, 1.0, -2.0])


@pytest.mark.parametrize("affine", [SQUARE, GRID], ids=["square", "sheared"])
@pytest.mark.parametrize("spacing_mm", [0.5, 3.0])
def test_coarse_voxels_lie_where_the_middle_of_their_own_do(affine, spacing_mm):
    image = ramp(affine)
    seen = scene(image, spacing_mm)
    axes = seen.matrix[:3, :3] / seen.spacing_mm
    assert np.abs(axes.T @ axes - np.eye(3)).max() < 1e-6
    inner = np.argwhere(np.ones(np.array(seen.values.shape) - 2)) + 1
    expected = at(seen.matrix, inner) @ RAMP + 500
    values = seen.values[tuple(inner.T)]
    within = (values > 0.02) & (values < 0.98) & (image.voxels.min() < expected) & (expected < image.voxels.max())
    # Brightness is linear in mm, so that all of it lies on one line: that of the true places.
    assert within.sum() > 50
    kept = np.corrcoef(values[within], expected[within])[0, 1]
    assert kept > (0.9999 if affine is SQUARE else 0.9)


def test_the_body_is_seen_without_the_table_and_with_its_lungs():
    hu = np.full((6, 64, 64), -1000.0)
    rows, columns = np.mgrid[0:64, 0:64]
    body = np.hypot((rows - 30) / 18, (columns - 32) / 24) < 1
    lung = np.hypot((rows - 30) / 8, (columns - 22) / 6) < 1
    hu[:, body] = 40
    hu[:, lung] = -850
    hu[:, 56:58, 8:56] = 100  # the table
    hu[:, :3] = -3024  # padding
    seen = scene(Image(hu, Geometry(hu.shape, np.diag([3.0, 3, 3, 1])), Modality.CT, Intensity.HU), 3.0)
    assert np.array_equal(seen.foreground, np.broadcast_to(body, hu.shape))
    assert seen.values.min() == 0


def test_dark_uptake_on_white_has_the_same_foreground_as_white_on_dark(head):
    picture = head.pet.voxels[22:23] / head.pet.voxels.max()
    images = [Image(voxels, Geometry(voxels.shape), Modality.PET, Intensity.UNIT) for voxels in (picture, 1 - picture)]
    white, dark = (scene(image, 1.0).foreground for image in images)
    overlap = 2 * (white & dark).sum() / (white.sum() + dark.sum())
    assert overlap > 0.9
    assert 0.2 < white.mean() < 0.8


def test_an_empty_image_is_all_foreground_for_want_of_any():
    seen = scene(Image(np.zeros((4, 8, 8)), Geometry((4, 8, 8)), Modality.PET, Intensity.SUV), 1.0)
    assert len(seen.points()) == 4 * 8 * 8
    assert np.isfinite(seen.values).all()
    assert seen.surroundings.all()


def test_parallel_slices_share_their_plane_and_others_have_their_own():
    tilted = np.array([[0, 0, 1.0, 0], [-0.6, 0.8, 0, 0], [0.8, 0.6, 0, 7], [0, 0, 0, 1]])
    fixed, beside, across = (
        Geometry((1, 8, 8), m) for m in (SQUARE, SQUARE + np.outer([3, 2, 4, 0], [0, 0, 0, 1]), tilted)
    )
    own, other = planes(fixed, beside)
    assert np.array_equal(own[:2], other[:2])
    own, other = planes(fixed, across)
    assert not np.allclose(own[:3, :3], other[:3, :3])
    heights = at(other, across.points(np.array([[0, 3, 5], [0, 7, 1]])))[:, 2]
    assert np.abs(heights).max() < 1e-9
    assert planes(fixed, Geometry((2, 8, 8), SQUARE)) is None


def test_a_transform_in_the_plane_is_lifted_and_lowered_without_loss(motion):
    within = np.eye(3)
    within[:2] = motion(20, (0, 0, 1), (4, -3, 0))[:2, [0, 1, 3]]
    fixed = Geometry((1, 8, 8), motion(40, (1, 2, 0), (5, 6, 7)) @ SQUARE)
    frames = planes(fixed, fixed)
    assert np.abs(lowered(lifted(within, frames), frames) - within).max() < 1e-9
    points = fixed.points(np.array([[0, 2, 5], [0, 6, 1]]))
    assert np.abs(at(frames[1], at(lifted(within, frames), points))[:, 2]).max() < 1e-9
