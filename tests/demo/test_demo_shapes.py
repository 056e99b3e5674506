"""The shapes that the phantom is made of, against distances known by hand."""

import numpy as np
import pytest

from fusecli.demo.lungs import ENTRIES_MM, vessel_tree
from fusecli.demo.scanner import axial_grid, binned, blurred, grainy_noise
from fusecli.demo.shapes import Coats, Ellipsoid, Formula, Inset, Plate, Sample, Together, Without, tube, waves
from fusecli.demo.wall import AXIS_Y_MM, wall_coordinates


def at(*points: tuple[float, float, float]) -> Sample:
    return Sample(np.array(points, dtype=np.float64))


def test_a_sphere_is_as_far_as_its_centre_less_its_radius():
    sphere = Ellipsoid((1, 2, 3), (5, 5, 5))
    np.testing.assert_allclose(sphere.distance(at((1, 2, 13), (1, 7, 3), (4, 2, 3))), [5, 0, -2], atol=1e-9)


def test_a_turned_ellipsoid_ends_where_its_axes_end():
    quarter = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    turned = Ellipsoid((0, 0, 0), (10, 2, 2), quarter)
    ends = turned.distance(at((0, 10, 0), (2, 0, 0), (10, 0, 0)))
    np.testing.assert_allclose(ends[:2], 0, atol=1e-9)
    assert ends[2] > 4


def test_a_tube_tapers_between_its_stations():
    vessel = tube((0, 0, 0, 4), (0, 0, 10, 2))
    np.testing.assert_allclose(
        vessel.distance(at((4, 0, 0), (3, 0, 5), (2, 0, 10), (7, 0, 5))), [0, 0, 0, 4], atol=1e-9
    )


def test_a_vessel_thinner_than_a_pixel_fades_instead_of_staying_bright():
    middle = at((0, 0, 5))
    thick, thin = tube((0, 0, 0, 2), (0, 0, 10, 2)), tube((0, 0, 0, 0.3), (0, 0, 10, 0.3))
    values = {}
    for name, vessel in (("thick", thick), ("thin", thin)):
        values[name] = np.full(1, -900.0)
        Coats([vessel], [40.0]).paint(middle, values[name])
    assert values["thick"][0] == pytest.approx(40)
    assert -900 <= values["thin"][0] < -600


def test_a_plate_follows_its_line_from_low_to_high():
    plate = Plate(0, 10, [(0, 0), (4, 0)], [(10, 0), (14, 0)], 1.0)
    np.testing.assert_allclose(plate.distance(at((2, 1, 0), (12, 1, 10), (7, 3, 5))), [0, 0, 2], atol=1e-9)
    assert plate.distance(at((2, 0, -6)))[0] == pytest.approx(6)


def test_a_hole_and_a_rind_are_cut_where_they_should_be():
    ball = Ellipsoid((0, 0, 0), (10, 10, 10))
    ring = Without(ball, Inset(ball, 4))
    np.testing.assert_allclose(ring.distance(at((8, 0, 0), (0, 6, 0), (0, 0, 3), (0, 0, 11))), [-2, 0, 3, 1], atol=1e-9)


def test_shapes_grown_together_fill_the_seam_and_keep_their_far_sides():
    left, right = Ellipsoid((-5, 0, 0), (6, 6, 6)), Ellipsoid((5, 0, 0), (6, 6, 6))
    both = Together([left, right], 2.0)
    seam, far = both.distance(at((0, 4, 0), (11, 0, 0)))
    assert seam < min(left.distance(at((0, 4, 0)))[0], right.distance(at((0, 4, 0)))[0]) - 1
    assert far == pytest.approx(0, abs=0.02)


def test_later_coats_lie_over_earlier_ones_and_an_edge_is_half_of_each():
    ball, half = Ellipsoid((0, 0, 0), (9, 9, 9)), Formula(lambda sample: sample.x)
    values = np.zeros(3)
    Coats([ball, half], [10.0, 30.0]).paint(at((4, 0, 0), (-4, 0, 0), (0, 0, 0)), values)
    np.testing.assert_allclose(values, [10, 30, 20])


