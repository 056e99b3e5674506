"""The loss of DM-FNet's second stage: its three parts, and whose structure counts where."""

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from fusecli.settings.training import LOSSES, LossSettings
from fusecli.train import kept
from fusecli.train.losses import fusion_loss

SIDE = 48


def image(seed, *, columns):
    """Texture in the given columns, and a flat 0.5 elsewhere: (1, 1, SIDE, SIDE)."""
    texture = np.random.default_rng(seed).random((SIDE, SIDE), dtype=np.float32)
    there = np.isin(np.arange(SIDE), columns)
    return torch.from_numpy(np.where(there, texture, np.float32(0.5)))[None, None]


LEFT, RIGHT = (image(seed, columns=part) for seed, part in ((1, range(24)), (2, range(24, SIDE))))
BOTH = LEFT + RIGHT - 0.5


def test_the_source_with_the_larger_variance_counts_in_every_window():
    assert kept.clearer_structure(LEFT, RIGHT, BOTH).item() > 0.95  # less than 1 where a window sees both
    assert kept.clearer_structure(RIGHT, LEFT, BOTH).item() > 0.95
    for one_sided in (LEFT, RIGHT):
        assert kept.clearer_structure(LEFT, RIGHT, one_sided).item() < 0.7


def test_beside_a_flat_source_it_is_the_ssim_of_scikit_image():
    flat, fused = torch.full_like(LEFT, 0.5), 0.7 * BOTH
    expected = structural_similarity(255 * BOTH[0, 0].numpy(), 255 * fused[0, 0].numpy(), data_range=255, full=True)[1]
    inside = expected[3:-3, 3:-3].mean()
    assert kept.clearer_structure(BOTH, flat, fused).item() == pytest.approx(inside, abs=1e-4)
    assert kept.clearer_structure(flat, BOTH, fused).item() == pytest.approx(inside, abs=1e-4)


def test_the_loss_is_three_terms_with_the_published_weights():
    fused = (BOTH + LEFT) / 2
    brightness = (fused - torch.maximum(LEFT, RIGHT)).abs().mean().item()
    gradients = fusion_loss(fused, LEFT, RIGHT, LossSettings("none", "absolute", alpha=1.0)).item()
    structure = 1 - kept.clearer_structure(LEFT, RIGHT, fused).item()
    assert min(brightness, gradients, structure) > 0.01
    found = fusion_loss(fused, LEFT, RIGHT, LOSSES["dmfnet"]).item()
    assert found == pytest.approx(1.5 * brightness + gradients + 0.5 * structure, rel=1e-5)


def test_its_gradient_leads_to_a_smaller_loss():
    fused = torch.full_like(LEFT, 0.4, requires_grad=True)
    optimizer = torch.optim.Adam([fused], lr=0.02)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        value = fusion_loss(fused, LEFT, RIGHT, LOSSES["dmfnet"])
        value.backward()
        optimizer.step()
        losses.append(value.item())
    assert losses[-1] < 0.7 * losses[0]
