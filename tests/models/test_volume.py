"""Tiles cover any image, overlap, and leave neither shift nor seam."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusecli.models.volume import LARGEST_TILE, OVERLAP, SMALLEST_TILE, fuse_tiled, tiles

sides = st.integers(1, 3000)
tile_sizes = st.sampled_from([SMALLEST_TILE, 300, 512, LARGEST_TILE])


def first(fixed, moving):
    return fixed


def noise(rows, columns, seed=0):
    return np.random.default_rng(seed).random((rows, columns), dtype=np.float32)


@given(rows=sides, columns=sides, tile=tile_sizes)
@settings(max_examples=60)
def test_tiles_cover_every_pixel_and_none_is_larger_than_asked(rows, columns, tile):
    windows = list(tiles((rows, columns), tile))
    covered = [np.zeros(length, dtype=bool) for length in (rows, columns)]
    for window in windows:
        for axis, part in enumerate(window):
            assert 0 <= part.start < part.stop <= (rows, columns)[axis]
            assert part.stop - part.start == min(tile, (rows, columns)[axis])
            covered[axis][part] = True
    assert all(axis.all() for axis in covered)
    assert len(windows) == np.prod([len({w[axis].start for w in windows}) for axis in (0, 1)])


@given(length=sides, tile=tile_sizes)
@settings(max_examples=60)
def test_neighbouring_tiles_overlap_enough(length, tile):
    columns = [window[1] for window in tiles((1, length), tile)]
    overlaps = [a.stop - b.start for a, b in pairwise(columns)]
    assert all(overlap >= OVERLAP for overlap in overlaps)
    assert (columns[0].start, columns[-1].stop) == (0, length)


@pytest.mark.parametrize(("length", "count"), [(256, 1), (257, 2), (448, 2), (449, 3), (640, 3), (641, 4)])
def test_no_more_tiles_than_needed(length, count):
    assert len(list(tiles((1, length), 256))) == count


@pytest.mark.parametrize("shape", [(300, 256), (257, 700), (600, 600), (40, 513), (1, 300)])
def test_tiles_of_an_image_put_together_are_that_image_exactly(shape):
    fixed, moving = noise(*shape), noise(*shape, seed=1)
    assert np.array_equal(fuse_tiled(first, fixed, moving, tile=256), fixed)
    assert np.array_equal(fuse_tiled(lambda a, b: b, fixed, moving, tile=256), moving)


def test_a_single_bright_pixel_stays_where_it_is_in_every_tile():
    for row, column in [(0, 0), (200, 250), (255, 256), (399, 499)]:
        fixed = np.zeros((400, 500), dtype=np.float32)
        fixed[row, column] = 1
        fused = fuse_tiled(first, fixed, fixed, tile=256)
        assert np.argwhere(fused).tolist() == [[row, column]]


def test_both_images_are_cut_at_the_same_place():
    fixed = noise(400, 500)
    difference = fuse_tiled(lambda a, b: np.abs(a - b), fixed, fixed.copy(), tile=256)
    assert difference.max() == 0


def test_a_model_that_depends_on_the_mean_of_its_tile_leaves_no_seam():
    # Means of the tiles run from about 0 to 1; without blending the step at a border would be about 0.3.
    ramp = np.tile(np.linspace(0, 1, 700, dtype=np.float32), (300, 1))
    means = [float(ramp[window].mean()) for window in tiles(ramp.shape, 256)]
    assert max(np.abs(np.diff(means))) > 0.2
    fused = fuse_tiled(lambda a, b: np.full_like(a, a.mean()), ramp, ramp, tile=256)
    steps = max(np.abs(np.diff(fused, axis=0)).max(), np.abs(np.diff(fused, axis=1)).max())
    assert steps <= 2 * (max(means) - min(means)) / OVERLAP


@pytest.mark.parametrize("shape", [(256, 256), (256, 100), (31, 256)])
def test_an_image_that_fits_is_run_whole_and_once(shape):
    seen = []

    def run(fixed, moving):
        seen.append(fixed.shape)
        return fixed

    fuse_tiled(run, noise(*shape), noise(*shape), tile=256)
    assert seen == [shape]


def test_one_pixel_more_is_cut():
    seen = []

    def run(fixed, moving):
        seen.append(fixed.shape)
        return fixed

    fuse_tiled(run, noise(257, 256), noise(257, 256), tile=256)
    assert seen == [(256, 256), (256, 256)]


def test_blending_stays_between_the_tiles_in_float32():
    fused = fuse_tiled(lambda a, b: np.ones_like(a), noise(600, 600), noise(600, 600), tile=256)
    assert fused.dtype == np.float32
    assert fused.min() == fused.max() == 1


def test_every_tile_is_reported_and_a_whole_image_is_not():
    image = np.zeros((600, 500), dtype=np.float32)
    seen: list[tuple[int, int]] = []
    fuse_tiled(np.maximum, image, image, tile=256, on_tile=lambda done, total: seen.append((done, total)))
    assert seen == [(done, len(seen)) for done in range(1, len(seen) + 1)]
    assert len(seen) == len(list(tiles(image.shape, 256))) > 1
    seen.clear()
    fuse_tiled(np.maximum, image, image, tile=600, on_tile=lambda done, total: seen.append((done, total)))
    assert seen == []
