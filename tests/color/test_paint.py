"""Painting changes the color and never the brightness: proved for any brightness and any color."""

import colorsys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fusecli.catalog import PALETTES
from fusecli.color import lookup, paint, paint_uptake, painted_colors
from fusecli.core.luma import LUMA_WEIGHTS, color_difference, luma
from fusecli.errors import ShapeError, UsageError

unit = st.floats(0, 1, width=32)
levels = st.integers(0, 255)
rgb = st.tuples(levels, levels, levels)

# Each channel is rounded to 8 bits: at most half a level each, and the weights of the luma add up to 1.
HALF_LEVEL = 0.5 / 255 + 1e-9


def painted(brightness, color):
    return paint(np.array([[brightness]], dtype=np.float32), np.array([[color]], dtype=np.uint8))[0, 0]


@given(brightness=unit, color=rgb)
def test_the_brightness_is_that_of_the_fused_image_whatever_the_color(brightness, color):
    result = painted(brightness, color)
    assert abs(result @ LUMA_WEIGHTS / 255 - np.float32(brightness)) <= HALF_LEVEL


@given(level=levels, color=rgb)
def test_the_luma_of_a_painted_8_bit_image_is_within_one_level(level, color):
    result = painted(level / 255, color)
    assert abs(round(float(luma(result)) * 255) - level) <= 1  # half a level of the channels, half of the luma's own


@given(brightness=unit, grey=levels)
def test_what_is_grey_in_the_color_stays_exactly_grey(brightness, grey):
    result = painted(brightness, (grey, grey, grey))
    assert result[0] == result[1] == result[2]
    assert abs(int(result[0]) / 255 - brightness) <= HALF_LEVEL


@given(color=rgb)
def test_black_stays_black_and_white_stays_white(color):
    assert painted(0, color).tolist() == [0, 0, 0]
    assert painted(1, color).tolist() == [255, 255, 255]


@given(brightness=st.floats(0.1, 0.9), color=rgb)
def test_the_color_difference_keeps_its_direction_and_is_never_stronger(brightness, color):
    wanted = color_difference(np.array(color, dtype=np.uint8))
    result = color_difference(painted(brightness, color))
    strength = float(np.linalg.norm(wanted))
    kept = float(result @ wanted) / max(strength, 1e-9)
    rounding = 2 / 255  # half a level in each of three channels, and in the brightness taken away
    assert np.linalg.norm(result) <= strength + rounding
    assert np.linalg.norm(result - kept * wanted / max(strength, 1e-9)) <= rounding


def test_a_color_that_fits_is_taken_over_unchanged():
    color = np.array([200, 100, 50], dtype=np.uint8)
    assert painted(color @ LUMA_WEIGHTS / 255, color).tolist() == [200, 100, 50]


def test_a_color_that_does_not_fit_gets_paler_and_keeps_its_hue():
    result = painted(0.75, (255, 0, 0))
    assert result.tolist() == [255, 164, 164]  # 0.75 + 0.25 and 0.75 - 0.25 * 0.299 / 0.701, times 255
    assert colorsys.rgb_to_hsv(*result)[0] == 0


def test_different_colors_give_different_pictures_of_one_brightness():
    red, blue = painted(0.4, (255, 0, 0)), painted(0.4, (0, 0, 255))
    assert red.tolist() != blue.tolist()
    assert luma(red) == pytest.approx(luma(blue), abs=1 / 255)


def test_values_outside_0_and_1_are_clipped_and_never_wrap():
    assert painted(1.2, (255, 0, 0)).tolist() == [255, 255, 255]
    assert painted(-0.2, (255, 0, 0)).tolist() == [0, 0, 0]


@given(
    fused=arrays.arrays(np.float32, (2, 3, 4), elements=unit),
    color=arrays.arrays(np.uint8, (2, 3, 4, 3), elements=levels),
)
def test_a_volume_is_painted_as_its_pixels_are(fused, color):
    volume = paint(fused, color)
    assert (volume.dtype, volume.shape) == (np.uint8, (2, 3, 4, 3))
    assert np.array_equal(volume.reshape(-1, 3), paint(fused.ravel(), color.reshape(-1, 3)))


