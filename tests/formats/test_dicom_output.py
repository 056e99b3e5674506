"""Derived DICOM: whose it is, where it lies, what it is made of, and that it is there whole or not at all."""

import hashlib
from dataclasses import replace

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom import Dataset
from pydicom.uid import ImplicitVRLittleEndian, JPEGBaseline8Bit

from fusecli import formats
from fusecli.catalog import Modality
from fusecli.core.geometry import same_grid
from fusecli.core.history import Step
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.pair import Pair
from fusecli.core.slices import SliceChoice
from fusecli.errors import FusecliError, ImageError, OutputError, PairError, UsageError
from fusecli.formats.dicom import secondary_capture
from fusecli.formats.dicom.lineage import lineage

SLICES, ROWS, COLUMNS = 4, 4, 6
PATIENT = {
    "PatientName": "Müller^Jörg",
    "PatientID": "SECRET-4711",
    "PatientBirthDate": "19510203",
    "PatientSex": "M",
    "SpecificCharacterSet": "ISO_IR 100",
    "StudyInstanceUID": "1.2.3.4",
    "StudyID": "77",
    "StudyDate": "20250101",
    "StudyTime": "101112",
    "AccessionNumber": "A-9",
    "ReferringPhysicianName": "Weiss^Anna",
    "Manufacturer": "Scanners",
}


def turned(axis, degrees):
    """Rotation about a unit vector, 3 x 3: Rodrigues' formula."""
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


# Row direction, column direction and slice step in LPS, each written by hand; the last two are left-handed or leaning.
ORIENTATIONS = {
    "axial": ([1, 0, 0], [0, 1, 0], [0, 0, 3]),
    "axial, head first in the file": ([1, 0, 0], [0, 1, 0], [0, 0, -3]),
    "axial, seen from the head": ([-1, 0, 0], [0, 1, 0], [0, 0, 3]),
    "prone": ([-1, 0, 0], [0, -1, 0], [0, 0, 3]),
    "sagittal": ([0, 1, 0], [0, 0, -1], [3, 0, 0]),
    "coronal": ([1, 0, 0], [0, 0, -1], [0, 3, 0]),
    "oblique": (*turned((1, 2, 3), 25).T[:2].tolist(), (3 * turned((1, 2, 3), 25).T[2]).tolist()),
    "oblique, left-handed": (*turned((3, -1, 1), 40).T[:2].tolist(), (-3 * turned((3, -1, 1), 40).T[2]).tolist()),
    "tilted gantry": ([1, 0, 0], turned((1, 0, 0), 15)[:, 1].tolist(), [0, 0, 3]),
}


@pytest.fixture
def make_series(ct_slice, pet_slice, write_series):
    """CT and PET of one study, four slices each, on one oriented grid; keywords change CT (ct_) and PET (pet_)."""

    def make(orientation="axial", name="", *, ct=None, pet=None):
        row, column, step = (np.array(direction, dtype=float) for direction in ORIENTATIONS[orientation])
        folders = []
        for kind, slice_of, changes in (("CT", ct_slice, ct or {}), ("PT", pet_slice, pet or {})):
            slices = []
            for k in range(SLICES):
                pixels = np.random.default_rng(k).integers(0, 200, (ROWS, COLUMNS)).astype(np.int16)
                pixels[1, 4] = 300 if k == 2 else pixels[1, 4]  # the brightest place, off every axis of symmetry
                place = {
                    "ImagePositionPatient": [round(float(mm), 6) for mm in (np.array([-10.0, -20.0, 5.0]) + k * step)],
                    "ImageOrientationPatient": [f"{cosine:.10f}" for cosine in (*row, *column)],
                }
                uids = {
                    "SOPInstanceUID": f"2.25.{1 + k + 100 * (kind == 'PT')}",
                    "SeriesInstanceUID": "2.25.1" if kind == "CT" else "2.25.2",
                    "SeriesNumber": 3 if kind == "CT" else 4,
                }
                slices.append(slice_of(float(k), pixels, **(PATIENT | place | uids | changes)))
            folders.append(write_series(slices, f"{kind}{name}"))
        return folders

    return make


def as_unit(image, **window):
    step = Step("to_unit", {"text": "W400 L40 HU", "low": -160.0, "high": 240.0, **window})
    span = np.ptp(image.voxels)
    return image.stepped(step, voxels=(image.voxels - image.voxels.min()) / span, intensity=Intensity.UNIT)


