"""DICOM files of known content through the whole reader: numbers, units, place and what history says."""

import hashlib
import logging
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.pixels import compress
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from fusecli.catalog import Modality, Window
from fusecli.core.history import warnings_of
from fusecli.core.intensity import Intensity
from fusecli.core.slices import SliceChoice
from fusecli.errors import FusecliError, ImageError, UsageError
from fusecli.formats import dicom


@pytest.fixture
def saved(tmp_path, write):
    """Write one data set and read it back as an Image."""

    def make(dataset: Dataset, syntax=ExplicitVRLittleEndian):
        return dicom.read(write(tmp_path / "one.dcm", dataset, syntax))

    return make


def test_a_signed_16_bit_slice_keeps_negative_hu(saved, ct_slice, stored_ramp):
    image = saved(ct_slice(pixels=stored_ramp - 20_000, RescaleIntercept=-1024))
    assert image.intensity is Intensity.HU
    assert image.modality is Modality.CT
    np.testing.assert_array_equal(image.voxels[0], stored_ramp - 21_024.0)


def test_each_slice_is_rescaled_by_its_own_slope(write_series, ct_slice, stored_ramp):
    folder = write_series([ct_slice(z, RescaleSlope=z + 1, RescaleIntercept=-z) for z in (0, 1, 2)])
    for z, voxels in enumerate(dicom.read(folder).voxels):
        np.testing.assert_array_equal(voxels, stored_ramp * (z + 1.0) - z)


