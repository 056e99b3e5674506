"""How weight, dose, half-life and the time of an injection may be typed."""

import pytest

from fusecli.cli.suv_options import parse_dose, parse_half_life, parse_moment, parse_weight, suv_settings
from fusecli.errors import UsageError
from fusecli.settings import SuvSettings


@pytest.mark.parametrize(
    ("text", "dose_bq"),
    [
        ("370MBq", 370e6),
        ("370 MBq", 370e6),
        ("370mbq", 370e6),
        ("0.37GBq", 370e6),
        ("370000kBq", 370e6),
        ("3.7e8", 3.7e8),
        ("370000000", 370e6),
        ("3.7e8Bq", 370e6),
        ("10mCi", 370e6),
        (".01Ci", 370e6),
        ("100uCi", 3.7e6),
        ("100µCi", 3.7e6),
        ("100μCi", 3.7e6),  # the Greek letter and the sign look alike
    ],
)
def test_a_dose_is_read_in_the_units_of_the_clinic(text, dose_bq):
    assert parse_dose(text) == pytest.approx(dose_bq, rel=1e-12)


@pytest.mark.parametrize("text", ["370", "0", "", "MBq", "-370MBq", "370 apples", "nan", "inf", "1e99", "3,7e8"])
def test_what_is_no_dose_is_refused_with_an_example(text):
    with pytest.raises(UsageError) as caught:
        parse_dose(text)
    assert "370MBq" in caught.value.hint


@pytest.mark.parametrize(("text", "kg"), [("70", 70), ("70kg", 70), ("70.5 kg", 70.5), ("25g", 0.025)])
def test_a_weight_is_in_kilograms_unless_it_says_grams(text, kg):
    assert parse_weight(text) == pytest.approx(kg)


@pytest.mark.parametrize("text", ["0", "-70", "70000", "heavy", "70lb", "nan"])
def test_what_is_no_weight_is_refused(text):
    with pytest.raises(UsageError, match="--suv-weight"):
        parse_weight(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("109.8min", 6588), ("6588", 6588), ("6588s", 6588), ("1.83h", 6588), ("3.27d", 282_528)]
)
def test_a_half_life_is_in_seconds_unless_it_says_otherwise(text, seconds):
    assert parse_half_life(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["0", "F-18", "-5", "109.8m", ""])
def test_what_is_no_half_life_is_refused(text):
    with pytest.raises(UsageError, match="--suv-half-life"):
        parse_half_life(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("10:30", "103000"),
        ("9:05", "090500"),
        ("10:30:15", "103015"),
        ("10:30:15.25", "103015.250000"),
        ("2025-01-31T10:30", "20250131103000"),
        ("2025-01-31 10:30:15", "20250131103015"),
        ("20250131T103015", "20250131103015"),
    ],
)
def test_a_time_of_injection_becomes_one_of_dicom(text, moment):
    assert parse_moment(text) == moment


@pytest.mark.parametrize(
    "text", ["", "10", "1030", "25:00", "10:61", "2025-01-31", "2025-13-01T10:00", "2025-01-31T10:30+01:00", "noon"]
)
def test_what_is_no_time_of_injection_is_refused(text):
    with pytest.raises(UsageError, match="--suv-injected-at"):
        parse_moment(text)


def test_what_is_not_typed_is_not_given():
    assert suv_settings(None, None, None, None) == SuvSettings()
    assert suv_settings(None, None, None, None).given == ()
    settings = suv_settings("70", None, "10:00", None)
    assert settings == SuvSettings(weight_kg=70.0, injected_at="100000")
    assert settings.given == ("weight_kg", "injected_at")