def fused_of(ct, pet, *, model="max", color=False, slice_choice=None, **window):
    """The brightness of CT as a fused image, with the pair that it claims to be made of and the lineage."""
    fixed, moving = formats.read(ct, slice_choice=slice_choice), formats.read(pet, slice_choice=slice_choice)
    pair = Pair(as_unit(fixed, **window), as_unit(moving))
    step = Step("fuse", {"model": model, "weights_sha256": None})
    fused = Image(pair.fixed.voxels, fixed.geometry, Modality.FUSED, Intensity.UNIT, history=(step,))
    if color:
        rgb = np.random.default_rng(0).integers(0, 256, (*fused.voxels.shape, 3), dtype=np.uint8)
        fused = replace(fused, voxels=rgb, intensity=Intensity.RGB)
    return fused, pair, lineage(ct, pet, slice_choice=slice_choice)


def written(target, series, *, layout="series", options=None, overwrite=False, **how):
    image, pair, origin = fused_of(*series, **how)
    formats.write_dicom(image, target, origin, pair, layout=layout, options=options, overwrite=overwrite)
    return instances(target)


def instances(target):
    files = [target] if target.is_file() else sorted(target.iterdir())
    return [pydicom.dcmread(file) for file in files]


def place_mm(dataset, row, column, frame=0):
    """Millimetres of a pixel by equation C.7.6.2.1-1 of PS3.3, from the elements alone."""
    position, cosines, spacing = (
        functional(dataset, frame, keyword)
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    )
    along_row, along_column = np.array(cosines[:3], float), np.array(cosines[3:], float)
    return np.array(position, float) + along_row * spacing[1] * column + along_column * spacing[0] * row


def functional(dataset, frame, keyword):
    if keyword in dataset:
        return dataset[keyword].value
    groups = (dataset.PerFrameFunctionalGroupsSequence[frame], dataset.SharedFunctionalGroupsSequence[0])
    return next(item[keyword].value for group in groups for sequence in group for item in sequence if keyword in item)


def brightest_mm(datasets):
    """Where the brightest pixel of a series lies."""
    best = max(datasets, key=lambda dataset: int(dataset.pixel_array.max()))
    row, column = np.unravel_index(best.pixel_array.argmax(), best.pixel_array.shape)[:2]
    if best.pixel_array.ndim == 3:
        row, column = np.unravel_index(best.pixel_array[..., 0].argmax(), best.pixel_array.shape[:2])
    return place_mm(best, int(row), int(column))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_pixel_lies_where_it_lay_in_the_ct(make_series, tmp_path, orientation):
    series = make_series(orientation)
    datasets = written(tmp_path / "fused", series)
    truth = brightest_mm([pydicom.dcmread(file) for file in series[0].iterdir()])
    assert np.allclose(brightest_mm(datasets), truth, atol=1e-4)
    assert same_grid(formats.read(tmp_path / "fused").geometry, formats.read(series[0]).geometry)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_frame_of_a_multi_frame_file_lies_where_it_lay_in_the_ct(make_series, tmp_path, orientation):
    series = make_series(orientation)
    (dataset,) = written(tmp_path / "fused.dcm", series, layout="multiframe")
    truth = brightest_mm([pydicom.dcmread(file) for file in series[0].iterdir()])
    pixels = dataset.pixel_array[..., 0]
    frame, row, column = np.unravel_index(pixels.argmax(), pixels.shape)
    assert np.allclose(place_mm(dataset, row, column, frame), truth, atol=1e-4)
    assert same_grid(formats.read(tmp_path / "fused.dcm").geometry, formats.read(series[0]).geometry)


def test_an_orientation_is_not_the_same_as_its_mirror_image(make_series, tmp_path):
    one = written(tmp_path / "one", make_series("axial", "1"))
    other = written(tmp_path / "two", make_series("axial, seen from the head", "2"))
    assert not np.allclose(brightest_mm(one), brightest_mm(other), atol=1)


@pytest.mark.parametrize("orientation", [name for name in ORIENTATIONS if name != "tilted gantry"])
def test_simpleitk_sees_one_grid_in_ct_and_result(make_series, tmp_path, orientation):
    series = make_series(orientation)
    written(tmp_path / "fused", series)
    ct, fused = (with_simpleitk(folder) for folder in (series[0], tmp_path / "fused"))
    index = np.unravel_index(sitk.GetArrayFromImage(ct).argmax(), ct.GetSize()[::-1])
    rgb = sitk.GetArrayFromImage(fused)[..., 0]
    found = np.unravel_index(rgb.argmax(), rgb.shape)
    lies = [
        image.TransformIndexToPhysicalPoint([int(i) for i in at[::-1]]) for image, at in ((ct, index), (fused, found))
    ]
    assert np.allclose(*lies, atol=1e-3)


