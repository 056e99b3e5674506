"""Whatever way a volume is stored, the patient lies on the screen the way radiologists look at people."""

from itertools import permutations, product

import numpy as np
import pytest

from fusecli.core.geometry import Geometry
from fusecli.report.planes import native_plane, picture_of, planes_of

SHAPE = (4, 5, 6)
SPACING = (3.0, 0.7, 0.9)


def grid(order=(2, 1, 0), signs=(1, 1, 1), shape=SHAPE):
    """Axes (slice, row, column) along these axes of LPS, each with its sign."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (along, sign) in enumerate(zip(order, signs, strict=True)):
        affine[along, axis] = sign * SPACING[axis]
    affine[:3, 3] = (10, -20, 30)
    return Geometry(shape, affine)


def plane_named(name, geometry):
    return next(plane for plane in planes_of(geometry) if plane.name == name)


def coordinate(geometry, axis):
    """x, y or z of every voxel, (slice, row, column)."""
    indices = np.stack(np.meshgrid(*(np.arange(n) for n in geometry.shape), indexing="ij"), axis=-1).reshape(-1, 3)
    return geometry.points(indices)[:, axis].reshape(geometry.shape)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("signs", list(product((1, -1), repeat=3)))
@pytest.mark.parametrize(
    ("name", "rightward", "downward", "edges"),
    [
        ("axial", (0, 1), (1, 1), ("R", "L", "A", "P")),
        ("coronal", (0, 1), (2, -1), ("R", "L", "S", "I")),
        ("sagittal", (1, 1), (2, -1), ("A", "P", "S", "I")),
    ],
)
def test_every_way_of_storing_a_volume_looks_the_same(order, signs, name, rightward, downward, edges):
    geometry = grid(order, signs)
    plane = plane_named(name, geometry)
    assert plane.edges == edges
    along = picture_of(coordinate(geometry, rightward[0]), plane, 1)
    assert (np.diff(along, axis=1) * rightward[1] > 0).all()
    along = picture_of(coordinate(geometry, downward[0]), plane, 1)
    assert (np.diff(along, axis=0) * downward[1] > 0).all()
    assert plane.pixel_mm == pytest.approx((SPACING[plane.across], SPACING[plane.down]))


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1)])
def test_a_slice_says_where_it_lies(signs):
    geometry = grid(signs=signs)
    for plane in planes_of(geometry):
        axis = "xyz".index(plane.axis)
        for index in range(SHAPE[plane.through]):
            truth = picture_of(coordinate(geometry, axis), plane, index)
            assert truth == pytest.approx(plane.start_mm + index * plane.step_mm)


def test_a_volume_has_three_planes_and_its_own_slices_are_one_of_them():
    assert [plane.name for plane in planes_of(grid())] == ["axial", "coronal", "sagittal"]
    assert native_plane(planes_of(grid())).name == "axial"
    assert native_plane(planes_of(grid((0, 2, 1)))).name == "sagittal"


def test_one_slice_is_seen_in_its_own_plane_only():
    assert [plane.name for plane in planes_of(grid((1, 2, 0), shape=(1, 5, 6)))] == ["coronal"]


def test_pictures_have_no_sides_and_no_millimetres():
    (plane,) = planes_of(Geometry(SHAPE))
    assert (plane.name, plane.edges, plane.axis, plane.pixel_mm) == ("slice", ("", "", "", ""), "", (1, 1))
    volume = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    assert np.array_equal(picture_of(volume, plane, 2), volume[2])


@pytest.mark.parametrize(("degrees", "top"), [(8, "S"), (30, "SA"), (60, "AS")])
def test_a_tilted_volume_names_a_second_side_only_when_it_is_tilted_far(degrees, top):
    turn = np.deg2rad(degrees)
    affine = np.eye(4)
    affine[:3, 0] = (0, np.cos(turn), np.sin(turn))  # slices, to the back
    affine[:3, 1] = (0, np.sin(turn), -np.cos(turn))  # rows, to the feet
    affine[:3, 2] = (1, 0, 0)
    planes = planes_of(Geometry(SHAPE, affine))
    edges = native_plane(planes).edges
    assert edges[2] == top
    assert edges[:2] == ("R", "L")


def test_color_is_laid_out_like_grey():
    geometry = grid(signs=(-1, -1, -1))
    volume = np.random.default_rng(0).integers(0, 255, SHAPE, dtype=np.uint8)
    for plane in planes_of(geometry):
        grey, rgb = (picture_of(v, plane, 0) for v in (volume, np.stack([volume] * 3, axis=-1)))
        assert np.array_equal(grey, rgb[..., 1])
