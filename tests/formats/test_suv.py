"""SUV factors against answers worked out by hand: 70 kg, 100 MBq and a half-life of one hour, if not said otherwise."""

import math
from datetime import timedelta
from itertools import pairwise

import pytest
from pydicom import Dataset

from fusecli.formats.dicom.suv import suv_factors
from fusecli.formats.dicom.suv.moments import mean_of_frame, parse_moment

# One half-life after the injection half of 100 MBq is left: 70 kg x 1000 g / 50 MBq.
AT_SCAN = 70_000 / 50e6
AT_INJECTION = 70_000 / 100e6


def injected(dataset: Dataset, **changes: object) -> Dataset:
    for keyword, value in changes.items():
        item = dataset.RadiopharmaceuticalInformationSequence[0]
        if value is None:
            delattr(item, keyword)
        else:
            setattr(item, keyword, value)
    return dataset


def private(dataset: Dataset, group: int, creator: str, element: int, vr: str, value: object) -> Dataset:
    dataset.private_block(group, creator, create=True).add_new(element, vr, value)
    return dataset


def test_a_start_corrected_image_is_divided_by_the_dose_left_at_the_scan(pet_slice):
    result = suv_factors([pet_slice(0), pet_slice(5)])
    assert result.factors == pytest.approx((AT_SCAN, AT_SCAN), rel=1e-12)
    assert not result.missing
    assert not result.warnings
    assert result.facts["suv_decay_s"] == 3600


def test_an_admin_corrected_image_is_divided_by_the_whole_dose(pet_slice):
    assert suv_factors([pet_slice(DecayCorrection="ADMIN")]).factors == pytest.approx((AT_INJECTION,))


def test_an_admin_corrected_image_needs_no_times(pet_slice):
    header = injected(
        pet_slice(DecayCorrection="ADMIN", AcquisitionTime=None, SeriesTime=None),
        RadiopharmaceuticalStartDateTime=None,
        RadiopharmaceuticalStartTime=None,
        RadionuclideHalfLife=None,
    )
    assert suv_factors([header]).factors == pytest.approx((AT_INJECTION,))


def test_an_uncorrected_image_is_corrected_from_each_slice_s_own_time(pet_slice):
    early = pet_slice(0, DecayCorrection="NONE", CorrectedImage=["ATTN"])
    late = pet_slice(5, DecayCorrection="NONE", CorrectedImage=["ATTN"], AcquisitionTime="120000")
    assert suv_factors([early, late]).factors == pytest.approx((AT_SCAN, 2 * AT_SCAN))


def test_an_uncorrected_image_is_corrected_to_the_mean_of_its_frame(pet_slice):
    header = pet_slice(DecayCorrection="NONE", CorrectedImage=["ATTN"], ActualFrameDuration=3_600_000)
    # Over one half-life the mean activity is (1 - 1/2) / ln 2 of that at the start.
    assert suv_factors([header]).factors[0] == pytest.approx(AT_SCAN / (0.5 / math.log(2)))


def test_an_uncorrected_image_without_frame_duration_gives_no_suv(pet_slice):
    header = pet_slice(DecayCorrection="NONE", CorrectedImage=["ATTN"], ActualFrameDuration=None)
    assert suv_factors([header]).missing == ("ActualFrameDuration (0018,1242)",)


@pytest.mark.parametrize(
    ("half_life_s", "hours", "factor"),
    [
        (4062.6, 1, 2 ** (3600 / 4062.6)),  # Ga-68
        (230_760, 24, 2 ** (86_400 / 230_760)),  # Y-90, scanned a day later
        (122.24, 0.1, 2 ** (360 / 122.24)),  # O-15
    ],
)
def test_any_radionuclide_decays_by_its_own_half_life(pet_slice, half_life_s, hours, factor):
    start = parse_moment("20250101110000") - timedelta(hours=hours)
    header = injected(
        pet_slice(),
        RadionuclideHalfLife=half_life_s,
        RadiopharmaceuticalStartDateTime=start.strftime("%Y%m%d%H%M%S"),
        RadiopharmaceuticalStartTime=start.strftime("%H%M%S"),
    )
    assert suv_factors([header]).factors[0] == pytest.approx(AT_INJECTION * factor, rel=1e-9)