def test_slices_are_stacked_from_the_feet_to_the_head_whatever_their_file_names(write_series, ct_slice, stored_ramp):
    image = dicom.read(write_series([ct_slice(z, stored_ramp + np.int16(z)) for z in (10, 0, 15, 5)]))
    np.testing.assert_array_equal(image.voxels[:, 0, 0], stored_ramp[0, 0] + np.array([0, 5, 10, 15]) - 1000.0)
    # index (slice, row, column): 5 mm, 2.5 mm between rows (y), 1.5 mm between columns (x)
    expected = [[0, 0, 1.5, -10], [0, 2.5, 0, -20], [5, 0, 0, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(image.geometry.matrix, expected)
    assert image.geometry.frame_of_reference == "2.25.9"


def test_unsigned_12_bit_pixels_ignore_what_lies_in_the_unused_bits(saved, ct_slice):
    pixels = np.array([[0xF001, 0x0FFF]], dtype=np.uint16)
    image = saved(ct_slice(pixels=pixels, BitsStored=12, HighBit=11, RescaleIntercept=0))
    np.testing.assert_array_equal(image.voxels[0], [[1, 4095]])


@pytest.mark.parametrize(("is_signed", "expected"), [(0, [[1, 4095]]), (1, [[1, -1]])])
def test_samples_that_end_above_bit_0_are_cut_out_of_their_word(saved, ct_slice, is_signed, expected):
    pixels = np.array([[0x001F, 0xFFF3]], dtype=np.uint16)
    changes = {"BitsStored": 12, "HighBit": 15, "PixelRepresentation": is_signed, "RescaleIntercept": 0}
    np.testing.assert_array_equal(saved(ct_slice(pixels=pixels, **changes)).voxels[0], expected)


def test_monochrome1_keeps_its_numbers_and_says_that_dark_is_high(saved, ct_slice):
    inverted = saved(ct_slice(PhotometricInterpretation="MONOCHROME1"))
    usual = saved(ct_slice())
    np.testing.assert_array_equal(inverted.voxels, usual.voxels)
    assert inverted.source.dark_is_high
    assert not usual.source.dark_is_high


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_every_uncompressed_syntax_gives_the_same_voxels(saved, ct_slice, stored_ramp, syntax):
    np.testing.assert_array_equal(saved(ct_slice(), syntax).voxels[0], stored_ramp - 1000.0)


def test_big_endian_gives_the_same_voxels(saved, ct_slice, stored_ramp):
    dataset = ct_slice()
    dataset.PixelData = stored_ramp.astype(">i2").tobytes()
    np.testing.assert_array_equal(saved(dataset, ExplicitVRBigEndian).voxels[0], stored_ramp - 1000.0)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_every_lossless_compression_gives_the_same_voxels(tmp_path, ct_slice, write, syntax):
    pixels = np.random.default_rng(0).integers(-2000, 2000, (32, 48), dtype=np.int16)
    path = write(tmp_path / "plain.dcm", ct_slice(pixels=pixels))
    dataset = dcmread(path)
    compress(dataset, syntax, generate_instance_uid=False)
    dataset.save_as(tmp_path / "packed.dcm")
    image = dicom.read(tmp_path / "packed.dcm")
    np.testing.assert_array_equal(image.voxels[0], pixels - 1000.0)
    assert image.history[0].facts["transfer_syntax"] == syntax.name


def test_a_modality_lut_goes_before_slope_and_intercept(saved, ct_slice):
    table = Dataset()
    table.LUTDescriptor = [4, 0, 16]
    table.ModalityLUTType = "HU"
    table.add_new("LUTData", "US", [100, 200, 400, 800])
    dataset = ct_slice(pixels=np.array([[0, 1], [2, 3]], dtype=np.uint16), RescaleSlope=None, RescaleIntercept=None)
    dataset.ModalityLUTSequence = [table]
    np.testing.assert_array_equal(saved(dataset).voxels[0], [[100, 200], [400, 800]])


def test_an_rgb_file_stays_color_in_8_bits(saved, ct_slice):
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    image = saved(ct_slice(pixels=pixels, Modality="OT"))
    assert image.intensity is Intensity.RGB
    assert image.modality is Modality.OTHER
    np.testing.assert_array_equal(image.voxels[0], pixels)


@pytest.fixture
def grey_as_color():
    """The same 24 numbers in each of three channels, (4, 6, 3)."""
    return np.stack([np.arange(24, dtype=np.uint8).reshape(4, 6)] * 3, axis=-1)


def test_a_screenshot_without_color_is_a_picture_in_0_to_1(saved, ct_slice, grey_as_color):
    image = saved(ct_slice(pixels=grey_as_color, Modality="OT", RescaleSlope=None, RescaleIntercept=None))
    assert image.intensity is Intensity.UNIT
    assert image.source.windows == ()
    np.testing.assert_array_equal(image.voxels[0], grey_as_color[..., 0].astype(np.float32) / 255)


def test_a_rescale_that_changes_nothing_leaves_a_screenshot_a_picture(saved, ct_slice, grey_as_color):
    image = saved(ct_slice(pixels=grey_as_color, Modality="OT", RescaleSlope=1, RescaleIntercept=0))
    assert image.intensity is Intensity.UNIT


@pytest.mark.parametrize(
    "changes",
    [{"Modality": "OT"}, {"Modality": "OT", "RescaleSlope": 2, "RescaleIntercept": 0}]
    + [{"Modality": code, "RescaleSlope": None, "RescaleIntercept": None} for code in ("CT", "PT", "NM", "MR")],
)
def test_grey_stored_as_color_keeps_its_numbers_where_they_may_be_a_measurement(
    saved, ct_slice, grey_as_color, changes
):
    image = saved(ct_slice(pixels=grey_as_color, **changes))
    assert image.intensity is Intensity.ARBITRARY
    np.testing.assert_array_equal(image.voxels[0], grey_as_color[..., 0])


def test_a_palette_file_becomes_the_colors_of_its_table(saved, ct_slice):
    dataset = ct_slice(
        pixels=np.array([[0, 1], [2, 3]], dtype=np.uint8), Modality="NM", PhotometricInterpretation="PALETTE COLOR"
    )
    channels = {"Red": [0, 65_535, 0, 0], "Green": [0, 0, 65_535, 0], "Blue": [0, 0, 0, 32_768]}
    for name, values in channels.items():
        setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [4, 0, 16])
        setattr(dataset, f"{name}PaletteColorLookupTableData", np.array(values, dtype="<u2").tobytes())
        dataset[f"{name}PaletteColorLookupTableDescriptor"].VR = "US"
    image = saved(dataset)
    assert image.intensity is Intensity.RGB
    assert image.modality is Modality.SPECT
    np.testing.assert_array_equal(image.voxels[0], [[[0, 0, 0], [255, 0, 0]], [[0, 255, 0], [0, 0, 128]]])


@pytest.mark.parametrize(
    ("changes", "tag"),
    [
        ({"RescaleSlope": None, "RescaleIntercept": None}, "RescaleSlope (0028,1053)"),
        ({"RescaleType": "US"}, "RescaleType (0028,1054)"),
    ],
)
def test_a_ct_that_does_not_say_hu_is_not_called_hu(saved, ct_slice, changes, tag):
    image = saved(ct_slice(**changes))
    assert image.intensity is Intensity.ARBITRARY
    assert tag in warnings_of(image.history)[0]


@pytest.mark.parametrize(
    ("code", "modality", "intensity"),
    [
        ("MR", Modality.MRI, Intensity.ARBITRARY),
        ("NM", Modality.SPECT, Intensity.COUNTS),
        ("US", Modality.OTHER, Intensity.ARBITRARY),
    ],
)
def test_the_modality_decides_what_grey_numbers_mean(saved, ct_slice, code, modality, intensity):
    image = saved(ct_slice(Modality=code))
    assert (image.modality, image.intensity) == (modality, intensity)


def test_a_pet_series_comes_out_in_suv(write_series, pet_slice, stored_ramp):
    folder = write_series([pet_slice(z, RescaleSlope=slope) for z, slope in ((0, 2), (5, 3))])
    image = dicom.read(folder)
    assert image.intensity is Intensity.SUV
    # 70 kg x 1000 / 50 MBq left at the scan
    np.testing.assert_allclose(image.voxels[1], stored_ramp * 3 * 0.0014, rtol=1e-6)
    assert image.source.windows == ()
    assert image.history[0].facts["suv_decay_s"] == 3600


@pytest.mark.parametrize(
    ("units", "intensity"),
    [("BQML", Intensity.BQML), ("PROPCNTS", Intensity.COUNTS), ("1CM", Intensity.ARBITRARY)],
)
def test_a_pet_without_a_weight_keeps_its_unit_and_names_the_tag(saved, pet_slice, units, intensity):
    image = saved(pet_slice(Units=units, PatientWeight=None))
    assert image.intensity is intensity
    expected = "PatientWeight (0010,1030)" if units == "BQML" else "Units (0054,1001)"
    assert expected in warnings_of(image.history)[0]


def test_every_window_of_the_file_is_kept_without_its_name(saved, ct_slice):
    image = saved(ct_slice(WindowCenterWidthExplanation=["for Dr. Who", "LUNG"]))
    assert image.source.windows == (Window(400, 40), Window(1500, -600))


def test_the_digest_is_that_of_the_files_in_slice_order(write_series, ct_slice):
    folder = write_series([ct_slice(5), ct_slice(0)])
    by_place = [folder / "007.dcm", folder / "000.dcm"]
    expected = hashlib.sha256(b"".join(path.read_bytes() for path in by_place)).hexdigest()
    assert dicom.read(folder).source.digest == expected


def test_a_chosen_slice_is_the_same_as_in_the_whole_series(write_series, pet_slice, stored_ramp):
    folder = write_series([pet_slice(z, stored_ramp + np.int16(z), RescaleSlope=z + 1) for z in (0, 5, 10)])
    whole, one = dicom.read(folder), dicom.read(folder, slice_choice=SliceChoice(position_mm=9.0))
    np.testing.assert_array_equal(one.voxels[0], whole.voxels[2])
    assert one.geometry.shape == (1, 4, 6)
    np.testing.assert_allclose(one.geometry.matrix, whole.geometry.slices(2, 3).matrix)


def test_only_the_chosen_slice_is_decoded(write_series, ct_slice):
    folder = write_series([ct_slice(0), ct_slice(5, PixelData=b"\0\0"), ct_slice(10)])
    assert dicom.read(folder, slice_choice=SliceChoice(index=2)).voxels.shape == (1, 4, 6)
    with pytest.raises(ImageError, match="cannot be decoded"):
        dicom.read(folder)


def test_a_slice_that_is_not_there_is_a_wrong_request(write_series, ct_slice):
    with pytest.raises(UsageError, match="no slice 2"):
        dicom.read(write_series([ct_slice(0), ct_slice(5)]), slice_choice=SliceChoice(index=2))


def test_a_multi_frame_dose_is_a_volume_in_its_own_unit(saved, ct_slice):
    pixels = np.arange(3 * 4 * 6, dtype=np.uint32).reshape(3, 4, 6)
    dataset = ct_slice(pixels=pixels, Modality="RTDOSE", RescaleSlope=None, RescaleIntercept=None)
    dataset.GridFrameOffsetVector = [0, 2.5, 5]
    dataset.DoseGridScaling = 0.5
    image = saved(dataset)
    np.testing.assert_array_equal(image.voxels, pixels * 0.5)
    assert image.geometry.spacing_mm == (2.5, 2.5, 1.5)


def test_a_reconstructed_nuclear_volume_is_stacked_by_the_sign_of_its_spacing(saved, ct_slice):
    pixels = np.arange(3 * 4 * 6, dtype=np.uint16).reshape(3, 4, 6)
    changes = {"Modality": "NM", "ImageType": ["ORIGINAL", "PRIMARY", "RECON TOMO"], "RescaleIntercept": 0}
    upward = saved(ct_slice(pixels=pixels, SpacingBetweenSlices=4, **changes))
    downward = saved(ct_slice(pixels=pixels, SpacingBetweenSlices=-4, **changes))
    np.testing.assert_array_equal(upward.voxels, pixels)
    np.testing.assert_array_equal(downward.voxels, pixels[::-1])
    assert upward.geometry.matrix[2, 3] == 0
    assert downward.geometry.matrix[2, 3] == -8


def test_nuclear_views_that_are_no_stack_have_no_place(saved, ct_slice):
    pixels = np.zeros((2, 4, 6), dtype=np.uint16)
    image = saved(ct_slice(pixels=pixels, Modality="NM", ImageType=["ORIGINAL", "PRIMARY", "WHOLE BODY"]))
    assert not image.geometry.is_patient


def enhanced(make, frames: int = 3) -> Dataset:
    """An enhanced MR file whose frames lie head first and have their own slopes."""
    pixels = np.arange(frames * 4 * 6, dtype=np.uint16).reshape(frames, 4, 6)
    removed = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "RescaleSlope")
    dataset = make(pixels=pixels, Modality="MR", RescaleIntercept=None, **dict.fromkeys(removed))
    plane, measures, shared = Dataset(), Dataset(), Dataset()
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing = [2, 2]
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [plane], [measures]
    dataset.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for k in range(frames):
        position, value, group = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = [0, 0, -3.0 * k]
        value.RescaleSlope, value.RescaleIntercept = k + 1, 10 * k
        group.PlanePositionSequence, group.PixelValueTransformationSequence = [position], [value]
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = groups
    return dataset


