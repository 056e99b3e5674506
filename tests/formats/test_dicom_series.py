"""Which files are DICOM, which belong together, which series is meant, and what `info` says of each."""

import json
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fusecli.errors import ImageError, InputError
from fusecli.formats import dicom


def test_a_file_with_the_prefix_is_dicom(tmp_path, write, ct_slice):
    assert dicom.is_dicom(write(tmp_path / "no-suffix", ct_slice()))


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
def test_a_file_without_prefix_and_meta_header_is_dicom_and_can_be_read(tmp_path, ct_slice, stored_ramp, syntax):
    path = tmp_path / "headless"
    ct_slice().save_as(path, implicit_vr=syntax.endswith("1.2"), little_endian=True)
    assert path.read_bytes()[128:132] != b"DICM"
    assert dicom.is_dicom(path)
    np.testing.assert_array_equal(dicom.read(path).voxels[0], stored_ramp - 1000.0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\r\n\x1a\n" + bytes(300),
        b"Series,Modality\n1,CT\n" * 30,
        b"\x08\x00",
        b"\x08\x00" + bytes(1000),
        b"\x08\x00\x60\x00CS\xff\xff",
    ],
)
def test_other_files_are_not_dicom_and_are_refused_as_such(tmp_path, content):
    path = tmp_path / "other.dcm"
    path.write_bytes(content)
    assert not dicom.is_dicom(path)
    with pytest.raises(ImageError, match="not a DICOM file"):
        dicom.read(path)


def test_folders_and_files_that_are_not_there_are_not_dicom(tmp_path):
    assert not dicom.is_dicom(tmp_path)
    assert not dicom.is_dicom(tmp_path / "missing")
    with pytest.raises(InputError, match="no file or folder"):
        dicom.read(tmp_path / "missing")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(head=st.sampled_from([b"", b"\x08\x00", b"\x08\x00\x05\x00CS", bytes(128) + b"DICM"]), rest=st.binary())
def test_asking_whether_bytes_are_dicom_never_raises(tmp_path, head, rest):
    path = tmp_path / "bytes"
    path.write_bytes(head + rest)
    assert dicom.is_dicom(path) in (True, False)


def test_files_that_are_not_dicom_are_passed_over_in_a_folder(write_series, ct_slice):
    folder = write_series([ct_slice(0), ct_slice(5)])
    (folder / "notes.txt").write_text("to do")
    (folder / "deeper").mkdir()
    (folder / "000.dcm").rename(folder / "deeper" / "000.dcm")
    assert dicom.read(folder).geometry.shape == (2, 4, 6)


def test_a_folder_without_dicom_is_no_input(tmp_path):
    (tmp_path / "notes.txt").write_text("to do")
    with pytest.raises(InputError, match="no DICOM images"):
        dicom.read(tmp_path)


@pytest.fixture
def two_series(write_series, ct_slice, pet_slice):
    """A CT series of number 3 and a PET series of number 4, in one folder."""
    write_series([ct_slice(z) for z in (0, 5)])
    return write_series([pet_slice(z, SeriesInstanceUID="2.25.2", SeriesNumber=4) for z in (0, 5, 10)])


def test_two_series_and_none_named_are_listed_and_their_descriptions_go_to_the_screen_alone(two_series):
    with pytest.raises(InputError, match="2 image series") as caught:
        dicom.read(two_series)
    said = str(caught.value)
    assert caught.value.exit_code == 3
    assert re.search(r"^  3 +CT +2 +4 x 6 +2\.25\.1$", said, re.MULTILINE)
    assert re.search(r"^  4 +PT +3 +4 x 6 +2\.25\.2$", said, re.MULTILINE)
    assert "--fixed-series" in said
    assert "--moving-series" in said
    assert "thorax" not in said
    assert "thorax" in caught.value.on_screen
    assert "Jane" not in said + caught.value.on_screen


@pytest.mark.parametrize(("wanted", "slices"), [("3", 2), ("2.25.1", 2), ("4", 3), ("2.25.2", 3)])
def test_a_series_is_chosen_by_its_number_or_its_uid(two_series, wanted, slices):
    assert dicom.read(two_series, series=wanted).geometry.shape[0] == slices


def test_a_series_that_is_not_there_is_answered_with_those_that_are(two_series):
    with pytest.raises(InputError, match="no image series 7") as caught:
        dicom.read(two_series, series="7")
    assert "2.25.2" in caught.value.why
    assert "--moving-series" in caught.value.hint


