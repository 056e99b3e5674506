"""MOVING through an alignment onto FIXED's grid: one interpolation from its own voxels, whatever the grids."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.history import warnings_of
from fusecli.core.intensity import Intensity
from fusecli.errors import PairError
from fusecli.register import Alignment, from_matrix, identity, resample

AXIAL = np.array([[0, 0, 2, -9], [0, 2, 0, -9], [2.5, 0, 0, -8], [0, 0, 0, 1]])
GRIDS = {
    "axial": AXIAL,
    "flipped": np.array([[0, 0, -2, 12], [0, -2, 0, 11], [2.5, 0, 0, -8], [0, 0, 0, 1]]),
    "oblique": np.array([[0, -1.2, 1.6, -4], [0, 1.6, 1.2, -14], [2.5, 0, 0, -8], [0, 0, 0, 1]]),
    "sheared": np.array([[0, 0, 2, -9], [0.7, 2, 0, -12], [2.4, 0, 0, -8], [0, 0, 0, 1]]),
}
ONTO = Geometry((9, 12, 13), np.array([[0.2, -0.9, 1.5, -5], [0, 1.5, 0.9, -9], [1.9, 0.1, 0, -7], [0, 0, 0, 1]]))


@pytest.fixture
def noise():
    return np.random.default_rng(0).uniform(1, 9, (8, 11, 10)).astype(np.float32)


@pytest.fixture
def affine(motion):
    return motion(17, (1, -1, 2), (1.5, -2, 1), scales=(1.05, 0.97, 1.02))


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_an_affine_is_as_if_the_file_had_stated_it(make_image, noise, affine, grid):
    by = from_matrix(affine, "affine")
    through, covered = resample(make_image(noise, grid), onto=ONTO, by=by)
    stated, covered_too = resample(make_image(noise, np.linalg.inv(affine) @ grid), onto=ONTO)
    assert np.array_equal(covered, covered_too)
    assert np.abs(through.voxels - stated.voxels).max() < 1e-5
    unmoved, _ = resample(make_image(noise, grid), onto=ONTO)
    assert np.abs(through.voxels - unmoved.voxels).max() > 1


@pytest.mark.parametrize("grid", [GRIDS["axial"], GRIDS["oblique"]], ids=["axial", "oblique"])
def test_what_bends_is_resampled_as_simpleitk_does_it(make_image, noise, affine, grid):
    bent = bending(affine)
    ours, covered = resample(make_image(noise, grid), onto=ONTO_SQUARE, by=bent)
    theirs = sitk.GetArrayFromImage(
        sitk.Resample(as_itk(noise, grid), as_itk(np.zeros(ONTO_SQUARE.shape), ONTO_SQUARE.matrix), bent.transform)
    )
    assert covered.sum() > 200
    assert np.abs(ours.voxels - theirs)[covered].max() < 1e-4


def test_what_bends_is_exact_on_a_sheared_grid_too(make_image, affine):
    """Brightness that grows linearly in mm is kept by linear interpolation on any grid: the truth is the transform."""
    bent = bending(affine)
    grid = GRIDS["sheared"]
    points = Geometry((8, 11, 10), grid).points(np.indices((8, 11, 10)).reshape(3, -1).T)
    slope = np.array([1.0, -0.5, 0.3])
    moving = make_image((points @ slope + 60).reshape(8, 11, 10), grid)
    found, covered = resample(moving, onto=ONTO, by=bent)
    there = bent.points(ONTO.points(np.indices(ONTO.shape).reshape(3, -1).T))
    last = np.array(moving.geometry.shape) - 1
    indices = moving.geometry.indices(there)
    inside = ((indices >= 0) & (indices <= last)).all(axis=1).reshape(ONTO.shape)
    assert inside.sum() > 100
    assert covered[inside].all()
    assert np.abs(found.voxels - (there @ slope + 60).reshape(ONTO.shape))[inside].max() < 1e-3


def test_an_affine_that_is_written_as_a_field_gives_the_same_image(make_image, noise, affine):
    size, spacing, origin = (21, 21, 21), (4.0, 4.0, 4.0), (-40.0, -40.0, -40.0)
    linear = from_matrix(affine, "affine")
    field = sitk.TransformToDisplacementField(linear.transform, sitk.sitkVectorFloat64, size, origin, spacing)
    moving = make_image(noise, AXIAL)
    by_field, _ = resample(moving, onto=ONTO, by=Alignment(sitk.DisplacementFieldTransform(field), "deformable"))
    by_matrix, _ = resample(moving, onto=ONTO, by=linear)
    assert np.abs(by_field.voxels - by_matrix.voxels).max() < 1e-3


def test_a_picture_without_a_place_is_moved_in_pixels(make_image):
    voxels = np.random.default_rng(1).uniform(0, 1, (1, 8, 9)).astype(np.float32)
    shift = np.eye(4)
    shift[:2, 3] = (2, 3)  # FIXED's pixel (x, y) is MOVING's (x + 2, y + 3)
    moving = make_image(voxels, intensity=Intensity.UNIT)
    moved, covered = resample(moving, onto=moving.geometry, by=from_matrix(shift, "rigid"))
    assert np.abs(moved.voxels[0, :5, :7] - voxels[0, 3:, 2:]).max() < 1e-6
    assert covered[0, :5, :7].all()
    assert not covered[0, 5:].any()
    assert moved.geometry is moving.geometry


def test_suv_stays_suv_and_the_history_has_its_maximum_and_integral(make_image):
    grid = np.array([[0, 0, 4.0, -38], [0, 4, 0, -38], [4, 0, 0, -38], [0, 0, 0, 1]])
    where = np.indices((20, 20, 20)) * 4 - 38
    blob = 10 * np.exp(-(where**2).sum(axis=0) / (2 * 12.0**2))
    moving = make_image(blob, grid)
    shift = np.eye(4)
    shift[:3, 3] = (3, -2, 1)
    onto = Geometry((40, 40, 40), np.array([[0, 0, 2.0, -39], [0, 2, 0, -39], [2, 0, 0, -39], [0, 0, 0, 1]]))
    moved, _ = resample(moving, onto=onto, by=from_matrix(shift, "rigid"))
    facts = moved.history[-1].facts
    assert moved.intensity is Intensity.SUV
    assert facts["aligned_by"] == "rigid"
    assert facts["maximum_before"] == pytest.approx(blob.max())
    assert facts["integral_before"] == pytest.approx(blob.sum() * 0.064, rel=1e-5)  # 4 mm cubes in ml
    assert facts["integral_after"] == pytest.approx(moved.voxels.sum() * 0.008, rel=1e-5)
    # A wide blob loses little to linear interpolation.
    assert facts["integral_after"] == pytest.approx(facts["integral_before"], rel=0.01)
    assert facts["maximum_after"] == pytest.approx(facts["maximum_before"], rel=0.03)


@pytest.mark.parametrize("part", ["one slice", "half of the columns"])
def test_a_part_of_a_tracer_s_volume_is_not_compared_with_all_of_it(make_image, part):
    grid = np.array([[0, 0, 4.0, -38], [0, 4, 0, -38], [4, 0, 0, -38], [0, 0, 0, 1]])
    moving = make_image(np.random.default_rng(2).uniform(1, 2, (20, 20, 20)), grid)
    whole = moving.geometry
    onto = whole.slices(9, 10) if part == "one slice" else Geometry((20, 20, 10), grid)
    names = {f"{what}_{when}" for what in ("maximum", "integral") for when in ("before", "after")}
    assert not names & set(resample(moving, onto=onto)[0].history[-1].facts)
    assert names <= set(resample(moving, onto=whole)[0].history[-1].facts)


def test_a_field_of_view_that_cuts_off_nothing_but_air_keeps_the_integral(make_image):
    voxels = np.zeros((20, 20, 20))
    voxels[4:16, 4:16, 4:16] = 3
    grid = np.array([[0, 0, 4.0, -38], [0, 4, 0, -38], [4, 0, 0, -38], [0, 0, 0, 1]])
    inner = Geometry((20, 14, 14), grid @ np.array([[1.0, 0, 0, 0], [0, 1, 0, 3], [0, 0, 1, 3], [0, 0, 0, 1]]))
    facts = resample(make_image(voxels, grid), onto=inner)[0].history[-1].facts
    assert facts["integral_after"] == pytest.approx(facts["integral_before"])


def test_an_anatomy_has_no_integral(make_image, noise):
    anatomy = replace(make_image(noise, AXIAL), modality=Modality.MRI, intensity=Intensity.ARBITRARY)
    assert "integral_before" not in resample(anatomy, onto=ONTO)[0].history[-1].facts


def test_two_frames_of_reference_are_no_reason_to_warn_once_the_content_was_aligned(make_image, noise):
    moving = make_image(noise, AXIAL, frame="2.25.1")
    onto = replace(ONTO, frame_of_reference="2.25.2")
    found, _ = resample(moving, onto=onto, by=from_matrix(np.eye(4), "rigid"))
    trusted, _ = resample(moving, onto=onto, by=identity())
    assert not any("frames of reference" in text for text in warnings_of(found.history))
    assert any("frames of reference" in text for text in warnings_of(trusted.history))


def test_an_alignment_that_leads_away_is_refused_with_both_extents(make_image, noise):
    away = np.eye(4)
    away[2, 3] = 500
    with pytest.raises(PairError) as caught:
        resample(make_image(noise, AXIAL), onto=ONTO, by=from_matrix(away, "file"))
    assert "brought there by the alignment" in caught.value.why


ONTO_SQUARE = Geometry((9, 12, 13), np.array([[0, 0, 1.5, -8], [0, 1.5, 0, -9], [1.9, 0, 0, -7], [0, 0, 0, 1]]))


def bending(affine):
    """A wave of some millimetres, then an affine."""
    points = np.stack(np.meshgrid(*[np.arange(-40, 44, 4.0)] * 3, indexing="ij"), axis=-1)  # (z, y, x)
    vectors = np.stack([2 * np.sin(points[..., 1] / 15), np.cos(points[..., 0] / 11), np.sin(points[..., 2] / 13)], -1)
    field = sitk.GetImageFromArray(vectors, isVector=True)
    field.SetOrigin((-40.0, -40.0, -40.0))
    field.SetSpacing((4.0, 4.0, 4.0))
    wave = Alignment(sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64)), "deformable")
    return wave.then(from_matrix(affine, "affine"))


def as_itk(voxels, affine):
    image = sitk.GetImageFromArray(np.asarray(voxels, dtype=np.float32))
    axes = affine[:3, :3][:, ::-1]
    spacing = np.linalg.norm(axes, axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((axes / spacing).ravel().tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    return image
