"""Quantities given by hand: used before what is missing is asked for, recorded, and warned of where they contradict."""

import numpy as np
import pytest

from fusecli.core.history import last_step, warnings_of
from fusecli.formats import dicom
from fusecli.formats.dicom.suv import suv_factors
from fusecli.settings import ReadSettings, SuvSettings

AT_SCAN = 70_000 / 50e6  # 70 kg, 100 MBq, one half-life of an hour
WEIGHT, DOSE, HALF_LIFE = "PatientWeight (0010,1030)", "RadionuclideTotalDose (0018,1074)", "RadionuclideHalfLife"


def without(header, *keywords):
    for keyword in keywords:
        delattr(header.RadiopharmaceuticalInformationSequence[0], keyword)
    return header


@pytest.mark.parametrize(
    ("weight", "removed", "given"),
    [
        (None, (), {"weight_kg": 70.0}),
        (70, ("RadionuclideTotalDose",), {"dose_bq": 100e6}),
        (70, ("RadionuclideHalfLife",), {"half_life_s": 3600.0}),
        (70, ("RadiopharmaceuticalStartTime", "RadiopharmaceuticalStartDateTime"), {"injected_at": "100000"}),
        (70, ("RadiopharmaceuticalStartTime", "RadiopharmaceuticalStartDateTime"), {"injected_at": "20250101100000"}),
    ],
)
def test_a_quantity_given_by_hand_stands_in_for_a_missing_one(pet_slice, weight, removed, given):
    slices = [without(pet_slice(z, PatientWeight=weight), *removed) for z in (0, 5)]
    assert suv_factors(slices).missing
    result = suv_factors(slices, SuvSettings(**given))
    assert result.factors == pytest.approx((AT_SCAN, AT_SCAN), rel=1e-12)
    assert result.warnings == ()


def test_everything_of_an_injection_can_be_given_where_the_header_has_none(pet_slice):
    bare = pet_slice(PatientWeight=None, RadiopharmaceuticalInformationSequence=None)
    given = SuvSettings(weight_kg=80.0, dose_bq=200e6, half_life_s=1800.0, injected_at="103000")
    assert suv_factors([bare], given).factors == pytest.approx((80_000 / (200e6 / 2),), rel=1e-12)


def test_what_is_given_is_used_instead_of_what_the_header_says(pet_slice):
    given = SuvSettings(weight_kg=35.0, dose_bq=400e6, half_life_s=1800.0, injected_at="093000")
    # An hour and a half are three half-lives of half an hour.
    assert suv_factors([pet_slice()], given).factors == pytest.approx((35_000 / (400e6 / 8),), rel=1e-12)


def test_the_headers_themselves_stay_as_they_are(pet_slice):
    header = pet_slice()
    suv_factors([header], SuvSettings(weight_kg=35.0, dose_bq=1e9, injected_at="090000", half_life_s=60.0))
    assert header.PatientWeight == 70
    assert header.RadiopharmaceuticalInformationSequence[0].RadionuclideTotalDose == 100e6
    assert suv_factors([header]).factors == pytest.approx((AT_SCAN,))


def test_the_numbers_that_were_typed_are_kept_and_of_an_injection_the_time_of_day(pet_slice):
    given = SuvSettings(weight_kg=71.5, dose_bq=370e6, half_life_s=6588.0, injected_at="20250101093015")
    facts = suv_factors([pet_slice()], given).facts
    assert facts["suv_given_weight_kg"] == 71.5
    assert facts["suv_given_dose_bq"] == 370e6
    assert facts["suv_given_half_life_s"] == 6588.0
    assert facts["suv_given_injected_at"] == "09:30:15"
    assert facts["suv_decay_s"] == 5385
    assert facts["suv_overridden"].startswith(f"{WEIGHT}, {DOSE}, {HALF_LIFE} (0018,1075), ")
    assert "2025" not in str(dict(facts))


def test_nothing_is_recorded_where_nothing_was_given(pet_slice):
    assert not [name for name in suv_factors([pet_slice()]).facts if "given" in name or "overridden" in name]


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"weight_kg": 71.0}, "--suv-weight"),
        ({"dose_bq": 98e6}, "--suv-dose"),
        ({"half_life_s": 3650.0}, "--suv-half-life"),
        ({"injected_at": "100100"}, "--suv-injected-at"),
    ],
)
def test_replacing_a_quantity_by_one_that_differs_is_warned_of_without_telling_the_old_one(pet_slice, given, option):
    (warning,) = suv_factors([pet_slice()], SuvSettings(**given)).warnings
    assert warning.startswith(f"{option} replaces")
    assert not {"70", "100", "3600", "1000"} & set(warning.replace(",", " ").replace(".", " ").split())


@pytest.mark.parametrize(
    "given", [{"weight_kg": 70.4}, {"dose_bq": 100.5e6}, {"half_life_s": 3610.0}, {"injected_at": "100010"}]
)
def test_replacing_a_quantity_by_nearly_the_same_is_not_warned_of(pet_slice, given):
    assert suv_factors([pet_slice()], SuvSettings(**given)).warnings == ()


def test_a_weight_in_grams_and_a_dose_in_megabecquerel_are_compared_in_the_same_unit(pet_slice):
    header = pet_slice(PatientWeight=70_000)
    header.RadiopharmaceuticalInformationSequence[0].RadionuclideTotalDose = 100
    assert suv_factors([header], SuvSettings(weight_kg=70.0, dose_bq=100e6)).warnings == ()