def with_simpleitk(folder):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def test_the_result_lies_in_the_study_of_fixed_as_a_new_series(make_series, tmp_path):
    series = make_series()
    datasets = written(tmp_path / "fused", series)
    source = pydicom.dcmread(next(series[0].iterdir()))
    for dataset in datasets:
        for keyword in (*PATIENT, "FrameOfReferenceUID"):
            if keyword != "Manufacturer":
                assert dataset[keyword].value == source[keyword].value, keyword
    assert len({dataset.SeriesInstanceUID for dataset in datasets}) == 1
    assert datasets[0].SeriesInstanceUID not in ("2.25.1", "2.25.2")
    assert len({dataset.SOPInstanceUID for dataset in datasets}) == SLICES


def test_the_attributes_say_what_it_is(make_series, tmp_path):
    dataset = written(tmp_path / "fused", make_series())[0]
    expected = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7",
        "Modality": "OT",
        "ConversionType": "WSD",
        "ContentQualification": "RESEARCH",
        "BurnedInAnnotation": "NO",
        "SeriesDescription": "FUSED CT+PT max (research)",
        "SeriesNumber": 301,
        "InstanceNumber": 1,
        "PhotometricInterpretation": "RGB",
        "SamplesPerPixel": 3,
        "PlanarConfiguration": 0,
        "SliceThickness": 5.0,
        "SpacingBetweenSlices": 3.0,
        "ContentDate": "20250101",
    }
    assert {keyword: dataset[keyword].value for keyword in expected} == expected
    assert list(dataset.ImageType) == ["DERIVED", "SECONDARY", "OTHER"]
    assert list(dataset.PatientOrientation) == ["L", "P"]
    assert "must not be the basis of diagnosis" in dataset.ImageComments
    assert "W400 L40 HU" in dataset.DerivationDescription
    assert len(dataset.DerivationDescription) <= 1024
    assert [code.CodeValue for code in dataset.DerivationCodeSequence] == ["113048"]
    assert [item.Manufacturer for item in dataset.ContributingEquipmentSequence] == ["Scanners", "fusecli"]
    assert "LossyImageCompression" not in dataset


def test_one_slice_has_no_distance_to_a_neighbour(make_series, tmp_path):
    (dataset,) = written(tmp_path / "one.dcm", make_series(), slice_choice=SliceChoice(index=1))
    assert dataset.SliceThickness == 5.0
    assert "SpacingBetweenSlices" not in dataset


def test_a_description_is_cut_to_what_its_type_holds(make_series, tmp_path):
    dataset = written(tmp_path / "fused", make_series(), text="x" * 2000)[0]
    assert len(dataset.DerivationDescription) == 1024


def test_grey_is_written_as_equal_channels_and_color_as_it_is(make_series, tmp_path):
    series = make_series()
    grey = written(tmp_path / "grey", series)[0].pixel_array
    assert (grey == grey[..., :1]).all()
    image, pair, origin = fused_of(*series, color=True)
    formats.write_dicom(image, tmp_path / "color", origin, pair)
    assert np.array_equal(np.stack([dataset.pixel_array for dataset in instances(tmp_path / "color")]), image.voxels)
    (multi,) = written(tmp_path / "multi.dcm", series, layout="multiframe", color=True)
    assert np.array_equal(multi.pixel_array, image.voxels)


def test_hounsfield_units_are_not_shown_as_brightness(make_series, tmp_path):
    image, pair, origin = fused_of(*make_series())
    with pytest.raises(ValueError, match="UNIT or RGB"):
        formats.write_dicom(replace(image, intensity=Intensity.HU), tmp_path / "x", origin, pair)
    assert not (tmp_path / "x").exists()


def test_a_series_that_changed_since_it_was_read_is_refused(make_series, tmp_path):
    image, pair, origin = fused_of(*make_series())
    other = image.geometry.slices(0, 2)
    with pytest.raises(ImageError, match="changed while it was fused"):
        formats.write_dicom(replace(image, voxels=image.voxels[:2], geometry=other), tmp_path / "x", origin, pair)
    assert not (tmp_path / "x").exists()


