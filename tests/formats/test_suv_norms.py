"""SUV by lean mass and body surface, and back to Bq/ml, against answers coded here a second time."""

import math

import numpy as np
import pytest

from fusecli.core.history import last_step
from fusecli.core.intensity import Intensity
from fusecli.formats import dicom
from fusecli.formats.dicom.suv import suv_factors
from fusecli.settings import ReadSettings, SuvSettings

# 100 MBq were injected one half-life before the scan, into 70 kg and 1.75 m.
LEFT_BQ = 50e6
LEAN_KG = {
    ("lbm", "M"): 1.10 * 70 - 120 * (70 / 175) ** 2,
    ("lbm", "F"): 1.07 * 70 - 148 * (70 / 175) ** 2,
    ("lbmjanma", "M"): 9270 * 70 / (6680 + 216 * (70 / 1.75**2)),
    ("lbmjanma", "F"): 9270 * 70 / (8780 + 244 * (70 / 1.75**2)),
}
SURFACE_CM2 = 71.84 * 175**0.725 * 70**0.425  # Du Bois, in cm2


def by(norm):
    return SuvSettings(norm=norm)


@pytest.mark.parametrize(("norm", "sex"), LEAN_KG)
def test_suv_by_lean_mass_divides_the_lean_grams_by_the_dose_left(pet_slice, norm, sex):
    result = suv_factors([pet_slice(PatientSex=sex)], by(norm))
    assert result.factors == pytest.approx((LEAN_KG[norm, sex] * 1000 / LEFT_BQ,), rel=1e-12)
    assert result.facts["suv_norm"] == f"lean body mass ({'James' if norm == 'lbm' else 'Janmahasatian'})"


def test_men_and_women_of_one_weight_have_another_lean_mass_and_women_the_smaller():
    assert LEAN_KG["lbm", "F"] < LEAN_KG["lbm", "M"]
    assert LEAN_KG["lbmjanma", "F"] < LEAN_KG["lbmjanma", "M"]
    assert LEAN_KG["lbm", "M"] == pytest.approx(57.8)  # by hand: 77 - 120 x 0.16
    assert LEAN_KG["lbm", "F"] == pytest.approx(51.22)  # 74.9 - 148 x 0.16


def test_suv_by_surface_is_in_square_centimetres(pet_slice):
    result = suv_factors([pet_slice()], by("bsa"))
    assert result.factors == pytest.approx((SURFACE_CM2 / LEFT_BQ,), rel=1e-12)
    assert result.facts["suv_norm"] == "body surface area (Du Bois)"


@pytest.mark.parametrize("norm", ["lbm", "lbmjanma", "bsa"])
@pytest.mark.parametrize(("units", "suv_type"), [("GML", "BW"), ("GML", "LBM"), ("GML", "IBW"), ("CM2ML", None)])
def test_every_stored_suv_leads_to_every_norm_as_by_way_of_body_weight(pet_slice, norm, units, suv_type):
    stored = [pet_slice(Units=units, SUVType=suv_type)]
    to_bw, to_norm = suv_factors(stored).factors[0], suv_factors(stored, by(norm)).factors[0]
    from_bw = suv_factors([pet_slice(Units="GML", SUVType="BW")], by(norm)).factors[0]
    assert to_norm == pytest.approx(to_bw * from_bw, rel=1e-12)


def test_an_suv_that_is_stored_by_the_wanted_norm_needs_no_body_size(pet_slice):
    bare = {"PatientWeight": None, "PatientSize": None, "PatientSex": None}
    assert suv_factors([pet_slice(Units="GML", SUVType="LBM", **bare)], by("lbm")).factors == (1.0,)
    assert suv_factors([pet_slice(Units="CM2ML", **bare)], by("bsa")).factors == (1.0,)
    assert not suv_factors([pet_slice(Units="CM2ML", **bare)], by("bw")).factors


