"""Training of the registration network: it undoes deformations of MOVING that are known, because we made them.

Each pair, which lies aligned, is first deformed as a whole, FIXED and MOVING alike, into a head of another shape; then
MOVING alone. The network sees FIXED and the deformed MOVING, and is told by how far its field misses the known one, how
far the restored MOVING is from what it was, and which cells its features should have taken for partners.
"""

from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusecli.errors import ImageError
from fusecli.models.registration import MULTIPLE, REACH, Motion, RegistrationNet, enlarged, padded, warped
from fusecli.settings.training import TrainSettings
from fusecli.train.datasets import Grey, Tasks, TrainingPair
from fusecli.train.deformations import affine, coarser, drawn, inverse, unfolded
from fusecli.train.divergence import diverged
from fusecli.train.objective import Unlearned
from fusecli.train.validation import as_batches, chosen_pairs

MEASURE = "NCC with the undeformed"

# What the sides of training pictures are multiples of: the network sees them at half of their resolution, where they
# are multiples of 32.
SIDE = 2 * MULTIPLE

# In pixels of a picture of 256 x 256; ranges are drawn from evenly.
SHAPE_SMOOTHNESS, SHAPE_LENGTH = (15.0, 40.0), (0.0, 4.0)
SMOOTHNESS, LENGTH = (11.0, 26.0), (0.2, 6.0)
AFFINE_ODDS, AFFINE_SLOPE, AFFINE_SHIFT = 0.25, 0.025, 2.0
# Of the pair as a whole: its size and proportions are changed by e to the power of these at most, and the shift is a
# share of half of its side.
TURN_RAD, SIZE, PROPORTIONS, SHIFT = 0.35, 0.15, 0.08, 0.08
NOISE = 0.01
VALIDATION_SMOOTHNESS, VALIDATION_LENGTH = (13.0, 20.0), (2.5, 4.8)

# What of MOVING counts as shown, and how much a cell in the dark still counts.
SHOWN, DARK = 0.03, 0.02
# Of the miss in cells of the coarse grid, beside that in cells of the fine one; of the brightness; and of the partners.
COARSE_WEIGHT, BRIGHTNESS_WEIGHT, PARTNER_WEIGHT = 0.6, 20.0, 0.1


class Example(NamedTuple):
    """What is shown and known: pictures are (N, 1, H/2, W/2), the displacement (N, 2, H/4, W/4) in cells of that grid.

    `moving` is deformed, `truth` is not, and `displacement` leads from the points of `truth` to those of `moving`.
    """

    fixed: Tensor
    moving: Tensor
    truth: Tensor
    displacement: Tensor


@dataclass(frozen=True, slots=True)
class Registration(Unlearned):
    """How well known deformations are undone; the score is the mean correlation of the restored with what it was."""

    settings: TrainSettings
    measure: str = MEASURE

    def loss(self, network: nn.Module, fixed: Tensor, moving: Tensor, step: int) -> Tensor:
        random = np.random.default_rng((self.settings.seed, step, 1))
        given = example(*reshaped(fixed, moving, random), random)
        seen = [noisy(image, random) for image in (given.fixed, given.moving)]
        return motion_loss(cast("RegistrationNet", network).motion(*seen), given)

    def worth(self, network: nn.Module, validation: Tasks, device: str) -> float:
        network.eval()
        chosen = chosen_pairs(validation, self.settings.validation_pairs)
        means = [
            np.mean([_restored(network, pair, seed, device) for seed, pair in enumerate(pairs)]) for pairs in chosen
        ]
        if not np.isfinite(means).all():
            raise diverged("The field that the network finds for a validation pair is not made of numbers.")
        return float(np.mean(means))


