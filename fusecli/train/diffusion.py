"""The first stage of DM-FNet: the U-Net learns to tell the noise in a medical image, of whatever modality.

Source: Ho et al., "Denoising Diffusion Probabilistic Models", NeurIPS 2020, algorithm 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusecli.models.dmfnet_noise import noised
from fusecli.models.dmfnet_unet import DiffusionUNet
from fusecli.settings.training import TrainSettings
from fusecli.train.datasets import Grey, Tasks, TrainingPair
from fusecli.train.divergence import diverged
from fusecli.train.objective import Unlearned
from fusecli.train.validation import chosen_pairs

MEASURE = "minus noise loss"


@dataclass(frozen=True, slots=True)
class Denoising(Unlearned):
    """Mean squared error of the noise, in FIXED and MOVING alike, at steps drawn evenly from all.

    The score of an epoch is minus that error on whole validation images, one of each pair, FIXED and MOVING taking
    turns, with the same steps and noise at every epoch.
    """

    settings: TrainSettings
    measure: str = MEASURE

    def loss(self, network: nn.Module, fixed: Tensor, moving: Tensor, step: int) -> Tensor:
        images = torch.cat([fixed, moving])  # (2N, 1, H, W)
        # Steps, noise and dropout come from seed and step alone, as the patches do, so that a run may be cut in two.
        with torch.random.fork_rng(devices=[images.device] if images.is_cuda else []):
            torch.manual_seed(int(np.random.SeedSequence((self.settings.seed, step)).generate_state(1)[0]))
            at = torch.randint(1, _steps(network) + 1, (len(images),))
            noise = torch.randn(images.shape)
            return noise_loss(network, images, at, noise)

    def worth(self, network: nn.Module, validation: Tasks, device: str) -> float:
        network.eval()
        count = self.settings.validation_pairs
        means = [np.mean(_losses(network, pairs, device)) for pairs in chosen_pairs(validation, count)]
        if not np.isfinite(means).all():
            raise diverged("The noise that the network tells in a validation image is not made of numbers.")
        return -float(np.mean(means))


def noise_loss(network: nn.Module, images: Tensor, at: Tensor, noise: Tensor) -> Tensor:
    """Mean squared error of the noise that `network` tells in `images`, (N, 1, H, W) in 0..1, at steps `at`, (N,)."""
    at, noise = at.to(images.device), noise.to(images.device)
    left = _schedule(network)[at - 1]
    return F.mse_loss(network(noised(images, noise, left), at), noise)


def _losses(network: nn.Module, pairs: Sequence[TrainingPair], device: str) -> list[float]:
    """One number per pair; the steps are spread evenly over the pairs."""
    spread = (np.arange(len(pairs)) + 0.5) / len(pairs) * _steps(network)
    greys = [pair.moving if number % 2 else pair.fixed for number, pair in enumerate(pairs)]
    return [_loss(network, grey, int(step) + 1, device) for grey, step in zip(greys, spread, strict=True)]


def _loss(network: nn.Module, grey: Grey, step: int, device: str) -> float:
    images = torch.from_numpy(grey.copy())[None, None].to(device)
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(step))
    with torch.inference_mode():
        return noise_loss(network, images, torch.tensor([step]), noise).item()


def _steps(network: nn.Module) -> int:
    return len(_schedule(network))


def _schedule(network: nn.Module) -> Tensor:
    return cast("DiffusionUNet", network).kept