def test_an_injection_before_midnight_is_taken_on_the_day_before_the_scan(pet_slice):
    header = injected(
        pet_slice(AcquisitionDate="20250102", AcquisitionTime="003000", SeriesDate="20250102", SeriesTime="003000"),
        RadiopharmaceuticalStartDateTime=None,
        RadiopharmaceuticalStartTime="233000",
    )
    assert suv_factors([header]).factors == pytest.approx((AT_SCAN,))


def test_a_scan_over_midnight_with_a_date_that_does_not_change_gives_no_suv(pet_slice):
    late, early = pet_slice(0, AcquisitionTime="235500"), pet_slice(5, AcquisitionTime="000500")
    assert "midnight" in suv_factors([late, early]).missing[0]
    dated = pet_slice(5, AcquisitionTime="000500", AcquisitionDate="20250102")
    for header in (late, dated):
        injected(header, RadiopharmaceuticalStartDateTime="20250101225500")
        header.SeriesTime, header.FrameReferenceTime = "235500", None
    assert suv_factors([late, dated]).factors == pytest.approx((AT_SCAN, AT_SCAN))


def test_an_injection_during_a_dynamic_scan_is_not_taken_for_the_day_before(pet_slice):
    header = injected(
        pet_slice(ActualFrameDuration=1_200_000, FrameReferenceTime=None),
        RadiopharmaceuticalStartDateTime=None,
        RadiopharmaceuticalStartTime="110500",
    )
    assert suv_factors([header]).facts["suv_decay_s"] == -300


def test_the_date_and_time_of_injection_go_before_the_time_alone(pet_slice):
    header = injected(pet_slice(), RadiopharmaceuticalStartTime="093000")
    result = suv_factors([header])
    assert result.factors == pytest.approx((AT_SCAN,))
    assert "RadiopharmaceuticalStartTime (0018,1072)" in result.warnings[0]


def test_an_injection_date_that_cannot_be_true_gives_way_to_the_time_with_a_warning(pet_slice):
    header = injected(pet_slice(), RadiopharmaceuticalStartDateTime="20241129100000")
    result = suv_factors([header])
    assert result.factors == pytest.approx((AT_SCAN,))
    assert "RadiopharmaceuticalStartDateTime (0018,1078)" in result.warnings[0]


def test_an_injection_that_cannot_be_true_gives_no_suv(pet_slice):
    header = injected(pet_slice(), RadiopharmaceuticalStartDateTime="20241129100000", RadiopharmaceuticalStartTime=None)
    result = suv_factors([header])
    assert not result.factors
    assert "de-identification" in result.missing[0]


def test_an_injection_time_in_utc_is_turned_to_the_clock_of_the_scan(pet_slice):
    header = injected(
        pet_slice(TimezoneOffsetFromUTC="+0200"), RadiopharmaceuticalStartDateTime="20250101080000.000000+0000"
    )
    assert suv_factors([header]).factors == pytest.approx((AT_SCAN,))


@pytest.mark.parametrize(
    ("keyword", "missing"),
    [
        ("PatientWeight", "PatientWeight (0010,1030)"),
        ("DecayCorrection", "DecayCorrection (0054,1102) of START, ADMIN or NONE"),
        ("AcquisitionTime", "AcquisitionTime (0008,0032)"),
        ("RescaleSlope", "RescaleSlope (0028,1053)"),
        ("RadiopharmaceuticalInformationSequence", "RadiopharmaceuticalInformationSequence (0054,0016)"),
    ],
)
def test_a_missing_element_is_named_and_never_replaced(pet_slice, keyword, missing):
    result = suv_factors([pet_slice(**{keyword: None})])
    assert result.factors == ()
    assert missing in result.missing


@pytest.mark.parametrize(
    ("keyword", "tag"), [("RadionuclideTotalDose", "(0018,1074)"), ("RadionuclideHalfLife", "(0018,1075)")]
)
def test_a_missing_dose_or_half_life_is_named_and_never_replaced(pet_slice, keyword, tag):
    for value in (None, 0):
        result = suv_factors([injected(pet_slice(), **{keyword: value})])
        assert result.factors == ()
        assert tag in result.missing[0]


def test_no_time_of_injection_at_all_names_both_elements(pet_slice):
    header = injected(pet_slice(), RadiopharmaceuticalStartDateTime=None, RadiopharmaceuticalStartTime=None)
    (missing,) = suv_factors([header]).missing
    assert "(0018,1078)" in missing
    assert "(0018,1072)" in missing


