"""Which model is best in a metric."""

import pytest

from fusecli.comparing.comparison import Entry
from fusecli.errors import ModelError


def best(comparison, key):
    return [entry.name for entry in comparison.entries if comparison.is_best(entry, key)]


@pytest.mark.parametrize(("better", "expected"), [("higher", ["b"]), ("lower", ["c"]), ("zero", ["a"])])
def test_the_best_goes_by_which_way_is_better(make_comparison, make_entry, better, expected):
    found = make_comparison(
        *(make_entry(name, better, X=value) for name, value in zip("abc", (0.1, 0.9, -0.4), strict=True))
    )
    assert best(found, "X") == expected


def test_models_that_a_table_shows_alike_are_best_together(make_comparison, make_entry):
    found = make_comparison(make_entry("a", X=0.50001), make_entry("b", X=0.50003), make_entry("c", X=0.4999))
    assert best(found, "X") == ["a", "b"]


def test_what_has_no_value_is_never_best_and_takes_no_place(make_comparison, make_entry):
    failed = Entry("d", {}, error=ModelError("gone"))
    found = make_comparison(make_entry("a", X=None), make_entry("b", X=-3.0), make_entry("c", X=-4.0), failed)
    assert best(found, "X") == ["b"]
    assert found.failed == (failed,)


def test_of_one_value_alone_nothing_is_said(make_comparison, make_entry):
    assert best(make_comparison(make_entry("a", X=1.0)), "X") == []
    assert best(make_comparison(make_entry("a", X=1.0), make_entry("b", X=None)), "X") == []
