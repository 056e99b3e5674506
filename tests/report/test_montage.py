"""The still pictures of a page show the middle slice as it is."""

import base64
import io

import numpy as np
from PIL import Image

from fusecli.core.levels import to_uint8
from fusecli.report import montage


def opened(figure):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(figure.uri.partition(",")[2]))))


def test_the_four_pictures_are_the_middle_slice(thorax):
    fixed, moving, fused, difference = montage.figures(thorax)
    assert np.array_equal(opened(fixed), to_uint8(thorax.pair.fixed.voxels[3]))
    assert np.array_equal(opened(moving), thorax.palette.of_uptake[to_uint8(thorax.pair.moving.voxels[3])])
    assert np.array_equal(opened(fused), thorax.shown.voxels[3])
    assert opened(difference).shape == (96, 96, 3)
    assert fused.alt == "FUSED: axial slice 3"


def test_a_colored_source_keeps_its_colors(pictures_view):
    moving = opened(montage.figures(pictures_view)[1])
    assert np.array_equal(moving, pictures_view.moving_shown[0])
    assert montage.figures(pictures_view)[0].alt == "FIXED, MRI: slice 0"


def test_the_difference_is_black_where_there_is_none_orange_above_and_blue_below():
    colors = montage.difference_colors().astype(int)
    assert colors[255].tolist() == [0, 0, 0]
    assert (colors[256:, 0] >= colors[256:, 2]).all()
    assert (colors[:255, 2] >= colors[:255, 0]).all()
    assert (np.diff(colors[255:].sum(axis=1)) >= 0).all()
    assert colors[0].tolist() == colors[127].tolist() != colors[200].tolist()


def test_maximum_fusion_adds_brightness_and_takes_none_away(thorax):
    difference = opened(montage.figures(thorax)[3]).astype(int)
    assert (difference[..., 0] >= difference[..., 2]).all()
    assert difference.any()


def test_still_pictures_of_large_images_are_made_smaller():
    assert montage._printable(np.zeros((1024, 600), dtype=np.uint8)).shape == (512, 300)
    assert montage._printable(np.zeros((512, 600, 3), dtype=np.uint8)).shape == (437, 512, 3)
    assert montage._printable(np.zeros((512, 40), dtype=np.uint8)).shape == (512, 40)


def test_a_thumbnail_is_small_and_upright(thorax):
    small = Image.open(io.BytesIO(montage.thumbnail(thorax, side=48)))
    assert small.size == (48, 48)
    assert np.abs(np.asarray(small).mean() - thorax.shown.voxels[3].mean()) < 2
