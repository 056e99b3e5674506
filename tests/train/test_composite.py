"""The loss of CSAFusion, term by term."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.metrics import structural_similarity

from fusecli.settings.training import LOSSES, CompositeWeights, LossSettings
from fusecli.train.composite import composite_loss, contrast_kept, region_information_missing
from fusecli.train.kept import similarity
from fusecli.train.losses import fusion_loss

NOTHING = CompositeWeights(*[0.0] * 6)


def picture(seed, side=64):
    noise = np.random.default_rng(seed).standard_normal((side, side))
    blobs = ndimage.gaussian_filter(noise, 2)
    return np.clip(0.5 + blobs / (4 * blobs.std()), 0, 1).astype(np.float32)


def batch(*pictures):
    return torch.from_numpy(np.stack(pictures))[:, None]


FIXED, MOVING = batch(picture(1), picture(2)), batch(picture(3), picture(4))
FUSED = (FIXED + MOVING) / 2


def alone(term, fused=FUSED):
    return composite_loss(fused, FIXED, MOVING, replace(NOTHING, **{term: 1.0})).item()


def test_the_published_weights_are_the_defaults_in_their_order():
    assert [getattr(CompositeWeights(), part.name) for part in fields(CompositeWeights)] == [1, 1, 1, 2.5, 1, 1]


def test_the_loss_is_the_weighted_sum_of_its_six_terms():
    weights = CompositeWeights(1, 2, 3, 4, 5, 6)
    parts = [getattr(weights, part.name) * alone(part.name) for part in fields(weights)]
    assert composite_loss(FUSED, FIXED, MOVING, weights).item() == pytest.approx(sum(parts), rel=1e-5)
    assert len({round(part, 3) for part in parts}) == 6


def test_each_term_looks_at_its_own_source():
    for term in ("ssim", "region", "contrast"):
        like_fixed, like_moving = (alone(f"{term}_fixed", image) for image in (FIXED, MOVING))
        assert like_fixed < like_moving
        assert alone(f"{term}_moving", MOVING) < alone(f"{term}_moving", FIXED)


def test_the_similarity_of_each_pair_is_the_ssim_of_scikit_image():
    found = similarity(FIXED, FUSED)
    for value, one, other in zip(found, FIXED[:, 0].numpy(), FUSED[:, 0].numpy(), strict=True):
        assert value.item() == pytest.approx(structural_similarity(one * 255, other * 255, data_range=255), abs=1e-4)


def test_contrast_asks_for_the_same_spread_and_not_for_the_same_picture():
    upside_down = 1 - FIXED
    assert contrast_kept(FIXED, upside_down).min() > 0.9999
    assert similarity(FIXED, upside_down).max() < 0
    of_half = contrast_kept(FIXED, FIXED / 2)
    # 2 * s * s/2 / (s^2 + s^2/4) = 0.8, but for the constant that keeps flat windows from 0/0.
    assert of_half.mean().item() == pytest.approx(0.8, abs=0.05)


def test_a_region_of_noise_leaves_what_the_formula_of_two_normal_variables_says():
    """Independent pixels: each of the 9 dimensions is one pair of normal variables with correlation r."""
    random, floor, spread, r = np.random.default_rng(5), 1e-4, 0.04, 0.8
    one, other = random.standard_normal((2, 400, 400)) * spread**0.5
    source, fused = batch(one), batch(r * one + (1 - r**2) ** 0.5 * other)
    expected = 0.5 * np.log((spread - (r * spread) ** 2 / (spread + floor)) / floor + 1)
    assert region_information_missing(source, fused).item() == pytest.approx(expected, abs=0.01)
    assert region_information_missing(source, batch(other)).item() > expected + 0.4


def test_equal_images_leave_almost_nothing_and_a_flat_source_leaves_nothing():
    equal = region_information_missing(FIXED, FIXED)
    assert 0 <= equal.min() <= equal.max() < np.log(2) / 2
    assert region_information_missing(torch.zeros_like(FIXED), MOVING).abs().max() < 1e-9
    assert region_information_missing(FIXED, torch.zeros_like(FIXED)).min() > equal.max() + 0.5


def test_information_does_not_care_about_the_sign_of_contrast():
    upright, reversed_ = (region_information_missing(FIXED, image) for image in (FIXED, 1 - FIXED))
    assert torch.allclose(upright, reversed_, atol=1e-5)


@pytest.mark.parametrize("fused", [torch.zeros_like(FIXED), torch.full_like(FIXED, 0.5), FIXED, FUSED])
def test_the_gradient_is_made_of_numbers_on_flat_and_equal_images(fused):
    fused = fused.clone().requires_grad_()
    loss = composite_loss(fused, FIXED, torch.zeros_like(FIXED), CompositeWeights())
    loss.backward()
    assert torch.isfinite(fused.grad).all()
    assert fused.grad.abs().max() > 0


def test_the_loss_named_csafusion_is_the_composite_and_nothing_else():
    named = fusion_loss(FUSED, FIXED, MOVING, LOSSES["csafusion"])
    assert named.item() == pytest.approx(composite_loss(FUSED, FIXED, MOVING, CompositeWeights()).item())
    both = fusion_loss(FUSED, FIXED, MOVING, replace(LossSettings(), composite=CompositeWeights()))
    assert both.item() > named.item() + 0.01


def test_following_its_gradient_makes_an_image_better():
    fused = FUSED.clone().requires_grad_()
    optimizer = torch.optim.Adam([fused], lr=2e-3)
    losses = []
    for _ in range(25):
        loss = composite_loss(fused, FIXED, MOVING, CompositeWeights())
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < losses[0] - 0.1
