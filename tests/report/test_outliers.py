"""What stands apart is found, also where others stand apart too."""

import pytest

from fusecli.report.outliers import outliers

PLAIN = [1.0, 1.1, 0.9, 1.05, 0.95, 1.02]


def test_a_value_far_from_the_others_stands_apart():
    assert outliers([*PLAIN, 9.0]) == [False] * 6 + [True]
    assert outliers([*PLAIN, -9.0]) == [False] * 6 + [True]
    assert outliers([*PLAIN, 1.2]) == [False] * 7


def test_one_wild_case_does_not_hide_another():
    # By mean and standard deviation the 9 would be an inlier beside the 9000.
    assert outliers([*PLAIN, 9.0, 9000.0]) == [False] * 6 + [True, True]


def test_the_limit_is_three_and_a_half_spreads_of_the_median():
    values = [-2.0, -1.0, 0.0, 1.0, 2.0]  # median 0, median absolute deviation 1
    inside, outside = 3.5 * 1.4826 - 0.01, 3.5 * 1.4826 + 0.01
    # An even pair at both sides keeps the median; the median deviation of six or more of them is checked by hand.
    spread = [*values, *values]
    assert outliers([*spread, inside])[-1] is False
    assert outliers([*spread, outside])[-1] is True


def test_a_rogue_among_equals_stands_apart():
    assert outliers([0.5] * 9 + [0.7]) == [False] * 9 + [True]


def test_equals_alone_do_not():
    assert outliers([0.5] * 9) == [False] * 9


def test_what_was_not_measured_is_no_outlier_and_does_not_count():
    assert outliers([None, *PLAIN, 9.0, None]) == [False] * 7 + [True, False]
    assert outliers([None] * 10 + [1.0, 1.0, 1.0, 99.0]) == [False] * 14


@pytest.mark.parametrize("few", [[], [1.0], [1.0, 1.0, 1.0, 99.0]])
def test_of_a_few_none_stands_apart(few):
    assert outliers(few) == [False] * len(few)
