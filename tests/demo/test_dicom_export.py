"""The phantom as DICOM: what a hospital's program would read back from the files."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, PositronEmissionTomographyImageStorage

from fusecli.demo.dicom_export import write_series
from fusecli.demo.phantom import Phantom, thorax_phantom
from fusecli.errors import OutputError

SLICES = 6
SHAPES = {"ct_shape": (SLICES, 64, 64), "pet_shape": (SLICES, 128, 128)}


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return thorax_phantom(**SHAPES)


@pytest.fixture(scope="module")
def folder(phantom, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "thorax"
    assert write_series(phantom, folder) == (folder / "CT", folder / "PET")
    return folder


@pytest.fixture(scope="module")
def ct(folder) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path) for path in sorted((folder / "CT").iterdir())]


@pytest.fixture(scope="module")
def pet(folder) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path) for path in sorted((folder / "PET").iterdir())]


def seconds(time: str) -> int:
    return int(time[:2]) * 3600 + int(time[2:4]) * 60 + int(time[4:6])


def test_one_file_per_slice_numbered_from_one(folder):
    for series in ("CT", "PET"):
        assert [path.name for path in sorted((folder / series).iterdir())] == [f"000{n}.dcm" for n in range(1, 7)]


def test_nothing_but_the_two_series_is_left(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["CT", "PET"]
    assert [path.name for path in folder.parent.iterdir()] == ["thorax"]


def test_the_suv_of_a_lesion_follows_from_the_tags_alone(pet, phantom):
    tumour = phantom.lesions[0]
    z = [float(item.ImagePositionPatient[2]) for item in pet]
    item = pet[int(np.abs(np.array(z) - tumour.centre_mm[2]).argmin())]
    column = round((tumour.centre_mm[0] - float(item.ImagePositionPatient[0])) / float(item.PixelSpacing[1]))
    row = round((tumour.centre_mm[1] - float(item.ImagePositionPatient[1])) / float(item.PixelSpacing[0]))
    bqml = int(item.pixel_array[row, column]) * float(item.RescaleSlope)
    tracer = item.RadiopharmaceuticalInformationSequence[0]
    waited_s = seconds(item.SeriesTime) - seconds(tracer.RadiopharmaceuticalStartTime)
    dose = float(tracer.RadionuclideTotalDose) * 2 ** (-waited_s / float(tracer.RadionuclideHalfLife))
    # 3 % lost to blur and voxel size, and three standard deviations of noise: 0.13 x sqrt(12) SUV, or 3.8 %, each.
    assert bqml * float(item.PatientWeight) * 1000 / dose == pytest.approx(tumour.suv, rel=0.14)


def test_the_reference_time_counted_back_from_the_frame_is_the_series_time(pet):
    for item in pet:
        decay = np.log(2) / float(item.RadiopharmaceuticalInformationSequence[0].RadionuclideHalfLife)
        exponent = decay * int(item.ActualFrameDuration) / 1000
        average_s = np.log(exponent / (1 - np.exp(-exponent))) / decay
        reference = seconds(item.AcquisitionTime) + average_s - float(item.FrameReferenceTime) / 1000
        assert reference == pytest.approx(seconds(item.SeriesTime), abs=1e-5)
        assert float(item.DecayFactor) == pytest.approx(exponent / (1 - np.exp(-exponent)), rel=1e-7)


def test_both_ways_to_write_the_injection_time_agree(pet):
    tracer = pet[0].RadiopharmaceuticalInformationSequence[0]
    assert tracer.RadiopharmaceuticalStartDateTime == pet[0].SeriesDate + tracer.RadiopharmaceuticalStartTime


def test_pet_slices_differ_in_slope_and_still_give_the_volume(pet, phantom):
    slopes = [float(item.RescaleSlope) for item in pet]
    assert len(set(slopes)) == SLICES
    assert {float(item.RescaleIntercept) for item in pet} == {0.0}
    volume = np.stack([item.pixel_array * slope for item, slope in zip(pet, slopes, strict=True)])
    assert np.abs(volume - phantom.pet_bqml).max() <= max(slopes) * 0.51
    wrong = np.stack([item.pixel_array * slopes[0] for item in pet])
    assert np.abs(wrong - phantom.pet_bqml).max() > 100


def test_ct_slices_are_signed_and_give_the_volume_in_hu(ct, phantom):
    assert {item.PixelRepresentation for item in ct} == {1}
    volume = np.stack([item.pixel_array * float(item.RescaleSlope) + float(item.RescaleIntercept) for item in ct])
    assert np.abs(volume - phantom.ct_hu).max() <= 0.5
    assert volume.min() < -1020


@pytest.mark.parametrize("name", ["ct", "pet"])
def test_positions_and_spacings_give_the_geometry(name, phantom, request):
    items, geometry = request.getfixturevalue(name), getattr(phantom, f"{name}_geometry")
    for k, item in enumerate(items):
        np.testing.assert_allclose(item.ImagePositionPatient, geometry.points(np.array([[k, 0, 0]]))[0], atol=1e-6)
        assert list(item.ImageOrientationPatient) == [1, 0, 0, 0, 1, 0]
        np.testing.assert_allclose(item.PixelSpacing, geometry.spacing_mm[1:], rtol=1e-6)


def test_both_series_share_study_and_frame_of_reference_and_nothing_shares_an_instance(ct, pet):
    both = ct + pet
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID", "PatientWeight"):
        assert len({item[keyword].value for item in both}) == 1, keyword
    assert len({item.SOPInstanceUID for item in both}) == 2 * SLICES
    assert {item.SeriesInstanceUID for item in ct}.isdisjoint({item.SeriesInstanceUID for item in pet})


def test_each_file_says_what_it_is(ct, pet):
    for items, storage, modality in (
        (ct, CTImageStorage, "CT"),
        (pet, PositronEmissionTomographyImageStorage, "PT"),
    ):
        for item in items:
            assert item.SOPClassUID == item.file_meta.MediaStorageSOPClassUID == storage
            assert item.SOPInstanceUID == item.file_meta.MediaStorageSOPInstanceUID
            assert item.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
            assert item.Modality == modality


# PS3.3: type 1 must have a value, type 2 must be present.
TYPE_1 = [
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "ImageType",
    "FrameOfReferenceUID",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "RescaleSlope",
    "RescaleIntercept",
    "PixelData",
]
TYPE_2 = [
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
    "SeriesNumber",
    "Manufacturer",
    "InstanceNumber",
    "PositionReferenceIndicator",
    "SliceThickness",
    "PatientPosition",
]
CT_ONLY = (["KVP", "AcquisitionNumber"], ["WindowCenter", "WindowWidth"])
PET_ONLY = [
    "SeriesDate",
    "SeriesTime",
    "Units",
    "CountsSource",
    "SeriesType",
    "NumberOfSlices",
    "DecayCorrection",
    "CorrectedImage",
    "AcquisitionDate",
    "AcquisitionTime",
    "FrameReferenceTime",
    "ActualFrameDuration",
    "ImageIndex",
    "DecayFactor",
    "RandomsCorrectionMethod",
    "AttenuationCorrectionMethod",
    "ScatterCorrectionMethod",
    "ReconstructionMethod",
]


@pytest.mark.parametrize("name", ["ct", "pet"])
def test_mandatory_attributes_are_there(name, request):
    for item in request.getfixturevalue(name):
        filled = [*TYPE_1, *(CT_ONLY[1] if name == "ct" else PET_ONLY)]
        assert [keyword for keyword in filled if item.get(keyword) in (None, "", [])] == []
        present = [*TYPE_2, *(CT_ONLY[0] if name == "ct" else ["CollimatorType"])]
        assert [keyword for keyword in present if keyword not in item] == []


def test_a_pet_says_that_it_is_corrected_and_in_which_unit(pet):
    assert {item.Units for item in pet} == {"BQML"}
    assert {item.DecayCorrection for item in pet} == {"START"}
    assert {"ATTN", "DECY"} <= set(pet[0].CorrectedImage)
    assert float(pet[0].RadiopharmaceuticalInformationSequence[0].RadionuclideHalfLife) == 6586.2


def test_the_patient_is_a_phantom_without_a_birth_date(ct, pet):
    for item in ct + pet:
        assert (str(item.PatientName), item.PatientID, item.PatientBirthDate) == ("PHANTOM^THORAX", "PHANTOM", "")


def test_one_seed_gives_the_same_bytes_and_another_seed_others(folder, tmp_path):
    write_series(thorax_phantom(**SHAPES), tmp_path / "again")
    write_series(thorax_phantom(7, **SHAPES), tmp_path / "other")
    for path in folder.rglob("*.dcm"):
        name = path.relative_to(folder)
        assert path.read_bytes() == (tmp_path / "again" / name).read_bytes()
        other = tmp_path / "other" / name
        assert path.read_bytes() != other.read_bytes()
        assert pydicom.dcmread(path).SOPInstanceUID != pydicom.dcmread(other).SOPInstanceUID


def test_a_folder_with_something_in_it_is_left_alone(phantom, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(OutputError, match="not an empty folder") as caught:
        write_series(phantom, tmp_path)
    assert caught.value.exit_code == 7
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_in_the_way_is_left_alone(phantom, tmp_path):
    (tmp_path / "out").write_text("keep")
    with pytest.raises(OutputError):
        write_series(phantom, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "keep"


def test_an_empty_folder_is_filled(phantom, tmp_path):
    (tmp_path / "out").mkdir()
    write_series(phantom, tmp_path / "out")
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 2 * SLICES


def test_a_writing_that_fails_halfway_leaves_nothing(phantom, tmp_path, monkeypatch):
    written = []
    whole = pydicom.Dataset.save_as

    def full_disk(self, path, **options):
        if len(written) == 3:
            raise OSError("With tag (7FE0,0010) got exception") from OSError(28, "No space left on device")
        written.append(path)
        whole(self, path, **options)

    monkeypatch.setattr(pydicom.Dataset, "save_as", full_disk)
    with pytest.raises(OutputError, match="The disk is full"):
        write_series(phantom, tmp_path / "out")
    assert len(written) == 3
    assert list(tmp_path.iterdir()) == []