def reshaped(fixed: Tensor, moving: Tensor, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """The same pairs, (N, 1, H, W), turned, stretched, shifted and deformed, FIXED and MOVING alike."""
    both = torch.cat([fixed, moving], dim=1)
    count, size = len(both), (both.shape[-2], both.shape[-1])
    matrices = torch.stack([_placement(random) for _ in range(count)]).to(both.device)
    grid = F.affine_grid(matrices, list(both.shape), align_corners=False)
    both = F.grid_sample(both, grid, align_corners=False)
    shape = torch.cat(
        [drawn(random, size, random.uniform(*SHAPE_SMOOTHNESS), random.uniform(*SHAPE_LENGTH)) for _ in range(count)]
    )
    both = warped(both, shape.to(both.device))
    return both[:, :1], both[:, 1:]


def _placement(random: np.random.Generator) -> Tensor:
    """2 x 3, of `affine_grid`: a turn, another size and other proportions, and a shift."""
    angle, size = random.uniform(-TURN_RAD, TURN_RAD), random.uniform(-SIZE, SIZE)
    stretch = np.exp(size + random.uniform(-PROPORTIONS, PROPORTIONS, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * stretch
    shift = random.uniform(-SHIFT, SHIFT, (2, 1))
    return torch.from_numpy(np.hstack([turn, shift]).astype(np.float32))


def example(fixed: Tensor, moving: Tensor, random: np.random.Generator) -> Example:
    """MOVING, (N, 1, H, W), deformed by a displacement of its own for each pair."""
    size = (moving.shape[-2], moving.shape[-1])
    displacements = torch.cat([_displacement(random, size) for _ in range(len(moving))])
    return deformed(fixed, moving, displacements.to(moving.device))


def _displacement(random: np.random.Generator, size: tuple[int, int]) -> Tensor:
    found = drawn(random, size, random.uniform(*SMOOTHNESS), random.uniform(*LENGTH))
    if random.random() < AFFINE_ODDS:
        found = found + affine(random, size, AFFINE_SLOPE, AFFINE_SHIFT)
    return unfolded(found)


def deformed(fixed: Tensor, moving: Tensor, displacements: Tensor) -> Example:
    """The example in which MOVING shows at each pixel what lies where `displacements`, (N, 2, H, W), points to."""
    fixed, after, truth = (F.avg_pool2d(image, 2) for image in (fixed, warped(moving, displacements), moving))
    return Example(fixed, after, truth, inverse(coarser(displacements, 4)))


def noisy(image: Tensor, random: np.random.Generator) -> Tensor:
    """With noise of NOISE in every pixel, apart from what the truth shows."""
    return image + NOISE * torch.from_numpy(random.standard_normal(image.shape).astype(np.float32)).to(image.device)


def motion_loss(found: Motion, given: Example) -> Tensor:
    """The misses of both steps, of the restored brightness, and the cross-entropy of the partners."""
    weight = F.avg_pool2d(F.max_pool2d((given.truth > SHOWN).float(), 9, 1, 4), 2) + DARK
    coarse_weight, coarse_truth = F.avg_pool2d(weight, 2), coarser(given.displacement, 2)
    lacking = warped(given.moving, 2 * enlarged(found.fine)) - given.truth
    return (
        _miss(found.fine, given.displacement, weight)
        + COARSE_WEIGHT * _miss(found.coarse, coarse_truth, coarse_weight)
        + BRIGHTNESS_WEIGHT * (lacking.abs().mean() + lacking.square().mean())
        + PARTNER_WEIGHT * partner_loss(found.coarse_similarity, coarse_truth, coarse_weight)
        + PARTNER_WEIGHT * partner_loss(found.fine_similarity, (given.displacement - found.guess).detach(), weight)
    )


def _miss(found: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """The weighted mean of the distances, smoothed at zero, where their slope would be undefined."""
    lengths = ((found - truth).square().sum(dim=1, keepdim=True) + 1e-4).sqrt()
    return (lengths * weight).sum() / weight.sum()


def partner_loss(similarity: Tensor, displacement: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy of the similarities, (N, (2 REACH + 1)^2, H, W), with where each cell's partner lies.

    A partner between cells counts for the four around it, by how near it is; one out of reach for the nearest.
    """
    side = 2 * REACH + 1
    where = (displacement + REACH).clamp(0, side - 1 - 1e-3)
    whole = where.floor()
    share, cell = where - whole, whole.long()
    target = torch.zeros_like(similarity)
    for down in (0, 1):
        for right in (0, 1):
            part = (share[:, 0] if down else 1 - share[:, 0]) * (share[:, 1] if right else 1 - share[:, 1])
            index = (cell[:, 0] + down) * side + cell[:, 1] + right
            target.scatter_add_(1, index[:, None], part[:, None])
    entropy = -(target * similarity.log_softmax(dim=1)).sum(dim=1, keepdim=True)
    return (entropy * weight).sum() / weight.sum()


def contrast(fixed: Grey, moving: Grey, fused: Grey) -> float:
    """The lesser range of brightness of FIXED and MOVING: a `Score` that is defined where the correlation is.

    Raises ImageError for an image that shows nothing.
    """
    least = float(min(np.ptp(fixed), np.ptp(moving)))
    if least == 0:
        raise ImageError("One of its images has one brightness all over.")
    return least


def _restored(network: nn.Module, pair: TrainingPair, seed: int, device: str) -> float:
    """The correlation of the restored MOVING with what it was, deformed alike at every epoch."""
    random = np.random.default_rng(seed)
    fixed, moving = (padded(batch, SIDE) for batch in as_batches(pair.fixed, pair.moving))
    size = (moving.shape[-2], moving.shape[-1])
    displacement = drawn(random, size, random.uniform(*VALIDATION_SMOOTHNESS), random.uniform(*VALIDATION_LENGTH))
    given = deformed(fixed, moving, unfolded(displacement))
    with torch.inference_mode():
        field = network(given.fixed.to(device), given.moving.to(device)).cpu()
        restored = warped(given.moving, 2 * enlarged(field))
    return float(torch.corrcoef(torch.stack([restored.flatten(), given.truth.flatten()]))[0, 1])
