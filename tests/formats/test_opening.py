"""Two inputs made ready: which series each role takes out of a study, and what is asked back where it is not clear."""

import zipfile

import numpy as np
import pytest

from fusecli import formats
from fusecli.catalog import Modality
from fusecli.errors import ImageError, InputError, UsageError


@pytest.fixture
def study(tmp_path, write, ct_slice, pet_slice):
    """Write a study of these modalities, series 1, 2, ..., a folder each, with as many slices as their number + 1."""

    def make(*modalities, name="study", **changes):
        folder = tmp_path / name
        for number, modality in enumerate(modalities, start=1):
            (folder / f"S{number}").mkdir(parents=True)
            for k in range(number + 1):
                make_slice = pet_slice if modality == "PT" else ct_slice
                own = {"Modality": modality, "SeriesNumber": number, "SeriesInstanceUID": f"2.25.5{number}"}
                own |= {"SOPInstanceUID": f"2.25.5{number}{k}9", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.66"} | changes
                write(folder / f"S{number}" / f"{k}", make_slice(5.0 * k, **own))
        return folder

    return make


def chosen(*paths, **names):
    """The series numbers of FIXED and MOVING."""
    with formats.opened_pair(*paths, **names) as (fixed, moving):
        return fixed.series.series.number, moving.series.series.number


@pytest.mark.parametrize(
    ("modalities", "expected"),
    [
        (["CT", "PT"], ("1", "2")),
        (["PT", "CT"], ("2", "1")),
        (["MR", "NM"], ("1", "2")),
        (["MR", "PT", "SR"], ("1", "2")),
        (["CT", "MR"], ("2", "1")),
        (["US", "CT", "NM"], ("2", "3")),
    ],
)
def test_the_one_pair_of_a_study_is_found_by_its_modalities(study, modalities, expected):
    folder = study(*modalities)
    assert chosen(folder) == expected
    assert chosen(folder, folder) == expected


@pytest.mark.parametrize(
    "modalities", [["CT", "PT", "PT"], ["CT", "CT", "PT"], ["CT", "MR", "PT"], ["CT", "CT"], ["PT", "NM"], ["MR", "MR"]]
)
def test_a_study_without_one_clear_pair_is_listed(study, modalities):
    with pytest.raises(InputError) as caught:
        chosen(study(*modalities))
    assert caught.value.exit_code == 3
    for number, modality in enumerate(modalities, start=1):
        assert f"  {number}       {modality}" in caught.value.why
    assert "--fixed-series" in caught.value.hint
    assert "--moving-series" in caught.value.hint


def test_a_series_that_is_named_leaves_the_other_role_to_be_found(study):
    folder = study("CT", "PT", "PT", "CT")
    assert chosen(folder, fixed_series="1", moving_series="3") == ("1", "3")
    assert chosen(study("CT", "PT", "PT", name="one"), moving_series="3") == ("1", "3")
    assert chosen(study("CT", "MR", "PT", name="two"), fixed_series="2") == ("2", "3")
    with pytest.raises(InputError):
        chosen(folder, fixed_series="1")


def test_roles_choose_in_each_of_two_folders(study):
    both, pet = study("CT", "PT", name="a"), study("PT", name="b")
    assert chosen(both, pet) == ("1", "1")
    assert chosen(both, both / "S2") == ("1", "2")
    assert chosen(both / "S2", both / "S1") == ("2", "1")  # the only series of a folder is taken for what it is


def test_localizers_and_pictures_of_images_take_no_role(study, write, ct_slice):
    folder = study("CT", "PT")
    (folder / "more").mkdir()
    scout = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "SeriesInstanceUID": "2.25.61", "SeriesNumber": 8}
    write(folder / "more" / "a", ct_slice(0, SOPInstanceUID="2.25.610", **scout))
    capture = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "SeriesInstanceUID": "2.25.62", "SeriesNumber": 9}
    write(folder / "more" / "b", ct_slice(0, SOPInstanceUID="2.25.620", **capture))
    assert chosen(folder) == ("1", "2")
    assert chosen(folder, fixed_series="9") == ("9", "2")


def test_an_mr_localizer_that_only_its_name_tells_takes_no_role(study, write, ct_slice):
    folder = study("MR", "PT")
    scout = {"Modality": "MR", "SeriesDescription": "3-plane_Localizer", "SeriesInstanceUID": "2.25.61"}
    write(folder / "scout", ct_slice(0, SOPInstanceUID="2.25.610", SeriesNumber=3, **scout))
    assert chosen(folder) == ("1", "2")
    write(
        folder / "scout", ct_slice(0, SOPInstanceUID="2.25.610", SeriesNumber=3, **scout | {"SeriesDescription": "T1"})
    )
    with pytest.raises(InputError):
        chosen(folder)


