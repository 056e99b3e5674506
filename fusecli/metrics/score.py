"""One number, and how to read it."""

from dataclasses import dataclass

from fusecli.catalog import MetricInfo


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's value, its unit ("1" for a ratio), and which way is `better` ("higher" or "lower")."""

    value: float
    unit: str
    better: str

    @classmethod
    def of(cls, value: float, info: MetricInfo) -> "Score":
        """The score that the catalog describes."""
        return cls(float(value), info.unit, info.better)

    def as_dict(self) -> dict[str, float | str]:
        """For JSON: {"value": ..., "unit": ..., "better": ...}."""
        return {"value": self.value, "unit": self.unit, "better": self.better}