def test_an_enhanced_file_is_sorted_and_rescaled_frame_by_frame(saved, ct_slice):
    image = saved(enhanced(ct_slice))
    stored = np.arange(3 * 4 * 6).reshape(3, 4, 6)
    expected = np.stack([stored[k] * (k + 1) + 10 * k for k in (2, 1, 0)])
    np.testing.assert_array_equal(image.voxels, expected)
    assert image.geometry.spacing_mm == (3, 2, 2)
    assert image.geometry.matrix[2, 3] == -6


def test_one_frame_of_an_enhanced_file_can_be_chosen(tmp_path, write, ct_slice):
    path = write(tmp_path / "enhanced.dcm", enhanced(ct_slice))
    one = dicom.read(path, slice_choice=SliceChoice(index=0))
    np.testing.assert_array_equal(one.voxels, dicom.read(path).voxels[:1])


def test_an_enhanced_file_that_describes_fewer_frames_than_it_has_is_refused(saved, ct_slice):
    dataset = enhanced(ct_slice)
    dataset.NumberOfFrames = 4
    with pytest.raises(ImageError, match="describes 3"):
        saved(dataset)


@pytest.mark.parametrize("count", ["0", "-3", "2000000000"])
def test_an_impossible_number_of_frames_is_refused(saved, ct_slice, count):
    with pytest.raises(ImageError, match="frames"):
        saved(ct_slice(NumberOfFrames=count))


