"""Slices turned upright, and fields turned back with them."""

import numpy as np
import pytest

from fusecli.core.geometry import Geometry
from fusecli.register.upright import Turn, upright

LEFT, BACK, UP = np.eye(3)


def geometry(slices, rows, columns):
    """A slice whose axes run in these directions of LPS."""
    affine = np.eye(4)
    affine[:3, :3] = np.stack([slices, rows, columns], axis=1)
    return Geometry((1, 20, 30), affine)


@pytest.mark.parametrize(
    ("axes", "turn"),
    [
        ((UP, BACK, LEFT), Turn(False, False)),
        ((UP, -BACK, LEFT), Turn(False, True)),
        ((UP, LEFT, BACK), Turn(True, False)),
        ((UP, LEFT, -BACK), Turn(True, True)),
        ((UP, BACK, -LEFT), Turn(False, False)),
        ((BACK, -UP, LEFT), Turn(False, False)),
        ((BACK, UP, LEFT), Turn(False, True)),
        ((LEFT, BACK, UP), Turn(True, True)),
    ],
)
def test_the_face_or_the_top_of_the_head_comes_up(axes, turn):
    assert upright(geometry(*axes)) == turn


def test_a_leaning_slice_is_turned_by_what_it_is_nearest_to():
    lean = np.radians(20)
    rows = np.cos(lean) * -BACK + np.sin(lean) * UP
    assert upright(geometry(np.cross(LEFT, rows), rows, LEFT)) == Turn(False, True)


def test_a_picture_without_a_place_stays_as_it_is():
    assert upright(Geometry((1, 20, 30))) == Turn()


@pytest.mark.parametrize("turn", [Turn(), Turn(False, True), Turn(True, False), Turn(True, True)])
def test_a_field_on_the_turned_picture_points_to_the_same_places(turn):
    random = np.random.default_rng(0)
    picture = random.random((20, 30)).astype(np.float32)
    turned = turn.of(picture)
    # From each pixel of the turned picture to the one two rows down and one to the right.
    field = np.broadcast_to(np.array([2, 1], dtype=np.float32), (*turned.shape, 2))
    back = turn.back(field)
    assert back.shape == (20, 30, 2)
    rows, columns = np.indices(picture.shape)
    ends = np.stack([rows, columns], axis=-1) + back.astype(int)
    inside = ((ends >= 0) & (ends < picture.shape)).all(axis=-1)
    assert inside.sum() == 18 * 29 if not turn.transposed else inside.sum() == 19 * 28
    values = np.full(picture.shape, np.nan, dtype=np.float32)
    values[inside] = picture[tuple(ends[inside].T)]
    shown = turn.of(values)
    assert np.array_equal(shown[:-2, :-1], turned[2:, 1:])