def test_no_coat_reaches_outside_its_box():
    rng = np.random.default_rng(0)
    shapes = [
        Ellipsoid((3, -2, 1), (9, 4, 2)),
        tube((0, 0, 0, 3), (8, 1, 2, 1)),
        Plate(0, 5, [(0, 0), (5, 5)], [(1, 1), (9, 0)], 1),
    ]
    points = rng.uniform(-25, 25, (4000, 3))
    for shape in shapes:
        outside = ((points < shape.bounds[0]) | (points > shape.bounds[1])).any(axis=1)
        # From half the edge width on, nothing is painted.
        assert shape.distance(Sample(points[outside])).min() >= 1.0


def test_waves_have_unit_deviation_and_are_the_seed_s():
    points = np.random.default_rng(1).uniform(-500, 500, (20000, 3))
    field = waves(np.random.default_rng(2), 6, 10, 20)(points)
    assert field.std() == pytest.approx(1, abs=0.05)
    np.testing.assert_array_equal(field, waves(np.random.default_rng(2), 6, 10, 20)(points))
    assert not np.allclose(field, waves(np.random.default_rng(3), 6, 10, 20)(points))


def test_wall_coordinates_are_zero_on_the_outlines():
    # At z = 0 the cavity is 86 mm and the skin 117 mm in front of the axis.
    wall = wall_coordinates(np.array([[0, AXIS_Y_MM - 86, 0], [0, AXIS_Y_MM - 117, 0], [0, AXIS_Y_MM - 96, 0]], float))
    assert wall.outside[0] == pytest.approx(0, abs=0.05)
    assert wall.under_skin[1] == pytest.approx(0, abs=0.05)
    assert wall.outside[2] == pytest.approx(10, abs=0.1)


def test_both_sides_of_the_wall_are_mirror_images_told_apart_by_their_side():
    left = np.random.default_rng(0).uniform((5, -120, -80), (180, 120, 50), (50, 3))
    one, other = wall_coordinates(left), wall_coordinates(left * (-1, 1, 1))
    np.testing.assert_allclose(one.outside, other.outside, atol=1e-9)
    assert set(one.side) == {1.0}
    assert set(other.side) == {-1.0}


@pytest.mark.parametrize("side", [1, -1])
def test_vessels_stay_in_their_lung_and_thin_out_from_the_hilum(side):
    tree = vessel_tree(np.random.default_rng(0), side)
    assert (tree.ends[:, 0] * side > 0).all()
    assert wall_coordinates(tree.ends).outside.max() < -5
    assert (tree.radii[:, 0] >= tree.radii[:, 1]).all()
    distance = np.linalg.norm(tree.ends - np.mean(ENTRIES_MM, axis=0) * (side, 1, 1), axis=1)
    near, far = tree.radii[distance < 30, 1].mean(), tree.radii[distance > 70, 1].mean()
    assert near > 1.3 * far


def test_an_axial_grid_is_centred_where_it_is_said():
    grid = axial_grid((3, 4, 5), (2.0, 3.0, 4.0), (10, 20, 30), "1.2.3")
    np.testing.assert_allclose(grid.points(np.array([[1, 1.5, 2]]))[0], (10, 20, 30))
    assert grid.spacing_mm == (2.0, 3.0, 4.0)


def test_blur_widens_a_point_to_its_sigma_and_keeps_its_sum():
    volume = np.zeros((21, 21, 21))
    volume[10, 10, 10] = 8.0
    soft = blurred(volume, (1.0, 1.5, 2.0))
    assert soft.sum() == pytest.approx(8.0)
    offsets = np.arange(21) - 10
    widths = [np.sqrt((soft.sum(axis=tuple({0, 1, 2} - {axis})) * offsets**2).sum() / 8) for axis in range(3)]
    # The Gaussian is cut at 3.5 sigma.
    np.testing.assert_allclose(widths, (1.0, 1.5, 2.0), rtol=0.02)


def test_grainy_noise_has_unit_deviation_whatever_its_grain():
    for grain in (0.0, 0.6, 1.5):
        noise = grainy_noise(np.random.default_rng(0), (40, 60, 60), (0.0, grain, grain))
        assert noise[:, 8:-8, 8:-8].std() == pytest.approx(1, abs=0.03)


def test_binning_takes_the_mean_of_each_block():
    volume = np.arange(16.0).reshape(1, 4, 4)
    np.testing.assert_array_equal(binned(volume, 2), [[[2.5, 4.5], [10.5, 12.5]]])
