"""Pictures out of noise, to see with one's own eyes what a diffusion network has learned.

Source: Song et al., "Denoising Diffusion Implicit Models", ICLR 2021, eq. 12 with no noise added on the way.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from fusecli import formats
from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.models.dmfnet_unet import DiffusionUNet
from fusecli.settings.training import TrainSettings
from fusecli.train.loop import EpochReport

# Fewer than the diffusion has, evenly spread: what comes out differs little, and it takes seconds.
JUMPS = 30
PICTURES = 4


def path_beside(weights: Path) -> Path:
    """Where the pictures of a run that writes `weights` stand: NAME.samples.png."""
    return weights.with_name(f"{weights.stem}.samples.png")


def followed_by_pictures(
    epochs: Iterator[EpochReport], network: DiffusionUNet, weights: Path, settings: TrainSettings
) -> Iterator[EpochReport]:
    """The same epochs; after each that is the best so far, pictures from its `weights` are written beside them.

    They are as large as a patch. `network` is one of that kind, to be filled with the weights. Raises OutputError when
    a picture cannot be written.
    """
    for epoch in epochs:
        if epoch.improved:
            network.load_state_dict(load_file(weights))
            drawn = sample(network, count=PICTURES, side=settings.crop, seed=settings.seed)
            _write(drawn, path_beside(weights))
        yield epoch


def sample(network: DiffusionUNet, *, count: int, side: int, seed: int, jumps: int = JUMPS) -> Tensor:
    """`count` images out of nothing but noise, (count, 1, side, side) in 0..1; the same seed draws the same ones."""
    network.eval()
    steps = np.unique(np.linspace(1, len(network.kept), jumps).round().astype(int))[::-1]
    left = [*(network.kept[step - 1] for step in steps), torch.ones(())]
    x = torch.randn((count, 1, side, side), generator=torch.Generator().manual_seed(seed)).to(network.kept.device)
    with torch.inference_mode():
        for step, now, then in zip(steps, left[:-1], left[1:], strict=True):
            x = _nearer(x, network(x, torch.full((count,), int(step), device=x.device)), now, then)
    return (x.clamp(-1, 1) + 1) / 2


def _nearer(x: Tensor, noise: Tensor, now: Tensor, then: Tensor) -> Tensor:
    # Near the end of the schedule next to nothing of the image is left, and dividing by it would throw it far off.
    image = ((x - (1 - now).sqrt() * noise) / now.sqrt()).clamp(-1, 1)
    noise = (x - now.sqrt() * image) / (1 - now).sqrt()
    return then.sqrt() * image + (1 - then).sqrt() * noise


def _write(images: Tensor, path: Path) -> None:
    row = np.concatenate(list(images[:, 0].cpu().numpy()), axis=1)
    picture = Image(row[np.newaxis], Geometry((1, *row.shape)), Modality.OTHER, Intensity.UNIT)
    formats.write(picture, path, overwrite=True)