def test_a_large_image_is_painted_to_its_last_pixel():
    fused = np.linspace(0, 1, 300 * 301).reshape(300, 301)
    whole = paint_uptake(fused, fused[::-1], "hot-iron")
    rows = [paint_uptake(fused[row], fused[-1 - row], "hot-iron") for row in range(300)]
    assert np.array_equal(whole, rows)


@pytest.mark.parametrize("palette", PALETTES)
def test_uptake_is_painted_with_the_palette_and_the_brightness_kept(palette):
    fused, uptake = np.meshgrid(np.linspace(0, 1, 41), np.linspace(0, 1, 41))
    result = paint_uptake(fused, uptake, palette)
    # Where the fusion is at least as bright as the palette is at this uptake, its color there is the palette's.
    bright = luma(lookup(uptake, palette)) <= fused
    assert bright.mean() > 0.4
    assert np.array_equal(result[bright], paint(fused, lookup(uptake, palette))[bright])
    assert np.abs(result @ LUMA_WEIGHTS / 255 - fused).max() <= HALF_LEVEL


def test_without_a_palette_the_result_is_grey():
    fused = np.linspace(0, 1, 256)
    assert np.array_equal(paint_uptake(fused, fused[::-1], "none"), np.repeat(np.arange(256)[:, None], 3, axis=1))


def test_a_hot_spot_is_colored_and_cold_anatomy_stays_grey():
    fused, uptake = np.array([[0.5, 0.5, 0.0]]), np.array([[0.0, 0.6, 0.0]])
    anatomy, lesion, background = paint_uptake(fused, uptake, "hot-iron")[0].astype(int)
    assert anatomy.tolist() == [128, 128, 128]
    assert lesion[0] > lesion[1] > lesion[2]
    assert background.tolist() == [0, 0, 0]


def test_sizes_that_differ_are_refused():
    with pytest.raises(ShapeError):
        paint(np.zeros((4, 5)), np.zeros((5, 4, 3), dtype=np.uint8))
    with pytest.raises(ShapeError):
        paint_uptake(np.zeros((4, 5)), np.zeros((4, 6)), "hot-iron")


def test_a_color_that_is_not_8_bit_is_our_own_mistake():
    with pytest.raises(ValueError, match="8-bit"):
        paint(np.zeros((4, 5)), np.zeros((4, 5, 3)))


def test_an_unknown_palette_is_refused():
    with pytest.raises(UsageError):
        paint_uptake(np.zeros((4, 5)), np.zeros((4, 5)), "rainbow")


@pytest.mark.parametrize("palette", ["hot-iron", "hot-metal-blue"])
def test_the_hottest_uptake_is_never_grey_unless_the_fusion_is_white(palette):
    for brightness in (0.3, 0.5, 0.7, 0.85):
        red, green, blue = paint_uptake(np.array([[brightness]]), np.array([[1.0]]), palette)[0, 0].astype(int)
        assert max(red, green, blue) - min(red, green, blue) > 60
    assert paint_uptake(np.array([[1.0]]), np.array([[1.0]]), palette)[0, 0].tolist() == [255, 255, 255]


def test_anatomy_without_uptake_stays_grey_however_bright():
    bone = paint_uptake(np.array([[0.9]]), np.array([[0.0]]), "hot-iron")[0, 0]
    assert len(set(bone.tolist())) == 1


@pytest.mark.parametrize("palette", PALETTES)
def test_the_table_of_colors_holds_what_painting_gives_by_brightness_and_uptake(palette):
    table = painted_colors(palette)
    assert (table.shape, table.dtype) == ((256, 256, 3), np.uint8)
    for brightness, uptake in ((0, 255), (40, 200), (128, 60), (255, 255)):
        pixel = paint_uptake(np.array([brightness / 255]), np.array([uptake / 255]), palette)[0]
        assert table[brightness, uptake].tolist() == pixel.tolist()
