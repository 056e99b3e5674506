"""A SPECT volume as one NM Image: the same counts at the same millimetre, read back by us and by others."""

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import Dataset, dcmread
from pydicom.uid import NuclearMedicineImageStorage

from fusecli import formats
from fusecli.core.geometry import Geometry, same_grid
from fusecli.core.history import Step
from fusecli.errors import ImageError, UsageError
from fusecli.formats.dicom import grey
from fusecli.formats.dicom.lineage import parent_of

COSINES = [0.8, 0.6, 0, -0.48, 0.64, 0.6]


@pytest.fixture
def spect(tmp_path, write, ct_slice):
    """A reconstructed volume of 5 slices of 4 x 6 voxels, 4.2 mm apart, its place with the detector."""

    def make(name="spect", *, windows=1, cosines=(1, 0, 0, 0, 1, 0), step_mm=4.2, **changes):
        counts = np.random.default_rng(3).integers(0, 900, (5 * windows, 4, 6)).astype(np.uint16)
        detector = Dataset()
        detector.CollimatorType, detector.FocalDistance = "PARA", 0
        detector.ImagePositionPatient, detector.ImageOrientationPatient = [-10, -20, 30], list(cosines)
        ranges = []
        for k in range(windows):
            window = Dataset()
            window.EnergyWindowName = f"window {k + 1}"
            ranges.append(window)
        own = {
            "SOPClassUID": NuclearMedicineImageStorage,
            "Modality": "NM",
            "StudyInstanceUID": "1.2.3.4",
            "StudyDate": "20250101",
            "ImageType": ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"],
            "ImagePositionPatient": None,
            "ImageOrientationPatient": None,
            "RescaleSlope": None,
            "RescaleIntercept": None,
            "PixelSpacing": [4.0, 3.0],
            "SliceThickness": 4.2,
            "SpacingBetweenSlices": step_mm,
            "SliceVector": [1, 2, 3, 4, 5] * windows,
            "EnergyWindowVector": [k + 1 for k in range(windows) for _ in range(5)],
            "NumberOfEnergyWindows": windows,
            "EnergyWindowInformationSequence": ranges,
            "DetectorInformationSequence": [detector],
        }
        dataset = ct_slice(0.0, counts, **(own | changes))
        return write(tmp_path / f"{name}.dcm", dataset)

    return make


def written(source, target, image=None, **how):
    parent = parent_of(source, role="The image", **how)
    image = image or formats.read(source, **how)
    grey.write(image, target, grey.Origin(parent))
    return image, target if target.is_file() else target / "IM0001.dcm"


@pytest.mark.parametrize("cosines", [(1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), COSINES])
@pytest.mark.parametrize("step_mm", [4.2, -4.2])
def test_what_is_read_back_has_the_same_counts_and_grid(spect, tmp_path, cosines, step_mm):
    image, file = written(spect(cosines=cosines, step_mm=step_mm), tmp_path / "out")
    back = formats.read(file)
    assert same_grid(back.geometry, image.geometry)
    assert np.array_equal(back.voxels, image.voxels)
    assert (back.modality, back.intensity) == (image.modality, image.intensity)
    assert back.geometry.spacing_mm == pytest.approx((4.2, 4.0, 3.0))


def test_the_file_is_a_derived_reconstruction_in_the_study_of_its_source(spect, tmp_path):
    source = spect()
    _, file = written(source, tmp_path / "out")
    dataset, origin = dcmread(file), dcmread(source)
    assert dataset.SOPClassUID == NuclearMedicineImageStorage
    assert list(dataset.ImageType) == ["DERIVED", "PRIMARY", "RECON TOMO", "EMISSION"]
    assert dataset.StudyInstanceUID == origin.StudyInstanceUID
    assert dataset.SeriesInstanceUID != origin.SeriesInstanceUID
    (named,) = dataset.SourceImageSequence
    assert named.ReferencedSOPInstanceUID == origin.SOPInstanceUID
    assert list(named.ReferencedFrameNumber) == [1, 2, 3, 4, 5]
    assert dataset.ContentQualification == "RESEARCH"


def test_counts_that_are_no_whole_numbers_come_back_within_half_a_step(spect, tmp_path):
    source = spect()
    image = formats.read(source)
    image = image.stepped(Step("scale"), voxels=image.voxels * np.float32(0.37))
    _, file = written(source, tmp_path / "out", image)
    back, dataset = formats.read(file), dcmread(file)
    (value_map,) = dataset.RealWorldValueMappingSequence
    assert value_map.RealWorldValueSlope == pytest.approx(float(dataset.RescaleSlope))
    assert np.abs(back.voxels - image.voxels).max() <= float(dataset.RescaleSlope) * 0.51


def test_counts_of_16_bits_without_a_sign_stay_what_they_are(spect, tmp_path):
    source = spect()
    image = formats.read(source)
    image = image.stepped(Step("scale"), voxels=image.voxels * np.float32(70))
    _, file = written(source, tmp_path / "out", image)
    assert image.voxels.max() > 2**15
    assert np.array_equal(formats.read(file).voxels, image.voxels)
    assert dcmread(file).RescaleSlope == 1


def test_of_several_energy_windows_the_one_that_was_chosen_is_kept(spect, tmp_path):
    source = spect(windows=2)
    image, file = written(source, tmp_path / "out", series="3:2")
    dataset = dcmread(file)
    assert [window.EnergyWindowName for window in dataset.EnergyWindowInformationSequence] == ["window 2"]
    assert dataset.NumberOfEnergyWindows == 1
    assert np.array_equal(formats.read(file).voxels, image.voxels)
    assert not np.array_equal(image.voxels, formats.read(source, series="3:1").voxels)


def test_a_volume_may_be_one_file(spect, tmp_path):
    _, file = written(spect(), tmp_path / "one.dcm")
    assert file == tmp_path / "one.dcm"
    assert dcmread(file).NumberOfFrames == 5


def test_another_program_reads_the_counts(spect, tmp_path):
    image, file = written(spect(), tmp_path / "out")
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(file))), image.voxels)


def test_a_grid_that_leans_is_refused(spect, tmp_path):
    source = spect()
    image = formats.read(source)
    affine = image.geometry.matrix.copy()
    affine[1, 0] = 1.0
    leaning = image.stepped(Step("lean"), geometry=Geometry(image.geometry.shape, affine, "2.25.9"))
    with pytest.raises(ImageError, match="cannot be written as NM"):
        written(source, tmp_path / "out", leaning)
    assert not (tmp_path / "out").exists()


def test_views_that_are_no_volume_are_refused(spect, tmp_path):
    source = spect(ImageType=["ORIGINAL", "PRIMARY", "STATIC", "EMISSION"], SliceVector=None)
    with pytest.raises((ImageError, UsageError)):
        grey.check_grid(parent_of(source, role="The image").geometry)


def test_register_writes_a_spect_into_one_file_and_refuses_that_for_slices(
    run, spect, ct_slice, write_series, tmp_path
):
    source, other = spect(), spect("other", SeriesNumber=9)
    words = ("--format", "dicom", "--method", "none")
    assert run("register", other, source, "-o", tmp_path / "one.dcm", *words).code == 0
    assert dcmread(tmp_path / "one.dcm").NumberOfFrames == 5
    ct = write_series(ct_slice(z, StudyInstanceUID="1.2.3.4") for z in (0.0, 3.0, 6.0))
    assert run("register", source, ct, "-o", tmp_path / "ct.dcm", *words, "--force-pair").code == 2
    assert not (tmp_path / "ct.dcm").exists()