def test_a_weight_of_zero_is_a_missing_weight(pet_slice):
    assert suv_factors([pet_slice(PatientWeight=0)]).missing == ("PatientWeight (0010,1030)",)


def test_a_weight_in_grams_and_a_dose_in_megabecquerel_are_converted_with_a_warning(pet_slice):
    result = suv_factors([injected(pet_slice(PatientWeight=70_000), RadionuclideTotalDose=100)])
    assert result.factors == pytest.approx((AT_SCAN,))
    assert [word for text in result.warnings for word in ("grams", "MBq") if word in text] == ["grams", "MBq"]


@pytest.mark.parametrize("kept", ["ATTN", "DECY"])
def test_an_image_without_attenuation_or_decay_correction_gives_no_suv(pet_slice, kept):
    result = suv_factors([pet_slice(CorrectedImage=[kept])])
    assert not result.factors
    assert result.missing == (f"CorrectedImage (0028,0051) with {'DECY' if kept == 'ATTN' else 'ATTN'}",)


def test_a_rescale_intercept_gives_no_suv(pet_slice):
    assert suv_factors([pet_slice(RescaleIntercept=5)]).missing == ("RescaleIntercept (0028,1052) of 0",)


def test_slices_of_two_weights_give_no_suv(pet_slice):
    result = suv_factors([pet_slice(0), pet_slice(5, PatientWeight=80)])
    assert result.missing == ("one PatientWeight (0010,1030) for all slices",)


@pytest.mark.parametrize("units", ["PROPCNTS", "CPS", "1CM", "PCNT", ""])
def test_units_that_are_no_activity_give_no_suv(pet_slice, units):
    result = suv_factors([pet_slice(Units=units)])
    assert not result.factors
    assert "Units (0054,1001)" in result.missing[0]


@pytest.mark.parametrize("kind", [None, "BW"])
def test_grams_per_millilitre_by_body_weight_are_suv_already(pet_slice, kind):
    assert suv_factors([pet_slice(Units="GML", SUVType=kind)]).factors == (1.0,)


@pytest.mark.parametrize(
    ("kind", "sex", "norm_kg"),
    [
        ("LBM", "M", 1.10 * 70 - 120 * 0.4**2),  # 70 kg / 175 cm = 0.4
        ("LBM", "F", 1.07 * 70 - 148 * 0.4**2),
        ("LBMJAMES128", "M", 1.10 * 70 - 128 * 0.4**2),
        ("LBMJAMES128", "F", 1.07 * 70 - 148 * 0.4**2),
        ("LBMJANMA", "M", 9270 * 70 / (6680 + 216 * 70 / 3.0625)),
        ("LBMJANMA", "F", 9270 * 70 / (8780 + 244 * 70 / 3.0625)),
        ("IBW", "M", 48 + 1.06 * 23),
        ("IBW", "F", 45.5 + 0.91 * 23),
        ("IBW", "O", 69.405),
    ],
)
def test_grams_per_millilitre_by_another_mass_are_scaled_to_body_weight(pet_slice, kind, sex, norm_kg):
    result = suv_factors([pet_slice(Units="GML", SUVType=kind, PatientSex=sex)])
    assert result.factors == pytest.approx((70 / norm_kg,), rel=1e-9)


@pytest.mark.parametrize(("kind", "sex"), [("LBM", "O"), ("LBMJANMA", ""), ("IBW", "")])
def test_a_lean_body_mass_without_a_sex_gives_no_suv(pet_slice, kind, sex):
    assert suv_factors([pet_slice(Units="GML", SUVType=kind, PatientSex=sex)]).missing == (
        "PatientSex (0010,0040) of M or F",
    )


def test_a_lean_body_mass_without_a_height_gives_no_suv(pet_slice):
    result = suv_factors([pet_slice(Units="GML", SUVType="LBM", PatientSize=None)])
    assert result.missing == ("PatientSize (0010,1020)",)


def test_an_unknown_suv_type_gives_no_suv(pet_slice):
    assert "SUVType (0054,1006)" in suv_factors([pet_slice(Units="GML", SUVType="XYZ")]).missing[0]