def test_each_slice_names_the_slices_it_was_made_of(make_series, tmp_path):
    dataset = written(tmp_path / "fused", make_series())[1]
    named = [(item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) for item in dataset.SourceImageSequence]
    ct_class, pet_class = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.128"
    assert named == [(ct_class, "2.25.2"), (pet_class, "2.25.102")]
    codes = {item.PurposeOfReferenceCodeSequence[0].CodeValue for item in dataset.SourceImageSequence}
    assert codes == {"121322"}
    assert dataset.SourceImageSequence[0].SpatialLocationsPreserved == "YES"


def test_a_slice_between_two_of_moving_names_both_and_one_outside_names_none(make_series):
    ct, pet = make_series()
    origin = lineage(ct, pet)
    halfway = origin.fixed.geometry.matrix.copy()
    halfway[:3, 3] += (0, 0, 1.5)
    between = replace(origin, fixed=replace(origin.fixed, geometry=replace(origin.fixed.geometry, affine=halfway)))
    assert [frame.file.header.SOPInstanceUID for frame in between.moving_frames(1)] == ["2.25.102", "2.25.103"]
    assert len(between.moving_frames(1, smoothed_by_voxels=1.0)) == SLICES
    halfway[:3, 3] += (0, 0, 100)
    outside = replace(origin, fixed=replace(origin.fixed, geometry=replace(origin.fixed.geometry, affine=halfway)))
    assert len(outside.moving_frames(1)) == 0


def test_slices_turned_for_display_say_so(make_series, tmp_path):
    dataset = written(tmp_path / "fused", make_series("prone"))[0]
    source = dataset.SourceImageSequence[0]
    assert source.SpatialLocationsPreserved == "REORIENTED_ONLY"
    assert list(source.PatientOrientation) == ["R", "A"]
    assert list(dataset.PatientOrientation) == ["L", "P"]


def test_a_multi_frame_file_names_every_source_once(make_series, tmp_path):
    (dataset,) = written(tmp_path / "fused.dcm", make_series(), layout="multiframe")
    assert len(dataset.SourceImageSequence) == 2 * SLICES
    assert dataset.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7.4"
    assert dataset.NumberOfFrames == SLICES
    assert dataset.FrameIncrementPointer == 0x52009230
    assert "ImagePositionPatient" not in dataset


def bytes_in(target):
    files = [target] if target.is_file() else sorted(target.iterdir())
    return [(file.name, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files]


@pytest.mark.parametrize("layout", ["series", "multiframe"])
def test_equal_work_gives_equal_bytes(make_series, tmp_path, layout):
    series = make_series()
    for name in ("one", "two"):
        written(tmp_path / name, series, layout=layout)
    assert bytes_in(tmp_path / "one") == bytes_in(tmp_path / "two")


def test_other_work_gives_other_uids(make_series, tmp_path):
    series = make_series()
    ways = {
        "plain": {},
        "window": {"low": -100.0},
        "model": {"model": "average"},
        "option": {"options": {"alpha": 0.3}},
        "layout": {"layout": "multiframe"},
        "slice": {"slice_choice": SliceChoice(index=1)},
    }
    found = {name: written(tmp_path / name, series, **how)[0] for name, how in ways.items()}
    found["source"] = written(tmp_path / "source", make_series(name="b", pet={"RescaleSlope": 2}))[0]
    assert len({dataset.SeriesInstanceUID for dataset in found.values()}) == len(found)
    assert len({dataset.SOPInstanceUID for dataset in found.values()}) == len(found)
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in (d.SOPInstanceUID for d in found.values()))


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        ("ISO_IR 100", "Müller^Jörg"),
        ("ISO_IR 192", "Дмитриев^Иван"),
        ("ISO_IR 144", "Дмитриев^Иван"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
    ],
)
def test_a_name_keeps_its_letters_and_its_bytes(make_series, tmp_path, character_set, name):
    series = make_series(ct={"SpecificCharacterSet": character_set, "PatientName": name})
    (dataset, *_) = written(tmp_path / "fused", series)
    assert dataset.get_item("PatientName").value == name_bytes(next(series[0].iterdir()))
    assert dataset.get("SpecificCharacterSet") == pydicom.dcmread(next(series[0].iterdir())).SpecificCharacterSet
    assert str(dataset.PatientName) == name