def test_a_localizer_is_set_aside_when_another_series_is_there(write_series, ct_slice):
    localizer = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "SeriesInstanceUID": "2.25.3"}
    scout = ct_slice(0, np.zeros((2, 2), dtype=np.int16), **localizer)
    alone = write_series([scout], "alone")
    assert dicom.read(alone).geometry.shape == (1, 2, 2)
    write_series([scout], "both")
    assert dicom.read(write_series([ct_slice(0), ct_slice(5)], "both")).geometry.shape == (2, 4, 6)
    assert dicom.read(write_series([], "both"), series="2.25.3").geometry.shape == (1, 2, 2)


def test_a_localizer_read_on_its_own_is_warned_of_and_a_slice_is_not(write_series, ct_slice):
    scout = write_series([ct_slice(0, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])], "scout")
    axial = write_series([ct_slice(0)], "axial")
    for folder, expected in ((scout, True), (axial, False)):
        for said in (dicom.read(folder).history[0].warnings, dicom.describe(folder)[0].problems):
            assert any("not a slice of the patient" in warning for warning in said) == expected


def test_a_localizer_inside_the_series_it_plans_is_set_aside_too(write_series, ct_slice):
    scout = ct_slice(40, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], ImageOrientationPatient=[1, 0, 0, 0, 0, -1])
    assert dicom.read(write_series([ct_slice(0), ct_slice(5), scout])).geometry.shape == (2, 4, 6)


def test_a_report_beside_the_images_is_set_aside(write_series, ct_slice):
    report = ct_slice(0, Modality="SR", PixelData=None, Rows=None, Columns=None, SeriesInstanceUID="2.25.5")
    assert dicom.read(write_series([ct_slice(0), ct_slice(5), report])).geometry.shape == (2, 4, 6)


def test_a_broken_file_of_the_folder_is_warned_of(write_series, ct_slice):
    folder = write_series([ct_slice(0), ct_slice(5)])
    (folder / "broken.dcm").write_bytes(bytes(128) + b"DICM\x02\x00\x00\x00UL\x04\x00\xff\xff\xff\x7f\x08\x00")
    image = dicom.read(folder)
    (info,) = dicom.describe(folder)
    assert image.geometry.shape[0] == 2
    assert image.history[0].warnings == info.problems
    assert "1 DICOM files of this folder are broken" in info.problems[0]
    assert info.set_aside.broken == 1


def test_info_says_what_a_series_is_in_a_form_that_json_takes(two_series):
    ct, pet = sorted(dicom.describe(two_series), key=lambda info: info.series_number)
    assert (ct.modality, ct.units, ct.slices, ct.rows, ct.columns) == ("CT", "HU", 2, 4, 6)
    assert ct.spacing_mm == (5, 2.5, 1.5)
    assert ct.positions_mm == (0, 5)
    assert ct.plane == "axial"
    assert ct.suv is None
    assert ct.problems == ()
    assert (ct.bits_allocated, ct.bits_stored, ct.is_signed) == (16, 16, True)
    assert ct.rescale_intercept == (-1000, -1000)
    assert pet.suv.factor_range == pytest.approx((0.0014, 0.0014))
    assert json.loads(json.dumps(ct.as_dict()))["windows"][1]["width"] == 1500


def test_info_names_what_suv_lacks(tmp_path, write, pet_slice):
    (info,) = dicom.describe(write(tmp_path / "one.dcm", pet_slice(PatientWeight=None)))
    assert info.units == "BQML"
    assert info.suv.factor_range is None
    assert info.suv.missing == ("PatientWeight (0010,1030)",)


def test_info_says_why_a_series_cannot_be_read(write_series, ct_slice):
    (info,) = dicom.describe(write_series([ct_slice(0), ct_slice(5), ct_slice(20)]))
    assert info.slices == 3
    assert info.spacing_mm is None
    assert "missing" in info.problems[0].lower()


def test_info_tells_of_files_that_are_no_images_or_hold_no_pixels(tmp_path, write, ct_slice):
    (report,) = dicom.describe(write(tmp_path / "a", ct_slice(PixelData=None, Rows=None, Columns=None)))
    (cut,) = dicom.describe(write(tmp_path / "b", ct_slice(PixelData=None)))
    assert report.slices == 0
    assert "not an image" in report.problems[0]
    assert "no pixel data" in cut.problems[0]
