import numpy as np
import pytest

from fusecli.core.geometry import Geometry
from fusecli.core.slices import slice_index, slice_positions_mm
from fusecli.errors import UsageError
from fusecli.settings import SliceChoice

# Slices 3 mm apart from z = 30; a gantry tilt moves each by 0.5 mm along y, which is not along the normal.
STRAIGHT = [[0, 0, 1, 10], [0, 2, 0, -20], [3, 0, 0, 30], [0, 0, 0, 1]]
TILTED = [[0, 0, 1, 10], [0.5, 2, 0, -20], [3, 0, 0, 30], [0, 0, 0, 1]]
DOWNWARD = [[0, 0, 1, 10], [0, 2, 0, -20], [-3, 0, 0, 30], [0, 0, 0, 1]]


def geometry(affine=STRAIGHT):
    return Geometry((4, 5, 6), np.array(affine, dtype=float))


@pytest.mark.parametrize("index", [0, 2, 3])
def test_a_slice_is_found_by_its_number(index):
    assert slice_index(geometry(), SliceChoice(index=index)) == index


@pytest.mark.parametrize("index", [-1, 4])
def test_a_number_past_either_end_is_a_usage_error_that_names_the_range(index):
    with pytest.raises(UsageError) as caught:
        slice_index(geometry(), SliceChoice(index=index))
    assert caught.value.exit_code == 2
    assert "0 to 3" in str(caught.value)


@pytest.mark.parametrize(("position", "index"), [(30, 0), (33, 1), (34.4, 1), (34.6, 2), (39, 3), (41.9, 3), (27.1, 0)])
def test_a_slice_is_found_by_its_place_in_the_patient(position, index):
    assert slice_index(geometry(), SliceChoice(position_mm=position)) == index


@pytest.mark.parametrize("position", [26.9, 42.1, -30, 1000])
def test_a_place_farther_than_one_slice_from_the_series_is_refused_and_the_series_extent_named(position):
    with pytest.raises(UsageError) as caught:
        slice_index(geometry(), SliceChoice(position_mm=position))
    assert "30.0 and 39.0 mm" in str(caught.value)


@pytest.mark.parametrize("affine", [STRAIGHT, TILTED])
def test_positions_are_measured_along_the_slice_normal(affine):
    assert slice_positions_mm(geometry(affine)) == pytest.approx((30, 33, 36, 39))


def test_a_series_from_head_to_feet_has_falling_positions():
    assert slice_positions_mm(geometry(DOWNWARD)) == pytest.approx((30, 27, 24, 21))
    assert slice_index(geometry(DOWNWARD), SliceChoice(position_mm=24)) == 2


def test_an_oblique_series_is_measured_along_its_own_normal():
    affine = np.array([[1.8, 0, 0.8, 0], [0, 2, 0, 0], [2.4, 0, -0.6, 0], [0, 0, 0, 1]])
    assert slice_positions_mm(Geometry((3, 4, 4), affine)) == pytest.approx((0, 3, 6))


def test_a_picture_has_no_slice_at_a_place_but_has_one_by_number():
    picture = Geometry((3, 4, 4))
    with pytest.raises(UsageError, match="does not say where"):
        slice_index(picture, SliceChoice(position_mm=0))
    assert slice_index(picture, SliceChoice(index=2)) == 2


def test_a_choice_of_nothing_is_our_own_mistake():
    with pytest.raises(ValueError, match="needs an index or a position"):
        slice_index(geometry(), SliceChoice())
