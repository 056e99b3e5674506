"""Arrays in a file behave as arrays in memory, give their pages back, and say so where the disk refuses."""

import errno
import os
import sys

import numpy as np
import pytest

from fusecli.core import scratch
from fusecli.errors import MemoryLimitError

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="counts resident pages, which Linux alone tells")


@pytest.fixture
def tiny(monkeypatch):
    """Every array of a few kilobytes is a large one."""
    monkeypatch.setattr(scratch, "LARGE_BYTES", 4096)


def resident_bytes():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_small_array_lies_in_memory_and_a_large_one_in_a_file(tiny):
    assert not scratch.is_in_file(scratch.empty((7, 4, 4), np.float64))
    assert scratch.is_in_file(scratch.empty((32, 4, 4), np.float64))


def test_without_anything_patched_a_slice_lies_in_memory_and_a_series_in_a_file():
    assert not scratch.is_in_file(scratch.empty((1, 2048, 2047)))
    assert scratch.is_in_file(scratch.empty((32, 512, 512)))


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, bool])
def test_an_array_in_a_file_has_the_shape_and_type_that_were_asked_for(tiny, dtype):
    array = scratch.empty((20, 30, 40), dtype)
    assert type(array) is np.ndarray
    assert (array.shape, array.dtype) == ((20, 30, 40), np.dtype(dtype))
    assert array.flags.c_contiguous
    assert array.flags.writeable


def test_a_view_of_an_array_in_a_file_lies_there_and_a_copy_does_not(tiny):
    array = scratch.empty((20, 30, 40))
    assert scratch.is_in_file(array[3:5, ::-1].T)
    assert not scratch.is_in_file(array[3:5].copy())


def test_slabs_cover_every_slice_once_in_order():
    volume = np.zeros((20, 2, 2))
    assert [(part.start, part.stop) for part in scratch.slabs(volume, thick=8)] == [(0, 8), (8, 16), (16, 20)]
    assert [k for part in scratch.slabs(volume) for k in range(20)[part]] == list(range(20))


def test_what_was_written_is_still_there_after_its_memory_was_given_back(tiny):
    numbers = np.random.default_rng(0).random((50, 33, 31), dtype=np.float32)
    array = scratch.empty(numbers.shape)
    for part in scratch.slabs(array):
        array[part] = numbers[part]
    scratch.release(array)
    assert np.array_equal(array, numbers)


def test_giving_back_a_part_leaves_its_neighbours_as_they_are(tiny):
    array = scratch.empty((64, 33, 31))
    array[:] = np.arange(64, dtype=np.float32)[:, np.newaxis, np.newaxis]
    scratch.release(array[10:12])
    scratch.release(array[:, 3:5, ::-2])
    assert np.array_equal(array[:, 5, 5], np.arange(64))


def test_an_array_in_memory_may_be_given_back_too():
    array = np.ones((3, 4, 5))
    scratch.release(array)
    assert (array == 1).all()


@on_linux
def test_memory_stays_at_a_slab_whatever_the_size_of_the_array():
    array = scratch.empty((400, 256, 256))  # 100 MiB
    before = resident_bytes()
    peak = 0
    for part in scratch.slabs(array):
        array[part] = 1
        peak = max(peak, resident_bytes() - before)
    slab = array[: scratch.SLAB].nbytes
    assert slab / 2 <= peak <= 6 * slab


@on_linux
def test_without_slabs_all_of_it_is_resident():
    array = scratch.empty((400, 256, 256))
    before = resident_bytes()
    array[:] = 1
    assert resident_bytes() - before > 90 * 2**20
    scratch.release(array)
    assert resident_bytes() - before < 12 * 2**20


@on_linux
def test_a_turned_volume_is_copied_without_being_resident_as_a_whole():
    array = scratch.empty((256, 256, 400))
    for part in scratch.slabs(array):
        array[part] = np.arange(400, dtype=np.float32)
    before = resident_bytes()
    turned = scratch.copied(array.transpose(2, 0, 1)[::-1])
    assert resident_bytes() - before < 40 * 2**20
    assert scratch.is_in_file(turned)
    assert np.array_equal(turned[:, 100, 200], np.arange(400)[::-1])


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
@pytest.mark.parametrize("step", [1, -1])
def test_a_copy_of_any_layout_has_the_same_numbers(tiny, order, step):
    numbers = np.random.default_rng(1).random((19, 22, 27), dtype=np.float32)
    view = numbers.transpose(order)[::step, :, ::-step]
    copy = scratch.copied(view)
    assert copy.flags.c_contiguous
    assert np.array_equal(copy, view)
    assert not np.shares_memory(copy, numbers)


def test_color_is_copied_with_its_channels(tiny):
    color = np.random.default_rng(2).integers(0, 255, (11, 20, 30, 3), dtype=np.uint8)
    assert np.array_equal(scratch.copied(color.transpose(1, 0, 2, 3)), color.transpose(1, 0, 2, 3))


def test_what_is_contiguous_already_is_not_copied_and_all_else_is(tiny):
    array = scratch.empty((20, 30, 40))
    array[:] = 3
    assert np.shares_memory(scratch.contiguous(array, np.float32), array)
    assert not np.shares_memory(scratch.contiguous(array.transpose(2, 1, 0), np.float32), array)
    assert scratch.contiguous(array, np.float64).dtype == np.float64


def test_an_array_in_a_file_outlives_every_name_and_leaves_no_file(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    array = scratch.empty((20, 30, 40))
    array[:] = 5
    assert list(tmp_path.iterdir()) == []
    assert (array == 5).all()


def test_a_missing_temporary_folder_is_told_with_the_variable_that_names_another(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "gone"))
    with pytest.raises(MemoryLimitError, match="gone") as caught:
        scratch.empty((20, 30, 40))
    assert caught.value.exit_code == 10
    assert "TMPDIR" in caught.value.hint


def test_a_full_disk_is_told_before_anything_is_written_to_it(tiny, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(scratch, "_reserve", full)
    with pytest.raises(MemoryLimitError, match="No space left") as caught:
        scratch.empty((20, 30, 40))
    assert "TMPDIR" in caught.value.hint


def test_where_the_system_cannot_reserve_room_it_is_written_full_of_zeros(tiny, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    monkeypatch.setattr(scratch, "_ZEROS", bytes(1000))
    array = scratch.empty((20, 30, 41))
    assert (array == 0).all()
    array[:] = 7
    assert (array == 7).all()
