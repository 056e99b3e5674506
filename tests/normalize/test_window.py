"""Windows by name, by number and from the file, against numbers worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusecli.catalog import CT_WINDOWS, Modality, Window
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.errors import UsageError
from fusecli.normalize import to_unit, window_of


def brightness(image, **options):
    return to_unit(image, **options).voxels.ravel().tolist()


# Width / level: low = level - width / 2, high = level + width / 2; the third HU lies a quarter of the way up.
HAND = {
    "brain": (0, 80, 20),
    "soft": (-160, 240, -60),
    "mediastinum": (-125, 225, -37.5),
    "lung": (-1350, 150, -975),
    "liver": (15, 165, 52.5),
    "bone": (-500, 1500, 0),
}


@pytest.mark.parametrize("name", CT_WINDOWS)
def test_a_preset_shows_the_range_worked_out_by_hand(make_image, name):
    low, high, quarter = HAND[name]
    assert brightness(make_image([low, high, quarter]), window=name) == [0, 1, 0.25]
    outside = brightness(make_image([low - 1, high + 1]), window=name)
    assert outside == [0, 1]
    inside = brightness(make_image([low + 1, high - 1]), window=name)
    assert 0 < inside[0] < inside[1] < 1


def test_bone_is_bone_and_brain_is_brain(make_image):
    cortical, grey_matter, white_matter = 1200, 40, 28
    image = make_image([cortical, grey_matter, white_matter])
    bone, brain = brightness(image, window="bone"), brightness(image, window="brain")
    assert bone[0] == pytest.approx(0.85)  # short of white: its structure shows
    assert brain[0] == 1
    assert bone[1] - bone[2] == pytest.approx(12 / 2000, rel=1e-4)  # float32 near 0.27
    assert brain[1] - brain[2] == pytest.approx(12 / 80, rel=1e-4)


def test_a_preset_may_be_typed_in_capitals(make_image):
    assert brightness(make_image([500]), window="Bone") == [0.5]


@pytest.mark.parametrize(
    ("typed", "low", "high"),
    [("1500/-600", -1350, 150), ("400/40", -160, 240), ("80.5/40.25", 0, 80.5), ("1/0", -0.5, 0.5), (" 10/+5 ", 0, 10)],
)
def test_width_and_level_are_read_as_numbers(make_image, typed, low, high):
    facts = to_unit(make_image([0, 1]), window=typed).history[-1].facts
    assert (facts["kind"], facts["low"], facts["high"]) == ("numbers", low, high)


@pytest.mark.parametrize("typed", ["0.5/40", "0/40", "-400/40"])
def test_a_width_below_one_is_refused(make_image, typed):
    with pytest.raises(UsageError, match="width under 1"):
        to_unit(make_image([0, 1]), window=typed)


@pytest.mark.parametrize(
    "typed", ["", "bones", "400", "400/", "/40", "400/40/2", "nan/40", "400/inf", "1e3/4", "dicom:x"]
)
def test_what_is_no_window_is_refused_with_the_whole_grammar(make_image, typed):
    with pytest.raises(UsageError, match="not a window") as caught:
        to_unit(make_image([0, 1]), window=typed)
    assert caught.value.exit_code == 2
    assert all(name in caught.value.hint for name in CT_WINDOWS)
    assert "width/level such as 1500/-600" in caught.value.hint


@pytest.mark.parametrize("name", CT_WINDOWS)
@pytest.mark.parametrize("intensity", [Intensity.ARBITRARY, Intensity.SUV, Intensity.BQML, Intensity.UNIT])
def test_a_preset_is_refused_for_an_image_that_is_not_in_hounsfield_units(make_image, name, intensity):
    with pytest.raises(UsageError, match="not in HU") as caught:
        to_unit(make_image([0, 1], intensity, Modality.MRI), window=name)
    assert "auto" in caught.value.hint


def test_numbers_are_refused_for_a_picture(make_image):
    with pytest.raises(UsageError, match="no meaning for a picture"):
        to_unit(make_image([0, 1], Intensity.UNIT, Modality.OTHER), window="400/40")


def test_numbers_hold_in_the_unit_of_an_mr_image(make_image):
    image = make_image([0, 100, 200], Intensity.ARBITRARY, Modality.MRI)
    assert brightness(image, window="200/100") == [0, 0.5, 1]


# PS3.3 C.11.2.1.2.1: 0 at or below c - 0.5 - (w - 1) / 2, 1 above c - 0.5 + (w - 1) / 2.
def test_a_window_of_the_file_is_the_linear_function_of_dicom(make_image):
    windows = (Window(4096, 2048),)
    image = make_image([0, 4095, 2047.5, 4096], windows=windows)
    assert brightness(image, window="dicom") == [0, 1, 0.5, 1]


def test_the_same_numbers_typed_in_end_one_level_higher_than_those_of_the_file(make_image):
    image = make_image([0, 99, 100], windows=(Window(100, 50),))
    assert brightness(image, window="dicom") == [0, 1, 1]
    assert brightness(image, window="100/50") == pytest.approx([0, 0.99, 1])


def test_a_file_s_window_of_width_one_is_a_step(make_image):
    image = make_image([39, 39.5, 39.75, 40], windows=(Window(1, 40),))
    assert brightness(image, window="dicom") == [0, 0, 1, 1]


def test_a_file_s_window_in_suv_is_taken_exactly(make_image):
    image = make_image([0, 2.5, 5], Intensity.SUV, Modality.PET, windows=(Window(5, 2.5),))
    assert brightness(image, window="dicom") == [0, 0.5, 1]


def test_the_windows_of_a_file_are_counted_from_one(make_image):
    image = make_image([0, 1], windows=(Window(81, 40.5), Window(2001, 500.5)))
    assert to_unit(image, window="dicom").history[-1].facts["high"] == 80
    assert to_unit(image, window="dicom:1").history[-1].facts["high"] == 80
    assert to_unit(image, window="dicom:2").history[-1].facts["high"] == 1500


@pytest.mark.parametrize("typed", ["dicom:0", "dicom:3"])
def test_a_window_that_the_file_does_not_have_is_refused_by_its_tags(make_image, typed):
    image = make_image([0, 1], windows=(Window(80, 40), Window(2000, 500)))
    with pytest.raises(UsageError, match=r"The file has 2.*\(0028,1050\).*\(0028,1051\)"):
        to_unit(image, window=typed)


def test_a_file_without_windows_is_refused_by_its_tags(make_image):
    with pytest.raises(UsageError, match=r"The file has none.*\(0028,1050\).*\(0028,1051\)"):
        to_unit(make_image([0, 1]), window="dicom")


def test_a_file_s_window_of_width_zero_is_refused(make_image):
    with pytest.raises(UsageError, match="width of 0"):
        to_unit(make_image([0, 1], windows=(Window(0, 40),)), window="dicom")


def test_a_file_s_own_words_for_a_window_are_never_repeated(make_image):
    image = make_image([0, 1], windows=(Window(80, 40, "DOE^JOHN"),))
    assert "DOE" not in str(dict(to_unit(image, window="dicom").history[-1].facts))


def test_mr_goes_from_its_low_to_its_high_percentile_and_says_the_numbers(make_image):
    image = make_image(np.arange(1001), Intensity.ARBITRARY, Modality.MRI)
    unit = to_unit(image)
    assert unit.voxels.ravel()[[0, 5, 500, 995, 1000]].tolist() == [0, 0, 0.5, 1, 1]
    assert window_of(unit) == ("percentiles 0.5-99.5 (5 to 995 arbitrary units), chosen: the signal has no fixed scale")


def test_percentiles_are_those_of_the_volume_and_not_of_each_slice(make_image):
    dim, bright = np.arange(200.0).reshape(1, 10, 20), 1000 + np.arange(200.0).reshape(1, 10, 20)
    unit = to_unit(make_image(np.concatenate([dim, bright]), Intensity.ARBITRARY, Modality.MRI)).voxels
    assert unit[0].max() < 0.2
    assert unit[1].min() > 0.8


def test_auto_stretches_a_ct_by_percentiles(make_image):
    facts = to_unit(make_image(np.arange(1001)), window="auto").history[-1].facts
    assert (facts["kind"], facts["low"], facts["high"], facts["unit"]) == ("percentiles", 5, 995, "HU")


def test_one_bright_voxel_does_not_darken_an_mr_image(make_image):
    values = np.arange(1001.0)
    values[-1] = 1e6
    assert brightness(make_image(values, Intensity.ARBITRARY, Modality.MRI))[500] == 0.5


def test_a_nearly_empty_image_reaches_to_its_extremes_with_a_warning(make_image):
    values = np.zeros(1000)
    values[:2] = (50, 100)
    unit = to_unit(make_image(values, Intensity.ARBITRARY, Modality.MRI))
    assert unit.voxels.ravel()[:3].tolist() == [0.5, 1, 0]
    assert "Nearly all voxels" in unit.history[-1].warnings[0]


@pytest.mark.parametrize("value", [0.0, 7.0, -3.0])
@pytest.mark.parametrize("dark_is_high", [False, True])
def test_an_image_of_one_value_is_black_with_a_warning(make_image, value, dark_is_high):
    image = make_image(np.full(8, value), Intensity.ARBITRARY, Modality.MRI, dark_is_high=dark_is_high)
    unit = to_unit(image)
    assert not unit.voxels.any()
    assert "one value" in unit.history[-1].warnings[0]


# Any finite float32, tiny and huge ones included.
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(values=st.lists(finite, min_size=1, max_size=40), width=st.floats(1, 1e6), centre=st.floats(-1e6, 1e6))
def test_every_window_keeps_the_order_and_stays_within_0_and_1(values, width, centre):
    voxels = np.sort(np.array(values, dtype=np.float32)).reshape(1, 1, -1)
    image = Image(voxels, Geometry(voxels.shape), Modality.MRI, Intensity.ARBITRARY)
    for window in ("auto", f"{width:.3f}/{centre:.3f}"):
        unit = to_unit(image, window=window).voxels.ravel()
        assert unit.min() >= 0
        assert unit.max() <= 1
        assert (np.diff(unit) >= 0).all()


def test_padding_below_air_is_not_signal_for_auto(make_image):
    tissue = np.linspace(-1000, 400, 900)
    padded = np.concatenate([tissue, np.full(600, -3024.0)])
    facts = to_unit(make_image(padded), window="auto").history[-1].facts
    assert facts["low"] > -1001
    assert facts["high"] > 380
