import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fusecli.core.luma import color_difference, luma

# 255 times 0.299, 0.587 and 0.114 of BT.601, and a mixture: 0.299 * 10 + 0.587 * 20 + 0.114 * 30 = 18.15.
BY_HAND = {(255, 0, 0): 76, (0, 255, 0): 150, (0, 0, 255): 29, (10, 20, 30): 18, (0, 0, 0): 0, (255, 255, 255): 255}

pictures = arrays.arrays(np.uint8, (4, 5, 3))


def rgb(color):
    return np.array([[color]], dtype=np.uint8)


@pytest.mark.parametrize(("color", "level"), BY_HAND.items())
def test_luma_is_the_weighted_sum_rounded_to_one_of_256_levels(color, level):
    assert luma(rgb(color))[0, 0] == np.float32(level / 255)


def test_black_is_exactly_0_and_white_exactly_1():
    assert luma(rgb((0, 0, 0)))[0, 0] == 0
    assert luma(rgb((255, 255, 255)))[0, 0] == 1


@given(level=st.integers(0, 255))
def test_a_grey_picture_is_its_own_luma_and_has_no_color(level):
    assert luma(rgb((level,) * 3))[0, 0] == np.float32(level / 255)
    assert np.abs(color_difference(rgb((level,) * 3))).max() < 1e-12


def test_red_green_and_blue_are_not_equally_bright():
    assert luma(rgb((0, 200, 0)))[0, 0] > luma(rgb((200, 0, 0)))[0, 0] > luma(rgb((0, 0, 200)))[0, 0]


def test_what_is_left_of_pure_red_is_red_minus_its_brightness():
    assert color_difference(rgb((255, 0, 0)))[0, 0] == pytest.approx((0.701, -0.299, -0.299))


@given(picture=pictures)
def test_brightness_and_color_together_are_the_picture(picture):
    together = luma(picture)[..., np.newaxis] + color_difference(picture)
    # The luma is rounded to 8 bits, so half a level is lost, and nothing more.
    assert np.abs(together - picture / 255).max() <= 0.5 / 255 + 1e-6


@given(picture=pictures)
def test_the_color_difference_has_no_brightness_of_its_own(picture):
    assert np.abs(color_difference(picture) @ (0.299, 0.587, 0.114)).max() < 1e-12


@given(picture=pictures)
def test_luma_is_float32_in_0_to_1_and_has_the_shape_of_the_picture(picture):
    brightness = luma(picture)
    assert brightness.dtype == np.float32
    assert brightness.shape == (4, 5)
    assert brightness.min() >= 0
    assert brightness.max() <= 1
