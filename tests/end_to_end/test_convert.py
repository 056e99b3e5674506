"""`fusecli convert` as a user types it: units that are right or refused, and both files or none."""

import json

import nibabel
import numpy as np
import pytest
from PIL import Image as Picture
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from fusecli import formats
from fusecli.catalog import Modality
from fusecli.core.intensity import Intensity

# The headers below: 370 MBq of a nuclide of 6588 s, 90 minutes before the scan, into a man of 82 kg and 1.80 m.
DOSE_BQ, HALF_LIFE_S, WAIT_S, WEIGHT_G = 370e6, 6588.0, 5400.0, 82_000.0
LEFT_BQ = DOSE_BQ * np.exp(-np.log(2) * WAIT_S / HALF_LIFE_S)
SUVBW = WEIGHT_G / LEFT_BQ
SUVLBM = (1.10 * 82 - 120 * (82 / 180) ** 2) * 1000 / LEFT_BQ
SUVLBMJANMA = 9270 * 82 / (6680 + 216 * (82 / 1.8**2)) * 1000 / LEFT_BQ
SUVBSA = 71.84 * 82**0.425 * 180**0.725 / LEFT_BQ
SLOPES = (0.5, 2.0, 8.0)
STORED = np.arange(4 * 6, dtype=np.uint16).reshape(4, 6) * 100
SECRETS = ("Doe", "SECRET-4711", "19510203", "20250314")


@pytest.fixture
def pet(tmp_path):
    """Three slices of 4 x 6 pixels in Bq/ml, each with a slope of its own; keywords change the headers."""

    def make(name="PT", **changes):
        folder = tmp_path / name
        folder.mkdir()
        for k, slope in enumerate(SLOPES):
            dcmwrite(folder / f"{k}.dcm", pet_slice(k, slope, changes), enforce_file_format=True)
        return folder

    return make


