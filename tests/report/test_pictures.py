"""What a page carries is exact while that fits, and fits even where nothing can be packed."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from fusecli.core.levels import to_uint8
from fusecli.formats.raster import to_uint8 as written_as
from fusecli.report import pictures

RNG = np.random.default_rng(3)
SMOOTH = np.add.outer(np.arange(4), np.add.outer(np.arange(64), np.arange(48))).astype(np.uint8)
NOISE = RNG.integers(0, 256, (30, 64, 64), dtype=np.uint8)


def decoded(page):
    with Image.open(io.BytesIO(base64.b64decode(page))) as picture:
        return np.asarray(picture)


def size(encoded):
    return sum(len(base64.b64decode(page)) for pages in encoded.stacks.values() for page in pages)


def test_what_fits_is_exact():
    rgb = RNG.integers(0, 256, (4, 64, 48, 3), dtype=np.uint8)
    encoded = pictures.encode({"grey": SMOOTH, "color": rgb})
    assert encoded.form == pictures.Form(None, 1)
    grey = [decoded(page)[..., 0] for page in encoded.stacks["grey"]]
    assert np.array_equal(grey, SMOOTH)
    assert np.array_equal([decoded(page) for page in encoded.stacks["color"]], rgb)


@pytest.mark.parametrize("budget", [60_000, 20_000, 4_000])
def test_what_does_not_fit_loses_until_it_does(budget):
    encoded = pictures.encode({"a": NOISE, "b": NOISE}, budget=budget)
    assert size(encoded) <= budget
    assert encoded.form != pictures.Form(None, 1)
    assert len(encoded.stacks["a"]) == len(NOISE)


def test_the_less_room_there_is_the_coarser_are_the_pictures():
    forms = [pictures.encode({"a": NOISE}, budget=budget).form for budget in (10**6, 80_000, 8_000)]
    assert forms[0] == pictures.Form(None, 1)
    assert forms[2].shrink > forms[1].shrink == 1
    assert len({form.text for form in forms}) == 3


def test_slices_that_differ_from_the_sampled_ones_still_fit():
    volume = np.zeros((100, 32, 32), dtype=np.uint8)
    sampled = set(np.linspace(0, 99, pictures.SAMPLED_SLICES).round().astype(int))
    for k in set(range(100)) - sampled:
        volume[k] = RNG.integers(0, 256, (32, 32))
    assert size(pictures.encode({"a": volume}, budget=30_000)) <= 30_000


def test_a_huge_volume_is_shown_smaller():
    encoded = pictures.encode({"a": NOISE}, most_voxels=30 * 32 * 32)
    assert encoded.form.shrink == 2
    assert decoded(encoded.stacks["a"][0]).shape[:2] == (32, 32)


def test_no_room_at_all_is_our_mistake():
    with pytest.raises(ValueError, match="do not fit"):
        pictures.encode({"a": NOISE[:2, :4, :4]}, budget=10)


@pytest.mark.parametrize("budget", [10**6, 50_000, 25_000, 9_000])
def test_black_stays_black_however_little_room_there_is(budget):
    half = NOISE.copy()
    half[:, :, :32] = 0
    encoded = pictures.encode({"a": half}, budget=budget)
    # JPEG knows blocks of 8 x 8 and nothing beyond them.
    assert not any(decoded(page)[:, : 24 // encoded.form.shrink].any() for page in encoded.stacks["a"])
    assert decoded(encoded.stacks["a"][0]).any()


def test_shrinking_takes_means_and_cuts_what_is_left_over():
    picture = np.array([[0, 4, 9], [8, 12, 9]], dtype=np.uint8)
    assert pictures.shrunk(picture, 2).tolist() == [[6]]
    assert pictures.shrunk(picture, 1) is picture
    assert pictures.shrunk(picture, 5).shape == (1, 1)


def test_pixels_become_squares():
    tall = np.zeros((10, 20), dtype=np.uint8)
    assert pictures.square(tall, (0.5, 1.5)).shape == (30, 20)
    assert pictures.square(tall, (2.0, 1.0)).shape == (10, 40)
    assert pictures.square(tall, (1.0, 1.0)) is tall


@pytest.mark.parametrize("side", [64, 400])
def test_a_scaled_picture_keeps_its_proportions(side):
    assert pictures.scaled(np.zeros((100, 200, 3), dtype=np.uint8), side).shape == (side // 2, side, 3)
    assert pictures.scaled(np.zeros((1, 200), dtype=np.uint8), 64).shape == (1, 64)


def test_eight_bits_are_the_same_as_in_a_written_picture():
    unit = np.linspace(-0.2, 1.2, 4001)
    assert np.array_equal(to_uint8(unit), written_as(unit))
    assert np.abs(to_uint8(unit) - np.clip(unit, 0, 1) * 255).max() <= 0.5


def test_a_png_carries_the_pixels_and_no_text():
    picture = RNG.integers(0, 256, (5, 6), dtype=np.uint8)
    opened = Image.open(io.BytesIO(pictures.png(picture)))
    assert np.array_equal(np.asarray(opened), picture)
    assert opened.info == {}
