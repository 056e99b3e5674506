"""What a network is worth on whole images that it is not trained on."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from fusecli.errors import ImageError
from fusecli.train.checkpoint import pair_digest
from fusecli.train.datasets import Grey, Tasks, TrainingPair
from fusecli.train.divergence import diverged

# FIXED, MOVING and FUSED, (row, column) in 0..1, to a number that is higher for a better fusion.
Score = Callable[[Grey, Grey, Grey], float]


def check_can_be_scored(tasks: Tasks, *, score: Score, count: int) -> None:
    """Score FIXED itself for each pair that `validate` will take, so that no epoch is spent in vain.

    Raises ImageError that names the pair for which the score is not defined.
    """
    for pair in (pair for pairs in chosen_pairs(tasks, count) for pair in pairs):
        try:
            score(pair.fixed, pair.moving, pair.fixed)
        except ImageError as error:
            raise ImageError(
                f"The validation pair {pair.name} cannot be scored.",
                why=error.what,
                hint="Take both of its files out of the validation folder.",
            ) from error


def validate(network: nn.Module, tasks: Tasks, *, score: Score, count: int, device: str = "cpu") -> float:
    """Mean over the tasks of the mean score of whole fused images; about `count` pairs, spread evenly.

    Raises UsageError when the network gives something that is not a number: training has diverged.
    """
    network.eval()
    means = [
        np.mean([_score_pair(network, pair, score, device) for pair in pairs]) for pairs in chosen_pairs(tasks, count)
    ]
    return float(np.mean(means))


def count_seen(training: Tasks, validation: Tasks) -> int:
    """How many of the validation pairs are trained on: both images are equal to the pixel, whatever their names."""
    seen = {pair_digest(pair) for pairs in training.values() for pair in pairs}
    return sum(pair_digest(pair) in seen for pairs in validation.values() for pair in pairs)


def chosen_pairs(tasks: Tasks, count: int) -> list[Sequence[TrainingPair]]:
    """About `count` pairs, spread evenly within each task, and as many of each as there are."""
    share = share_of_each(tasks, count)
    return [_spread_evenly(pairs, min(share, len(pairs))) for pairs in tasks.values()]


def share_of_each(tasks: Tasks, count: int) -> int:
    """How many of about `count` pairs fall to each task."""
    return max(1, count // len(tasks))


def as_batches(*images: Grey) -> Iterator[Tensor]:
    """Each image, (row, column), as a batch of one, (1, 1, row, column), on the CPU."""
    # Copied, because the voxels of an Image are read-only, and torch takes none such without a warning.
    return (torch.from_numpy(image.copy())[None, None] for image in images)


def _spread_evenly(pairs: Sequence[TrainingPair], count: int) -> Sequence[TrainingPair]:
    return [pairs[i] for i in np.linspace(0, len(pairs) - 1, count).astype(int)]


def _score_pair(network: nn.Module, pair: TrainingPair, score: Score, device: str) -> float:
    fixed, moving = (batch.to(device) for batch in as_batches(pair.fixed, pair.moving))
    with torch.inference_mode():
        fused: Tensor = network(fixed, moving)
    if not torch.isfinite(fused).all():
        raise diverged(f"The image that the network makes of the validation pair {pair.name} is not made of numbers.")
    return score(pair.fixed, pair.moving, fused.clamp(0, 1)[0, 0].cpu().numpy())
