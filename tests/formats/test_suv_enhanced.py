"""SUV of multi-frame PET, whose quantities stand in functional groups: PS3.3 A.56 and A.72."""

import numpy as np
import pytest
from pydicom import Dataset

from fusecli.core.intensity import Intensity
from fusecli.errors import FusecliError
from fusecli.formats import dicom
from fusecli.formats.dicom.suv import suv_factors
from fusecli.formats.dicom.suv.frame_header import frame_header
from fusecli.settings import ReadSettings, SuvSettings

ENHANCED, LEGACY = "1.2.840.10008.5.1.4.1.1.130", "1.2.840.10008.5.1.4.1.1.128.1"
AT_SCAN = 70_000 / 50e6  # 70 kg, 100 MBq, one half-life of an hour from injection to the moment of the correction


def item(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def value_map(code, slope, intercept=0.0):
    return item(
        RealWorldValueSlope=slope,
        RealWorldValueIntercept=intercept,
        MeasurementUnitsCodeSequence=[item(CodeValue=code, CodingSchemeDesignator="UCUM", CodeMeaning="unit")],
    )


def per_frame(z, slope, started, code="Bq/ml"):
    return item(
        PlanePositionSequence=[item(ImagePositionPatient=[-10.0, -20.0, z])],
        FrameContentSequence=[item(FrameAcquisitionDateTime=started, FrameAcquisitionDuration=600_000.5)],
        PixelValueTransformationSequence=[item(RescaleSlope=slope, RescaleIntercept=0, RescaleType="US")],
        RealWorldValueMappingSequence=[value_map("{ratio}", 1.0), value_map(code, float(slope))],
    )


@pytest.fixture
def enhanced(ct_slice):
    """Three frames 5 mm apart with slopes 1, 2 and 4, corrected to 11:00, an hour after the injection."""
    dataset = ct_slice(0, np.full((3, 4, 6), 1000, dtype=np.int16))
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope"):
        delattr(dataset, keyword)
    del dataset.RescaleIntercept, dataset.WindowWidth, dataset.WindowCenter
    dataset.SOPClassUID, dataset.Modality, dataset.PatientWeight = ENHANCED, "PT", 70
    dataset.DecayCorrected, dataset.AttenuationCorrected = "YES", "YES"
    dataset.DecayCorrectionDateTime = "20250101110000"
    dataset.RadiopharmaceuticalInformationSequence = [
        item(
            RadiopharmaceuticalAgentNumber=1,
            RadionuclideTotalDose=100e6,
            RadionuclideHalfLife=3600,
            RadiopharmaceuticalStartDateTime="20250101100000",
        )
    ]
    dataset.SharedFunctionalGroupsSequence = [
        item(
            PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            PixelMeasuresSequence=[item(PixelSpacing=[2.5, 1.5], SliceThickness=5)],
            RadiopharmaceuticalUsageSequence=[item(RadiopharmaceuticalAgentNumber=1)],
        )
    ]
    dataset.PerFrameFunctionalGroupsSequence = [
        per_frame(0.0, 1, "20250101110000"),
        per_frame(5.0, 2, "20250101111000"),
        per_frame(10.0, 4, "20250101112000"),
    ]
    return dataset


def result_of(dataset, **given):
    return suv_factors([frame_header(dataset, index) for index in range(3)], SuvSettings(**given))


def test_an_enhanced_pet_is_read_in_suv_with_each_frame_s_own_slope(enhanced, write, tmp_path):
    image = dicom.read(write(tmp_path / "enhanced.dcm", enhanced))
    assert image.intensity is Intensity.SUV
    assert image.voxels[:, 0, 0] == pytest.approx(np.array([1000, 2000, 4000]) * AT_SCAN, rel=1e-6)
    (info,) = dicom.describe(tmp_path / "enhanced.dcm")
    assert info.suv.factor_range == pytest.approx((AT_SCAN, AT_SCAN))


def test_an_enhanced_pet_can_stay_in_activity(enhanced, write, tmp_path):
    path = write(tmp_path / "enhanced.dcm", enhanced)
    image = dicom.read(path, settings=ReadSettings(suv=SuvSettings(norm="bqml")))
    assert image.intensity is Intensity.BQML
    assert image.voxels[:, 0, 0] == pytest.approx([1000, 2000, 4000])


def test_the_moment_of_the_correction_decides_wherever_the_frames_begin(enhanced):
    result = result_of(enhanced)
    assert result.factors == pytest.approx([AT_SCAN] * 3, rel=1e-12)
    assert "DecayCorrectionDateTime (0018,9701)" in result.route
    enhanced.DecayCorrectionDateTime = "20250101100000"  # to the injection
    assert result_of(enhanced).factors == pytest.approx([70_000 / 100e6] * 3, rel=1e-12)


def test_an_uncorrected_enhanced_pet_is_corrected_by_each_frame_s_own_time(enhanced):
    enhanced.DecayCorrected = "NO"
    del enhanced.DecayCorrectionDateTime
    rate = np.log(2) / 3600
    mean = rate * 600.0005 / (1 - np.exp(-rate * 600.0005))
    expected = [70_000 / 100e6 * np.exp(rate * since) * mean for since in (3600, 4200, 4800)]
    assert result_of(enhanced).factors == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("code", "factor"),
    [("g/ml{SUVbw}", 1.0), ("{SUVbw}g/ml", 1.0), ("g/ml{SUVlbm}", 70 / 57.8), ("{SUVlbm}g/ml", 70 / 57.8)],
)
def test_the_unit_of_the_value_map_decides_the_route(enhanced, code, factor):
    enhanced.PatientSize, enhanced.PatientSex = 1.75, "M"
    for group, slope in zip(enhanced.PerFrameFunctionalGroupsSequence, (1, 2, 4), strict=True):
        group.RealWorldValueMappingSequence = [value_map(code, float(slope))]
    assert result_of(enhanced).factors == pytest.approx([factor] * 3)


