"""Facts gathered slab by slab are those of the whole: numpy's own, where numpy has them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fusecli.core import statistics

SHARES = (0, 0.5, 25, 50, 99.5, 100)
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
VOLUMES = arrays(np.float32, st.tuples(st.integers(1, 20), st.integers(1, 3), st.integers(1, 3)), elements=FINITE)


def ranked(numbers):
    return tuple(np.percentile(numbers, SHARES, method="nearest"))


@given(VOLUMES)
def test_percentiles_are_those_of_numpy(volume):
    assert statistics.percentiles(volume, SHARES) == ranked(volume)


@given(VOLUMES, FINITE)
def test_what_does_not_count_does_not_count(volume, limit):
    above, from_on = volume[volume > np.float32(limit)], volume[volume >= np.float32(limit)]
    if above.size:
        assert statistics.percentiles(volume, SHARES, above=limit) == ranked(above)
    if from_on.size:
        assert statistics.percentiles(volume, SHARES, above=limit, inclusive=True) == ranked(from_on)


def test_percentiles_of_many_numbers_are_those_of_numpy():
    volume = np.random.default_rng(0).normal(0, 500, (40, 60, 70)).astype(np.float32)
    assert statistics.percentiles(volume, SHARES) == ranked(volume)
    assert statistics.percentiles(volume, SHARES, above=0) == ranked(volume[volume > 0])
    assert statistics.percentiles(volume, SHARES, above=0) != ranked(volume)


def test_numbers_that_differ_in_the_last_bit_are_told_apart():
    volume = np.nextafter(np.float32(1), np.float32(2), dtype=np.float32) * np.ones((3, 2, 2), dtype=np.float32)
    volume[0] = 1
    assert statistics.percentiles(volume, (0, 50)) == (1.0, float(volume[1, 0, 0]))


def test_where_nothing_counts_there_is_no_percentile():
    with pytest.raises(ValueError, match="no number"):
        statistics.percentiles(np.zeros((3, 2, 2), dtype=np.float32), (50,), above=0)


@given(VOLUMES)
def test_extremes_and_counts_are_those_of_numpy(volume):
    assert statistics.lowest(volume) == volume.min()
    assert statistics.highest(volume) == volume.max()
    assert statistics.count(volume, lambda slab: slab > 1) == np.count_nonzero(volume > 1)


def test_every_true_voxel_of_a_mask_is_counted():
    mask = np.random.default_rng(0).random((30, 5, 6)) > 0.3
    assert statistics.count(mask) == mask.sum()
    assert statistics.count(mask, np.logical_not) == mask.size - mask.sum()


def test_a_sum_is_in_double_precision():
    volume = np.full((100, 40, 40), 0.1, dtype=np.float32)
    assert statistics.total(volume) == pytest.approx(volume.size * float(np.float32(0.1)), rel=1e-12)
    assert float(volume.sum()) != pytest.approx(volume.size * float(np.float32(0.1)), rel=1e-12)
