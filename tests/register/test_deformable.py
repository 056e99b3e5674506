"""Deformations of phantoms that are known to the voxel, found again by `deform`."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.errors import AlignmentError
from fusecli.register import identity, resample
from fusecli.register.deformable import deform
from fusecli.register.deformable_field import composed, least_jacobian, warped


def labels(shape):
    """A head of nested ellipsoids: 0 outside, 1 scalp, 2 bone, 3 brain, 4 ventricles and sulci, 5 a lesion."""
    place = [np.linspace(-1, 1, n) for n in shape]
    grid = np.meshgrid(*place, indexing="ij")
    last, *_ = grid[::-1]
    first = grid[-2]
    rest = sum(g**2 for g in grid[:-2])
    radius = np.sqrt((first / 0.82) ** 2 + (last / 0.68) ** 2 + rest)
    found = np.zeros(shape, dtype=int)
    for limit, label in ((1.0, 1), (0.9, 2), (0.78, 3)):
        found[radius < limit] = label
    # Sulci show how the brain slid along itself, which outlines alone cannot.
    texture = ndimage.gaussian_filter(np.random.default_rng(5).standard_normal(shape), 3)
    found[(found == 3) & (texture > texture.std())] = 4
    for side in (-0.2, 0.2):
        found[((first + 0.05) / 0.3) ** 2 + ((last - side) / 0.1) ** 2 + rest / 0.16 < 1] = 4
    found[(first - 0.4) ** 2 + (last + 0.2) ** 2 + rest < 0.012] = 5
    return found


MRI = np.array([0.0, 0.9, 0.05, 0.6, 0.2, 0.8])
CT = np.array([0.0, 0.25, 1.0, 0.4, 0.3, 0.45])


def picture(shape, greys, seed):
    noise = np.random.default_rng(seed).normal(0, 0.01, shape)
    return ndimage.gaussian_filter(greys[labels(shape)], 0.7) + noise


def bend(shape, pixels):
    """A smooth displacement in voxels, (*shape, n), of `pixels` at most."""
    rng = np.random.default_rng(3)
    sigma = [n / 8 for n in shape]
    noise = np.stack([ndimage.gaussian_filter(rng.standard_normal(shape), sigma) for _ in shape], axis=-1)
    return noise / np.linalg.norm(noise, axis=-1).max() * pixels


def image(voxels, modality, affine=None):
    voxels = voxels if voxels.ndim == 3 else voxels[np.newaxis]
    return Image(np.clip(voxels, 0, 1), Geometry(voxels.shape, affine), modality, Intensity.UNIT)


def bent_pair(shape, pixels, affine=None):
    """MRI, a CT that was bent against it, and where FIXED's voxels lie in MOVING, in voxels."""
    field = bend(shape, pixels)
    partner = np.zeros_like(field)
    for _ in range(30):
        partner = -np.stack([warped(field[..., k], partner) for k in range(len(shape))], axis=-1)
    moving = warped(picture(shape, CT, 1), field)
    return image(picture(shape, MRI, 0), Modality.MRI, affine), image(moving, Modality.CT, affine), partner


def found_voxels(fixed, alignment):
    """Where `alignment` displaces each voxel of FIXED to, in voxels, (*shape, 3)."""
    geometry = fixed.geometry
    affine = geometry.affine if geometry.is_patient else np.fliplr(np.eye(3))
    indices = np.indices(geometry.shape).reshape(3, -1).T
    whole = replace(geometry, affine=_whole(affine))
    moved = whole.indices(alignment.points(whole.points(indices)))
    return (moved - indices).reshape(*geometry.shape, 3)


def _whole(affine):
    if affine.shape == (4, 4):
        return affine
    matrix = np.eye(4)
    matrix[:3, :3] = affine
    return matrix


def errors(found, truth, head):
    """Mean distance to the truth inside the head, in voxels: of no motion, and of what was found."""
    return np.linalg.norm(truth, axis=-1)[head].mean(), np.linalg.norm(found - truth, axis=-1)[head].mean()


@pytest.fixture(scope="module")
def plane_pair():
    return bent_pair((128, 128), 7.0)


@pytest.fixture(scope="module")
def plane_alignment(plane_pair):
    return deform(plane_pair[0], plane_pair[1], identity())


def test_a_known_deformation_of_a_picture_is_found_for_the_better_part(plane_pair, plane_alignment):
    fixed, _, truth = plane_pair
    found = found_voxels(fixed, plane_alignment)[0, ..., 1:]
    before, after = errors(found, truth, labels((128, 128)) > 0)
    # The search draws to no motion, and along an outline nothing shows it, so not all of it can be found.
    assert after < 0.5 * before


