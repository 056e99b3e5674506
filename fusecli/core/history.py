"""What was done to an image, step by step, so that a report can say it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

Fact = str | float | int | bool | None


@dataclass(frozen=True, slots=True)
class Step:
    """One step: a verb ("read", "resample", "to_unit"), its facts, and what the user should be warned of.

    `facts` and `warnings` go into reports as they are, so neither may ever carry a name, an ID or a birth date.
    """

    name: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts", MappingProxyType(dict(self.facts)))


def warnings_of(history: Iterable[Step]) -> tuple[str, ...]:
    """Every warning of a history, in order, each once."""
    return tuple(dict.fromkeys(text for step in history for text in step.warnings))


def last_step(history: Sequence[Step], name: str) -> Step | None:
    """The most recent step of that name; None if there is none."""
    return next((step for step in reversed(history) if step.name == name), None)