@pytest.mark.parametrize(("units", "kind"), [("GML", "BSA"), ("CM2ML", "BW"), ("CM2ML", "LBM")])
def test_a_unit_and_a_type_of_suv_that_contradict_each_other_give_no_suv(pet_slice, units, kind):
    assert "SUVType (0054,1006)" in suv_factors([pet_slice(Units=units, SUVType=kind)]).missing[0]


def test_square_centimetres_per_millilitre_are_scaled_by_body_surface(pet_slice):
    surface_m2 = 0.007184 * 175**0.725 * 70**0.425  # 1.85 m2
    result = suv_factors([pet_slice(Units="CM2ML")])
    assert result.factors == pytest.approx((70_000 / (surface_m2 * 10_000),))
    assert surface_m2 == pytest.approx(1.85, abs=0.01)


def test_a_height_in_centimetres_is_converted_with_a_warning(pet_slice):
    in_metres, in_cm = (suv_factors([pet_slice(Units="CM2ML", PatientSize=size)]) for size in (1.75, 175))
    assert in_cm.factors == in_metres.factors
    assert "centimetres" in in_cm.warnings[0]


PHILIPS = "Philips PET Private Group"


def test_philips_counts_become_suv_by_the_private_suv_factor(pet_slice):
    header = private(pet_slice(Units="CNTS"), 0x7053, PHILIPS, 0x00, "DS", "0.25")
    assert suv_factors([header]).factors == (0.25,)


def test_philips_counts_become_suv_by_the_private_activity_factor(pet_slice):
    header = private(pet_slice(Units="CNTS"), 0x7053, PHILIPS, 0x09, "DS", "2.5")
    private(header, 0x7053, PHILIPS, 0x00, "DS", "0")
    assert suv_factors([header]).factors == pytest.approx((2.5 * AT_SCAN,))


def test_philips_factors_that_disagree_are_warned_of(pet_slice):
    right, wrong = pet_slice(Units="CNTS"), pet_slice(Units="CNTS")
    for header, to_suv in ((right, 2.5 * AT_SCAN), (wrong, 2.6 * AT_SCAN)):
        private(header, 0x7053, PHILIPS, 0x00, "DS", f"{to_suv:.10f}")
        private(header, 0x7053, PHILIPS, 0x09, "DS", "2.5")
    assert not suv_factors([right]).warnings
    assert "4.0%" in suv_factors([wrong]).warnings[0]


def test_philips_factors_of_another_creator_are_not_taken(pet_slice):
    header = private(pet_slice(Units="CNTS", Manufacturer="Philips"), 0x7053, "SOMEBODY ELSE", 0x00, "DS", "0.25")
    assert not suv_factors([header]).factors


def test_a_private_factor_without_creator_counts_only_in_a_file_of_that_maker(pet_slice):
    for maker, factors in (("Philips Medical Systems", (0.25,)), ("Synthetic", ())):
        header = pet_slice(Units="CNTS", Manufacturer=maker)
        header.add_new((0x7053, 0x1000), "DS", "0.25")
        assert suv_factors([header]).factors == factors


def test_counts_without_philips_factors_give_no_suv(pet_slice):
    assert "(7053,1000)" in suv_factors([pet_slice(Units="CNTS")]).missing[0]


def test_the_scan_start_of_ge_goes_before_every_other_reference(pet_slice):
    beds = [
        pet_slice(0, AcquisitionTime="120000", FrameReferenceTime=0),
        pet_slice(5, AcquisitionTime="123000", FrameReferenceTime=1_800_000),
    ]
    result = suv_factors([private(bed, 0x0009, "GEMS_PETD_01", 0x0D, "DT", "20250101110000.00") for bed in beds])
    assert result.factors == pytest.approx((AT_SCAN, AT_SCAN))
    assert "(0009,100D)" in result.route
    assert "FrameReferenceTime (0054,1300)" in result.warnings[0]
    assert "+100.0%" in result.warnings[0]


def test_slices_of_one_bed_of_ge_raise_no_alarm(pet_slice):
    """The time of acquisition is that of the first bed, and FrameReferenceTime counts to this one, half an hour on."""
    later = [
        private(pet_slice(z, FrameReferenceTime=1_800_000), 0x0009, "GEMS_PETD_01", 0x0D, "DT", "20250101110000.00")
        for z in (0, 5)
    ]
    for slices in (later[:1], later):
        result = suv_factors(slices)
        assert result.factors == pytest.approx((AT_SCAN,) * len(slices))
        assert not result.warnings
    assert suv_factors([pet_slice(FrameReferenceTime=1_800_000)]).warnings  # which says so, where no tag of GE's stands


