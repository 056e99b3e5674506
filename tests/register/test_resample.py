"""MOVING on FIXED's grid, against hand-made numbers and against scipy in index space."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from fusecli.core.geometry import Geometry
from fusecli.core.history import warnings_of
from fusecli.core.intensity import Intensity
from fusecli.errors import PairError
from fusecli.register import resample

# Columns: one step along slice, row and column in mm of LPS, then the place of voxel (0, 0, 0).
UNIT_GRID = [[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]]
MOVING_AFFINES = {
    "axial": [[0, 0, 2, -9], [0, 2, 0, -9], [2.5, 0, 0, -8], [0, 0, 0, 1]],
    "flipped": [[0, 0, -2, 12], [0, -2, 0, 11], [2.5, 0, 0, -8], [0, 0, 0, 1]],
    "head first": [[0, 0, 2, -9], [0, 2, 0, -9], [-2.5, 0, 0, 11], [0, 0, 0, 1]],
    "sagittal": [[2.5, 0, 0, -8], [0, 0, 2, -9], [0, -2, 0, 12], [0, 0, 0, 1]],
    "oblique": [[0, -1.2, 1.6, -4], [0, 1.6, 1.2, -14], [2.5, 0, 0, -8], [0, 0, 0, 1]],
    "sheared": [[0, 0, 2, -9], [0.7, 2, 0, -12], [2.4, 0, 0, -8], [0, 0, 0, 1]],
}
FIXED_AFFINES = {
    "axial": [[0, 0, 1.3, -8], [0, 1.3, 0, -8], [1.7, 0, 0, -7], [0, 0, 0, 1]],
    "tilted": [[0.3, -0.78, 1.04, -3], [0, 1.04, 0.78, -12], [1.6, 0.1, 0, -7], [0, 0, 0, 1]],
    "mirrored": [[0, 0, -1.3, 9], [0, 1.3, 0, -8], [-1.7, 0, 0, 8], [0, 0, 0, 1]],
}
MOVING_SHAPE = (8, 11, 10)
FIXED_SHAPE = (14, 20, 22)


@pytest.fixture
def noise():
    return np.random.default_rng(0).uniform(0, 9, MOVING_SHAPE).astype(np.float32)


@pytest.fixture(params=MOVING_AFFINES)
def moving_affine(request):
    return np.array(MOVING_AFFINES[request.param])


@pytest.fixture(params=FIXED_AFFINES)
def onto(request):
    return Geometry(FIXED_SHAPE, np.array(FIXED_AFFINES[request.param]))


def indices_in_moving(moving_affine, onto):
    """Fractional index in MOVING of every voxel of `onto`, (3, slices, rows, columns), without any of our code."""
    grid = np.indices(onto.shape).reshape(3, -1)
    points = onto.affine @ np.vstack([grid, np.ones(grid.shape[1])])
    return (np.linalg.inv(moving_affine) @ points)[:3].reshape(3, *onto.shape)


def test_an_image_on_its_own_grid_stays_exactly_what_it_is(make_image, noise, moving_affine):
    moving = make_image(noise, moving_affine)
    same, covered = resample(moving, onto=moving.geometry)
    assert np.abs(same.voxels - noise).max() < 1e-5
    assert covered.all()
    assert warnings_of(same.history) == ()


@pytest.mark.parametrize("affine", MOVING_AFFINES.values(), ids=MOVING_AFFINES)
def test_a_cut_of_its_own_grid_gives_those_slices(make_image, noise, affine):
    moving = make_image(noise, affine)
    cut, _ = resample(moving, onto=moving.geometry.slices(2, 5))
    assert np.abs(cut.voxels - noise[2:5]).max() < 1e-5
    assert np.abs(cut.voxels - noise[3:6]).max() > 1


def test_oblique_flipped_and_sheared_pairs_agree_with_scipy_inside_the_field_of_view(
    make_image, noise, moving_affine, onto
):
    where = indices_in_moving(moving_affine, onto)
    last = np.array(MOVING_SHAPE).reshape(3, 1, 1, 1) - 1
    inside = ((where >= 0) & (where <= last)).all(axis=0)
    result, covered = resample(make_image(noise, moving_affine), onto=onto)
    expected = ndimage.map_coordinates(noise.astype(float), where, order=1)
    assert inside.sum() > 100
    assert covered[inside].all()
    # Values reach 9 and ITK walks along a row in float64: 1e-4 leaves room for its float32 output alone.
    assert np.abs(result.voxels - expected)[inside].max() < 1e-4


def test_the_field_of_view_ends_half_a_voxel_beyond_the_outermost_centres(make_image, noise, moving_affine, onto):
    where = indices_in_moving(moving_affine, onto)
    ends = np.array(MOVING_SHAPE).reshape(3, 1, 1, 1) - 0.5
    expected = ((where >= -0.5) & (where < ends)).all(axis=0)
    on_the_edge = (np.minimum(np.abs(where + 0.5), np.abs(where - ends)) < 1e-6).any(axis=0)
    _, covered = resample(make_image(noise, moving_affine), onto=onto)
    assert covered.dtype == bool
    assert np.array_equal(covered[~on_the_edge], expected[~on_the_edge])
    assert 0 < covered.sum() < covered.size


def shifted(mm, axis):
    affine = np.array(UNIT_GRID, dtype=float)
    affine[{0: 2, 1: 1, 2: 0}[axis], 3] = mm
    return affine


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_shift_of_a_quarter_voxel_mixes_neighbours_three_to_one(make_image, axis):
    voxels = np.random.default_rng(1).uniform(0, 9, (4, 5, 6)).astype(np.float32)
    moved, _ = resample(make_image(voxels, UNIT_GRID), onto=Geometry((4, 5, 6), shifted(0.25, axis)))
    following = np.roll(voxels, -1, axis=axis)
    expected = np.delete(0.75 * voxels + 0.25 * following, -1, axis=axis)
    assert np.abs(np.delete(moved.voxels, -1, axis=axis) - expected).max() < 1e-5


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_beyond_the_last_centre_the_last_voxel_goes_on_for_half_its_size(make_image, axis):
    voxels = np.random.default_rng(1).uniform(1, 9, (4, 5, 6)).astype(np.float32)
    for mm, inside in [(0.49, True), (0.51, False)]:
        moved, covered = resample(make_image(voxels, UNIT_GRID), onto=Geometry((4, 5, 6), shifted(mm, axis)))
        assert covered.take(-1, axis=axis).all() == inside
        last = voxels.take(-1, axis=axis) if inside else np.zeros_like(voxels.take(-1, axis=axis))
        assert np.abs(moved.voxels.take(-1, axis=axis) - last).max() < 1e-5


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_before_the_first_centre_too(make_image, axis):
    voxels = np.ones((4, 5, 6), dtype=np.float32)
    for mm, inside in [(-0.49, True), (-0.51, False)]:
        moved, covered = resample(make_image(voxels, UNIT_GRID), onto=Geometry((4, 5, 6), shifted(mm, axis)))
        assert covered.take(0, axis=axis).all() == inside
        assert np.all(moved.voxels.take(0, axis=axis) == (1 if inside else 0))


def test_image_and_coverage_agree_on_every_edge(make_image, noise, moving_affine, onto):
    moved, covered = resample(make_image(np.ones_like(noise), moving_affine), onto=onto)
    assert np.abs(moved.voxels - covered).max() < 1e-6


@pytest.mark.parametrize(
    ("intensity", "outside"),
    [(Intensity.HU, -1024), (Intensity.SUV, 0), (Intensity.BQML, 0), (Intensity.ARBITRARY, 0), (Intensity.UNIT, 0)],
)
def test_outside_is_air_for_ct_and_nothing_for_all_else(make_image, intensity, outside):
    moving = make_image(np.full((2, 5, 6), 0.5), UNIT_GRID, intensity=intensity)
    moved, covered = resample(moving, onto=Geometry((6, 5, 6), np.array(UNIT_GRID, dtype=float)))
    assert np.all(moved.voxels[~covered] == outside)
    assert np.all(moved.voxels[covered] == 0.5)
    assert covered[:2].all()
    assert not covered[2:].any()
    assert moved.intensity is intensity


def test_what_lies_elsewhere_is_refused_with_both_extents(make_image, noise):
    moving = make_image(noise, [[0, 0, 2, -9], [0, 2, 0, -9], [2.5, 0, 0, 500], [0, 0, 0, 1]])
    onto = Geometry(FIXED_SHAPE, np.array(FIXED_AFFINES["axial"]))
    with pytest.raises(PairError) as caught:
        resample(moving, onto=onto)
    assert caught.value.exit_code == 5
    # z of MOVING: 500 - 1.25 to 500 + 7.5 * 2.5; of FIXED: -7 - 0.85 to -7 + 13.5 * 1.7.
    assert "FIXED spans x -9 to 20, y -9 to 17, z -8 to 16; MOVING" in caught.value.why
    assert "z 499 to 519" in caught.value.why


def test_what_touches_by_less_than_a_voxel_centre_does_not_overlap(make_image):
    moving = make_image(np.ones((1, 5, 6)), UNIT_GRID)
    with pytest.raises(PairError):
        resample(moving, onto=Geometry((1, 5, 6), shifted(0.6, 0)))
    _, covered = resample(moving, onto=Geometry((1, 5, 6), shifted(0.4, 0)))
    assert covered.all()


def test_two_frames_of_reference_are_warned_of(make_image, noise):
    moving = make_image(noise, UNIT_GRID, frame="2.25.1")
    moved, _ = resample(moving, onto=replace(moving.geometry, frame_of_reference="2.25.2"))
    assert any("frames of reference" in text for text in warnings_of(moved.history))


@pytest.mark.parametrize("frame", ["2.25.1", None])
def test_one_frame_of_reference_or_an_unknown_one_is_not(make_image, noise, frame):
    moving = make_image(noise, UNIT_GRID, frame="2.25.1")
    moved, _ = resample(moving, onto=replace(moving.geometry, frame_of_reference=frame))
    assert warnings_of(moved.history) == ()


def test_a_part_that_is_covered_is_said_in_per_cent(make_image):
    moved, covered = resample(
        make_image(np.ones((2, 5, 6)), UNIT_GRID), onto=Geometry((8, 5, 6), np.array(UNIT_GRID, dtype=float))
    )
    assert covered.mean() == 0.25
    assert any("25%" in text for text in warnings_of(moved.history))
    assert moved.history[-1].facts["covered_share"] == 0.25


@pytest.mark.parametrize(("z_mm", "inside"), [(0, True), (1.9, True), (-1.9, True), (2.1, False), (-2.1, False)])
def test_a_single_slice_fills_its_own_thickness_and_no_more(make_image, z_mm, inside):
    moving = make_image(np.full((1, 5, 6), 7), [[0, 0, 1, 0], [0, 1, 0, 0], [4, 0, 0, 0], [0, 0, 0, 1]])
    onto = Geometry((1, 5, 6), shifted(z_mm, 0))
    if inside:
        moved, covered = resample(moving, onto=onto)
        assert covered.all()
        assert np.all(moved.voxels == 7)
    else:
        with pytest.raises(PairError):
            resample(moving, onto=onto)


def test_a_slice_of_a_volume_is_interpolated_between_its_neighbours(make_image):
    volume = np.broadcast_to(np.array([0, 10, 20], dtype=np.float32)[:, None, None], (3, 5, 6))
    moved, _ = resample(make_image(volume, UNIT_GRID), onto=Geometry((1, 5, 6), shifted(1.3, 0)))
    assert np.abs(moved.voxels - 13).max() < 1e-5


def test_the_result_is_on_the_grid_that_was_asked_for_and_moving_is_untouched(make_image, noise, onto):
    moving = make_image(noise, MOVING_AFFINES["axial"])
    moved, covered = resample(moving, onto=onto)
    assert moved.geometry is onto
    assert covered.shape == moved.voxels.shape == FIXED_SHAPE
    assert np.array_equal(moving.voxels, noise)
    assert moving.history == ()
    assert moved.history[-1].name == "resample"
    assert moved.history[-1].facts["interpolation"] == "linear"


def colored(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


def test_a_color_image_is_resampled_channel_by_channel(make_image, onto, moving_affine):
    voxels = colored(MOVING_SHAPE)
    moved, covered = resample(make_image(voxels, moving_affine, intensity=Intensity.RGB), onto=onto)
    for channel in range(3):
        grey, _ = resample(make_image(voxels[..., channel].astype(np.float32), moving_affine), onto=onto)
        # Rounded to the nearest level, so at most half a level away, not cut off to the one below.
        assert np.abs(moved.voxels[..., channel] - grey.voxels)[covered].max() <= 0.5 + 1e-3
    assert moved.voxels.dtype == np.uint8
    assert np.all(moved.voxels[~covered] == 0)


@pytest.mark.parametrize("level", [1, 100, 254, 255])
def test_a_flat_color_stays_that_color_wherever_it_is_moved(make_image, onto, moving_affine, level):
    voxels = np.full((*MOVING_SHAPE, 3), level, dtype=np.uint8)
    moved, covered = resample(make_image(voxels, moving_affine, intensity=Intensity.RGB), onto=onto)
    assert np.all(moved.voxels[covered] == level)


def test_the_middle_of_red_and_blue_is_half_of_each(make_image):
    voxels = np.zeros((1, 1, 2, 3), dtype=np.uint8)
    voxels[0, 0, 0, 0] = voxels[0, 0, 1, 2] = 200
    moved, _ = resample(
        make_image(voxels, UNIT_GRID, intensity=Intensity.RGB), onto=Geometry((1, 1, 1), shifted(0.5, 2))
    )
    assert moved.voxels.ravel().tolist() == [100, 0, 100]


def test_detail_finer_than_the_new_grid_is_averaged_and_does_not_become_stripes(make_image):
    """Lines of one voxel on a grid of an eighth of the resolution: every voxel sees their mean."""
    lines = np.zeros((1, 64, 64), dtype=np.float32)
    lines[:, :, ::2] = 100
    fine = make_image(lines, in_plane(1.0))
    coarse, _ = resample(fine, onto=make_image(np.zeros((1, 8, 8)), in_plane(8.0, origin_mm=3.5)).geometry)
    assert np.allclose(coarse.voxels[:, 1:-1, 1:-1], 50, atol=2)


def test_a_grid_of_nearly_the_same_resolution_is_not_smoothed(make_image):
    spike = np.zeros((1, 16, 16), dtype=np.float32)
    spike[0, 8, 8] = 100
    fine = make_image(spike, in_plane(1.0))
    same, _ = resample(fine, onto=make_image(np.zeros((1, 12, 12)), in_plane(1.25)).geometry)
    assert "smoothed_by_voxels" not in same.history[-1].facts


def in_plane(spacing_mm, origin_mm=0.0):
    """One axial slice of 1 mm with square pixels."""
    return [[0, 0, spacing_mm, origin_mm], [0, spacing_mm, 0, origin_mm], [1, 0, 0, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize(("short", "says"), [(1, "99.9%"), (500, "50%"), (998, "0.2%")])
def test_a_share_that_is_not_everything_is_never_told_as_everything(make_image, short, says):
    whole = make_image(np.ones((1000, 2, 2), np.float32), UNIT_GRID)
    part = make_image(whole.voxels[short:], whole.geometry.slices(short, 1000).matrix)
    (warning,) = warnings_of(resample(part, onto=whole.geometry)[0].history)
    assert warning == f"MOVING covers {says} of the result, and has no data elsewhere."
    assert warnings_of(resample(whole, onto=whole.geometry)[0].history) == ()