def test_a_truncated_file_is_refused_with_what_to_do(tmp_path, write, ct_slice):
    path = write(tmp_path / "one.dcm", ct_slice())
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ImageError, match=r"one\.dcm") as caught:
        dicom.read(path)
    assert caught.value.why
    assert "again" in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"PixelData": bytes(6)}, "cut short"),
        ({"BitsAllocated": 12}, "BitsAllocated (0028,0100) is neither 1 nor a multiple of 8"),
        ({"PhotometricInterpretation": "DOE JANE"}, "PhotometricInterpretation (0028,0004) is none that is known"),
        ({"PixelRepresentation": 4711}, "the decoder stopped with ValueError"),
    ],
)
def test_pixels_that_cannot_be_decoded_are_refused_in_our_own_words(saved, ct_slice, changes, fault):
    with pytest.raises(ImageError, match="cannot be decoded") as caught:
        saved(ct_slice(**changes))
    assert fault in caught.value.why
    assert caught.value.why.startswith("Explicit VR Little Endian: ")
    quoted = [str(value) for value in changes.values() if not isinstance(value, bytes)]
    assert not any(value in str(caught.value) for value in quoted)
    assert all(value in str(caught.value.__cause__) for value in quoted)  # so that there was something to keep back


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_compressed_pixels_that_are_broken_are_refused_with_their_transfer_syntax(tmp_path, write, ct_slice, syntax):
    dataset = ct_slice()
    dataset.PixelData = encapsulate([b"Doe^Jane" * 12])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    with pytest.raises(ImageError, match="cannot be decoded") as caught:
        dicom.read(write(tmp_path / "one.dcm", dataset, syntax))
    assert caught.value.why.startswith(f"{syntax.name}: ")
    assert "Doe" not in str(caught.value)


