"""The picture to judge an alignment by: what is in it, and that it differs before and after."""

from dataclasses import replace

import numpy as np
import pytest

from fusecli.core.geometry import Geometry
from fusecli.core.intensity import Intensity
from fusecli.register import check_picture, from_matrix, identity
from fusecli.register.check_picture import CAPTION, LINE


def halves(picture):
    height = picture.geometry.shape[1]
    return picture.voxels[0, : height // 2], picture.voxels[0, height // 2 :]


def test_a_volume_shows_three_planes_twice_before_and_after(head, moved, motion):
    turn = motion(20, (1, 0, 1), (20, 10, 0))
    picture = check_picture(head.mri, moved(head.pet, turn), from_matrix(turn, "rigid"))
    assert picture.intensity is Intensity.RGB
    height, width = picture.geometry.shape[1:]
    assert width > 5 * 180
    before, after = picture.voxels[0, : height // 2], picture.voxels[0, height // 2 :]
    assert not np.array_equal(before, after)
    for row in (before, after):
        assert (row == LINE).all(axis=-1).sum() > 1000


def test_before_and_after_are_alike_where_nothing_moved(head):
    picture = check_picture(head.mri, head.pet, identity())
    before, after = halves(picture)
    assert np.array_equal(before[2 * CAPTION :], after[2 * CAPTION :])


def test_each_row_says_which_it_is_and_each_column_what_it_shows(head):
    picture = check_picture(head.mri, head.pet, identity())
    before, after = halves(picture)
    for row in (before, after):
        assert row[:CAPTION].max() > 200
        assert row[CAPTION : 2 * CAPTION].max() > 200
    assert not np.array_equal(before[:CAPTION], after[:CAPTION])
    assert np.array_equal(before[CAPTION : 2 * CAPTION], after[CAPTION : 2 * CAPTION])


@pytest.mark.parametrize("columns", [6, 20, 44])
def test_no_caption_is_cut_off_or_runs_into_the_next_however_narrow_the_panels(head, columns):
    narrow = [replace(i, voxels=i.voxels[22:23, :, :columns], geometry=Geometry((1, i.voxels.shape[1], columns)))
              for i in (head.mri, head.pet)]  # fmt: skip
    heads = halves(check_picture(*narrow, identity()))[0][CAPTION : 2 * CAPTION].max(axis=(0, 2))
    written = np.flatnonzero(heads > 100)
    words = np.split(written, np.flatnonzero(np.diff(written) > 12) + 1)
    assert len(words) == 2
    assert heads[-1] == 0


def test_a_slice_shows_one_plane(head):
    pictures = [
        replace(i, voxels=i.voxels[22:23], geometry=Geometry((1, *i.geometry.shape[1:]))) for i in (head.mri, head.pet)
    ]
    shape = check_picture(*pictures, identity()).geometry.shape
    assert shape[2] == pytest.approx(2 * 256 * 44 / 52, abs=16)


def test_what_does_not_meet_before_is_black_there(head, moved, motion):
    far = motion(0, (0, 0, 1), (2000, 0, 0))
    picture = check_picture(head.mri, moved(head.pet, far), from_matrix(far, "rigid"))
    height = picture.geometry.shape[1]
    outlines_before = picture.voxels[0, 2 * CAPTION : height // 2, 225:430]
    not_lines = ~(outlines_before == LINE).all(axis=-1)
    assert outlines_before[not_lines].max() == 0
