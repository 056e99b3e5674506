"""Folders as users have them: copies, links, files that are closed, broken, or no images, and who it all belongs to."""

import os
import shutil

import numpy as np
import pytest
from pydicom import Dataset

from fusecli.core.history import warnings_of
from fusecli.errors import ImageError, InputError
from fusecli.formats import dicom, opened_pair
from fusecli.formats.dicom import folder as folders


def test_a_file_copied_into_the_folder_twice_counts_once_with_a_warning(write_series, ct_slice):
    folder = write_series([ct_slice(0), ct_slice(5), ct_slice(10)])
    usual = dicom.read(folder)
    shutil.copy(folder / "007.dcm", folder / "copy of 007.dcm")
    image = dicom.read(folder)
    np.testing.assert_array_equal(image.voxels, usual.voxels)
    assert "1 of 4 files are copies" in warnings_of(image.history)[0]
    assert warnings_of(usual.history) == ()
    assert dicom.describe(folder)[0].problems == warnings_of(image.history)


def test_a_copy_that_was_written_anew_with_the_same_pixels_counts_once(write_series, ct_slice):
    folder = write_series([ct_slice(0), ct_slice(5), ct_slice(5, ImageComments="sent again")])
    assert dicom.read(folder).geometry.shape[0] == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"pixels": np.ones((4, 6), dtype=np.int16)},
        {"RescaleIntercept": -1024},
        {"ImagePositionPatient": [0, 0, 15]},
        {"ImagePositionPatient": None},
        {"pixels": np.ones((5, 6), dtype=np.int16)},
    ],
)
def test_two_files_that_claim_to_be_one_image_and_are_not_are_refused_by_name(write_series, ct_slice, changes):
    folder = write_series([ct_slice(0), ct_slice(5), ct_slice(5, **changes)])
    with pytest.raises(ImageError, match="claim to be the same image") as caught:
        dicom.read(folder)
    assert "007.dcm and 014.dcm" in caught.value.why
    assert "claim to be the same image" in dicom.describe(folder)[0].problems[0]


def test_copies_of_one_name_are_told_by_their_folders(write_series, ct_slice):
    folder = write_series([ct_slice(0), ct_slice(5)])
    for name in ("a", "b"):
        (folder / name).mkdir()
    (folder / "007.dcm").rename(folder / "a" / "one.dcm")
    write_series([ct_slice(5, np.ones((4, 6), dtype=np.int16))], "other")
    shutil.copy(folder.parent / "other" / "000.dcm", folder / "b" / "one.dcm")
    with pytest.raises(ImageError) as caught:
        dicom.read(folder)
    assert "a/one.dcm and b/one.dcm" in caught.value.why


def test_files_without_an_instance_uid_are_never_copies(write_series, ct_slice):
    slices = [ct_slice(z) for z in (0, 5, 10)]
    folder = write_series(slices)
    for path in folder.iterdir():
        content = path.read_bytes()
        place = content.index(b"\x08\x00\x18\x00UI")
        length = int.from_bytes(content[place + 6 : place + 8], "little")
        path.write_bytes(content[:place] + content[place + 8 + length :])
    assert dicom.read(folder).geometry.shape[0] == 3


def test_folders_that_link_in_a_circle_are_read_once(write_series, ct_slice):
    folder = write_series([ct_slice(0), ct_slice(5)])
    (folder / "again").symlink_to(folder)
    (folder / "deeper").mkdir()
    (folder / "deeper" / "up").symlink_to(folder)
    image = dicom.read(folder)
    assert image.geometry.shape[0] == 2
    assert warnings_of(image.history) == ()


def test_folders_and_files_behind_links_are_read(write_series, ct_slice, tmp_path):
    folder = write_series([ct_slice(0), ct_slice(5)])
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "series").symlink_to(folder)
    assert dicom.read(linked).geometry.shape[0] == 2


def test_a_link_to_nothing_is_warned_of(write_series, ct_slice):
    folder = write_series([ct_slice(0), ct_slice(5)])
    (folder / "gone.dcm").symlink_to(folder / "nowhere")
    assert "1 files or folders cannot be opened" in warnings_of(dicom.read(folder).history)[0]
    assert dicom.describe(folder)[0].set_aside.closed == 1