def name_bytes(file):
    element = pydicom.dcmread(file).get_item("PatientName")
    assert element.is_raw
    return element.value


def test_a_patient_of_whom_nothing_is_known_stays_unknown(make_series, tmp_path):
    nothing = dict.fromkeys(("PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"))
    dataset = written(tmp_path / "fused", make_series(ct=nothing | {"SpecificCharacterSet": None}))[0]
    assert all(dataset[keyword].is_empty for keyword in nothing)


def test_sequences_of_an_implicit_file_are_carried_over(make_series, tmp_path, write):
    ct, pet = make_series()
    item, code = Dataset(), Dataset()
    item.PatientID, item.TypeOfPatientID = "OTHER-1", "TEXT"
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113100", "DCM", "Basic Application Profile"
    for file in ct.iterdir():
        dataset = pydicom.dcmread(file)
        dataset.OtherPatientIDsSequence, dataset.DeidentificationMethodCodeSequence = [item], [code]
        write(file, dataset, ImplicitVRLittleEndian)
    dataset = written(tmp_path / "fused", (ct, pet))[0]
    assert dataset.OtherPatientIDsSequence[0].PatientID == "OTHER-1"
    assert dataset.DeidentificationMethodCodeSequence[0].CodeValue == "113100"


@pytest.mark.parametrize(
    ("ct", "pet", "expected"),
    [
        ({}, {}, "NO"),
        ({"BurnedInAnnotation": "YES"}, {}, "YES"),
        ({}, {"BurnedInAnnotation": "YES"}, "YES"),
        ({"ImageType": ["DERIVED", "SECONDARY"]}, {}, None),
        ({"ImageType": ["DERIVED", "SECONDARY"], "BurnedInAnnotation": "NO"}, {}, "NO"),
    ],
)
def test_text_in_the_pixels_of_a_source_is_told(make_series, tmp_path, ct, pet, expected):
    series = make_series(ct=ct, pet=pet)
    assert written(tmp_path / "fused", series)[0].get("BurnedInAnnotation") == expected
    (multi,) = written(tmp_path / "multi.dcm", series, layout="multiframe")
    assert multi.BurnedInAnnotation == (expected or "YES")


@pytest.mark.parametrize(
    ("ct", "pet", "expected"),
    [
        ({}, {}, None),
        ({"LossyImageCompression": "00"}, {"LossyImageCompression": "00"}, "00"),
        ({"LossyImageCompression": "00"}, {"LossyImageCompression": "01", "LossyImageCompressionRatio": 8}, "01"),
    ],
)
def test_what_a_source_lost_stays_lost(make_series, tmp_path, ct, pet, expected):
    dataset = written(tmp_path / "fused", make_series(ct=ct, pet=pet))[0]
    assert dataset.get("LossyImageCompression") == expected
    assert ("LossyImageCompressionRatio" in dataset) == (expected == "01")


def test_a_lossy_transfer_syntax_counts_as_lossy(make_series):
    from fusecli.formats.dicom.inherited import inherit

    ct, pet = make_series()
    origin, derived = lineage(ct, pet), Dataset()
    origin.moving.header.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    inherit(derived, origin.fixed.header, origin.moving.header)
    assert derived.LossyImageCompression == "01"


@pytest.mark.parametrize(
    ("ct", "pet", "expected"),
    [
        ({}, {}, None),
        ({"BodyPartExamined": "HEAD"}, {}, "YES"),
        ({"RecognizableVisualFeatures": "NO"}, {"RecognizableVisualFeatures": "NO"}, "NO"),
        ({"RecognizableVisualFeatures": "NO"}, {"RecognizableVisualFeatures": "YES"}, "YES"),
    ],
)
def test_a_face_that_can_be_recognized_is_told(make_series, tmp_path, ct, pet, expected):
    dataset = written(tmp_path / "fused", make_series(ct=ct, pet=pet))[0]
    assert dataset.get("RecognizableVisualFeatures") == expected


@pytest.mark.parametrize(("ct", "pet", "expected"), [("L", None, "L"), ("L", "L", "L"), ("L", "R", "")])
def test_laterality_is_that_of_fixed_unless_moving_has_another(make_series, tmp_path, ct, pet, expected):
    series = make_series(ct={"Laterality": ct, "BodyPartExamined": "KNEE"}, pet={"Laterality": pet})
    assert (written(tmp_path / "fused", series)[0].Laterality or "") == expected


