"""Padding was never measured: it must not make the rest of the picture grey, and no number that was measured goes."""

import numpy as np
import pytest

from fusecli import formats
from fusecli.formats.dicom.padding import padding_of, without_padding

MEASURED = np.arange(24).reshape(4, 6) * 10


def padded(value, dtype=np.int16):
    """The first row of a slice is padding."""
    stored = MEASURED.astype(np.int64)
    stored[0] = value
    return stored.astype(dtype)


@pytest.fixture
def read(tmp_path, write, ct_slice):
    def reading(pixels, **changes):
        return formats.read(write(tmp_path / "a.dcm", ct_slice(0.0, pixels, **changes))).voxels[0]

    return reading


MR = {"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "RescaleIntercept": 0}


@pytest.mark.parametrize("value", [-32768, -5, 20000])
def test_padding_darker_or_brighter_than_an_mr_becomes_nothing(read, value):
    voxels = read(padded(value), PixelPaddingValue=value, **MR)
    assert (voxels[0] == 0).all()
    assert np.array_equal(voxels[1:], MEASURED[1:])


def test_padding_written_without_a_sign_beside_signed_pixels_is_known(read):
    voxels = read(padded(-2000), PixelPaddingValue=-2000, **MR)
    assert np.array_equal(without_padding(voxels, padded(-2000), _header("MR"), (63536, 63536))[1:], MEASURED[1:])
    raw = padded(-2000).astype(np.float32)
    assert (without_padding(raw, padded(-2000), _header("MR"), (63536, 63536))[0] == 0).all()


def test_padding_brighter_than_bone_becomes_air_in_a_ct(read):
    voxels = read(padded(63536, np.uint16), PixelPaddingValue=63536)
    assert (voxels[0] == -1024).all()
    assert np.array_equal(voxels[1:], MEASURED[1:] - 1000)


def test_padding_below_air_stays_what_the_file_says_in_a_ct(read):
    assert (read(padded(-2000), PixelPaddingValue=-2000)[0] == -3000).all()


def test_padding_among_measured_numbers_is_left_alone(read):
    stored = padded(100)
    assert np.array_equal(read(stored, PixelPaddingValue=100, **MR), stored)
    assert np.array_equal(read(stored, PixelPaddingValue=100), stored - 1000)


def test_without_a_padding_value_every_number_counts(read):
    assert (read(padded(-32768), **MR)[0] == -32768).all()


def test_a_range_of_padding_goes_as_a_whole(read):
    stored = padded(-32768)
    stored[0, :3] = -32000
    voxels = read(stored, PixelPaddingValue=-32768, PixelPaddingRangeLimit=-32000, **MR)
    assert (voxels[0] == 0).all()
    alone = read(stored, PixelPaddingValue=-32768, **MR)
    assert alone[0, 0] == -32000


@pytest.mark.parametrize(
    ("value", "changes", "expected"), [(-5, MR, 0), (20000, {}, -1024), (-2000, {}, -3000), (1000, {}, 0)]
)
def test_a_slice_of_nothing_but_padding_is_judged_by_what_can_be_measured(read, value, changes, expected):
    everywhere = np.full((4, 6), value, np.int16)
    assert (read(everywhere, PixelPaddingValue=value, **changes) == expected).all()


def test_a_broken_padding_value_is_none(ct_slice):
    assert padding_of(ct_slice()) is None
    assert padding_of(ct_slice(PixelPaddingValue=-3)) == (-3, -3)


def test_the_history_says_that_there_was_padding(tmp_path, write, ct_slice):
    image = formats.read(write(tmp_path / "a.dcm", ct_slice(PixelPaddingValue=-2000)))
    assert image.history[0].facts["pixel_padding"] == -2000


def _header(modality):
    from pydicom import Dataset

    header = Dataset()
    header.Modality = modality
    return header
