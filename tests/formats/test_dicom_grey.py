"""Grey volumes as DICOM in the class of their source: the same numbers, unit and place, and nothing counted twice."""

import io
from dataclasses import replace

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread, dcmwrite

from fusecli import formats
from fusecli.core.geometry import same_grid
from fusecli.core.history import warnings_of
from fusecli.core.intensity import Intensity
from fusecli.core.slices import SliceChoice
from fusecli.errors import FusecliError, ImageError, UsageError
from fusecli.formats.dicom import grey
from fusecli.formats.dicom.grey_attributes import GREY_CLASSES
from fusecli.formats.dicom.grey_pixels import quantization
from fusecli.formats.dicom.lineage import parent_of
from fusecli.settings import ReadSettings, SuvSettings

STUDY = {
    "StudyInstanceUID": "1.2.3.4",
    "StudyDate": "20250101",
    "StudyTime": "095900",
    "AccessionNumber": "A-9",
    "CountsSource": "EMISSION",
    "SeriesType": ["WHOLE BODY", "IMAGE"],
}
MR = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4",
    "Modality": "MR",
    "ScanningSequence": "GR",
    "SequenceVariant": ["SP", "MP"],
    "EchoTime": 2.5,
    "RescaleSlope": None,
    "RescaleIntercept": None,
    "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"],
}
OBLIQUE = ["0.8", "0.6", "0", "-0.48", "0.64", "0.6"]


@pytest.fixture
def series(ct_slice, pet_slice, write_series):
    """A folder of four slices of CT, MR or PT that differ, 3 mm apart along their normal; keywords change elements."""

    def make(modality="PT", name="", *, cosines=("1", "0", "0", "0", "1", "0"), **changes):
        make_slice = pet_slice if modality == "PT" else ct_slice
        row, column = np.array(cosines[:3], float), np.array(cosines[3:], float)
        slices = []
        for k in range(4):
            pixels = np.random.default_rng(k).integers(0, 3000, (4, 6)).astype(np.int16)
            position = np.array([-10.0, -20.0, 5.0]) + 3 * k * np.cross(row, column)
            place = {"ImagePositionPatient": [f"{mm:.6f}" for mm in position], "ImageOrientationPatient": list(cosines)}
            own = STUDY | place | {"SOPInstanceUID": f"2.25.{50 + k}"} | (MR if modality == "MR" else {})
            slices.append(make_slice(float(k), pixels, **(own | changes)))
        return write_series(slices, f"{modality}{name}")

    return make


def converted(folder, target, *, norm="bw", slice_choice=None, overwrite=False):
    """The image that was read, and the files that were written of it."""
    parent = parent_of(folder, role="The image", slice_choice=slice_choice)
    image = read(folder, norm, slice_choice=slice_choice)
    grey.write(image, target, grey.Origin(parent), overwrite=overwrite)
    files = [target] if target.is_file() else sorted(target.iterdir())
    return image, [dcmread(file) for file in files]


def read(folder, norm="bw", **how):
    return formats.read(folder, settings=ReadSettings(suv=SuvSettings(norm=norm)), **how)


@pytest.mark.parametrize("cosines", [("1", "0", "0", "0", "1", "0"), OBLIQUE, ("0", "1", "0", "0", "0", "-1")])
@pytest.mark.parametrize(
    ("modality", "norm", "intensity"),
    [("PT", "bw", "SUV"), ("PT", "lbm", "SUVLBM"), ("PT", "lbmjanma", "SUVLBM"), ("PT", "bsa", "SUVBSA"),
     ("PT", "bqml", "BQML"), ("CT", "bw", "HU"), ("MR", "bw", "ARBITRARY")],
)  # fmt: skip
def test_what_is_read_back_is_the_same_unit_grid_and_numbers(series, tmp_path, modality, norm, intensity, cosines):
    image, datasets = converted(series(modality, cosines=cosines), tmp_path / "out", norm=norm)
    back = read(tmp_path / "out", norm)
    assert image.intensity == back.intensity == intensity
    assert same_grid(image.geometry, back.geometry)
    assert np.allclose(image.geometry.matrix, back.geometry.matrix, atol=1e-6)
    # Half a step, and what float32 rounds.
    step = float(datasets[0].RescaleSlope)
    assert np.abs(back.voxels - image.voxels).max() <= step / 2 + np.abs(image.voxels).max() * 1e-6
    assert np.ptp(image.voxels) > 100 * step