def test_a_transfer_syntax_that_is_no_uid_is_not_repeated(tmp_path, write, ct_slice):
    known = dicom.describe(write(tmp_path / "known.dcm", ct_slice()))[0].transfer_syntax
    path = tmp_path / "odd.dcm"
    path.write_bytes((tmp_path / "known.dcm").read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"DOE^JANE 19510203 XY"))
    (info,) = dicom.describe(path)
    assert known == "Explicit VR Little Endian"
    assert info.transfer_syntax == "unknown transfer syntax"


def test_a_file_without_pixels_is_refused(saved, ct_slice):
    with pytest.raises(ImageError, match="holds no pixels"):
        saved(ct_slice(PixelData=None))


def test_a_report_is_no_image(saved, ct_slice):
    report = ct_slice(Modality="SR", PixelData=None, Rows=None, Columns=None)
    with pytest.raises(ImageError, match="no image") as caught:
        saved(report)
    assert "SR" in caught.value.why


def test_a_slope_of_zero_is_refused(saved, ct_slice):
    with pytest.raises(ImageError, match="slope"):
        saved(ct_slice(RescaleSlope=0))


def test_a_broken_slope_is_not_taken_for_a_missing_one(tmp_path, write, ct_slice):
    path = write(tmp_path / "one.dcm", ct_slice(RescaleSlope="12345678"))
    path.write_bytes(path.read_bytes().replace(b"12345678", b"twelve##"))
    with pytest.raises(ImageError, match=r"RescaleSlope \(0028,1053\)"):
        dicom.read(path)