@pytest.mark.parametrize(
    ("norm", "keyword", "tag"),
    [
        ("lbm", "PatientSize", "PatientSize (0010,1020)"),
        ("lbm", "PatientSex", "PatientSex (0010,0040) of M or F"),
        ("lbmjanma", "PatientSex", "PatientSex (0010,0040) of M or F"),
        ("bsa", "PatientSize", "PatientSize (0010,1020)"),
        ("bsa", "PatientWeight", "PatientWeight (0010,1030)"),
    ],
)
def test_what_a_norm_lacks_is_named_and_body_weight_is_no_substitute(pet_slice, norm, keyword, tag):
    assert suv_factors([pet_slice(**{keyword: None})], by(norm)).missing == (tag,)


def test_a_body_for_which_james_s_formula_gives_no_mass_has_no_such_suv(pet_slice):
    heavy = {"PatientWeight": 220, "PatientSize": 1.5, "PatientSex": "F"}
    (missing,) = suv_factors([pet_slice(**heavy)], by("lbm")).missing
    assert "lean body mass (James)" in missing
    expected = 9270 * 220 / (8780 + 244 * 220 / 1.5**2) * 1000 / LEFT_BQ
    assert suv_factors([pet_slice(**heavy)], by("lbmjanma")).factors == pytest.approx((expected,))


def test_philips_counts_have_every_norm(pet_slice):
    header = pet_slice(Units="CNTS")
    header.private_block(0x7053, "Philips PET Private Group", create=True).add_new(0x00, "DS", "0.25")
    assert suv_factors([header], by("bsa")).factors == pytest.approx((0.25 * SURFACE_CM2 / 70_000,))


def test_activity_is_kept_when_it_is_stored_and_needs_nothing_else(pet_slice):
    header = pet_slice(PatientWeight=None, CorrectedImage=None, RadiopharmaceuticalInformationSequence=None)
    assert suv_factors([header], by("bqml")).factors == (1.0,)


def test_activity_is_found_back_from_suv_by_dose_weight_and_decay(pet_slice):
    assert suv_factors([pet_slice(Units="GML")], by("bqml")).factors == pytest.approx((LEFT_BQ / 70_000,))
    surface = suv_factors([pet_slice(Units="CM2ML")], by("bqml")).factors
    assert surface == pytest.approx((LEFT_BQ / SURFACE_CM2,))


def test_activity_is_not_found_back_from_suv_without_a_dose(pet_slice):
    header = pet_slice(Units="GML")
    del header.RadiopharmaceuticalInformationSequence[0].RadionuclideTotalDose
    assert suv_factors([header], by("bqml")).missing == ("RadionuclideTotalDose (0018,1074)",)
    assert suv_factors([header]).factors == (1.0,)


def test_philips_counts_become_activity_by_the_activity_factor_even_beside_an_suv_factor(pet_slice):
    header = pet_slice(Units="CNTS", PatientWeight=None)
    block = header.private_block(0x7053, "Philips PET Private Group", create=True)
    block.add_new(0x00, "DS", "0.25")
    block.add_new(0x09, "DS", "2.5")
    assert suv_factors([header], by("bqml")).factors == (2.5,)


def test_a_norm_that_does_not_exist_is_our_own_mistake(pet_slice):
    with pytest.raises(ValueError, match="weight"):
        suv_factors([pet_slice()], by("weight"))


@pytest.mark.parametrize(
    ("norm", "intensity", "factor", "unit"),
    [
        ("bw", Intensity.SUV, 70_000 / LEFT_BQ, "g/ml"),
        ("lbm", Intensity.SUVLBM, 57_800 / LEFT_BQ, "g/ml"),
        ("bsa", Intensity.SUVBSA, SURFACE_CM2 / LEFT_BQ, "cm2/ml"),
        ("bqml", Intensity.BQML, 1, "Bq/ml"),
        ("stored", Intensity.BQML, 1, "Bq/ml"),
    ],
)
def test_an_image_is_in_the_unit_that_was_asked_for(pet_slice, write_series, norm, intensity, factor, unit):
    stored = np.full((4, 6), 1000, dtype=np.int16)
    # Each slice has its own slope, as 60 % of real series do.
    folder = write_series(pet_slice(z, stored, RescaleSlope=slope) for z, slope in ((0, 1), (5, 2), (10, 4)))
    image = dicom.read(folder, settings=ReadSettings(suv=SuvSettings(norm=norm)))
    assert image.intensity is intensity
    assert image.voxels[:, 0, 0] == pytest.approx(np.array([1000, 2000, 4000]) * factor, rel=1e-6)
    assert last_step(image.history, "read").facts["unit"] == unit