def test_a_pet_in_suv_says_so_and_keeps_its_injection(series, tmp_path):
    _, (dataset, *_) = converted(series(), tmp_path / "out")
    assert dataset.SOPClassUID == GREY_CLASSES["PT"].uid
    assert (dataset.Units, dataset.SUVType, dataset.DecayCorrection) == ("GML", "BW", "START")
    assert dataset.RadiopharmaceuticalInformationSequence[0].RadionuclideTotalDose == 100e6
    assert (dataset.PhotometricInterpretation, dataset.BitsStored, dataset.RescaleIntercept) == ("MONOCHROME2", 16, 0)
    assert list(dataset.ImageType) == ["DERIVED", "PRIMARY"]  # a PET is never SECONDARY: C.8.9.4.1.1
    assert list(dataset.SeriesType) == ["WHOLE BODY", "IMAGE"]
    assert dataset.ContentQualification == "RESEARCH"


@pytest.mark.parametrize(("modality", "expected"), [("CT", ["AXIAL"]), ("MR", ["M", "ND"])])
def test_a_ct_and_an_mr_are_derived_and_secondary(series, tmp_path, modality, expected):
    _, (dataset, *_) = converted(series(modality), tmp_path / "out")
    assert dataset.SOPClassUID == GREY_CLASSES[modality].uid
    assert list(dataset.ImageType) == ["DERIVED", "SECONDARY", *expected]
    assert dataset.RescaleType == ("HU" if modality == "CT" else "US")


def test_whole_hounsfield_units_stay_what_they_are(series, tmp_path):
    image, datasets = converted(series("CT"), tmp_path / "out")
    assert (datasets[0].RescaleSlope, datasets[0].RescaleIntercept) == (1, 0)
    assert np.array_equal(read(tmp_path / "out").voxels, image.voxels)


GE = {"Manufacturer": "GE MEDICAL SYSTEMS", "DecayCorrection": "START"}


@pytest.mark.parametrize("correction", ["START", "ADMIN", "NONE"])
def test_activity_gives_the_suv_of_its_source(series, tmp_path, correction):
    folder = series(DecayCorrection=correction, ActualFrameDuration=120_000, FrameReferenceTime=59_000)
    image, _ = converted(folder, tmp_path / "out", norm="bqml")
    assert image.intensity is Intensity.BQML
    own, again = read(folder), read(tmp_path / "out")
    assert again.intensity is own.intensity is Intensity.SUV
    assert np.allclose(again.voxels, own.voxels, rtol=1e-6, atol=float(own.voxels.max()) / 65535)


def test_a_reference_that_only_the_maker_told_is_told_to_all(series, tmp_path):
    folder = series(**GE)
    for file in folder.iterdir():
        dataset = dcmread(file)
        # The decay is corrected to 10:30, half an hour before the acquisition that every public element tells of.
        dataset.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", "20250101103000")
        dcmwrite(file, dataset)
    _, datasets = converted(folder, tmp_path / "out", norm="bqml")
    own, again = read(folder), read(tmp_path / "out")
    assert np.allclose(again.voxels, own.voxels, rtol=1e-6, atol=float(own.voxels.max()) / 65535)
    assert datasets[0].SeriesTime[:6] == "103000"
    assert datasets[0].FrameReferenceTime == pytest.approx(30 * 60 * 1000)
    public = converted(series(name="public", DecayCorrection="START"), tmp_path / "public", norm="bqml")[1]
    assert public[0].SeriesTime[:6] == "110000"


def test_an_suv_is_not_turned_into_an_suv_once_more(series, tmp_path):
    image, _ = converted(series(), tmp_path / "out")
    converted(tmp_path / "out", tmp_path / "again")
    step = float(image.voxels.max()) / 65535
    assert np.abs(read(tmp_path / "again").voxels - image.voxels).max() <= 1.01 * step


