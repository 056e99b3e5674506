import numpy as np
import pytest

from fusecli.evaluation.ranks import goodness, mean_ranks, places

# Three pairs (rows) of four methods. By hand, higher is better:
#   pair 1: 3 1 2 4 -> ranks 2 4 3 1;  pair 2: 5 5 1 2 -> 1.5 1.5 4 3;  pair 3: 1 4 3 2 -> 4 1 2 3
VALUES = np.array([[3.0, 1, 2, 4], [5, 5, 1, 2], [1, 4, 3, 2]])


def test_ranks_are_those_worked_out_by_hand():
    assert mean_ranks(VALUES, "higher") == pytest.approx([7.5 / 3, 6.5 / 3, 9 / 3, 7 / 3])


def test_where_lower_is_better_the_ranks_are_turned_round():
    assert mean_ranks(VALUES, "lower") == pytest.approx(5 - np.array([7.5, 6.5, 9, 7]) / 3)


def test_where_zero_is_best_the_distance_counts_and_not_the_sign():
    values = np.array([[-0.1, 0.2, -0.3]])
    assert mean_ranks(values, "zero").tolist() == [1, 2, 3]
    assert mean_ranks(values, "higher").tolist() == [2, 1, 3]


def test_an_unknown_direction_is_our_own_mistake():
    with pytest.raises(KeyError):
        goodness(VALUES, "sideways")


def test_methods_that_look_the_same_in_a_table_share_a_place():
    assert places(np.array([0.50001, 0.5, 0.7, 0.1])) == (2, 2, 1, 3)
    assert places(np.array([0.5002, 0.5, 0.7, 0.1])) == (2, 3, 1, 4)