def test_a_chest_has_no_side(make_series, tmp_path):
    assert "Laterality" not in written(tmp_path / "fused", make_series(ct={"BodyPartExamined": "CHEST"}))[0]


TRIAL = {"ClinicalTrialSponsorName": "Sponsor", "ClinicalTrialProtocolID": "6668", "ClinicalTrialSubjectID": "S1"}


def test_a_clinical_trial_is_named_in_full_or_not_at_all(make_series, tmp_path):
    whole = written(tmp_path / "whole", make_series(name="1", ct=TRIAL))[0]
    half = written(tmp_path / "half", make_series(name="2", ct=TRIAL | {"ClinicalTrialSponsorName": None}))[0]
    assert {keyword: whole[keyword].value for keyword in TRIAL} == TRIAL
    assert whole["ClinicalTrialSiteID"].is_empty
    assert not any(keyword in half for keyword in TRIAL)


def test_removed_identity_is_claimed_only_with_the_method(make_series, tmp_path):
    removed = {"PatientIdentityRemoved": "YES"}
    told = make_series(name="1", ct=removed | {"DeidentificationMethod": "by hand"})
    assert written(tmp_path / "told", told)[0].PatientIdentityRemoved == "YES"
    assert "PatientIdentityRemoved" not in written(tmp_path / "not", make_series(name="2", ct=removed))[0]


def test_values_that_are_not_valid_are_left_out_and_old_dates_are_modernized(make_series, tmp_path, monkeypatch):
    monkeypatch.setattr(pydicom.config.settings, "reading_validation_mode", pydicom.config.IGNORE)
    odd = {"PatientSex": "N/A", "PatientAge": "22Y", "StudyDate": "1997.04.24", "StudyTime": "14:04:38"}
    dataset = written(tmp_path / "fused", make_series(ct=odd))[0]
    assert dataset["PatientSex"].is_empty
    assert "PatientAge" not in dataset
    assert (dataset.StudyDate, dataset.ContentDate) == ("19970424", "19970424")
    assert (dataset.StudyTime, dataset.ContentTime) == ("140438", "140438")


def test_frames_without_a_frame_of_reference_get_one_of_their_own(make_series, tmp_path):
    series = make_series(ct={"FrameOfReferenceUID": None}, pet={"FrameOfReferenceUID": None})
    (multi,) = written(tmp_path / "multi.dcm", series, layout="multiframe")
    assert multi.FrameOfReferenceUID.startswith("2.25.")
    assert "FrameOfReferenceUID" not in written(tmp_path / "fused", series)[0]


def test_one_slice_is_no_multi_frame_file(make_series, tmp_path):
    (dataset,) = written(tmp_path / "one.dcm", make_series(), layout="multiframe", slice_choice=SliceChoice(index=1))
    assert dataset.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"


def test_a_source_without_a_uid_cannot_be_named(make_series, tmp_path):
    series = make_series()
    image, pair, origin = fused_of(*series)
    for frame in (*origin.fixed.frames, *origin.moving.frames):
        del frame.file.header.SOPInstanceUID
    formats.write_dicom(image, tmp_path / "fused", origin, pair)
    assert "SourceImageSequence" not in instances(tmp_path / "fused")[0]


@pytest.mark.parametrize(("number", "expected"), [(3, 301), (None, 9001), (1_000_000, 9001), (-2, 9001)])
def test_the_series_is_listed_behind_fixed(make_series, tmp_path, number, expected):
    assert written(tmp_path / "fused", make_series(ct={"SeriesNumber": number}))[0].SeriesNumber == expected


def test_one_slice_may_be_one_file(make_series, tmp_path):
    (dataset,) = written(tmp_path / "one.dcm", make_series(), slice_choice=SliceChoice(index=2))
    assert (tmp_path / "one.dcm").is_file()
    assert float(dataset.ImagePositionPatient[2]) == 11.0
    assert dataset.SourceImageSequence[0].ReferencedSOPInstanceUID == "2.25.3"


def test_many_slices_are_not_one_file(make_series, tmp_path):
    with pytest.raises(UsageError, match="the name of one file") as refused:
        written(tmp_path / "many.dcm", make_series())
    assert "--dicom multiframe" in refused.value.hint


