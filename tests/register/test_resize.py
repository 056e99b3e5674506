"""Pictures without a place: edges meet edges."""

import numpy as np
import pytest

from fusecli.core.geometry import Geometry
from fusecli.core.history import warnings_of
from fusecli.core.intensity import Intensity
from fusecli.errors import PairError
from fusecli.register import resize


def picture(make_image, rows, columns, slices=1):
    voxels = np.random.default_rng(0).random((slices, rows, columns), dtype=np.float32)
    return make_image(voxels, intensity=Intensity.UNIT)


def test_a_picture_resized_to_its_own_size_is_itself(make_image):
    own = picture(make_image, 7, 9)
    assert np.abs(resize(own, onto=Geometry((1, 7, 9))).voxels - own.voxels).max() < 1e-6


def test_twice_the_size_lies_a_quarter_pixel_to_either_side_of_each_centre(make_image):
    own = make_image(np.array([[[0, 8, 16]]]), intensity=Intensity.UNIT)
    wide = resize(own, onto=Geometry((1, 1, 6))).voxels[0, 0]
    # Centres lie at -0.25, 0.25, 0.75, 1.25, 1.75, 2.25 of the old pixels; beyond the last centre the edge goes on.
    assert wide == pytest.approx([0, 2, 6, 10, 14, 16], abs=1e-5)


def test_a_smaller_size_lies_between_the_centres(make_image):
    own = make_image(np.array([[[0, 8, 16, 40, 48]]]), intensity=Intensity.UNIT)
    assert resize(own, onto=Geometry((1, 1, 4))).voxels[0, 0] == pytest.approx([1, 11, 31, 47], abs=1e-5)


def test_half_the_size_keeps_the_mean_of_stripes(make_image):
    own = make_image(np.tile([0.0, 1.0], (1, 32, 16)), intensity=Intensity.UNIT)
    assert resize(own, onto=Geometry((1, 16, 16))).voxels[0, :, 2:-2] == pytest.approx(0.5, abs=0.02)


def test_sides_that_change_by_different_factors_are_said(make_image):
    own = make_image(np.zeros((1, 40, 40)), intensity=Intensity.UNIT)
    assert "different factors" in warnings_of(resize(own, onto=Geometry((1, 40, 80))).history)[0]
    assert "different factors" not in warnings_of(resize(own, onto=Geometry((1, 80, 80))).history)[0]


def test_rows_and_columns_are_scaled_each_by_their_own_factor(make_image):
    own = make_image(np.array([[[0, 8]], [[100, 108]]]).reshape(1, 2, 2), intensity=Intensity.UNIT)
    tall = resize(own, onto=Geometry((1, 4, 2))).voxels[0]
    assert tall == pytest.approx(np.array([[0, 8], [25, 33], [75, 83], [100, 108]]), abs=1e-4)


@pytest.mark.parametrize(("rows", "columns"), [(64, 200), (5, 300), (13, 17), (333, 7)])
def test_the_edges_are_filled_and_a_flat_picture_stays_flat(make_image, rows, columns):
    own = make_image(np.full((2, 37, 53), 0.75), intensity=Intensity.UNIT)
    assert np.all(resize(own, onto=Geometry((2, rows, columns))).voxels == 0.75)


@pytest.mark.parametrize("level", [1, 127, 255])
def test_a_flat_color_stays_that_color(make_image, level):
    own = make_image(np.full((1, 37, 53, 3), level, dtype=np.uint8), intensity=Intensity.RGB)
    resized = resize(own, onto=Geometry((1, 50, 41)))
    assert resized.voxels.shape == (1, 50, 41, 3)
    assert np.all(resized.voxels == level)


def test_every_slice_is_resized_alone(make_image):
    own = picture(make_image, 8, 8, slices=3)
    together = resize(own, onto=Geometry((3, 12, 20))).voxels
    for k in range(3):
        alone = resize(make_image(own.voxels[k : k + 1], intensity=Intensity.UNIT), onto=Geometry((1, 12, 20)))
        assert np.abs(together[k] - alone.voxels[0]).max() < 1e-6


def test_the_user_is_warned_with_both_sizes_as_width_by_height(make_image):
    resized = resize(picture(make_image, 8, 10), onto=Geometry((1, 16, 30)))
    assert "10 x 8 to 30 x 16" in warnings_of(resized.history)[0]
    assert resized.history[-1].name == "resize"


def test_the_result_has_the_grid_of_fixed(make_image):
    onto = Geometry((1, 16, 30), np.diag([3.0, 2.0, 1.0, 1.0])[[2, 1, 0, 3]], "2.25.1")
    assert resize(picture(make_image, 8, 10), onto=onto).geometry is onto


@pytest.mark.parametrize(("own", "onto"), [(1, 2), (3, 1), (3, 2)])
def test_two_numbers_of_slices_are_refused_and_both_named(make_image, own, onto):
    with pytest.raises(PairError, match=f"FIXED has {onto}, MOVING {own}") as caught:
        resize(picture(make_image, 8, 8, slices=own), onto=Geometry((onto, 16, 16)))
    assert caught.value.exit_code == 5
