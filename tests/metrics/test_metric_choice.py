"""Which metrics the words of --metrics mean in each profile."""

import pytest

from fusecli.catalog import METRICS, PAPER_METRICS, QUICK_METRICS
from fusecli.errors import UsageError
from fusecli.metrics.choice import keys_named
from fusecli.metrics.profiles import PROFILES


def test_a_group_has_its_own_order_and_lacks_nothing_in_our_profile():
    assert keys_named("paper", "fusecli").keys == PAPER_METRICS
    assert keys_named("QUICK", "fusecli").keys == QUICK_METRICS
    assert keys_named("all", "fusecli").keys == tuple(METRICS)
    assert keys_named("paper,quick,all", "fusecli").notes == ()


def test_what_a_profile_does_not_have_of_a_group_is_said_in_one_line():
    choice = keys_named("paper", "cddfuse")
    assert choice.keys == tuple(key for key in PAPER_METRICS if key != "EI")
    assert choice.notes == ("The profile cddfuse does not have EI.",)
    assert keys_named("quick", "vifb").notes == ("The profile vifb does not have SCD, VIF, FMI_EDGE, NABF.",)


def test_all_of_a_profile_lacks_nothing():
    for name, profile in PROFILES.items():
        assert keys_named("all", name).keys == tuple(key for key in METRICS if key in profile.formulas)
        assert keys_named("all", name).notes == ()


def test_groups_and_keys_may_be_mixed_and_each_counts_once():
    assert keys_named("paper,nmi,IE", "fusecli").keys == (*PAPER_METRICS, "NMI")
    assert keys_named("all,VIF", "fusecli").keys == tuple(METRICS)
    assert keys_named("vif, ie", "fusecli").keys == ("VIF", "IE")


@pytest.mark.parametrize(
    ("words", "profile", "text"),
    [
        ("IE,NONSENSE", "fusecli", "no metric 'NONSENSE'"),
        ("all,EPI", "vifb", "no metric 'EPI'"),
        ("", "fusecli", "no metric ''"),
        ("IE,,SD", "fusecli", "no metric ''"),
        ("paper", "liu", "none of the metrics of 'paper'"),
        ("all", "matlab", "no metric profile 'matlab'"),
    ],
)
def test_a_word_that_names_nothing_is_refused_with_what_there_is(words, profile, text):
    with pytest.raises(UsageError, match=text) as caught:
        keys_named(words, profile)
    assert "IE" in caught.value.hint or "QMI" in caught.value.hint or "linfeng" in caught.value.hint
