"""Indices to millimetres and back, on grids written by hand: tilted, flipped and sheared, of both handednesses."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fusecli.core.geometry import POSITION_TOLERANCE_MM, Geometry, same_grid
from fusecli.errors import ShapeError

# Columns of each affine: one step along slice, row and column, then the place of voxel (0, 0, 0), in mm of LPS.
AFFINES = {
    "axial": [[0, 0, 1, 10], [0, 2, 0, -20], [3, 0, 0, 30], [0, 0, 0, 1]],
    "flipped": [[0, 0, -1, 10], [0, 2, 0, -20], [3, 0, 0, 30], [0, 0, 0, 1]],
    "head first": [[0, 0, 1, 10], [0, 2, 0, -20], [-3, 0, 0, 30], [0, 0, 0, 1]],
    "sagittal": [[-3, 0, 0, 10], [0, 0, 2, -20], [0, -1, 0, 30], [0, 0, 0, 1]],
    "oblique": [[0, -1.2, 1.2, 10], [0, 1.6, 0.9, -20], [3, 0, 0, 30], [0, 0, 0, 1]],
    "sheared": [[0, 0, 1, 10], [0.5, 2, 0, -20], [3, 0, 0, 30], [0, 0, 0, 1]],
}
# Where voxel (1, 2, 3) of each lies: the sum of one, two and three of these columns and the last, done by hand.
POINTS = {
    "axial": (13, -16, 33),
    "flipped": (7, -16, 33),
    "head first": (13, -16, 27),
    "sagittal": (7, -14, 28),
    "oblique": (11.2, -14.1, 33),
    "sheared": (13, -15.5, 33),
}
SPACINGS = {"sheared": (np.sqrt(9.25), 2, 1), "oblique": (3, 2, 1.5), "sagittal": (3, 1, 2)}
SHAPE = (4, 5, 6)


def geometry_of(name, shape=SHAPE, frame=None):
    return Geometry(shape, np.array(AFFINES[name], dtype=float), frame)


@pytest.fixture(params=AFFINES)
def name(request):
    return request.param


@pytest.fixture
def geometry(name):
    return geometry_of(name, frame="2.25.1")


def test_the_cases_hold_both_handednesses_and_a_shear():
    signs = {np.sign(np.linalg.det(np.array(affine)[:3, :3])) for affine in AFFINES.values()}
    sheared = np.array(AFFINES["sheared"])[:3, :3]
    assert signs == {-1, 1}
    assert (sheared.T @ sheared)[0, 1] != 0


def test_a_voxel_lies_where_the_hand_written_affine_puts_it(name, geometry):
    assert geometry.points(np.array([[1, 2, 3]]))[0] == pytest.approx(POINTS[name])


def test_the_first_voxel_lies_at_the_origin(geometry):
    assert geometry.points(np.zeros((1, 3)))[0] == pytest.approx((10, -20, 30))


def test_the_index_of_a_place_is_found_back(name, geometry):
    assert geometry.indices(np.array([POINTS[name]]))[0] == pytest.approx((1, 2, 3))


def test_another_place_has_another_index(name, geometry):
    assert geometry.indices(np.array([POINTS[name]]) + 0.4)[0] != pytest.approx((1, 2, 3), abs=0.1)


@given(
    matrix=arrays.arrays(np.float64, (3, 3), elements=st.integers(-4, 4).map(float)),
    origin=arrays.arrays(np.float64, 3, elements=st.floats(-500, 500)),
    indices=arrays.arrays(np.float64, (5, 3), elements=st.floats(-100, 600)),
)
def test_indices_inverts_points_on_any_grid(matrix, origin, indices):
    assume(abs(np.linalg.det(matrix)) >= 1)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = matrix, origin
    geometry = Geometry(SHAPE, affine)
    # Numbers reach 1e4 and a matrix of integers up to 4 has a condition under 1e3: 1e-8 is float64 rounding.
    assert geometry.indices(geometry.points(indices)) == pytest.approx(indices, abs=1e-8)


@pytest.mark.parametrize(("name", "spacing"), SPACINGS.items())
def test_spacing_is_the_length_of_one_step_along_slice_row_and_column(name, spacing):
    assert geometry_of(name).spacing_mm == pytest.approx(spacing)


def test_directions_are_unit_vectors_along_the_axes(geometry):
    assert np.linalg.norm(geometry.directions, axis=0) == pytest.approx((1, 1, 1))
    assert geometry.directions * geometry.spacing_mm == pytest.approx(geometry.matrix[:3, :3])


def test_the_row_axis_of_the_oblique_grid_points_where_it_was_written():
    assert geometry_of("oblique").directions[:, 1] == pytest.approx((-0.6, 0.8, 0))


def test_a_cut_keeps_every_voxel_where_it_was(geometry):
    cut = geometry.slices(1, 3)
    assert cut.shape == (2, 5, 6)
    assert cut.frame_of_reference == "2.25.1"
    assert cut.points(np.array([[0, 2, 3]]))[0] == pytest.approx(geometry.points(np.array([[1, 2, 3]]))[0])
    assert cut.points(np.array([[1, 0, 0]]))[0] == pytest.approx(geometry.points(np.array([[2, 0, 0]]))[0])


def test_a_cut_from_elsewhere_is_another_grid(geometry):
    assert not same_grid(geometry.slices(1, 3), geometry.slices(0, 2))


def test_a_cut_through_a_picture_stack_stays_without_place():
    assert Geometry((5, 6, 7)).slices(2, 3).shape == (1, 6, 7)
    assert not Geometry((5, 6, 7)).slices(2, 3).is_patient


def test_an_empty_cut_is_refused(geometry):
    with pytest.raises(ShapeError):
        geometry.slices(2, 2)


def test_two_equal_grids_are_one(geometry):
    assert same_grid(geometry, replace(geometry, affine=geometry.matrix.copy()))


def test_frames_of_reference_that_differ_are_never_one_grid(geometry):
    assert not same_grid(geometry, replace(geometry, frame_of_reference="2.25.2"))


def test_a_frame_of_reference_that_only_one_side_knows_does_not_separate_grids(geometry):
    assert same_grid(geometry, replace(geometry, frame_of_reference=None))
    assert same_grid(replace(geometry, frame_of_reference=None), geometry)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(("shift_mm", "same"), [(0.02, False), (-0.02, False), (0.009, True)])
def test_two_hundredths_of_a_millimetre_make_another_grid_and_less_than_one_is_rounding(geometry, axis, shift_mm, same):
    affine = geometry.matrix.copy()
    affine[axis, 3] += shift_mm
    assert POSITION_TOLERANCE_MM == 0.01
    assert same_grid(geometry, replace(geometry, affine=affine)) is same


def test_a_spacing_that_adds_up_across_the_image_makes_another_grid():
    affine = np.array(AFFINES["axial"], dtype=float)
    other = affine.copy()
    other[0, 2] = 1.001  # a thousandth of a millimetre a column, half a millimetre over 512
    assert not same_grid(Geometry((1, 512, 512), affine), Geometry((1, 512, 512), other))
    assert same_grid(Geometry((1, 5, 5), affine), Geometry((1, 5, 5), other))


def test_a_mirrored_grid_is_another_grid():
    assert not same_grid(geometry_of("axial"), geometry_of("flipped"))


@pytest.mark.parametrize("shape", [(5, 5, 6), (4, 6, 6), (4, 5, 5), (4, 6, 5)])
def test_another_size_is_another_grid(geometry, shape):
    assert not same_grid(geometry, replace(geometry, shape=shape))


def test_a_picture_and_a_placed_image_are_never_one_grid(geometry):
    assert not same_grid(geometry, Geometry(SHAPE))
    assert not same_grid(Geometry(SHAPE), geometry)


def test_two_pictures_are_one_grid_when_their_sizes_agree():
    assert same_grid(Geometry(SHAPE), Geometry(SHAPE))
    assert not same_grid(Geometry(SHAPE), Geometry((4, 6, 5)))


FLAT = {
    "two axes in one direction": [[0, 1, 2, 0], [0, 0, 0, 0], [3, 0, 0, 0], [0, 0, 0, 1]],
    "a spacing of zero": [[0, 0, 1, 0], [0, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]],
    "not a number": [[0, 0, 1, np.nan], [0, 2, 0, 0], [3, 0, 0, 0], [0, 0, 0, 1]],
    "a projection": [[0, 0, 1, 0], [0, 2, 0, 0], [3, 0, 0, 0], [0, 0, 1, 1]],
    "3 x 3": [[0, 0, 1], [0, 2, 0], [3, 0, 0]],
}


@pytest.mark.parametrize("affine", FLAT.values(), ids=FLAT)
def test_an_affine_that_cannot_be_a_grid_is_refused(affine):
    with pytest.raises(ShapeError) as caught:
        Geometry(SHAPE, np.array(affine, dtype=float))
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("shape", [(0, 5, 6), (4, 5), (4, 5, 6, 3), (4, -1, 6)])
def test_a_shape_without_voxels_is_refused(shape):
    with pytest.raises(ShapeError):
        Geometry(shape)


def test_the_affine_is_read_only_and_the_callers_is_not_frozen():
    affine = np.array(AFFINES["axial"], dtype=float)
    geometry = Geometry(SHAPE, affine)
    affine[0, 3] = 99
    assert geometry.matrix[0, 3] == 10
    with pytest.raises(ValueError, match="read-only"):
        geometry.matrix[0, 3] = 0


def test_the_place_of_a_picture_is_our_own_mistake_to_ask_for():
    with pytest.raises(ValueError, match="no place"):
        Geometry(SHAPE).points(np.zeros((1, 3)))


def test_microscopic_grids_a_voxel_apart_are_not_one_grid():
    affine = np.diag([0.005, 0.005, 0.005, 1.0])
    one = Geometry((4, 4, 4), affine)
    moved = affine.copy()
    moved[:3, 3] = 0.005
    assert same_grid(one, Geometry((4, 4, 4), affine))
    assert not same_grid(one, Geometry((4, 4, 4), moved))


@pytest.mark.parametrize("side_mm", [1e-4, 1.0, 100.0])
def test_a_grid_is_flat_by_its_shape_and_not_by_its_size(side_mm):
    affine = np.diag([side_mm, side_mm, side_mm, 1.0])
    assert Geometry((2, 2, 2), affine).spacing_mm == pytest.approx((side_mm,) * 3)
    affine[:3, 1] = affine[:3, 0]
    with pytest.raises(ShapeError, match="flat"):
        Geometry((2, 2, 2), affine)