def test_a_folder_that_may_not_be_opened_is_warned_of(write_series, ct_slice, monkeypatch):
    folder = write_series([ct_slice(0), ct_slice(5)])
    closed = folder / "closed"
    closed.mkdir()
    usual = os.scandir

    def guarded(path):
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return usual(path)

    monkeypatch.setattr(folders.os, "scandir", guarded)
    assert "1 files or folders cannot be opened" in warnings_of(dicom.read(folder).history)[0]
    with pytest.raises(InputError, match="no DICOM images") as caught:
        dicom.read(closed)
    assert "1 closed to this user" in caught.value.why


def test_a_pipe_in_the_folder_is_not_waited_for(write_series, ct_slice):
    folder = write_series([ct_slice(0), ct_slice(5)])
    os.mkfifo(folder / "pipe")
    assert dicom.read(folder).geometry.shape[0] == 2


def test_files_that_are_no_images_are_counted(write_series, ct_slice):
    folder = write_series([ct_slice(0), ct_slice(5)])
    for name in ("notes.txt", "Thumbs.db", "empty"):
        (folder / name).write_bytes(b"x" * (name != "empty"))
    (info,) = dicom.describe(folder)
    assert info.set_aside == folders.Beside(other=3)
    assert info.as_dict()["set_aside"] == {"other": 3, "broken": 0, "closed": 0}
    assert dicom.read(folder).geometry.shape[0] == 2


def test_the_table_of_contents_of_a_disc_is_set_aside_and_named_when_it_is_given(write, write_series, ct_slice):
    folder = write_series([ct_slice(0), ct_slice(5)])
    contents = Dataset()
    contents.SOPClassUID, contents.SOPInstanceUID = folders.DICOMDIR_CLASS, "2.25.3"
    contents.FileSetID = "DISC"
    path = write(folder / "DICOMDIR", contents)
    (info,) = dicom.describe(folder)
    assert (info.slices, info.set_aside.other, info.set_aside.broken) == (2, 1, 0)
    with pytest.raises(InputError, match="table of contents") as caught:
        dicom.read(path)
    assert str(folder) in caught.value.hint


@pytest.mark.parametrize(
    ("stored_as", "modality"),
    [
        ("1.2.840.10008.5.1.4.1.1.2", "CT"),
        ("1.2.840.10008.5.1.4.1.1.2.1", "CT"),
        ("1.2.840.10008.5.1.4.1.1.4", "MR"),
        ("1.2.840.10008.5.1.4.1.1.20", "NM"),
        ("1.2.840.10008.5.1.4.1.1.128.1", "PT"),
        ("1.2.840.10008.5.1.4.1.1.7", ""),
        ("1.2.3.4", ""),
    ],
)
@pytest.mark.parametrize("empty", [None, ""])
def test_a_modality_that_is_missing_comes_from_the_class_of_the_object(
    tmp_path, write, ct_slice, stored_as, modality, empty
):
    path = write(tmp_path / "one", ct_slice(SOPClassUID=stored_as, Modality=empty))
    assert dicom.describe(path)[0].modality == modality


def test_a_modality_against_the_class_of_the_object_is_taken_as_it_is_and_warned_of(tmp_path, write, ct_slice):
    odd = dicom.read(write(tmp_path / "odd", ct_slice(SOPClassUID="1.2.840.10008.5.1.4.1.1.128")))
    usual = dicom.read(write(tmp_path / "usual", ct_slice()))
    assert odd.modality == usual.modality
    assert "taken as CT" in warnings_of(odd.history)[0]
    assert warnings_of(usual.history) == ()


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("PET_Musterfrau_Erika", "PET_***_***"),
        ("PETMusterfrauErika", "PET******"),
        ("CT_Li_thorax", "CT_***_thorax"),
        ("born 1951-02-03", "born ***"),
        ("geb. 03.02.1951", "geb. ***"),
        ("limb", "limb"),
    ],
)
def test_a_name_is_hidden_however_a_scanner_joins_its_words(write_series, pet_slice, said, shown):
    folder = write_series([pet_slice(0, PatientName="Musterfrau^Erika^Li", SeriesDescription=said)])
    assert dicom.describe(folder)[0].description == shown


