"""The measures that a verdict rests on: known values where they are known, and that they fall when images move away."""

from dataclasses import replace

import numpy as np
import pytest

from fusecli.register.methods import Recipe, refine
from fusecli.register.quality import Quality, distinctness, doubts, inconsistency_mm, measure
from fusecli.register.quality import motion as size_of
from fusecli.register.scene import scene
from fusecli.register.starts import quarter_turns, starts

STILL = np.eye(4)


@pytest.fixture(scope="module")
def views(head):
    return scene(head.mri, 4.0), scene(head.pet, 4.0)


def shifted(mm):
    matrix = np.eye(4)
    matrix[:3, 3] = mm
    return matrix


def test_an_image_tells_everything_of_itself(views):
    quality = measure(views[0], views[0], STILL)
    assert quality.normalized_mutual_information == pytest.approx(2)
    assert quality.gradient_correlation == pytest.approx(1)
    assert quality.foreground_overlap == 1
    assert quality.field_overlap == 1


def test_every_measure_falls_when_an_image_moves_away(views):
    near, far = measure(*views, STILL), measure(*views, shifted((30, 10, 0)))
    for name in ("mutual_information", "normalized_mutual_information", "gradient_correlation", "foreground_overlap"):
        assert getattr(near, name) > getattr(far, name), name


def test_the_field_overlap_is_the_share_of_the_smaller_that_both_see(views):
    cut = replace(views[1], values=views[1].values[:10], foreground=views[1].foreground[:10])
    assert measure(views[0], cut, STILL).field_overlap == 1
    # The ten slices end 78 mm below the origin + 40: moved up by their height they meet nothing.
    assert measure(views[0], cut, shifted((0, 0, 200))).field_overlap == 0


def test_a_right_alignment_is_more_distinct_than_a_wrong_one(views):
    assert distinctness(*views, STILL) > 1.1
    assert distinctness(*views, shifted((20, 15, 10))) < 1


def test_the_size_of_a_motion_is_that_of_its_turn_scale_and_shift(motion, head):
    matrix = motion(25, (1, 1, 0), (3, 4, 12), scales=(1.1, 1.1, 1.1))
    there = head.points @ matrix[:3, :3].T + matrix[:3, 3]
    found = size_of(head.points, there)
    assert found.angle_deg == pytest.approx(25)
    assert found.scale == pytest.approx((1.1, 1.1, 1.1))
    assert size_of(head.points, head.points + np.array([3, 4, 12])).mean_mm == pytest.approx(13)
    assert size_of(head.points, head.points).largest_mm == 0


def test_a_way_there_and_the_way_back_cancel(views, motion):
    there = motion(10, (0, 1, 0), (5, 5, 5))
    assert inconsistency_mm(views[0], there, np.linalg.inv(there)) < 1e-9
    assert inconsistency_mm(views[0], there, shifted((0, 0, 6)) @ np.linalg.inv(there)) == pytest.approx(6)


GOOD = Quality(1.0, 1.2, 0.4, 1.0, 0.9)


@pytest.mark.parametrize(
    ("quality", "sharpness", "inconsistency", "rival", "says"),
    [
        (replace(GOOD, field_overlap=0.1), 1.5, 1.0, 0.0, "only 10% of one image"),
        (GOOD, 1.5, 13.0, 0.0, "back to FIXED ends 13 mm away"),
        (GOOD, 1.05, 11.0, 0.0, "11 mm away"),
        (GOOD, 1.5, 1.0, 0.95, "at another place they agree 0.95 times as well"),
        (GOOD, 0.9, 1.0, 0.0, "0.90 times as well as when MOVING is moved away"),
    ],
)
def test_each_doubt_is_put_into_words(quality, sharpness, inconsistency, rival, says):
    (text,) = doubts(quality, sharpness, 80.0, inconsistency, rival)
    assert says in text


@pytest.mark.parametrize(
    ("sharpness", "inconsistency", "rival"), [(1.5, 11.0, 0.8), (1.05, 5.0, 0.0), (1.5, None, None)]
)
def test_nothing_is_said_against_a_good_alignment(sharpness, inconsistency, rival):
    assert doubts(GOOD, sharpness, 80.0, inconsistency, rival) == ()


@pytest.mark.parametrize(("dimension", "count"), [(2, 4), (3, 24)])
def test_every_turn_by_right_angles_is_there_once_and_none_is_a_mirror(dimension, count):
    turns = quarter_turns(dimension)
    assert len({tuple(turn.astype(int).ravel()) for turn in turns}) == count
    assert np.array_equal(turns[0], np.eye(dimension))
    assert all(np.linalg.det(turn) == pytest.approx(1) for turn in turns)


def test_the_first_start_is_what_the_files_say_and_no_start_is_a_mirror(views):
    found = starts(*views, wanted=5)
    assert len(found) == 5
    assert np.array_equal(found[0], STILL)
    assert all(np.linalg.det(start[:3, :3]) == pytest.approx(1) for start in found)


def test_a_start_where_nothing_overlaps_is_a_start_that_failed(views):
    away = shifted((900, 0, 0))
    assert np.array_equal(refine(*views, away, Recipe("rigid", 2000, 10, 1.0, 0.1)), away)
