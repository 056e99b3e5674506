"""What a network is worth on whole images: every task weighs the same."""

import numpy as np
import pytest
import torch

from fusecli.errors import ImageError, UsageError
from fusecli.metrics.qabf import qabf
from fusecli.train.datasets import TrainingPair
from fusecli.train.validation import check_can_be_scored, validate


class First(torch.nn.Module):
    def forward(self, fixed, moving):
        return 2 * fixed


def pairs_at(*levels):
    return [TrainingPair(str(level), *np.full((2, 32, 32), level, dtype=np.float32)) for level in levels]


def test_every_task_weighs_the_same_in_validation_however_many_pairs_it_has():
    tasks = {"a": pairs_at(0.4), "b": pairs_at(0.1, 0.1, 0.1)}
    score = validate(First(), tasks, score=lambda a, b, fused: float(fused.mean()), count=10)
    assert score == pytest.approx((0.8 + 0.2) / 2)


def test_validation_clips_what_the_network_says():
    assert validate(First(), {"a": pairs_at(0.9)}, score=lambda a, b, fused: float(fused.max()), count=1) == 1


def test_validation_takes_about_so_many_pairs_spread_evenly():
    seen = []
    levels = np.linspace(0, 1, 21)
    validate(First(), {"a": pairs_at(*levels)}, score=lambda a, b, fused: seen.append(float(a[0, 0])) or 0.0, count=3)
    assert seen == pytest.approx([0, 0.5, 1])


def test_read_only_images_are_validated(make_pairs):
    pairs = make_pairs(1)
    for pair in pairs:
        pair.fixed.setflags(write=False)
        pair.moving.setflags(write=False)
    assert np.isfinite(validate(First(), {"a": pairs}, score=lambda a, b, fused: float(fused.mean()), count=1))


def test_a_pair_without_an_edge_is_named_before_anything_is_trained(make_pairs):
    flat = TrainingPair("PET-MRI/25001", *np.zeros((2, 32, 32), dtype=np.float32))
    with pytest.raises(ImageError, match="PET-MRI/25001") as caught:
        check_can_be_scored({"PET-MRI": [*make_pairs(2), flat]}, score=qabf, count=24)
    assert caught.value.exit_code == 4
    assert "edge" in caught.value.why


def test_pairs_with_edges_can_be_scored_and_those_never_scored_are_not_looked_at(make_pairs):
    flat = TrainingPair("flat", *np.zeros((2, 32, 32), dtype=np.float32))
    first, last = make_pairs(2)
    check_can_be_scored({"PET-MRI": [first, flat, last]}, score=qabf, count=2)
    with pytest.raises(ImageError, match="flat"):
        check_can_be_scored({"PET-MRI": [first, flat, last]}, score=qabf, count=3)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_network_that_gives_no_numbers_has_diverged_and_is_not_scored(make_pairs, number):
    class Broken(torch.nn.Module):
        def forward(self, fixed, moving):
            return fixed + number

    with pytest.raises(UsageError, match="diverged") as caught:
        validate(Broken(), {"a": make_pairs(1)}, score=lambda *images: 1.0, count=1)
    assert "pair 0" in caught.value.why