def test_images_without_a_place_are_written_without_one(make_series, tmp_path):
    nowhere = dict.fromkeys(("ImagePositionPatient", "ImageOrientationPatient"))
    ct, pet = make_series(ct=nowhere, pet=nowhere)
    dataset = written(tmp_path / "fused", (ct, pet))[0]
    assert "ImagePositionPatient" not in dataset
    assert "FrameOfReferenceUID" not in dataset
    (multi,) = written(tmp_path / "multi.dcm", (ct, pet), layout="multiframe")
    assert multi.PageNumberVector == [1, 2, 3, 4]
    # Without places the instance numbers give the order, and these fall.
    assert [item.ReferencedSOPInstanceUID for item in dataset.SourceImageSequence] == ["2.25.4", "2.25.104"]


def test_files_have_numbers_for_names(make_series, tmp_path):
    written(tmp_path / "fused", make_series())
    assert [file.name for file in sorted((tmp_path / "fused").iterdir())] == [f"IM{k:04d}.dcm" for k in range(1, 5)]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), RuntimeError("Müller")])
@pytest.mark.parametrize("before", [False, True])
def test_a_failure_in_the_middle_leaves_what_was_there(make_series, tmp_path, monkeypatch, error, before):
    series = make_series()
    if before:
        written(tmp_path / "fused", series, model="average")
    names, old = sorted(tmp_path.iterdir()), bytes_in(tmp_path / "fused") if before else None
    save, count = secondary_capture._save, iter(range(10))

    def failing(dataset, path):
        if next(count) == 2:
            raise error
        save(dataset, path)

    monkeypatch.setattr(secondary_capture, "_save", failing)
    with pytest.raises((FusecliError, KeyboardInterrupt)) as raised:
        written(tmp_path / "fused", series, overwrite=before)
    assert "Müller" not in str(raised.value)
    assert sorted(tmp_path.iterdir()) == names
    assert not before or bytes_in(tmp_path / "fused") == old


def test_a_folder_with_files_is_replaced_only_when_asked_and_only_if_all_are_ours(make_series, tmp_path):
    series = make_series()
    written(tmp_path / "fused", series)
    with pytest.raises(OutputError, match="exists already"):
        written(tmp_path / "fused", series)
    written(tmp_path / "fused", series, model="average", overwrite=True)
    (tmp_path / "fused" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="not replaced"):
        written(tmp_path / "fused", series, overwrite=True)
    assert (tmp_path / "fused" / "notes.txt").read_text() == "mine"


def test_an_empty_folder_is_taken(make_series, tmp_path):
    (tmp_path / "fused").mkdir()
    assert len(written(tmp_path / "fused", make_series())) == SLICES


def test_different_patients_never_share_a_record(make_series):
    ct, pet = make_series(pet={"PatientID": "SECRET-0815"})
    with pytest.raises(PairError, match="different patients") as refused:
        lineage(ct, pet)
    assert "SECRET" not in str(refused.value)


def test_a_patient_without_an_id_may_be_the_same_one(make_series):
    assert lineage(*make_series(pet={"PatientID": None})).fixed.geometry.shape == (SLICES, ROWS, COLUMNS)


def test_a_series_without_a_study_cannot_be_joined(make_series):
    with pytest.raises(ImageError, match="which study") as refused:
        lineage(*make_series(ct={"StudyInstanceUID": None}))
    assert "fused.nii.gz" in refused.value.hint


@pytest.mark.parametrize("role", [0, 1])
def test_a_source_that_is_not_dicom_is_refused_with_what_to_type(make_series, tmp_path, role):
    from PIL import Image as Picture

    paths = make_series()
    paths[role] = tmp_path / "picture.png"
    Picture.new("L", (6, 4)).save(paths[role])
    with pytest.raises(UsageError, match=("FIXED", "MOVING")[role]) as refused:
        lineage(*paths)
    assert refused.value.exit_code == 2
    assert "fused.nii.gz" in refused.value.hint


def test_a_multi_frame_file_needs_a_date_and_a_series_none(make_series, tmp_path):
    series = make_series(ct={"StudyDate": None, "StudyTime": None})
    with pytest.raises(ImageError, match="no date"):
        secondary_capture.check_layout(lineage(*series), "multiframe")
    secondary_capture.check_layout(lineage(*series), "series")
    secondary_capture.check_layout(lineage(*make_series(name="dated")), "multiframe")
    assert "ContentDate" not in written(tmp_path / "fused", series)[0]