def test_the_scan_start_of_ge_keeps_its_time_of_day_when_its_date_was_changed(pet_slice):
    result = suv_factors([private(pet_slice(), 0x0009, "GEMS_PETD_01", 0x0D, "DT", "19991224110000.00")])
    assert result.factors == pytest.approx((AT_SCAN,))
    assert not result.warnings


def test_the_reference_is_computed_back_from_the_frame_when_the_series_time_is_another(pet_slice):
    # The frame of 10 minutes starts at 11:00; its mean lies 30 minutes after the reference, about 10:35.
    header = pet_slice(ActualFrameDuration=600_000, FrameReferenceTime=1_800_000, SeriesTime="110000")
    mean_s = mean_of_frame(header, 3600).total_seconds()
    result = suv_factors([header])
    assert result.facts["suv_decay_s"] == pytest.approx(3600 + mean_s - 1800)
    assert "SeriesTime (0008,0031)" in result.warnings[0]


def test_frames_that_disagree_on_the_reference_leave_it_to_the_series_time(pet_slice):
    slices = [pet_slice(0, FrameReferenceTime=0), pet_slice(5, FrameReferenceTime=600_000)]
    result = suv_factors(slices)
    assert "SeriesTime" in result.route
    assert result.factors == pytest.approx((AT_SCAN, AT_SCAN))


def test_bed_positions_that_agree_on_the_reference_share_it(pet_slice):
    slices = [
        pet_slice(0, SeriesTime=None),
        pet_slice(5, SeriesTime=None, AcquisitionTime="113000", FrameReferenceTime=1_800_000),
    ]
    result = suv_factors(slices)
    assert result.factors == pytest.approx((AT_SCAN, AT_SCAN))
    assert "FrameReferenceTime" in result.route


@pytest.mark.parametrize(("series_time", "used"), [("110000", "SeriesTime"), ("150000", "AcquisitionTime")])
def test_a_series_time_after_the_acquisition_is_no_reference(pet_slice, series_time, used):
    result = suv_factors([pet_slice(FrameReferenceTime=None, SeriesTime=series_time)])
    assert used in result.route
    assert result.factors == pytest.approx((AT_SCAN,))


def test_a_reference_of_siemens_that_differs_is_warned_of(pet_slice):
    for moment, warnings in (("20250101110000", 0), ("20250101113000", 1)):
        result = suv_factors([private(pet_slice(), 0x0071, "SIEMENS MED PT", 0x22, "DT", moment)])
        assert len(result.warnings) == warnings


def test_a_broken_number_gives_no_suv(pet_slice):
    header = pet_slice()
    header.add_new("PatientWeight", "LO", "heavy")
    result = suv_factors([header])
    assert not result.factors
    assert "PatientWeight (0010,1030)" in result.missing[0]


def test_a_half_life_of_a_millisecond_gives_no_suv(pet_slice):
    assert not suv_factors([injected(pet_slice(), RadionuclideHalfLife=0.001)]).factors


def test_no_text_of_a_result_carries_a_date_or_a_name(pet_slice):
    result = suv_factors([pet_slice(SeriesTime="090000")])
    said = " ".join(map(str, (result.route, dict(result.facts), result.warnings, result.missing)))
    assert "2025" not in said
    assert "Doe" not in said


@pytest.mark.parametrize(
    "changes",
    [
        {"PatientWeight": 71.37},
        {"PatientWeight": 71_370},
        {"PatientWeight": 71.37, "Units": "GML", "SUVType": "LBM"},
        {"PatientWeight": 71.37, "PatientSize": 183.7, "Units": "CM2ML"},
    ],
)
def test_no_text_of_a_result_carries_what_the_patient_weighs_measures_or_was_given(pet_slice, changes):
    header = injected(pet_slice(**changes), RadionuclideTotalDose=98.76e6)
    result, other = suv_factors([header]), suv_factors([injected(pet_slice(**changes), RadionuclideTotalDose=49.38e6)])
    said = " ".join(map(str, (result.route, dict(result.facts), result.warnings, result.missing)))
    for secret in ("71.37", "7137", "183.7", "1.837", "9876", "98.76"):
        assert secret not in said
    kinds = {"suv_route", "suv_norm", "suv_factor_min", "suv_factor_max", "suv_decay_s", "suv_half_life_s"}
    assert set(result.facts) <= kinds
    assert (result.factors == other.factors) is (changes.get("Units") is not None)  # the dose was used where it counts


