"""What a network is worth on whole images: every task weighs the same."""

import numpy as np
import pytest
import torch

from fusecli.train.datasets import TrainingPair
from fusecli.train.loop import validate


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