def test_a_weight_in_a_broken_element_can_be_replaced(pet_slice):
    header = pet_slice()
    header.add_new("PatientWeight", "LO", "heavy")
    assert suv_factors([header], SuvSettings(weight_kg=70.0)).factors == pytest.approx((AT_SCAN,))


def test_a_long_decimal_is_taken_as_it_is(pet_slice):
    result = suv_factors([pet_slice()], SuvSettings(weight_kg=70.123456789012345, dose_bq=1e8 / 3))
    assert result.factors == pytest.approx((70_123.456789012345 / (1e8 / 6),), rel=1e-12)


def test_an_injection_given_for_a_time_after_the_scan_gives_no_suv(pet_slice):
    (missing,) = suv_factors([pet_slice()], SuvSettings(injected_at="20250101120000")).missing
    assert "fits the acquisition" in missing


def test_an_injection_before_midnight_may_be_given_without_a_date(pet_slice):
    night = {"AcquisitionDate": "20250102", "AcquisitionTime": "003000", "SeriesDate": "20250102"}
    slices = [pet_slice(SeriesTime="003000", **night)]
    assert suv_factors(slices, SuvSettings(injected_at="233000")).factors == pytest.approx((AT_SCAN,))


@pytest.mark.parametrize(
    ("changes", "given", "idle"),
    [
        ({"Units": "GML"}, {"weight_kg": 70.0}, "--suv-weight"),
        ({"Units": "GML"}, {"dose_bq": 1e8}, "--suv-dose"),
        ({"DecayCorrection": "ADMIN"}, {"half_life_s": 3600.0}, "--suv-half-life"),
        ({"DecayCorrection": "ADMIN"}, {"injected_at": "100000"}, "--suv-injected-at"),
        ({"DecayCorrection": "ADMIN"}, {"dose_bq": 1e8}, None),
        ({}, {"injected_at": "100000"}, None),
    ],
)
def test_a_quantity_that_does_not_count_is_told_to_have_no_effect(pet_slice, changes, given, idle):
    warnings = suv_factors([pet_slice(**changes)], SuvSettings(**given)).warnings
    assert [text.split(" has no effect")[0] for text in warnings] == ([idle] if idle else [])


def test_several_injections_give_no_suv_and_say_why(pet_slice):
    header = pet_slice()
    header.RadiopharmaceuticalInformationSequence.append(header.RadiopharmaceuticalInformationSequence[0])
    (missing,) = suv_factors([header]).missing
    assert "RadiopharmaceuticalInformationSequence (0054,0016)" in missing
    assert "2 injections" in missing
    assert suv_factors([header], SuvSettings(dose_bq=1e8)).missing == (missing,)


def test_several_injections_give_way_to_one_that_is_given_whole(pet_slice):
    header = pet_slice()
    header.RadiopharmaceuticalInformationSequence.append(header.RadiopharmaceuticalInformationSequence[0])
    given = SuvSettings(dose_bq=100e6, half_life_s=3600.0, injected_at="100000")
    assert suv_factors([header], given).factors == pytest.approx((AT_SCAN,))


def test_quantities_for_an_image_that_is_no_pet_have_no_effect_and_say_so(ct_slice, write_series):
    folder = write_series([ct_slice()])
    with_weight = dicom.read(folder, settings=ReadSettings(suv=SuvSettings(weight_kg=70.0)))
    assert warnings_of(with_weight.history) == ("The --suv options have no effect: this series is no PET.",)
    assert warnings_of(dicom.read(folder).history) == ()
    np.testing.assert_array_equal(with_weight.voxels, dicom.read(folder).voxels)


def test_quantities_reach_the_history_of_an_image(pet_slice, write_series):
    folder = write_series([pet_slice(PatientWeight=None)])
    facts = last_step(dicom.read(folder, settings=ReadSettings(suv=SuvSettings(weight_kg=70.0))).history, "read").facts
    assert facts["suv_given_weight_kg"] == 70.0
    assert facts["suv_overridden"] == WEIGHT


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"LongitudinalTemporalInformationModified": "REMOVED"}, "(0028,0303) is REMOVED"),
        ({"PatientIdentityRemoved": "YES"}, "(0012,0062) is YES"),
        ({"LongitudinalTemporalInformationModified": "UNMODIFIED"}, None),
        ({}, None),
    ],
)
def test_missing_dates_of_a_deidentified_file_are_told_to_be_taken_out(pet_slice, write_series, changes, said):
    result = suv_factors([pet_slice(AcquisitionDate=None, **changes)])
    assert result.missing == ("AcquisitionDate (0008,0022)",)
    assert [said in text for text in result.warnings] == ([True] if said else [])
    image = dicom.read(write_series([pet_slice(AcquisitionDate=None, **changes)]))
    assert any("de-identified" in text for text in image.history[0].warnings) is (said is not None)


def test_an_injection_during_a_scan_is_warned_of(pet_slice):
    header = pet_slice(ActualFrameDuration=1_200_000, FrameReferenceTime=None)
    del header.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartDateTime
    header.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartTime = "110500"
    result = suv_factors([header])
    assert result.facts["suv_decay_s"] == -300
    assert result.factors == pytest.approx((70_000 / 100e6 * 2 ** (-300 / 3600),))
    assert "after the start of the scan" in result.warnings[0]