def test_no_element_of_a_maker_is_left_not_even_inside(series, tmp_path):
    folder = series()
    for file in folder.iterdir():
        dataset = dcmread(file)
        for place in (dataset, dataset.RadiopharmaceuticalInformationSequence[0]):
            place.private_block(0x0009, "MAKER", create=True).add_new(0x01, "LO", "secret")
        dcmwrite(file, dataset)
    _, datasets = converted(folder, tmp_path / "out")
    assert not any(element.tag.is_private for dataset in datasets for element in dataset.iterall())
    assert any(element.tag.is_private for element in dcmread(next(folder.iterdir())).iterall())


def test_patient_study_and_place_are_the_sources_and_the_series_is_new(series, tmp_path):
    folder = series("CT")
    _, datasets = converted(folder, tmp_path / "out")
    sources = sorted((dcmread(file) for file in folder.iterdir()), key=lambda one: one.ImagePositionPatient[2])
    for source, dataset in zip(sources, datasets, strict=True):
        for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "AccessionNumber", "FrameOfReferenceUID"):
            assert dataset[keyword].value == source[keyword].value
        assert np.allclose(dataset.ImagePositionPatient, source.ImagePositionPatient)
        assert dataset.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert dataset.SourceImageSequence[0].PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    assert len({dataset.SOPInstanceUID for dataset in datasets} | {one.SOPInstanceUID for one in sources}) == 8
    assert {dataset.SeriesInstanceUID for dataset in datasets} != {sources[0].SeriesInstanceUID}


def test_equal_work_gives_equal_bytes_and_another_unit_other_uids(series, tmp_path):
    folder = series()
    for name, norm in (("a", "bw"), ("b", "bw"), ("c", "bqml")):
        converted(folder, tmp_path / name, norm=norm)
    content = {name: [file.read_bytes() for file in sorted((tmp_path / name).iterdir())] for name in "abc"}
    assert content["a"] == content["b"]
    assert len({dcmread(io.BytesIO(content[name][0])).SeriesInstanceUID for name in "abc"}) == 2


@pytest.mark.parametrize("modality", ["CT", "PT"])
def test_other_programs_read_the_grid_of_the_source(series, tmp_path, modality):
    folder = series(modality, cosines=OBLIQUE)
    converted(folder, tmp_path / "out", norm="bqml")
    own, written = (with_simpleitk(place) for place in (folder, tmp_path / "out"))
    assert own.GetSize() == written.GetSize()
    for fact in ("GetSpacing", "GetOrigin", "GetDirection"):
        assert np.allclose(getattr(own, fact)(), getattr(written, fact)(), atol=1e-5)
    values = [sitk.GetArrayFromImage(one).astype(float) for one in (own, written)]
    assert np.abs(values[0] - values[1]).max() <= np.abs(values[0]).max() / 65535


def with_simpleitk(folder):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


@pytest.mark.parametrize(("stated", "expected"), [("01", "01"), ("00", "00"), (None, None)])
def test_what_was_lost_stays_told_once(series, tmp_path, stated, expected):
    folder = series("CT", LossyImageCompression=stated, LossyImageCompressionRatio=8 if stated == "01" else None)
    _, (dataset, *_) = converted(folder, tmp_path / "out")
    assert dataset.get("LossyImageCompression") == expected
    assert dataset.get("LossyImageCompressionRatio") == (8 if stated == "01" else None)


def test_a_volume_on_another_grid_names_the_slices_that_it_came_from(series, tmp_path):
    folder = series()
    image, origin = moved(read(folder), parent_of(folder, role="MOVING"), slices=2)
    grey.write(image, tmp_path / "out", origin)
    first, second = (dcmread(file) for file in sorted((tmp_path / "out").iterdir()))
    assert uids(first) == ["2.25.50", "2.25.51"]
    assert uids(second) == ["2.25.51", "2.25.52"]
    assert first.SourceImageSequence[0].SpatialLocationsPreserved == "NO"
    assert first.DerivationCodeSequence[0].CodeValue == "113085"
    assert first.FrameOfReferenceUID == "2.25.77"
    assert same_grid(read(tmp_path / "out").geometry, image.geometry)