def pet_slice(k, slope, changes):
    dataset, injection = Dataset(), Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.128", f"2.25.{k + 100}"
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID, dataset.FrameOfReferenceUID = "2.25.1", "2.25.2", "2.25.3"
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "PT", 4, k + 1
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Doe^John", "SECRET-4711", "19510203"
    dataset.PatientWeight, dataset.PatientSize, dataset.PatientSex = 82, 1.8, "M"
    dataset.Units, dataset.DecayCorrection, dataset.CorrectedImage = "BQML", "START", ["ATTN", "DECY"]
    dataset.SeriesDate = dataset.AcquisitionDate = "20250314"
    dataset.SeriesTime = dataset.AcquisitionTime = "113000"
    dataset.ActualFrameDuration, dataset.FrameReferenceTime = 0, 0
    injection.RadionuclideTotalDose, injection.RadionuclideHalfLife = DOSE_BQ, HALF_LIFE_S
    injection.RadiopharmaceuticalStartTime = "100000"
    dataset.RadiopharmaceuticalInformationSequence = [injection]
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [-10, -20, 5.0 * k], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness = [2.5, 1.5], 5
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 4, 6, 1
    dataset.PhotometricInterpretation, dataset.PixelRepresentation = "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.RescaleSlope, dataset.RescaleIntercept = slope, 0
    dataset.PixelData = STORED.tobytes()
    for keyword, value in changes.items():
        owner = injection if keyword.startswith("Radio") else dataset
        if value is None:
            delattr(owner, keyword)
        else:
            setattr(owner, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def activity():
    """(slice, row, column) in Bq/ml."""
    return np.stack([STORED * slope for slope in SLOPES]).astype(float)


def as_written(path):
    """The voxels as another program reads them, (slice, row, column): stored as (column, row, slice)."""
    return np.asarray(nibabel.load(path).dataobj).transpose(2, 1, 0)


@pytest.mark.parametrize(
    ("units", "factor", "intensity", "unit"),
    [
        ("native", 1.0, "BQML", "Bq/ml"),
        ("bqml", 1.0, "BQML", "Bq/ml"),
        ("suvbw", SUVBW, "SUV", "g/ml"),
        ("suvlbm", SUVLBM, "SUVLBM", "g/ml"),
        ("suvlbmjanma", SUVLBMJANMA, "SUVLBM", "g/ml"),
        ("suvbsa", SUVBSA, "SUVBSA", "cm2/ml"),
    ],
)
def test_every_unit_is_what_its_formula_says(run, pet, tmp_path, units, factor, intensity, unit):
    result = run("convert", pet(), "-o", tmp_path / "x.nii.gz", "--units", units, "--json")
    assert result.code == 0
    document = json.loads(result.out)
    assert (document["intensity"], document["unit"]) == (intensity, unit)
    assert document["value_range"] == pytest.approx([0, 2300 * 8 * factor], rel=1e-6)
    np.testing.assert_allclose(as_written(tmp_path / "x.nii.gz"), activity() * factor, rtol=1e-6)


@pytest.mark.parametrize(
    ("units", "intensity"),
    [("suvbw", Intensity.SUV), ("suvlbm", Intensity.SUVLBM), ("suvbsa", Intensity.SUVBSA), ("bqml", Intensity.BQML)],
)
@pytest.mark.parametrize("keeps_side_car", [True, False])
def test_what_was_written_is_known_again_even_when_its_side_car_is_lost(
    run, pet, tmp_path, units, intensity, keeps_side_car
):
    run("convert", pet(), "-o", tmp_path / "x.nii.gz", "--units", units)
    if not keeps_side_car:
        (tmp_path / "x.json").unlink()
    image = formats.read(tmp_path / "x.nii.gz")
    assert (image.modality, image.intensity) == (Modality.PET, intensity)
    assert image.history[0].warnings == ()
    told_by = "its side-car" if keeps_side_car else "its header's note"
    assert image.history[0].facts["unit_told_by"] == told_by


def test_a_side_car_that_stayed_from_another_file_is_not_believed(run, pet, tmp_path):
    run("convert", pet(), "-o", tmp_path / "x.nii.gz", "--units", "suvbw")
    side_car = json.loads((tmp_path / "x.json").read_text())
    (tmp_path / "x.json").write_text(json.dumps(side_car | {"Units": "Bq/mL"}))
    image = formats.read(tmp_path / "x.nii.gz")
    assert image.intensity is Intensity.SUV
    assert "not believed" in image.history[0].warnings[0]


def test_the_side_car_tells_unit_and_route_and_nothing_of_the_patient(run, pet, tmp_path):
    result = run("convert", pet(), "-o", tmp_path / "x.nii.gz", "--units", "suvbw", "--json")
    side_car = (tmp_path / "x.json").read_text()
    document = json.loads(side_car)
    assert (document["Modality"], document["Units"], document["UnitsUCUM"]) == ("PT", "SUVbw", "g/ml")
    read = document["History"][0]
    assert read["suv_route"].startswith("DecayCorrection START")
    assert (read["suv_decay_s"], read["suv_half_life_s"]) == (WAIT_S, HALF_LIFE_S)
    assert read["suv_factor_min"] == pytest.approx(SUVBW)
    header = nibabel.load(tmp_path / "x.nii.gz").header
    assert bytes(header["descrip"].item()) == b"fusecli PET SUVbw"
    written = side_car + result.out + result.err + str(header)
    assert not [secret for secret in (*SECRETS, "82.0", "82000") if secret in written]


@pytest.mark.parametrize(
    ("units", "changes", "named", "option"),
    [
        ("suvbw", {"PatientWeight": None}, "PatientWeight (0010,1030)", "--suv-weight"),
        ("suvbw", {"PatientWeight": 0}, "PatientWeight (0010,1030)", "--suv-weight"),
        ("suvbw", {"RadionuclideTotalDose": None}, "(0018,1074)", "--suv-dose"),
        ("suvbw", {"RadionuclideHalfLife": None}, "(0018,1075)", "--suv-half-life"),
        ("suvbw", {"RadiopharmaceuticalStartTime": None}, "(0018,1072)", "--suv-injected-at"),
        ("suvbw", {"AcquisitionDate": None}, "AcquisitionDate (0008,0022)", "--units native"),
        ("suvbw", {"Units": "PROPCNTS"}, "(0054,1001)", "--units native"),
        ("suvlbm", {"PatientSize": None}, "PatientSize (0010,1020)", "--units native"),
        ("suvbsa", {"PatientSize": None}, "PatientSize (0010,1020)", "--units native"),
        ("bqml", {"Units": "GML", "RadionuclideTotalDose": None}, "(0018,1074)", "--suv-dose"),
        ("hu", {}, "BQML", "--units native"),
    ],
)
def test_a_unit_that_cannot_be_had_is_refused_with_what_is_missing(run, pet, tmp_path, units, changes, named, option):
    result = run("convert", pet(**changes), "-o", tmp_path / "x.nii.gz", "--units", units)
    assert result.code == 4
    assert named in result.err
    assert option in result.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["PT"]


def test_missing_quantities_can_be_given_and_are_recorded(run, pet, tmp_path):
    folder = pet(PatientWeight=None, RadionuclideTotalDose=None, RadiopharmaceuticalStartTime=None)
    given = ("--suv-weight", "82kg", "--suv-dose", "10mCi", "--suv-injected-at", "10:00", "--suv-half-life", "109.8min")
    result = run("convert", folder, "-o", tmp_path / "x.nii.gz", "--units", "suvbw", *given, "--json")
    assert result.code == 0
    assert result.err == ""
    np.testing.assert_allclose(as_written(tmp_path / "x.nii.gz"), activity() * SUVBW, rtol=1e-6)
    read = json.loads(result.out)["input"]["history"][0]
    assert (read["suv_given_weight_kg"], read["suv_given_dose_bq"]) == (82, 370e6)
    assert (read["suv_given_half_life_s"], read["suv_given_injected_at"]) == (6588, "10:00:00")


def test_replacing_what_a_header_says_is_warned_of(run, pet, tmp_path):
    result = run("convert", pet(), "-o", tmp_path / "x.nii", "--units", "suvbw", "--suv-dose", "185MBq")
    assert "Warning: --suv-dose replaces RadionuclideTotalDose (0018,1074)" in result.err
    np.testing.assert_allclose(as_written(tmp_path / "x.nii"), activity() * SUVBW * 2, rtol=1e-6)


def test_quantities_have_no_effect_on_what_is_no_pet_and_say_so(run, study, pictures, tmp_path):
    for source, target in ((study.ct, "ct.nii.gz"), (pictures[0], "copy.png")):
        result = run("convert", source, "-o", tmp_path / target, "--suv-weight", "70")
        assert result.code == 0
        assert "no effect" in result.err
    plain = run("convert", study.ct, "-o", tmp_path / "plain.nii.gz")
    assert "no effect" not in plain.err


def test_a_ct_is_written_in_hu(run, study, tmp_path):
    result = run("convert", study.ct, "-o", tmp_path / "a.nii.gz", "--units", "hu")
    assert (result.code, result.out) == (0, f"{tmp_path / 'a.nii.gz'}\n")
    assert json.loads((tmp_path / "a.json").read_text())["Units"] == "HU"
    ct, back = formats.read(study.ct), formats.read(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(back.voxels, ct.voxels)
    np.testing.assert_allclose(back.geometry.matrix, ct.geometry.matrix, atol=1e-4)
    assert (back.modality, back.intensity) == (Modality.CT, Intensity.HU)


def test_a_ct_that_does_not_say_its_scale_is_not_had_in_hu(run, pet, tmp_path):
    folder = pet(Modality="CT", RescaleIntercept=None)
    result = run("convert", folder, "-o", tmp_path / "x.nii.gz", "--units", "hu")
    assert result.code == 4
    assert "RescaleIntercept (0028,1052)" in result.err


def test_a_ct_has_no_suv(run, study, tmp_path):
    result = run("convert", study.ct, "-o", tmp_path / "a.nii.gz", "--units", "suvbw")
    assert result.code == 4
    assert "CT in HU" in result.err


@pytest.mark.parametrize("units", ["suvbw", "suvlbm", "suvbsa"])
def test_a_stored_suv_is_not_renamed(run, pet, tmp_path, units):
    run("convert", pet(), "-o", tmp_path / "x.nii.gz", "--units", "suvlbm")
    result = run("convert", tmp_path / "x.nii.gz", "-o", tmp_path / "y.nii.gz", "--units", units)
    assert result.code == (0 if units == "suvlbm" else 4)
    assert (tmp_path / "y.nii.gz").exists() is (units == "suvlbm")


def test_one_slice_can_be_converted(run, pet, tmp_path):
    run("convert", pet(), "-o", tmp_path / "x.nii.gz", "--units", "suvbw", "--slice", "1")
    np.testing.assert_allclose(as_written(tmp_path / "x.nii.gz"), activity()[1:2] * SUVBW, rtol=1e-6)


def test_a_nifti_that_was_converted_fuses_as_the_series_does(run, study, tmp_path):
    run("convert", study.pet, "-o", tmp_path / "suv.nii.gz", "--units", "suvbw")
    common = ("--model", "max", "--palette", "none", "--suv-range", "0-8")
    for moving, name in ((study.pet, "a.nii.gz"), (tmp_path / "suv.nii.gz", "b.nii.gz")):
        assert run("fuse", study.ct, moving, "-o", tmp_path / name, *common).code == 0
    direct, by_nifti = (np.asarray(nibabel.load(tmp_path / name).dataobj) for name in ("a.nii.gz", "b.nii.gz"))
    # A NIfTI keeps positions in 32 bits, which moves a voxel by less than a thousandth of a millimetre.
    np.testing.assert_allclose(by_nifti, direct, atol=1e-4)
    assert np.ptp(direct) > 0.5


@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.jpg"])
def test_numbers_of_a_scanner_are_no_picture(run, pet, tmp_path, name):
    result = run("convert", pet(), "-o", tmp_path / name, "--units", "suvbw")
    assert result.code == 2
    assert ".nii.gz" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["PT"]


@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.nii.gz"])
def test_a_picture_becomes_another_file_with_the_same_brightness(run, pictures, tmp_path, name):
    assert run("convert", pictures[0], "-o", tmp_path / name).code == 0
    before, after = formats.read(pictures[0]), formats.read(tmp_path / name)
    np.testing.assert_array_equal(after.voxels, before.voxels)
    assert (tmp_path / "x.json").exists() is (name == "x.nii.gz")


def test_a_colored_picture_stays_colored(run, pictures, tmp_path):
    assert run("convert", pictures[1], "-o", tmp_path / "x.png").code == 0
    np.testing.assert_array_equal(Picture.open(tmp_path / "x.png"), Picture.open(pictures[1]))


def test_nothing_is_replaced_unless_it_is_allowed(run, pet, tmp_path):
    folder = pet()
    (tmp_path / "x.json").write_text("mine")
    refused = run("convert", folder, "-o", tmp_path / "x.nii.gz", "--units", "suvbw")
    assert refused.code == 7
    assert "x.json exists already" in refused.err
    assert not (tmp_path / "x.nii.gz").exists()
    assert (tmp_path / "x.json").read_text() == "mine"
    assert run("convert", folder, "-o", tmp_path / "x.nii.gz", "--units", "suvbw", "--overwrite").code == 0
    assert json.loads((tmp_path / "x.json").read_text())["Units"] == "SUVbw"


def test_a_failure_while_writing_leaves_neither_file(run, pet, tmp_path, monkeypatch):
    def fails(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(nibabel.Nifti1Header, "write_to", fails)
    result = run("convert", pet(), "-o", tmp_path / "x.nii.gz", "--units", "suvbw")
    assert result.code == 7
    assert "disk is full" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["PT"]


def test_the_input_is_never_overwritten(run, pet, tmp_path):
    run("convert", pet(), "-o", tmp_path / "x.nii.gz", "--units", "suvbw")
    before = (tmp_path / "x.nii.gz").read_bytes()
    result = run("convert", tmp_path / "x.nii.gz", "-o", tmp_path / "x.nii.gz", "--overwrite")
    assert result.code == 2
    assert (tmp_path / "x.nii.gz").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--units", "suv"), 2),
        (("--suv-weight", "heavy"), 2),
        (("--series", "99"), 3),
        (("--slice", "7"), 2),
    ],
)
def test_words_that_mean_nothing_here_are_refused(run, pet, tmp_path, words, code):
    result = run("convert", pet(), "-o", tmp_path / "x.nii.gz", *words)
    assert result.code == code
    assert result.err.startswith("Error: ")
    assert result.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["PT"]


def test_the_published_reference_objects_come_out_in_suv(run, shared, tmp_path):
    folder = shared / "data" / "suv-dro" / "DRO_2_1"  # stored by lean body mass
    if not folder.is_dir():
        pytest.skip("DRO_2_1 is not in the shared data")
    assert run("convert", folder, "-o", tmp_path / "x.nii.gz", "--units", "suvbw").code == 0
    mask = np.asarray(nibabel.load(folder.parent / "mask" / "DRO_mask.nii.gz").dataobj) > 0
    inside = np.asarray(nibabel.load(tmp_path / "x.nii.gz").dataobj)[mask]
    assert (inside.min(), np.median(inside), inside.max()) == pytest.approx((0.20, 1.00, 4.00), abs=0.03)


def test_a_real_pet_has_its_published_factor(run, shared, tmp_path):
    folder = shared / "data" / "petct-thorax" / "PT_AC"
    run("convert", folder, "-o", tmp_path / "suv.nii.gz", "--units", "suvbw")
    run("convert", folder, "-o", tmp_path / "bq.nii.gz", "--units", "bqml")
    suv, activity_bqml = (as_written(tmp_path / name) for name in ("suv.nii.gz", "bq.nii.gz"))
    assert suv.max() / activity_bqml.max() == pytest.approx(0.0004211101, rel=1e-6)


def test_a_series_under_the_name_of_one_file_is_told_what_helps_here(run, study, tmp_path):
    outcome = run("convert", study.ct, "-o", tmp_path / "ct.dcm", "--format", "dicom")
    assert outcome.code == 2
    assert f"Name a folder: -o {tmp_path / 'ct'}" in outcome.err.replace("\n", "")
    assert "multiframe" not in outcome.err  # an option that `fuse` alone has
    assert list(tmp_path.iterdir()) == []
