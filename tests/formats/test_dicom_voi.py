"""A DICOM file's own wishes for display: windows with their function, and lookup tables over its rescaled values."""

import numpy as np
import pytest
from pydicom import Dataset, dcmwrite
from pydicom.sequence import Sequence

from fusecli import formats, normalize


def table(first, entries, bits):
    item = Dataset()
    item.add_new(0x00283002, "SS" if first < 0 else "US", [len(entries), first, bits])
    item.add_new(0x00283006, "US", list(entries))
    return item


def read_ct(ct_slice, tmp_path, **changes):
    pixels = np.array([[900, 1000, 1001, 1002, 1003, 2000]] * 4, dtype=np.int16)  # HU -100 to 1000
    dcmwrite(tmp_path / "a.dcm", ct_slice(0, pixels, **changes), implicit_vr=False, little_endian=True)
    return formats.read(tmp_path / "a.dcm")


def row(image, window):
    return normalize.to_unit(image, window=window).voxels[0, 0].tolist()


def test_a_lookup_table_maps_each_rescaled_value_and_holds_its_ends_beyond(ct_slice, tmp_path):
    luts = Sequence([table(0, [0, 51, 255, 102], 8)])
    image = read_ct(ct_slice, tmp_path, VOILUTSequence=luts)
    assert row(image, "dicom") == pytest.approx([0, 0, 0.2, 1, 0.4, 0.4])


def test_lookup_tables_come_before_windows_and_are_counted_with_them(ct_slice, tmp_path):
    luts = Sequence([table(0, [0, 255], 8), table(0, [65535, 0], 16)])
    image = read_ct(ct_slice, tmp_path, VOILUTSequence=luts, WindowWidth=1001, WindowCenter=500.5)
    assert row(image, "dicom:1") == [0, 0, 1, 1, 1, 1]
    assert row(image, "dicom:2") == [1, 1, 0, 0, 0, 0]
    assert row(image, "dicom:3") == pytest.approx([0, 0, 0.001, 0.002, 0.003, 1])
    with pytest.raises(Exception, match="no window dicom:4"):
        row(image, "dicom:4")


def test_without_a_table_the_first_window_of_the_file_counts(ct_slice, tmp_path):
    image = read_ct(ct_slice, tmp_path, WindowWidth=[1001, 2], WindowCenter=[500.5, 0])
    assert row(image, "dicom") == pytest.approx([0, 0, 0.001, 0.002, 0.003, 1])


@pytest.mark.parametrize("first", [-1, 65535])
def test_a_table_that_starts_below_zero_may_be_written_as_an_unsigned_number(ct_slice, tmp_path, first):
    image = read_ct(ct_slice, tmp_path, VOILUTSequence=Sequence([table(first, [0, 51, 255], 8)]))
    assert row(image, "dicom") == pytest.approx([0, 0.2, 1, 1, 1, 1])


@pytest.mark.parametrize("item", [Dataset(), table(0, [0, 255], 7), table(0, [0, 300], 8), table(0, [9], 8)])
def test_a_broken_table_is_left_out_and_the_windows_stay(ct_slice, tmp_path, item):
    image = read_ct(ct_slice, tmp_path, VOILUTSequence=Sequence([item]), WindowWidth=1001, WindowCenter=500.5)
    assert image.source.tables == ()
    assert row(image, "dicom") == pytest.approx([0, 0, 0.001, 0.002, 0.003, 1])


# PS3.3 C.11.2.1.3: the three functions at the same centre and width, computed by hand.
@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("LINEAR", [0, 0.5 / 3 + 0.5, 1, 1, 1, 1]),
        ("LINEAR_EXACT", [0, 0.5, 0.75, 1, 1, 1]),
        ("SIGMOID", [0, 0.5, 1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-2)), 1 / (1 + np.exp(-3)), 1]),
    ],
)
def test_a_window_has_the_function_that_the_file_states(ct_slice, tmp_path, function, expected):
    image = read_ct(ct_slice, tmp_path, WindowWidth=4, WindowCenter=0, VOILUTFunction=function)
    assert row(image, "dicom") == pytest.approx(expected, abs=1e-5)
