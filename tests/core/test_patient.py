import pytest

from fusecli.core.patient import Patient


@pytest.mark.parametrize(
    ("one", "other", "is_other"),
    [
        (Patient("a"), Patient("a"), False),
        (Patient("a"), Patient("b"), True),
        (Patient("a", "x"), Patient("a", "x"), False),
        (Patient("a", "x"), Patient("a", "y"), True),
        (Patient("a", "x"), Patient("a"), False),
        (Patient("a", "x"), Patient("b"), True),
    ],
)
def test_patients_are_told_apart_by_ids_and_by_issuers_that_both_state(one, other, is_other):
    assert one.is_other_than(other) is is_other
    assert other.is_other_than(one) is is_other


def test_a_patient_is_never_printed():
    assert "digest" not in f"{Patient('digest of an ID', 'digest of an issuer')!r}"