def test_info_names_nobody_unless_it_is_asked_to(write_series, pet_slice):
    folder = write_series(
        [pet_slice(0, StudyDate="20240506", SeriesDescription="Jane DOE whole body, SECRET-4711, born 19510203")]
    )
    (info,) = dicom.describe(folder)
    said = str(info.as_dict())
    assert info.description == "*** *** whole body, ***, born ***"
    assert not any(word in said.lower() for word in ("jane", "doe", "4711", "1951"))
    assert "identity" not in info.as_dict()
    (named,) = dicom.describe(folder, show_identity=True)
    assert named.as_dict()["identity"] == {
        "name": "Doe^Jane",
        "patient_id": "SECRET-4711",
        "birth_date": "19510203",
        "sex": "M",
        "study_date": "20240506",
    }


def test_control_characters_of_a_file_never_reach_the_terminal(write_series, ct_slice):
    (info,) = dicom.describe(write_series([ct_slice(0, SeriesDescription="red\x1b[31m\nalert\x07")]))
    assert info.description == "red [31m alert"


@pytest.mark.parametrize("changes", [{"RescaleType": "red\x1b[31m"}, {"ConvolutionKernel": "red\x1b[31m"}])
def test_control_characters_in_codes_reach_neither_warnings_nor_the_names_of_parts(write_series, ct_slice, changes):
    folder = write_series([ct_slice(0, **changes), ct_slice(0, SOPInstanceUID="2.25.77", ConvolutionKernel="soft")])
    infos = dicom.describe(folder)
    said = str([(info.problems, info.part_label) for info in infos])
    assert "red" in said
    assert "x1b" not in said


def cut_after(path, tag):
    """Cut a file short behind the element of this tag, given as the four bytes that it begins with."""
    content = path.read_bytes()
    place = content.index(tag)
    path.write_bytes(content[: place + 8 + int.from_bytes(content[place + 6 : place + 8], "little")])


def test_a_file_that_ends_inside_its_header_never_drops_out_in_silence(write_series, ct_slice):
    folder = write_series([ct_slice(z) for z in (0, 5, 10)])
    cut_after(folder / "007.dcm", b"\x20\x00\x0e\x00")  # SeriesInstanceUID
    with pytest.raises(ImageError, match="1 of 3 files of this series are cut short") as caught:
        dicom.read(folder)
    assert "007.dcm" in caught.value.why
    (info,) = dicom.describe(folder)
    assert "cut short" in info.problems[0]


def test_a_file_that_ends_before_it_names_its_series_is_warned_of(write_series, ct_slice):
    folder = write_series([ct_slice(z) for z in (0, 5, 10)])
    cut_after(folder / "014.dcm", b"\x08\x00\x60\x00")  # Modality
    image = dicom.read(folder)
    assert "1 DICOM files of this folder are broken" in warnings_of(image.history)[0]
    assert image.geometry.shape[0] == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Rows": 2}, "more pixels than its header knows of"),
        ({"HighBit": 20}, "do not fit"),
        ({"BitsStored": 0}, "BitsStored (0028,0101)"),
        ({"PhotometricInterpretation": "JUNK"}, "PhotometricInterpretation (0028,0004)"),
        ({"Rows": 40}, "cut short"),
    ],
)
def test_a_header_that_contradicts_the_pixels_is_refused(write_series, ct_slice, changes, said):
    with pytest.raises(ImageError) as caught:
        dicom.read(write_series([ct_slice(0, **changes)]))
    assert said in str(caught.value)


def test_a_series_may_mix_signed_and_unsigned_and_8_and_16_bits(write_series, ct_slice):
    pixels = [np.full((4, 6), 7, dtype=kind) for kind in (np.int16, np.uint16, np.uint8)]
    image = dicom.read(write_series(ct_slice(5 * k, p) for k, p in enumerate(pixels)))
    assert (image.voxels == 7 - 1000).all()


def test_floating_point_pixels_are_read_as_they_are(write_series, ct_slice):
    numbers = np.linspace(-2, 3, 24, dtype="<f4").reshape(4, 6)
    dataset = ct_slice(0, RescaleIntercept=0)
    for keyword in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        del dataset[keyword]
    dataset.BitsAllocated, dataset.FloatPixelData = 32, numbers.tobytes()
    np.testing.assert_array_equal(dicom.read(write_series([dataset])).voxels[0], numbers)


def test_what_was_opened_prints_nobody_s_name(write_series, ct_slice, pet_slice):
    folder = write_series([ct_slice(0), pet_slice(0, SeriesInstanceUID="2.25.2", SOPInstanceUID="2.25.55")])
    with opened_pair(folder) as opened:
        assert "Volume" in repr(opened)
        assert not any(word in repr(opened) for word in ("Doe", "4711", "1951"))
