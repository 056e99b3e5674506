"""What a run of training is after."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from fusecli.settings.training import TrainSettings
from fusecli.train.datasets import Tasks
from fusecli.train.losses import fusion_loss
from fusecli.train.validation import Score, validate


class Objective(Protocol):
    """The loss of a step, and what the network is worth after an epoch; `measure` is what the latter is called."""

    @property
    def measure(self) -> str: ...

    def loss(self, network: nn.Module, fixed: Tensor, moving: Tensor, step: int) -> Tensor:
        """Of one batch, (N, 1, H, W) in 0..1 each. The same weights, batch, step and state give the same number."""
        ...

    def worth(self, network: nn.Module, validation: Tasks, device: str) -> float:
        """Higher for a better network. Raises UsageError when training has diverged."""
        ...

    def state(self) -> dict[str, Any]:
        """What it has learned itself so far, for the checkpoint."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        ...


class Unlearned:
    """An objective that is the same at every step."""

    __slots__ = ()

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Fusion(Unlearned):
    """A fused image that the loss and the `score` of whole images, called `measure`, think well of."""

    settings: TrainSettings
    score: Score
    measure: str

    def loss(self, network: nn.Module, fixed: Tensor, moving: Tensor, step: int) -> Tensor:
        return fusion_loss(network(fixed, moving), fixed, moving, self.settings.loss)

    def worth(self, network: nn.Module, validation: Tasks, device: str) -> float:
        count = self.settings.validation_pairs
        return validate(network, validation, score=self.score, count=count, device=device)
