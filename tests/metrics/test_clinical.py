"""What a reader asks of a fused image, on blocks whose answer is known."""

import numpy as np
import pytest

from fusecli.errors import ImageError, ShapeError
from fusecli.metrics.clinical import (
    Volumes,
    background_noise,
    beyond_sources,
    contrast_kept,
    surround,
    uptake_inside,
)
from fusecli.metrics.foreground import foreground

SHAPE = (2, 40, 40)


def block(value, rows=slice(16, 24), columns=slice(16, 24), around=0.2):
    image = np.full(SHAPE, around)
    image[:, rows, columns] = value
    return image


MASK = block(1, around=0) > 0


def test_a_lesion_that_keeps_half_of_its_contrast_is_kept_by_half():
    found = contrast_kept(Volumes.of(block(0.2), block(0.8), block(0.5)), MASK)
    assert found["moving"] == pytest.approx(0.6 * 255)
    assert found["of_moving"] == pytest.approx(0.5)
    assert found["voxels"] == 128


def test_a_source_without_contrast_has_no_share_and_an_inverted_one_a_negative_share():
    found = contrast_kept(Volumes.of(block(0.2), block(0.8), block(0.1)), MASK)
    assert found["of_fixed"] is None
    assert found["of_moving"] == pytest.approx(-1 / 6)


def test_the_surround_leaves_out_the_blurred_edge_and_ends_six_steps_away():
    around = surround(MASK)
    assert not around[0, 15, 20]
    assert around[0, 14, 20]
    assert around[0, 10, 20]
    assert not around[0, 9, 20]
    assert not (around & MASK).any()


def test_the_surround_stays_within_the_slice():
    one = MASK.copy()
    one[1] = False
    assert not surround(one)[1].any()


def test_an_empty_mask_one_that_fills_all_and_one_of_another_size_are_refused():
    volumes = Volumes.of(block(0.2), block(0.8), block(0.5))
    with pytest.raises(ImageError, match="empty"):
        contrast_kept(volumes, np.zeros(SHAPE, bool))
    with pytest.raises(ImageError, match="fills"):
        contrast_kept(volumes, np.ones(SHAPE, bool))
    with pytest.raises(ShapeError, match="mask and the images differ"):
        contrast_kept(volumes, MASK[:1])


def test_brightness_beyond_both_sources_is_counted_above_and_below():
    fused = block(0.8)
    fused[0, 0, 0], fused[0, 0, 1] = 0.2 + 10 / 255, 0.2 - 20 / 255
    found = beyond_sources(Volumes.of(block(0.2), block(0.8), fused))
    assert found["share"] == pytest.approx(2 / fused.size)
    assert found["mean_excess"] == pytest.approx(15)
    assert found["largest_excess"] == pytest.approx(20)


def test_a_fusion_between_its_sources_goes_beyond_nothing():
    found = beyond_sources(Volumes.of(block(0.2), block(0.8), block(0.5)))
    assert found == {"share": 0.0, "mean_excess": 0.0, "largest_excess": 0.0}


def test_background_noise_is_that_outside_the_foreground():
    noise = np.random.default_rng(1).normal(0, 2 / 255, SHAPE)
    fused = block(0.8, around=0.1) + np.where(MASK, 0, noise)
    found = background_noise(Volumes.of(block(0.8), block(0.8), fused), MASK)
    assert found["fused"] == pytest.approx(2, rel=0.1)
    assert found["fixed"] == 0
    assert background_noise(Volumes.of(block(0.8), block(0.8), fused), np.ones(SHAPE, bool))["fused"] is None


def test_uptake_is_described_inside_the_mask_alone():
    suv = block(4.0, around=100.0)
    suv[0, 16, 16] = 8.0
    found = uptake_inside(suv, MASK)
    assert (found["max"], found["median"]) == (8.0, 4.0)
    assert found["mean"] == pytest.approx(4 + 4 / 128)
    with pytest.raises(ImageError, match="empty"):
        uptake_inside(suv, ~np.ones(SHAPE, bool))


def head(ventricle=0.0, specks=False):
    image = np.zeros((1, 60, 60))
    image[0, 10:50, 12:48] = 0.5
    image[0, 25:32, 25:32] = ventricle
    if specks:
        image[0, ::7, 0] = 0.9
        image[0, 2:6, 55:59] = 0.9
    return image


def test_the_foreground_of_a_head_includes_its_dark_ventricle():
    found = foreground(head(), np.zeros((1, 60, 60)))
    assert found[0, 28, 28]
    assert not found[0, 5, 5]
    # Opening takes the four corner voxels.
    assert found.sum() == 40 * 36 - 4


def test_noise_and_small_parts_are_no_foreground_and_a_second_large_part_is():
    assert np.array_equal(foreground(head(specks=True), head()), foreground(head(), head()))
    arm = head()
    arm[0, 20:40, 50:58] = 0.4
    assert foreground(arm, head())[0, 30, 54]


def test_what_only_the_tracer_shows_is_foreground_too():
    tracer = np.zeros((1, 60, 60))
    tracer[0, 20:50, 50:58] = 0.4
    assert foreground(head(), tracer)[0, 30, 54]


def test_air_has_no_foreground():
    with pytest.raises(ImageError, match="no foreground"):
        foreground(np.full((1, 20, 20), 0.04), np.zeros((1, 20, 20)))
