"""One number, and how to read it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's value, its unit ("1" for a ratio), and which way is `better` ("higher", "lower" or "zero").

    `value` is None where the metric is not defined for the images, and `reason` says why. Of a volume it is the mean
    over the `slices` where it is defined, and `sd` their sample standard deviation (None for fewer than two).
    """

    value: float | None
    unit: str
    better: str
    reason: str | None = None
    sd: float | None = None
    slices: int | None = None

    def as_dict(self) -> dict[str, float | int | str | None]:
        """For JSON: {"value", "unit", "better"}, and "reason", "sd" and "slices" where they say something."""
        document: dict[str, float | int | str | None] = {"value": self.value, "unit": self.unit, "better": self.better}
        more = {"reason": self.reason, "sd": self.sd, "slices": self.slices}
        return document | {name: fact for name, fact in more.items() if fact is not None}