def test_outside_of_the_source_no_slice_is_named(series, tmp_path):
    folder = series()
    image, origin = moved(read(folder), parent_of(folder, role="MOVING"), slices=2)
    far = replace(origin, through=lambda points: points + np.array([0, 0, 500.0]))
    grey.write(image, tmp_path / "out", far)
    assert "SourceImageSequence" not in dcmread(tmp_path / "out" / "IM0001.dcm")
    assert far.nearest(image, 0) is far.parent.frames[-1]
    assert origin.nearest(image, 0) in origin.parent.frames[:2]


def moved(image, parent, slices):
    """The first slices of an image on a grid 1.5 mm higher, which its own slices lie beside."""
    affine = image.geometry.matrix.copy()
    affine[:3, 3] += 1.5 * image.geometry.directions[:, 0]
    grid = replace(
        image.geometry, shape=(slices, *image.geometry.shape[1:]), affine=affine, frame_of_reference="2.25.77"
    )
    return replace(image, voxels=image.voxels[:slices], geometry=grid), grey.Origin(parent, lambda points: points)


def uids(dataset):
    return [item.ReferencedSOPInstanceUID for item in dataset.SourceImageSequence]


def test_a_grid_without_a_frame_of_reference_gets_one_of_its_own(series, tmp_path):
    _, datasets = converted(series("CT", FrameOfReferenceUID=None), tmp_path / "out")
    assert len({dataset.FrameOfReferenceUID for dataset in datasets}) == 1
    assert datasets[0].FrameOfReferenceUID.startswith("2.25.")


def test_one_slice_may_be_one_file(series, tmp_path):
    image, (dataset,) = converted(series(), tmp_path / "one.dcm", slice_choice=SliceChoice(index=2))
    assert (tmp_path / "one.dcm").is_file()
    assert uids(dataset) == ["2.25.52"]
    assert image.geometry.shape[0] == dataset.NumberOfSlices == 1


def test_what_the_class_requires_and_the_source_lacks_is_told_and_never_invented(series, tmp_path):
    with pydicom.config.disable_value_validation():
        folder = series(CountsSource=None, SeriesDate="not a date")
    parent = parent_of(folder, role="The image")
    (warning,) = warnings_of((grey.checked_step(parent),))
    assert "CountsSource (0054,1002)" in warning
    assert "SeriesDate (0008,0021)" in warning
    assert not warnings_of((grey.checked_step(parent_of(series(name="whole"), role="The image")),))
    _, (dataset, *_) = converted(series(name="lacking", CountsSource=None), tmp_path / "out")
    assert "CountsSource" not in dataset


def test_a_dose_of_too_many_digits_is_rounded_and_not_lost(series, tmp_path):
    folder = series()
    for file in folder.iterdir():
        content = file.read_bytes()
        dataset = dcmread(io.BytesIO(content))
        injection = dataset.RadiopharmaceuticalInformationSequence[0]
        with pydicom.config.disable_value_validation():
            injection.RadionuclideTotalDose = pydicom.valuerep.DSfloat("100000000.123456789")
            dcmwrite(file, dataset)
    _, (dataset, *_) = converted(folder, tmp_path / "out")
    dose = dataset.RadiopharmaceuticalInformationSequence[0]["RadionuclideTotalDose"].value
    assert float(dose) == pytest.approx(100000000.1234568, rel=1e-12)
    assert len(str(dose)) <= 16


def test_a_pet_of_an_unknown_unit_is_refused(series, tmp_path):
    with pytest.raises(ImageError, match="in what unit"):
        grey.check(parent_of(series(Units=None), role="The image"))
    with pytest.raises(ImageError, match="in what unit"):
        converted(series(name="again", Units=None), tmp_path / "out", norm="stored")
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("modality", ["CR", "US", "OT"])
def test_other_modalities_are_refused_before_anything_is_read(series, modality):
    parent = parent_of(series("CT", Modality=modality), role="The image")
    with pytest.raises(UsageError, match=f"modality {modality}"):
        grey.check(parent)