def test_a_pet_that_is_refused_as_suv_is_none_by_its_units_either(pet_slice, write_series):
    image = dicom.read(write_series([pet_slice(Units="GML", CorrectedImage=["DECY"])]))
    assert image.intensity is Intensity.ARBITRARY
    assert "CorrectedImage (0028,0051) with ATTN" in image.history[0].warnings[0]
    assert image.history[0].facts["missing"] == "CorrectedImage (0028,0051) with ATTN"


@pytest.mark.parametrize(
    ("suv_type", "intensity"),
    [(None, Intensity.SUV), ("LBMJANMA", Intensity.SUVLBM), ("IBW", Intensity.ARBITRARY), ("XYZ", Intensity.ARBITRARY)],
)
def test_a_stored_suv_keeps_its_own_norm(pet_slice, write_series, suv_type, intensity):
    folder = write_series([pet_slice(Units="GML", SUVType=suv_type)])
    image = dicom.read(folder, settings=ReadSettings(suv=by("stored")))
    assert image.intensity is intensity
    assert ("Janmahasatian" in str(image.history[0].facts.get("suv_norm"))) is (suv_type == "LBMJANMA")


@pytest.mark.parametrize(("dose_bq", "is_warned"), [(100e6, False), (0.5e6, True), (1e13, True)])
def test_an_suv_that_no_body_can_have_is_warned_of(pet_slice, write_series, dose_bq, is_warned):
    stored = np.zeros((4, 6), dtype=np.int16)
    stored[1:3, 1:5] = 1000  # SUV 1.4 at 100 MBq
    slices = [pet_slice(z, stored) for z in (0, 5, 10)]
    for header in slices:
        header.RadiopharmaceuticalInformationSequence[0].RadionuclideTotalDose = f"{dose_bq:g}"
    warnings = dicom.read(write_series(slices)).history[0].warnings
    assert any("not believable" in text for text in warnings) is is_warned


def test_a_gated_slice_has_the_suv_of_any_other(pet_slice):
    gated = pet_slice(SeriesType=["GATED", "IMAGE"], FrameTime=500, TriggerTime=250)
    assert suv_factors([gated]).factors == suv_factors([pet_slice()]).factors


def test_the_slices_of_a_dynamic_series_share_one_factor_when_corrected_to_the_start(pet_slice):
    frames = [
        pet_slice(0, SeriesType=["DYNAMIC", "IMAGE"], ActualFrameDuration=60_000, FrameReferenceTime=30_000),
        pet_slice(
            5,
            SeriesType=["DYNAMIC", "IMAGE"],
            AcquisitionTime="113000",
            ActualFrameDuration=600_000,
            FrameReferenceTime=2_100_000,
        ),
    ]
    first, last = suv_factors(frames).factors
    assert first == last
    # A mean lies within seconds of its frame's middle, so that the reference is the start of the scan.
    assert first == pytest.approx(70_000 / LEFT_BQ, rel=2e-3)


def test_the_frames_of_an_uncorrected_dynamic_series_have_each_their_own_factor(pet_slice):
    changes = {"DecayCorrection": "NONE", "CorrectedImage": ["ATTN"], "ActualFrameDuration": 600_000}
    frames = [pet_slice(0, **changes), pet_slice(5, AcquisitionTime="113000", **changes)]
    rate = math.log(2) / 3600
    mean_of_frame = rate * 600 / (1 - math.exp(-rate * 600))
    expected = [70_000 / 100e6 * math.exp(rate * since) * mean_of_frame for since in (3600, 5400)]
    assert suv_factors(frames).factors == pytest.approx(expected, rel=1e-9)
