"""Pictures side by side with captions: each is there, unchanged, at its place."""

import numpy as np
import pytest

from fusecli.report.contact_sheet import COLUMNS, GAP, SIDES, TEXT, fitted, sheet

PAPER = (24, 26, 28)


def grey(level, rows=256, columns=256):
    return np.full((rows, columns), level, np.uint8)


def places(paper, level):
    """Rows and columns that are wholly of one grey level: the box of the picture."""
    found = np.argwhere((paper == level).all(axis=-1))
    return found.min(axis=0), found.max(axis=0) + 1


def test_pictures_go_from_left_to_right_and_then_down():
    paper = sheet({f"m{level}": grey(level) for level in range(100, 106)})
    corners = [places(paper, level)[0].tolist() for level in range(100, 106)]
    assert [row for row, _ in corners[:COLUMNS]] == [corners[0][0]] * COLUMNS
    assert [column for _, column in corners[COLUMNS:]] == [column for _, column in corners[:2]]
    assert corners[COLUMNS][0] > corners[0][0] + 256
    assert np.diff([column for _, column in corners[:COLUMNS]]).tolist() == [256 + GAP] * (COLUMNS - 1)


def test_a_picture_is_on_the_sheet_as_it_is():
    random = np.random.default_rng(1)
    color = random.integers(0, 256, (256, 300, 3)).astype(np.uint8)
    level = random.integers(0, 256, (256, 300)).astype(np.uint8)
    paper = sheet({"a": color, "b": level})
    top = 2 * TEXT
    assert np.array_equal(paper[top : top + 256, GAP : GAP + 300], color)
    left = 2 * GAP + 300
    assert np.array_equal(paper[top : top + 256, left : left + 300], np.repeat(level[..., None], 3, axis=-1))


def test_each_caption_stands_above_its_picture_and_captions_differ():
    paper = sheet({"lrc": grey(0), "max": grey(0)})
    own, other = (paper[: 2 * TEXT, GAP + k * (256 + GAP) :][:, :256] for k in (0, 1))
    assert (own != PAPER).any()
    assert not np.array_equal(own, other)


def test_a_long_caption_widens_the_cell_and_is_never_cut():
    name = "a-model-with-a-name-longer-than-its-picture"
    wide, narrow = (sheet({caption: grey(0), "b": grey(1)}).shape[1] for caption in (name, "a"))
    assert wide > narrow


def test_a_model_that_failed_leaves_its_cell_with_a_word():
    paper = sheet({"a": grey(200), "b": None})
    cell = paper[2 * TEXT :, 2 * GAP + 256 :]
    assert (cell != PAPER).any()
    assert not (cell == 200).all(axis=-1).any()


def test_small_pictures_are_enlarged_by_whole_pixels_and_large_ones_fit():
    small = np.random.default_rng(2).integers(0, 256, (40, 90)).astype(np.uint8)
    enlarged = fitted(small)
    assert np.array_equal(enlarged, np.kron(small, np.ones((3, 3), np.uint8)))
    assert max(enlarged.shape) >= SIDES[0]
    assert fitted(grey(9, 1024, 600)).shape == (512, 300)
    same = grey(9, 300, 512)
    assert fitted(same) is same


def test_a_sheet_without_a_picture_is_our_own_mistake():
    with pytest.raises(ValueError, match="needs a picture"):
        sheet({"a": None})
