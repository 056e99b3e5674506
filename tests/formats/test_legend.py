"""The color bar: every color that a picture can have stands in it where it belongs, and its words do not overlap."""

import numpy as np
import pytest

from fusecli.catalog import PALETTES
from fusecli.color import lookup, paint_uptake, painted_colors
from fusecli.formats.raster.legend import Legend, beside

COLORED = [name for name in PALETTES if name != "none"]
LEVELS = np.linspace(0, 1, 52)  # every fifth of the 256


def strip(colors, height=512, unit="SUV", high=5.0):
    page = np.zeros((1, height, 40, 3), dtype=np.uint8)
    return beside(page, Legend(colors, 0.0, high, unit))[0, :, 40:].astype(int)


def coded_field(height):
    """Where the bar shows which brightness and which uptake: rows, columns, and their entries."""
    codes = np.full((256, 256, 3), 77, dtype=np.uint8)
    codes[..., 0], codes[..., 1] = np.indices((256, 256))
    drawn = strip(codes, height)
    inside = (drawn[..., 2] == 77) & (drawn[..., :2] != 77).any(axis=-1)
    rows, columns = np.nonzero(inside)
    return rows, columns, drawn[rows, columns, 0], drawn[rows, columns, 1]


def looked_up(palette, brightness, uptake, height=512):
    """The bar's colors at the height of each uptake, in the column of each brightness."""
    rows, columns, bright, high = coded_field(height)
    wanted = np.stack([brightness, uptake], axis=-1)[:, np.newaxis] * 255
    nearest = np.abs(wanted - np.stack([bright, high], axis=-1)).sum(axis=-1).argmin(axis=-1)
    return strip(painted_colors(palette), height)[rows[nearest], columns[nearest]]


@pytest.mark.parametrize("palette", COLORED)
def test_the_color_that_paint_gives_to_a_brightness_and_an_uptake_is_in_the_bar_at_that_uptake(palette):
    brightness, uptake = (axis.ravel() for axis in np.meshgrid(LEVELS[::3], LEVELS[::3]))
    painted = paint_uptake(brightness, uptake, palette).astype(int)
    off = np.abs(painted - looked_up(palette, brightness, uptake)).max(axis=-1)
    assert np.mean(off <= 13) > 0.98  # a column holds up to three levels, a level of dark blue is nine of B
    of_palette_alone = np.abs(painted - lookup(uptake, palette)).max(axis=-1)
    assert np.mean(of_palette_alone <= 13) < 0.3


@pytest.mark.parametrize("height", [64, 128, 256, 512, 1024])
def test_uptake_rises_upwards_and_brightness_to_the_right_over_all_of_their_range(height):
    rows, columns, brightness, uptake = coded_field(height)
    assert (brightness.min(), brightness.max(), uptake.min(), uptake.max()) == (0, 255, 0, 255)
    assert np.corrcoef(rows, uptake)[0, 1] < -0.999
    assert np.corrcoef(columns, brightness)[0, 1] > 0.999


@pytest.mark.parametrize("height", [96, 128, 256, 512, 1024])
def test_no_word_runs_into_the_field_and_none_is_cut_off(height):
    rows, columns, _, _ = coded_field(height)
    drawn = strip(np.full((256, 256, 3), 7, dtype=np.uint8), height)
    field = drawn[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert (field == 7).all()
    for edge in (drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]):
        assert edge.max() == 0


@pytest.mark.parametrize("height", [1, 9, 30, 45])
def test_the_lowest_picture_gets_a_bar_of_its_height(height):
    assert strip(painted_colors("hot-iron"), height).shape[0] == height


def test_both_directions_are_named():
    below = strip(painted_colors("hot-iron"))
    rows, columns, _, _ = coded_field(512)
    under, above = below[rows.max() + 3 :, columns.min() : columns.max()], below[: rows.min() - 2]
    assert under.max() == 255  # "brightness"
    assert above.max() == 255  # the unit
    assert not np.array_equal(above, strip(painted_colors("hot-iron"), unit="Bq")[: rows.min() - 2])


def test_the_numbers_are_those_of_the_range():
    colors = painted_colors("hot-iron")
    assert not np.array_equal(strip(colors), strip(colors, high=7.0))