def test_one_series_is_no_pair(study, tmp_path):
    folder = study("CT")
    for paths in ((folder,), (folder, folder)):
        with pytest.raises(InputError, match="one and the same series"):
            chosen(*paths)


def test_one_picture_is_no_pair_and_two_pictures_are(tmp_path):
    from PIL import Image

    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).save(path)
    with pytest.raises(UsageError, match="one image"), formats.opened_pair(path):
        pass
    other = tmp_path / "b.png"
    Image.fromarray(np.ones((4, 4), dtype=np.uint8)).save(other)
    with formats.opened_pair(path, other) as (fixed, moving):
        assert (fixed.path, fixed.series, moving.series) == (path, None, None)


def test_beside_a_file_that_is_not_dicom_the_role_decides_alone(study, tmp_path):
    from PIL import Image

    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).save(path)
    folder = study("CT", "PT", "SR")
    with formats.opened_pair(path, folder) as (_, moving):
        assert moving.series.series.modality == "PT"
    with formats.opened_pair(folder, path) as (fixed, _):
        assert fixed.series.series.modality == "CT"


def test_what_was_chosen_is_read_without_looking_again(study, monkeypatch):
    folder = study("CT", "PT")
    with formats.opened_pair(folder) as (fixed, moving):
        monkeypatch.setattr("fusecli.formats.dicom.choosing.find_series", None)
        ct = formats.read(fixed.path, series=fixed.series)
        pet = formats.read(moving.path, series=moving.series)
    assert (ct.modality, ct.geometry.shape[0]) == (Modality.CT, 2)
    assert (pet.modality, pet.geometry.shape[0]) == (Modality.PET, 3)


@pytest.fixture
def zipped(tmp_path):
    """Pack a folder, with its folders, into a ZIP of that name."""

    def make(folder, name="study.zip", compression=zipfile.ZIP_DEFLATED):
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", compression) as archive:
            for file in sorted(folder.rglob("*")):
                archive.write(file, file.relative_to(folder))
        return path

    return make


def test_a_zip_is_read_as_the_folder_that_it_packs(study, zipped):
    folder = study("CT", "PT")
    path = zipped(folder)
    with formats.opened_pair(path) as (fixed, moving):
        ct, pet = (formats.read(one.path, series=one.series) for one in (fixed, moving))
        assert fixed.path.is_dir()
    assert not fixed.path.exists()
    np.testing.assert_array_equal(ct.voxels, formats.read(folder / "S1").voxels)
    np.testing.assert_array_equal(pet.voxels, formats.read(path, series="2").voxels)
    assert len(formats.describe(path)) == 2


def test_two_names_of_one_zip_are_unpacked_once(study, zipped):
    path = zipped(study("CT", "PT"))
    link = path.with_name("link.zip")
    link.symlink_to(path)
    with formats.opened_pair(path, link) as (fixed, moving):
        assert fixed.path == moving.path


def test_a_zip_in_which_a_series_must_be_named_is_listed(study, zipped):
    with pytest.raises(InputError, match="2 image series"):
        formats.read(zipped(study("CT", "PT")))


def test_a_zip_without_images_is_no_input(tmp_path, zipped):
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "letter.txt").write_text("Dear colleague")
    with pytest.raises(InputError, match=r"no DICOM images in letters\.zip") as caught:
        formats.read(zipped(folder, "letters.zip"))
    assert "1 not DICOM" in caught.value.why


def test_a_dicom_file_whose_preamble_looks_like_a_zip_is_dicom(tmp_path, write, ct_slice):
    path = write(tmp_path / "one.dcm", ct_slice())
    path.write_bytes(b"PK\x03\x04" + path.read_bytes()[4:])
    assert formats.read(path).geometry.shape == (1, 4, 6)


@pytest.mark.parametrize("content", [b"PK\x03\x04" + bytes(200), b"PK\x05\x06", b"PK\x03\x04"])
def test_a_broken_zip_is_refused(tmp_path, content):
    path = tmp_path / "broken.zip"
    path.write_bytes(content)
    with pytest.raises(ImageError, match="broken"):
        formats.read(path)
