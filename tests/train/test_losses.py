"""The losses, against numbers worked out on paper.

A ramp of slope s along 4 columns has the unscaled Sobel derivative 8 s inside and 4 s at either border, which the
border repeats: 6 s on average. Across the ramp it is 0.
"""

import numpy as np
import pytest
import torch
from scipy import ndimage

from fusecli.settings.training import LossSettings
from fusecli.train.losses import fusion_loss, sobel

INTENSITIES = ("both", "max")
GRADIENTS = ("absolute", "signed", "mixed")

RISING = torch.tensor([0.0, 0.1, 0.2, 0.3]).expand(1, 1, 5, 4)
FALLING = RISING.flip(3)
BLACK = torch.zeros(1, 1, 5, 4)


def flat(level):
    return torch.full((1, 1, 5, 4), level)


def loss(fused, fixed, moving, intensity="both", gradient="absolute", alpha=2.0):
    return float(fusion_loss(fused, fixed, moving, LossSettings(intensity, gradient, alpha)))


def test_the_paper_asks_for_a_small_distance_to_both():
    assert loss(flat(0.5), flat(0.2), flat(0.6)) == pytest.approx(0.3 + 0.1)


def test_the_max_form_asks_for_a_small_distance_to_the_brighter_one():
    assert loss(flat(0.5), flat(0.2), flat(0.6), "max") == pytest.approx(0.1)
    assert loss(flat(0.6), flat(0.2), flat(0.6), "max") == pytest.approx(0, abs=1e-6)


def test_a_lost_ramp_costs_its_mean_gradient_times_alpha():
    # Intensity: mean of 0, 0.1, 0.2, 0.3. Gradient: 6 times 0.1.
    assert loss(BLACK, RISING, BLACK, alpha=2) == pytest.approx(0.15 + 2 * 0.6)
    assert loss(BLACK, RISING, BLACK, alpha=5) == pytest.approx(0.15 + 5 * 0.6)
    assert loss(BLACK, RISING, BLACK, alpha=0) == pytest.approx(0.15)


# Intensity: |FALLING - RISING| has the mean 0.2 and |FALLING - BLACK| 0.15. A reversed ramp has the same magnitude of
# gradient, and a derivative that is wrong by twice its size: 2 * 0.6.
@pytest.mark.parametrize(("gradient", "expected"), [("absolute", 0), ("signed", 1.2), ("mixed", 0.6)])
def test_only_the_sign_tells_a_reversed_ramp_from_the_right_one(gradient, expected):
    assert loss(FALLING, RISING, BLACK, gradient=gradient) == pytest.approx(0.35 + 2 * expected, abs=1e-6)


def test_the_magnitude_is_the_sum_of_both_derivatives():
    steps = torch.arange(5.0)
    plane = 0.1 * (steps[:, None] + steps)[None, None]  # both derivatives are 0.8 inside, 0.4 at their borders
    inside = 3 / 5 * 0.8 + 2 / 5 * 0.4
    assert loss(torch.zeros_like(plane), plane, torch.zeros_like(plane), alpha=1) == pytest.approx(0.4 + 2 * inside)


def test_the_gradient_to_reach_is_the_stronger_one_pixel_by_pixel():
    fixed, moving = torch.zeros(2, 1, 1, 6, 16)
    fixed[..., 3:], moving[..., 11:] = 0.5, -0.5
    both = fixed + moving  # has the edges of FIXED and of MOVING, each with its sign
    for gradient in GRADIENTS:
        lost = loss(both, fixed, moving, gradient=gradient, alpha=1) - loss(both, fixed, moving, alpha=0)
        assert lost == pytest.approx(0, abs=1e-6)
        assert loss(fixed, fixed, moving, gradient=gradient, alpha=1) - loss(fixed, fixed, moving, alpha=0) > 0.1


@pytest.mark.parametrize("intensity", INTENSITIES)
@pytest.mark.parametrize("gradient", GRADIENTS)
def test_nothing_is_lost_when_all_three_are_one_image(intensity, gradient):
    image = torch.rand(2, 1, 16, 20, generator=torch.Generator().manual_seed(0))
    assert loss(image, image, image, intensity, gradient) == 0
    assert loss(image.flip(3), image, image, intensity, gradient) > 0.1


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_the_brighter_image_itself_is_perfect_in_the_max_form_and_not_in_the_papers(gradient):
    assert loss(RISING, RISING, BLACK, "max", gradient) == 0
    assert loss(RISING, RISING, BLACK, "both", gradient) == pytest.approx(0.15)


@pytest.mark.parametrize("intensity", INTENSITIES)
@pytest.mark.parametrize("gradient", GRADIENTS)
def test_the_sources_are_interchangeable(intensity, gradient):
    fused, fixed, moving = torch.rand(3, 1, 1, 12, 14, generator=torch.Generator().manual_seed(1))
    there, back = (loss(fused, *pair, intensity, gradient) for pair in ((fixed, moving), (moving, fixed)))
    assert there == pytest.approx(back, rel=1e-6)


@pytest.mark.parametrize("intensity", INTENSITIES)
@pytest.mark.parametrize("gradient", GRADIENTS)
def test_a_step_down_the_gradient_lowers_the_loss(intensity, gradient):
    fused, fixed, moving = torch.rand(3, 1, 1, 12, 14, generator=torch.Generator().manual_seed(2))
    fused = fused.clone().requires_grad_()
    settings = LossSettings(intensity, gradient)
    before = fusion_loss(fused, fixed, moving, settings)
    before.backward()
    assert torch.isfinite(fused.grad).all()
    assert (fused.grad != 0).float().mean() > 0.9
    after = fusion_loss(fused.detach() - 1e-2 * fused.grad, fixed, moving, settings)
    assert after < before


def test_the_loss_of_a_batch_is_the_mean_of_its_images():
    images = torch.rand(3, 2, 1, 12, 14, generator=torch.Generator().manual_seed(3))
    alone = [loss(*(image[i : i + 1] for image in images)) for i in range(2)]
    assert loss(*images) == pytest.approx(np.mean(alone), rel=1e-5)
    assert alone[0] != pytest.approx(alone[1], rel=1e-3)


@pytest.mark.parametrize("settings", [LossSettings(intensity="min"), LossSettings(gradient="none")])
def test_an_unknown_form_is_our_own_mistake(settings):
    with pytest.raises(ValueError, match="unknown"):
        fusion_loss(BLACK, BLACK, BLACK, settings)


@pytest.mark.parametrize(("rows", "columns"), [(7, 9), (9, 7), (3, 3), (1, 5)])
def test_sobel_is_scipys_with_sign_and_border(rows, columns):
    image = torch.rand(2, 1, rows, columns, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    derivatives = sobel(image).numpy()
    for picture, found in zip(image.numpy()[:, 0], derivatives, strict=True):
        assert np.abs(found[0] - ndimage.sobel(picture, axis=1, mode="nearest")).max() < 1e-12
        assert np.abs(found[1] - ndimage.sobel(picture, axis=0, mode="nearest")).max() < 1e-12


def test_a_ramp_that_rises_with_the_column_has_a_positive_first_derivative_and_no_second():
    assert torch.allclose(sobel(RISING)[0, 0, 2], torch.tensor([0.4, 0.8, 0.8, 0.4]))
    assert sobel(RISING)[0, 1].abs().max() < 1e-6
