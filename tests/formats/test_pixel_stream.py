"""Pixels that are made while they are written."""

import io

import pytest

from fusecli.formats.dicom.pixel_stream import stream


def slices_of(*contents):
    return stream(len(contents), lambda index: contents[index])


def test_slices_come_one_after_another():
    assert slices_of(b"abcd", b"efgh", b"ijkl").read() == b"abcdefghijkl"


def test_an_odd_number_of_bytes_is_made_even_by_a_zero():
    assert slices_of(b"abc", b"def", b"ghi").read() == b"abcdefghi\0"
    assert slices_of(b"abc", b"def").read() == b"abcdef"


@pytest.mark.parametrize("size", [1, 3, 4, 5, 100])
def test_pieces_of_any_size_make_the_same_whole(size):
    source = slices_of(b"abc", b"def", b"ghi")
    assert b"".join(iter(lambda: source.read(size), b"")) == b"abcdefghi\0"


def test_its_length_can_be_told_and_it_can_be_read_again():
    source = slices_of(b"abc", b"def", b"ghi")
    assert source.seek(0, io.SEEK_END) == 10
    assert source.seek(4) == 4
    assert source.read(3) == b"efg"
    source.seek(0)
    assert source.read(2) == b"ab"


def test_no_slice_is_made_before_it_is_reached():
    made = []
    source = stream(1000, lambda index: made.append(index) or bytes(2**20))
    source.read(2**20)
    assert set(made) <= {0, 1}