def test_the_bent_picture_comes_to_look_like_the_undeformed_one(plane_pair, plane_alignment):
    fixed, moving, _ = plane_pair
    truth = picture((128, 128), CT, 1)
    back, _ = resample(moving, onto=fixed.geometry, by=plane_alignment)
    before, after = (np.corrcoef(i.voxels.ravel(), truth.ravel())[0, 1] for i in (moving, back))
    assert 1 - after < (1 - before) / 2


def test_nothing_folds_on_the_grid_of_fixed(plane_pair, plane_alignment):
    fixed, _, _ = plane_pair
    found = found_voxels(fixed, plane_alignment)[0, ..., 1:].astype(np.float32)
    assert least_jacobian(found) > 0
    assert plane_alignment.facts["least_jacobian"] > 0


def test_a_field_that_folds_would_be_seen():
    field = np.zeros((16, 16, 2), dtype=np.float32)
    assert least_jacobian(field) == pytest.approx(1)
    field[8, 8, 0] = 1.5  # past its neighbour
    assert least_jacobian(field) < 0


def test_what_is_far_from_the_head_is_hardly_moved(plane_pair, plane_alignment):
    found = found_voxels(plane_pair[0], plane_alignment)[0]
    corners = np.linalg.norm(found, axis=-1)[np.ix_((0, -1), (0, -1))]
    assert corners.max() < 1.0


def test_a_pair_that_is_aligned_already_is_hardly_moved():
    shape = (128, 128)
    fixed, moving = image(picture(shape, MRI, 0), Modality.MRI), image(picture(shape, CT, 1), Modality.CT)
    found = found_voxels(fixed, deform(fixed, moving, identity()))
    assert np.linalg.norm(found, axis=-1)[0][labels(shape) > 0].mean() < 0.5


def test_an_uptake_is_bent_less_than_a_ct_of_the_same_brightness(plane_pair, plane_alignment):
    fixed, moving, _ = plane_pair
    uptake = deform(fixed, replace(moving, modality=Modality.PET), identity())
    assert 0 < uptake.facts["bent_by_mean_mm"] < 0.9 * plane_alignment.facts["bent_by_mean_mm"]


def test_two_runs_find_the_same_field(plane_pair, plane_alignment):
    again = deform(plane_pair[0], plane_pair[1], identity())
    assert np.array_equal(found_voxels(plane_pair[0], again), found_voxels(plane_pair[0], plane_alignment))


@pytest.mark.slow
def test_a_volume_on_an_oblique_grid_is_bent_back_too():
    turn = np.eye(4)
    turn[:3, :3] = [[0, -1.2, 1.6], [0, 1.6, 1.2], [2.0, 0, 0]]
    turn[:3, 3] = (-30, 12, 50)
    shape = (20, 32, 32)
    fixed, moving, truth = bent_pair(shape, 3.0, turn)
    found = found_voxels(fixed, deform(fixed, moving, identity()))
    before, after = errors(found, truth, labels(shape) > 0)
    assert after < 0.9 * before  # most of this motion is under half a voxel, and a voxel is thicker than the bone
    assert least_jacobian(found.astype(np.float32)) > 0


def test_a_slab_of_two_thin_slices_is_bent_too():
    place = np.array([[0, 0, 0.9, 0], [0, 0.9, 0, 0], [1.0, 0, 0, 0], [0, 0, 0, 1]])
    mri, ct = (np.stack([picture((96, 96), greys, seed)] * 2) for seed, greys in enumerate((MRI, CT)))
    found = deform(image(mri, Modality.MRI, place), image(ct, Modality.CT, place), identity())
    assert found.facts["least_jacobian"] > 0
    assert found.facts["bent_by_mean_mm"] < 1


def test_the_start_is_kept_and_the_bend_comes_first(plane_pair):
    fixed, moving, _ = plane_pair
    alignment = deform(fixed, moving, identity())
    assert alignment.method == "header, deformable"
    assert alignment.matrix is None


@pytest.mark.parametrize("role", ["FIXED", "MOVING"])
def test_an_image_without_contrast_is_refused(plane_pair, role):
    flat = image(np.full((128, 128), 0.5), Modality.MRI)
    pair = (flat, plane_pair[1]) if role == "FIXED" else (plane_pair[0], flat)
    with pytest.raises(AlignmentError, match=f"{role} shows nothing") as caught:
        deform(*pair, identity())
    assert caught.value.exit_code == 6


def test_an_image_of_a_few_pixels_is_refused():
    small = image(np.random.default_rng(0).random((8, 8)), Modality.MRI)
    with pytest.raises(AlignmentError, match="too small"):
        deform(small, small, identity())


def test_composing_goes_by_the_update_first():
    field = np.zeros((8, 8, 2), dtype=np.float32)
    field[..., 0] = np.arange(8)[:, np.newaxis] / 8
    update = np.zeros_like(field)
    update[..., 0] = 2
    assert composed(field, update)[1, 4, 0] == pytest.approx(2 + 3 / 8)
