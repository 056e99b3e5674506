"""The trainable forms of the metrics, against the metrics themselves."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.metrics import structural_similarity

from fusecli.metrics.qabf import qabf
from fusecli.metrics.scd import scd
from fusecli.metrics.vif import vif
from fusecli.settings.training import LOSSES, Goal, LossSettings
from fusecli.train import kept
from fusecli.train.losses import fusion_loss


def pictures(count, seed, side=96):
    """Soft blobs on black in 0..1, (count, side, side): edges of many strengths and directions, as a head has."""
    noise = np.random.default_rng(seed).standard_normal((count, side, side))
    blobs = np.stack([ndimage.gaussian_filter(image, 1.5 + 2 * i) for i, image in enumerate(noise)])
    blobs = np.clip(0.5 + blobs / (4 * blobs.std(axis=(1, 2), keepdims=True)), 0, 1)
    disc = np.hypot(*(np.indices((side, side)) - side / 2)) < 0.45 * side
    return (blobs * disc).astype(np.float32)


def batch(image):
    return torch.from_numpy(np.array(image))[None, None]


FIXED, MOVING = pictures(2, seed=1)
FUSIONS = {
    "max": np.maximum(FIXED, MOVING),
    "average": (FIXED + MOVING) / 2,
    "first": 0.8 * FIXED + 0.2 * MOVING,
}


@pytest.fixture(params=FUSIONS)
def fused(request):
    return FUSIONS[request.param]


def trainable(form, fused, fixed=FIXED, moving=MOVING):
    return form(*(batch(image) for image in (fixed, moving, fused)))


def test_structure_is_the_mean_ssim_of_scikit_image(fused):
    each = [structural_similarity(source * 255, fused * 255, data_range=255) for source in (FIXED, MOVING)]
    assert trainable(kept.structure, fused).item() == pytest.approx(np.mean(each), abs=1e-4)
    assert abs(each[0] - each[1]) > 0.01


def test_differences_are_scd(fused):
    assert trainable(kept.differences, fused).item() == pytest.approx(scd(FIXED, MOVING, fused), abs=1e-4)


def test_edges_are_qabf_but_for_the_wrapping_of_orientations(fused):
    assert trainable(kept.edges, fused).item() == pytest.approx(qabf(FIXED, MOVING, fused), abs=0.03)


def test_information_is_each_sources_share_of_vif(fused):
    found = [share.item() for share in trainable(kept.information, fused)]
    each = [vif(source, source, fused) / 2 for source in (FIXED, MOVING)]
    # The floor under an empty source takes a few hundredths of a full one.
    assert found == pytest.approx(each, rel=0.05)
    assert sum(found) < sum(each)


def test_better_fusions_rank_alike_in_both_forms():
    for form, metric in ((kept.edges, qabf), (kept.differences, scd)):
        by_form = sorted(FUSIONS, key=lambda name: trainable(form, FUSIONS[name]).item())
        assert by_form == sorted(FUSIONS, key=lambda name: metric(FIXED, MOVING, FUSIONS[name]))


@pytest.mark.parametrize("form", [kept.edges, kept.structure, kept.differences])
def test_every_image_of_a_batch_is_judged_alone(form):
    both = torch.cat([batch(FUSIONS["max"]), batch(FUSIONS["first"])])
    together = form(batch(FIXED).expand_as(both), batch(MOVING).expand_as(both), both)
    alone = [trainable(form, FUSIONS[name]).item() for name in ("max", "first")]
    assert together.tolist() == pytest.approx(alone, rel=1e-4)
    assert alone[0] != pytest.approx(alone[1], rel=1e-2)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("source", [np.zeros_like(FIXED), np.ones_like(FIXED), FIXED])
def test_an_empty_or_perfectly_copied_source_has_a_finite_loss_and_gradient(name, source):
    fused = batch(FIXED).requires_grad_()
    loss = fusion_loss(fused, batch(FIXED), batch(source), LOSSES[name])
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(fused.grad).all()


def test_following_the_gradient_of_the_metrics_loss_raises_every_metric_above_the_start():
    start = FUSIONS["average"]
    fused = batch(start).requires_grad_()
    optimizer = torch.optim.Adam([fused], lr=0.01)
    for _ in range(30):
        optimizer.zero_grad()
        fusion_loss(fused, batch(FIXED), batch(MOVING), LOSSES["metrics"]).backward()
        optimizer.step()
    found = fused.detach().clamp(0, 1).numpy()[0, 0]
    for metric in (qabf, vif, scd):
        assert metric(FIXED, MOVING, found) > metric(FIXED, MOVING, start)


def loss_of(fused, **settings):
    return fusion_loss(batch(fused), batch(FIXED), batch(MOVING), LossSettings("max", alpha=0, **settings)).item()


def test_an_edge_beyond_both_sources_is_an_excess_and_one_of_a_source_is_none():
    brighter = FUSIONS["max"]
    assert loss_of(brighter, excess=1.0) < 0.05
    assert loss_of(1.5 * brighter, excess=1.0) - loss_of(1.5 * brighter) > 0.05
    copy = fusion_loss(*[batch(FIXED)] * 3, LossSettings("max", alpha=0, excess=1.0))
    assert copy == 0


@pytest.mark.parametrize("metric", ["qabf", "vif", "vif_worse", "ssim", "scd"])
def test_a_goal_costs_its_weight_times_the_lead_that_the_brighter_source_itself_lacks(metric):
    brighter = FUSIONS["max"]
    assert loss_of(brighter, **{metric: Goal(2.0, 0.05)}) == pytest.approx(2.0 * 0.05, rel=1e-3)
    assert loss_of(brighter, **{metric: Goal(1.0, 0.05)}) == pytest.approx(0.05, rel=1e-3)
    assert loss_of(brighter, **{metric: Goal(2.0, -0.01)}) == 0


def test_a_goal_that_is_reached_costs_nothing_and_one_that_is_not_what_it_lacks():
    average = FUSIONS["average"]
    lead = scd(FIXED, MOVING, average) - scd(FIXED, MOVING, FUSIONS["max"])
    without = loss_of(average)
    assert loss_of(average, scd=Goal(1.0, lead - 0.1)) == pytest.approx(without, abs=1e-4)
    assert loss_of(average, scd=Goal(1.0, lead + 0.1)) == pytest.approx(without + 0.1, abs=1e-3)