@pytest.mark.parametrize("other", [value_map("Bq/ml", 7.0), value_map("Bq/ml", 1.0, 5.0), value_map("furlong", 1.0)])
def test_a_value_map_that_maps_the_numbers_otherwise_tells_no_unit(enhanced, other):
    enhanced.PerFrameFunctionalGroupsSequence[0].RealWorldValueMappingSequence = [other]
    assert not result_of(enhanced).factors


@pytest.mark.parametrize(
    ("keyword", "missing"),
    [
        ("PatientWeight", "PatientWeight (0010,1030)"),
        ("DecayCorrectionDateTime", "DecayCorrectionDateTime (0018,9701)"),
        ("AttenuationCorrected", "CorrectedImage (0028,0051) with ATTN"),
        ("RadiopharmaceuticalInformationSequence", "RadiopharmaceuticalInformationSequence (0054,0016)"),
    ],
)
def test_what_an_enhanced_pet_lacks_is_named(enhanced, keyword, missing):
    delattr(enhanced, keyword)
    assert result_of(enhanced).missing == (missing,)


def test_of_two_injections_the_one_counts_that_the_frames_name(enhanced):
    other = item(RadiopharmaceuticalAgentNumber=2, RadionuclideTotalDose=7e6, RadionuclideHalfLife=60)
    enhanced.RadiopharmaceuticalInformationSequence.append(other)
    assert result_of(enhanced).factors == pytest.approx([AT_SCAN] * 3)
    del enhanced.SharedFunctionalGroupsSequence[0].RadiopharmaceuticalUsageSequence
    assert "2 injections" in result_of(enhanced).missing[0]


def test_an_injection_in_the_shared_groups_is_found(enhanced):
    shared = enhanced.SharedFunctionalGroupsSequence[0]
    shared.RadiopharmaceuticalInformationSequence = enhanced.RadiopharmaceuticalInformationSequence
    del enhanced.RadiopharmaceuticalInformationSequence
    assert result_of(enhanced).factors == pytest.approx([AT_SCAN] * 3)


def test_quantities_given_by_hand_count_for_an_enhanced_pet(enhanced):
    assert result_of(enhanced, weight_kg=35.0).factors == pytest.approx([AT_SCAN / 2] * 3)


def test_a_legacy_converted_pet_keeps_the_elements_of_its_slices(enhanced):
    enhanced.SOPClassUID = LEGACY
    del enhanced.DecayCorrected, enhanced.AttenuationCorrected, enhanced.DecayCorrectionDateTime
    shared = enhanced.SharedFunctionalGroupsSequence[0]
    shared.UnassignedSharedConvertedAttributesSequence = [
        item(Units="BQML", DecayCorrection="START", CorrectedImage=["DECY", "ATTN"])
    ]
    for group, clock in zip(enhanced.PerFrameFunctionalGroupsSequence, ("110000", "111000", "112000"), strict=True):
        del group.FrameContentSequence, group.RealWorldValueMappingSequence
        group.UnassignedPerFrameConvertedAttributesSequence = [
            item(AcquisitionDate="20250101", AcquisitionTime=clock, ActualFrameDuration=0)
        ]
    for index, ms in enumerate((0, 600_000, 1_200_000)):
        group = enhanced.PerFrameFunctionalGroupsSequence[index]
        group.UnassignedPerFrameConvertedAttributesSequence[0].FrameReferenceTime = ms
    result = result_of(enhanced)
    assert result.factors == pytest.approx([AT_SCAN] * 3)
    assert "FrameReferenceTime" in result.route


def test_the_header_of_a_classic_slice_is_its_own_and_that_of_a_frame_leaves_the_file_s_untouched(enhanced, pet_slice):
    classic = pet_slice()
    assert frame_header(classic, 0) is classic
    enhanced.AcquisitionDateTime, enhanced.AcquisitionTime = "20241224180000", "180000"
    enhanced.Units = enhanced.DecayCorrection = ""
    enhanced.RadiopharmaceuticalInformationSequence.append(item(RadiopharmaceuticalAgentNumber=2))
    before = enhanced.to_json()
    assert frame_header(enhanced, 2).AcquisitionDateTime == "20250101112000"
    assert enhanced.to_json() == before


def test_frames_of_several_times_at_one_place_are_no_volume(enhanced, write, tmp_path):
    groups = enhanced.PerFrameFunctionalGroupsSequence
    groups[1].PlanePositionSequence = groups[0].PlanePositionSequence
    groups[2].PlanePositionSequence = groups[0].PlanePositionSequence
    with pytest.raises(FusecliError):
        dicom.read(write(tmp_path / "dynamic.dcm", enhanced))