def test_slices_of_grey_and_color_are_refused(write_series, ct_slice):
    folder = write_series([ct_slice(0), ct_slice(5, np.zeros((4, 6, 3), dtype=np.uint8))])
    with pytest.raises(ImageError, match="same kind of pixels"):
        dicom.read(folder)


def test_nothing_that_names_the_patient_leaves_the_file(write_series, ct_slice):
    folder = write_series([ct_slice(0), ct_slice(5)])
    image = dicom.read(folder)
    said = f"{image.history} {image.source} {dicom.describe(folder)[0].as_dict()}"
    for secret in ("Doe", "Jane", "SECRET", "19510203"):
        assert secret not in said


def test_files_of_one_patient_are_told_from_those_of_another(saved, ct_slice, pet_slice):
    ct, pet, other = saved(ct_slice()), saved(pet_slice()), saved(ct_slice(PatientID="SECRET-4712"))
    issued, elsewhere = (saved(ct_slice(IssuerOfPatientID=f"Hospital {name}")) for name in "AB")
    assert ct.source.patient == pet.source.patient
    assert len({ct.source.patient, other.source.patient, issued.source.patient, elsewhere.source.patient}) == 4
    assert ct.source.patient.is_other_than(other.source.patient)
    assert issued.source.patient.is_other_than(elsewhere.source.patient)
    for digest in (issued.source.patient.number, issued.source.patient.issuer):
        assert digest not in f"{issued.source} {issued.history} {issued.source.patient}"


def test_an_issuer_that_only_one_file_states_does_not_make_two_patients(saved, ct_slice, pet_slice):
    ct, pet = saved(ct_slice(IssuerOfPatientID="Hospital A")), saved(pet_slice())
    assert not ct.source.patient.is_other_than(pet.source.patient)
    assert not pet.source.patient.is_other_than(ct.source.patient)


@pytest.mark.parametrize("patient", [None, "", "  "])
def test_a_file_without_a_patient_id_is_nobodys(saved, ct_slice, patient):
    assert saved(ct_slice(PatientID=patient, IssuerOfPatientID="Hospital A")).source.patient is None


def test_the_remarks_of_the_parser_reach_neither_warnings_nor_the_log(tmp_path, write, ct_slice, caplog):
    path = write(tmp_path / "one.dcm", ct_slice(WindowWidth=None, StudyDate="20250101"))
    path.write_bytes(path.read_bytes().replace(b"20250101", b"20259999"))
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dicom.read(path)
        dicom.describe(path)
    assert not caught
    assert not caplog.records


def test_no_broken_byte_raises_anything_but_our_own_errors(tmp_path, write, pet_slice):
    whole = write(tmp_path / "one.dcm", pet_slice()).read_bytes()
    random = np.random.default_rng(4711)
    path = Path(tmp_path / "broken.dcm")
    outcomes = set()
    for _ in range(150):
        content = bytearray(whole)
        for place in random.integers(128, len(whole), 6):
            content[place] = random.integers(256)
        path.write_bytes(content[: random.integers(len(whole) // 2, len(whole) * 2)])
        for call in (dicom.read, dicom.describe):
            try:
                call(path)
                outcomes.add("read")
            except FusecliError:
                outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_two_series_of_one_place_have_one_grid_and_other_voxels(write_series, ct_slice, pet_slice):
    ct, pet = dicom.read(write_series([ct_slice(0)], "ct")), dicom.read(write_series([pet_slice(0)], "pet"))
    np.testing.assert_array_equal(ct.geometry.matrix, pet.geometry.matrix)
    assert replace(ct.source, windows=()) != replace(pet.source, windows=())