def test_text_in_the_pixels_is_found_before_anything_is_fused(make_series):
    drawn = lineage(*make_series(ct={"BurnedInAnnotation": "YES"}))
    secondary_capture.check_layout(drawn, "series")
    with pytest.raises(ImageError, match="cannot be de-identified"):
        secondary_capture.check_layout(drawn, "series", deidentify=True)
    secondary_capture.check_layout(lineage(*make_series(name="plain")), "series", deidentify=True)


def test_a_volume_beyond_4_gib_is_found_before_it_is_fused(make_series):
    origin = lineage(*make_series())
    shape = (len(origin.fixed.frames), 30_000, 60_000)
    large = replace(origin, fixed=replace(origin.fixed, geometry=replace(origin.fixed.geometry, shape=shape)))
    with pytest.raises(ImageError, match="too large for one DICOM file") as refused:
        secondary_capture.check_layout(large, "multiframe")
    assert "--dicom series" in refused.value.hint
    secondary_capture.check_layout(large, "series")


def test_headers_that_cannot_be_carried_over_are_found_before_anything_is_fused(make_series, monkeypatch):
    origin = lineage(*make_series())

    def broken(*_):
        raise KeyError("Müller")

    monkeypatch.setattr(secondary_capture.derivation, "equipment", broken)
    with pytest.raises(ImageError, match="cannot be carried over") as refused:
        secondary_capture.check_layout(origin, "series")
    assert "Müller" not in str(refused.value)


@pytest.mark.parametrize("uid", ["1.02.3", "not a UID"])
def test_a_frame_of_reference_that_is_no_uid_is_left_out(make_series, tmp_path, uid):
    with pydicom.config.disable_value_validation():
        series = make_series(ct={"FrameOfReferenceUID": uid}, pet={"FrameOfReferenceUID": uid})
    assert "FrameOfReferenceUID" not in written(tmp_path / "fused", series)[0]


@pytest.mark.parametrize(("role", "expected"), [("OWNER", "OWNER"), (None, None)])
def test_who_is_responsible_is_told_with_the_role_or_not_at_all(make_series, tmp_path, role, expected):
    series = make_series(ct={"ResponsiblePerson": "Weiss^Anna", "ResponsiblePersonRole": role})
    dataset = written(tmp_path / "fused", series)[0]
    assert dataset.get("ResponsiblePersonRole") == expected
    assert ("ResponsiblePerson" in dataset) == (expected is not None)


def test_nothing_is_written_into_an_input_folder(make_series):
    ct, pet = make_series()
    with pytest.raises(UsageError, match="input folder"):
        formats.check_not_beside_sources(ct / "fused", (ct, pet))
    formats.check_not_beside_sources(ct.with_name("fused"), (ct, pet))


@pytest.mark.parametrize("own", ["ISO_IR 100", "ISO_IR 192", None])
def test_a_makers_name_that_the_character_set_of_fixed_does_not_hold_is_written_in_ascii(make_series, tmp_path, own):
    maker = {"SpecificCharacterSet": "ISO_IR 192", "Manufacturer": "Müller", "InstitutionName": "Klinik 東京"}
    series = make_series(ct={"SpecificCharacterSet": own, "PatientName": "Anon"}, pet=maker)
    found = written(tmp_path / "fused", series)[0].ContributingEquipmentSequence
    names = {(item.Manufacturer, item.get("InstitutionName")) for item in found}
    expected = ("Müller", "Klinik 東京") if own == "ISO_IR 192" else ("Muller", "Klinik ??")
    assert expected in names


def test_what_a_killed_run_left_behind_is_no_source(make_series, tmp_path):
    ct, _ = make_series()
    left = ct / ".fusecli-0123456789abcdef.part"
    left.mkdir()
    first = sorted(file for file in ct.iterdir() if file.is_file())[0]
    (left / "IM0001.dcm").write_bytes(first.read_bytes())
    assert formats.read(ct).voxels.shape == (SLICES, ROWS, COLUMNS)
    assert not any("copies" in warning for warning in formats.read(ct).history[0].warnings)
    left.rename(ct / "part")
    assert any("copies" in warning for warning in formats.read(ct).history[0].warnings)


@pytest.mark.parametrize("name", ["fused.png", "fused.nii.gz"])
def test_the_name_of_another_format_is_no_folder_of_dicom(make_series, tmp_path, name):
    with pytest.raises(UsageError, match="DICOM was asked for"):
        formats.check_writable(tmp_path / name, dicom="series")
    assert formats.check_writable(tmp_path / "fused", dicom="series") == tmp_path / "fused"
