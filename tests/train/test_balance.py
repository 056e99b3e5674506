"""Multipliers follow what is lacking: up while a metric is short of its lead, down when it is beyond, apart by task."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from fusecli.errors import ShapeError
from fusecli.metrics.edge_intensity import edge_intensity
from fusecli.metrics.scd import scd
from fusecli.metrics.spatial_frequency import spatial_frequency
from fusecli.metrics.ssim import ssim
from fusecli.metrics.vif import vif
from fusecli.settings.training import LOSSES, Leads, LossSettings
from fusecli.train import kept
from fusecli.train.balance import FIRST_STEPS, PULLS, Balanced, leads_of, margins, minus_lack
from fusecli.train.datasets import TrainingPair

QABF, SCD, VIF, VIF_FIXED, VIF_MOVING, SSIM, EDGES, FREQUENCY = range(8)
EASY = Leads(*[-1.0] * 8)
HARD = Leads(*[1.0] * 8)


def picture(seed, side=44):
    noise = np.random.default_rng(seed).standard_normal((side, side))
    smooth = ndimage.gaussian_filter(noise, 2)
    return np.clip(0.5 + smooth / (4 * smooth.std()), 0, 1).astype(np.float32)


FIXED, MOVING = picture(1), 0.7 * picture(2)
BRIGHTER = np.maximum(FIXED, MOVING)


def batch(*images):
    return torch.from_numpy(np.stack(images))[:, None]


class Constant(torch.nn.Module):
    """A network that gives one picture, whatever it is shown, times a number that has a gradient."""

    def __init__(self, *images):
        super().__init__()
        self.images = batch(*images)
        self.factor = torch.nn.Parameter(torch.ones(()))

    def forward(self, fixed, moving):
        return self.images * self.factor


@pytest.fixture
def settings(small):
    return lambda **leads: replace(small, loss=LossSettings("max", alpha=0, brightness=0.1, balance=leads))


def follow(balanced, *fused, steps=30):
    count = len(fused)
    for step in range(steps):
        balanced.loss(Constant(*fused), batch(*[FIXED] * count), batch(*[MOVING] * count), step)
    return balanced.weights()


def test_the_brighter_of_the_two_has_no_margin_over_itself_and_another_picture_has():
    found = margins(*(batch(image, image) for image in (FIXED, MOVING, BRIGHTER)))
    assert found.shape == (2, 8)
    assert torch.equal(found, torch.zeros(2, 8))
    other = margins(batch(FIXED), batch(MOVING), batch((FIXED + MOVING) / 2))[0]
    assert (other.abs() > 1e-3).all()


def test_margins_are_those_of_the_metrics():
    fused = (BRIGHTER + FIXED) / 2
    found = margins(batch(FIXED), batch(MOVING), batch(fused))[0]

    def gained(metric, *sources):
        return metric(*sources, fused) - metric(*sources, BRIGHTER)

    assert found[SCD].item() == pytest.approx(gained(scd, FIXED, MOVING), abs=1e-3)
    assert found[VIF].item() == pytest.approx(gained(vif, FIXED, MOVING), abs=0.02)
    assert found[VIF].item() == pytest.approx((found[VIF_FIXED] + found[VIF_MOVING]).item(), abs=1e-6)
    assert found[VIF_FIXED] > 0 > found[VIF_MOVING]
    assert found[SSIM].item() == pytest.approx(gained(ssim, FIXED, MOVING), abs=1e-3)
    for metric, place in ((edge_intensity, EDGES), (spatial_frequency, FREQUENCY)):
        assert found[place].item() == pytest.approx(np.log(metric(fused) / metric(BRIGHTER)), abs=1e-3)
        assert abs(found[place].item()) > 0.002


def test_edge_intensity_and_spatial_frequency_are_the_metrics():
    both = kept.edge_intensity(batch(FIXED, BRIGHTER)), kept.spatial_frequency(batch(FIXED, BRIGHTER))
    for found, metric in zip(both, (edge_intensity, spatial_frequency), strict=True):
        assert found.tolist() == pytest.approx([metric(FIXED), metric(BRIGHTER)], rel=1e-4)
        assert found[0] != found[1]


def test_what_falls_short_weighs_more_and_what_is_reached_less(settings):
    first = torch.tensor([pull.first for pull in PULLS])
    short = follow(Balanced(settings(a=HARD), ["a"]), BRIGHTER)[0]
    reached = follow(Balanced(settings(a=EASY), ["a"]), BRIGHTER)[0]
    assert (short > first).all()
    assert (reached[first > 0] < first[first > 0]).all()


def test_no_weight_leaves_its_limits(settings):
    short = follow(Balanced(settings(a=HARD), ["a"]), BRIGHTER, steps=150)[0]
    reached = follow(Balanced(settings(a=EASY), ["a"]), BRIGHTER, steps=150)[0]
    assert short.tolist() == pytest.approx([pull.most for pull in PULLS])
    assert reached.tolist() == pytest.approx([pull.least for pull in PULLS])


def test_a_metric_without_a_lead_never_counts(settings):
    leads = replace(HARD, vif_fixed=None)
    weights = follow(Balanced(settings(a=leads), ["a"]), BRIGHTER)[0]
    assert weights[VIF_FIXED] == 0 < weights[VIF_MOVING]


def test_each_patch_counts_for_its_own_task_and_the_tasks_follow_each_other_by_name(settings):
    balanced = Balanced(settings(easy=EASY, hard=HARD), ["hard", "easy"])
    easy, hard = follow(balanced, BRIGHTER, BRIGHTER)
    assert easy[QABF] < PULLS[QABF].first < hard[QABF]


def test_a_task_that_is_not_named_takes_the_leads_without_a_name(settings):
    assert leads_of(settings(**{"": HARD, "a": EASY}), "b") == HARD
    assert leads_of(settings(**{"": HARD, "a": EASY}), "a") == EASY
    assert leads_of(settings(a=EASY), "b") == Leads()


def test_the_multipliers_wait_until_the_mean_says_something(settings):
    balanced = Balanced(settings(a=HARD), ["a"])
    follow(balanced, BRIGHTER, steps=FIRST_STEPS)
    waiting = balanced.state()["multipliers"]
    follow(balanced, BRIGHTER, steps=1)
    assert waiting[0].tolist() == pytest.approx([pull.first for pull in PULLS])
    assert (balanced.state()["multipliers"] > waiting).all()


def test_the_loss_is_a_mean_by_weights_so_that_it_does_not_grow_with_them(settings):
    given = settings(a=Leads(*[0.25] * 8))  # the brighter itself lacks 0.25 of each
    balanced = Balanced(given, ["a"])
    losses = [
        balanced.loss(Constant(BRIGHTER), batch(FIXED), batch(MOVING), step).item() for step in range(FIRST_STEPS + 20)
    ]
    assert losses == pytest.approx([3 * 0.25] * len(losses), abs=1e-5)
    assert (balanced.weights()[0] > torch.tensor([pull.first for pull in PULLS])).any()
    dimmed = balanced.loss(Constant(0.5 * BRIGHTER), batch(FIXED), batch(MOVING), 0).item()
    assert dimmed > 3 * 0.25 + 0.01


def test_a_gradient_reaches_the_network_and_numbers_that_break_down_are_seen(settings):
    network = Constant(0.8 * BRIGHTER)
    Balanced(settings(a=HARD), ["a"]).loss(network, batch(FIXED), batch(MOVING), 0).backward()
    assert network.factor.grad.abs() > 0.01
    broken = Balanced(settings(a=HARD), ["a"]).loss(Constant(BRIGHTER * np.nan), batch(FIXED), batch(MOVING), 0)
    assert not torch.isfinite(broken)


@pytest.mark.parametrize("source", [np.zeros_like(FIXED), np.ones_like(FIXED), FIXED])
def test_an_empty_or_perfectly_copied_source_has_a_finite_loss_and_gradient(settings, source):
    network = Constant(FIXED)
    loss = Balanced(settings(a=HARD), ["a"]).loss(network, batch(FIXED), batch(source), 0)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(network.factor.grad)


def test_a_whole_image_lacks_nothing_that_is_reached():
    assert minus_lack(FIXED, MOVING, BRIGHTER, leads=EASY) == 0
    short = minus_lack(FIXED, MOVING, BRIGHTER, leads=replace(EASY, ssim=0.01))
    assert short == pytest.approx(-0.01 * PULLS[SSIM].first, abs=1e-6)
    assert minus_lack(FIXED, MOVING, BRIGHTER, leads=replace(EASY, vif_fixed=None)) == 0
    with pytest.raises(ShapeError):
        minus_lack(*[np.ones((40, 60), np.float32)] * 3, leads=EASY)


def test_an_interrupted_run_goes_on_with_the_multipliers_that_it_had(run, small, tmp_path, checkpoint, equal):
    settings = replace(small, epochs=4, crop=44, loss=LOSSES["balance"])
    pairs = [TrainingPair(str(seed), picture(seed), picture(seed + 9)) for seed in range(4)]
    given = {"tasks": {"a": pairs[:2], "b": pairs[2:]}, "validation": {"a": pairs[:1]}}

    def start(name, **options):
        return run(settings, to=tmp_path / name, objective=Balanced(settings, ["a", "b"]), **given, **options)

    list(start("whole.safetensors"))
    epochs = start("cut.safetensors")
    for _ in range(2):
        next(epochs)
    epochs.close()
    half = checkpoint(tmp_path / "cut.safetensors")["objective"]
    list(start("cut.safetensors", resume=True))
    whole, cut = (checkpoint(tmp_path / name) for name in ("whole.safetensors", "cut.safetensors"))
    assert equal(cut, whole)
    assert not equal(half, whole["objective"])