def test_no_slices_are_our_own_mistake():
    with pytest.raises(ValueError, match="at least one slice"):
        suv_factors([])


def test_the_mean_of_a_frame_lies_before_its_middle_and_nears_it_for_short_frames(pet_slice):
    shares = [
        mean_of_frame(pet_slice(ActualFrameDuration=ms), 3600).total_seconds() * 1000 / ms
        for ms in (60_000, 600_000, 6_000_000)
    ]
    assert all(a > b for a, b in pairwise([0.5, *shares]))
    assert shares[0] == pytest.approx(0.5, abs=0.001)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("20250101103015", 37_815),
        ("20250101103015.25", 37_815.25),
        ("2025010110", 36_000),
        ("20250101 10:30:15", 37_815),
        ("20250101103015.000000+0100", 37_815),
    ],
)
def test_a_moment_is_read_in_every_form_that_dicom_allows(written, seconds):
    moment = parse_moment(written)
    assert moment is not None
    assert (moment - parse_moment("2025010100")).total_seconds() == seconds


@pytest.mark.parametrize("written", ["", "20250101", "20251301100000", "20250101256000", "garbage", "202501011"])
def test_what_has_no_time_of_day_is_no_moment(written):
    assert parse_moment(written) is None


def test_a_time_without_a_date_does_not_contradict_an_injection_days_ago(pet_slice):
    header = injected(pet_slice(0), RadiopharmaceuticalStartDateTime="20241228100000", RadionuclideHalfLife=282_240)
    found = suv_factors([header])
    assert found.facts["suv_decay_s"] == pytest.approx(3600 + 4 * 86_400)
    assert not [text for text in found.warnings if "another time" in text]
    other = injected(pet_slice(0), RadiopharmaceuticalStartDateTime="20250101010000", RadionuclideHalfLife=282_240)
    assert [text for text in suv_factors([other]).warnings if "another time" in text]


@pytest.mark.parametrize(("half_life_s", "is_told"), [(6586, False), (282_240, True)])
def test_a_tracer_that_lives_for_days_needs_the_day_of_its_injection(pet_slice, half_life_s, is_told):
    header = injected(pet_slice(0), RadiopharmaceuticalStartDateTime=None, RadionuclideHalfLife=half_life_s)
    assert any("day of the injection" in text for text in suv_factors([header]).warnings) == is_told


def test_a_clock_of_an_unknown_zone_gives_way_to_the_scanners_own(pet_slice):
    header = pet_slice(0)
    item = header.RadiopharmaceuticalInformationSequence[0]
    stated = f"{header.AcquisitionDate}{item.RadiopharmaceuticalStartTime}"
    shifted = f"{int(stated[:10]) - 1:010d}{stated[10:]}+0000"
    both = suv_factors([injected(pet_slice(0), RadiopharmaceuticalStartDateTime=shifted)])
    assert both.factors == pytest.approx((AT_SCAN,))
    alone = injected(pet_slice(0), RadiopharmaceuticalStartDateTime=shifted, RadiopharmaceuticalStartTime=None)
    assert any("offset from UTC" in text for text in suv_factors([alone]).warnings)
    zoned = injected(pet_slice(0, TimezoneOffsetFromUTC="+0100"), RadiopharmaceuticalStartDateTime=shifted)
    assert suv_factors([zoned]).factors == pytest.approx((AT_SCAN,))
    assert not [text for text in suv_factors([zoned]).warnings if "offset from UTC" in text]


@pytest.mark.parametrize(("changes", "is_told"), [({"Units": "PROPCNTS"}, False), ({"PatientWeight": None}, True)])
def test_de_identification_is_blamed_only_for_what_it_takes_out(pet_slice, changes, is_told):
    found = suv_factors([pet_slice(0, PatientIdentityRemoved="YES", **changes)])
    assert found.missing
    assert bool(found.warnings) == is_told