def test_a_picture_and_an_image_without_a_place_are_refused(series, tmp_path):
    folder = series("CT")
    origin, image = grey.Origin(parent_of(folder, role="The image")), read(folder)
    color = replace(image, voxels=np.zeros((*image.geometry.shape, 3), np.uint8), intensity=Intensity.RGB)
    for other in (color, replace(image, geometry=replace(image.geometry, affine=None))):
        with pytest.raises(ImageError, match="cannot be written as CT, MR, PET or NM"):
            grey.write(other, tmp_path / "out", origin)


def test_a_file_that_is_no_dicom_is_refused(tmp_path):
    from PIL import Image as Picture

    Picture.new("L", (6, 4)).save(tmp_path / "picture.png")
    with pytest.raises(UsageError, match="is not DICOM"):
        parent_of(tmp_path / "picture.png", role="The image")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), RuntimeError("Doe")])
def test_a_failure_in_the_middle_leaves_nothing(series, tmp_path, monkeypatch, error):
    folder, count, save = series(), iter(range(9)), grey._save

    def failing(dataset, path):
        if next(count) == 2:
            raise error
        save(dataset, path)

    monkeypatch.setattr(grey, "_save", failing)
    with pytest.raises((FusecliError, KeyboardInterrupt)) as raised:
        converted(folder, tmp_path / "out")
    assert "Doe" not in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


@given(
    st.lists(st.floats(-3e4, 3e4, width=32), min_size=1, max_size=20),
    st.sampled_from([1e-8, 1e-3, 1.0, 1e4]),
    st.booleans(),
)
def test_any_numbers_come_back_within_half_a_step(values, scale, has_offset):
    voxels = (np.array(values, dtype=np.float64) * scale).astype(np.float32)
    found = quantization(voxels, has_offset=has_offset)
    back = found.stored(voxels).astype(np.float64) * float(found.slope) + float(found.intercept)
    # Slope and intercept are rounded to some ten digits of the largest number.
    assert np.abs(back - voxels).max() <= float(found.slope) * 0.5001 + np.abs(voxels).max() * 1e-9
    assert has_offset or found.intercept == 0
    assert len(str(found.slope)) <= 16


def test_a_flat_volume_is_kept(ct_slice):
    for value in (0.0, 0.37, -5.5, 1e9):
        voxels = np.full((1, 2, 2), value, dtype=np.float32)
        for has_offset in (False, True):
            found = quantization(voxels, has_offset=has_offset)
            back = found.stored(voxels) * float(found.slope) + float(found.intercept)
            assert np.allclose(back, voxels, rtol=1e-6)


def test_the_elements_that_are_carried_belong_to_their_class():
    import json
    from importlib.resources import files

    tables = files("highdicom") / "_standard"
    names = ("sop_class_iod_map", "iod_module_map", "module_attribute_map")
    if not all((tables / f"{name}.json").is_file() for name in names):
        pytest.skip("this highdicom has its tables of the standard elsewhere")
    classes, modules, attributes = (json.loads((tables / f"{name}.json").read_text()) for name in names)
    for grey_class in GREY_CLASSES.values():
        of_class = [one["key"] for one in modules[classes[grey_class.uid]]]
        types = {}
        for module in of_class:
            types |= {one["keyword"]: one["type"] for one in attributes[module] if not one["path"]}
        carried = {*grey_class.required, *grey_class.known, *grey_class.optional}
        assert carried <= set(types)
        assert {name for name in grey_class.required if types[name][0] != "1"} == set()
        assert grey_class.of_slice <= carried


def test_a_header_that_lies_about_its_items_is_no_obstacle(series, tmp_path):
    folder = series()
    for file in folder.iterdir():
        dataset = dcmread(file)
        half, code = Dataset(), Dataset()
        code.CodeValue = "77004003"
        half.RadionuclideCodeSequence = [code]
        half.RadionuclideTotalDose, half.RadionuclideHalfLife = 100e6, 3600
        half.RadiopharmaceuticalStartTime = "100000"
        dataset.RadiopharmaceuticalInformationSequence = [half]
        dcmwrite(file, dataset)
    _, (dataset, *_) = converted(folder, tmp_path / "out")
    assert "RadionuclideCodeSequence" not in dataset.RadiopharmaceuticalInformationSequence[0]
    assert dataset.RadiopharmaceuticalInformationSequence[0].RadionuclideHalfLife == 3600
