"""What the number in a voxel measures."""

from enum import StrEnum


class Intensity(StrEnum):
    """The unit of a voxel.

    HU: Hounsfield units. SUV: standardized uptake value by body weight, g/ml; SUVLBM: by lean body mass, g/ml;
    SUVBSA: by body surface area, cm2/ml. BQML: activity concentration, Bq/ml. COUNTS: detector counts.
    ARBITRARY: a scanner's own scale (MR), or a file that does not say.
    UNIT: 0..1, the scale of the networks and of pictures. RGB: 8-bit color.
    """

    HU = "HU"
    SUV = "SUV"
    SUVLBM = "SUVLBM"
    SUVBSA = "SUVBSA"
    BQML = "BQML"
    COUNTS = "COUNTS"
    ARBITRARY = "ARBITRARY"
    UNIT = "UNIT"
    RGB = "RGB"

    @property
    def is_suv(self) -> bool:
        """Whether uptake is divided by the injected dose, whatever it is multiplied by."""
        return self in (Intensity.SUV, Intensity.SUVLBM, Intensity.SUVBSA)

    @property
    def physical_unit(self) -> str | None:
        """The unit as UCUM writes it; None for a scale that has none."""
        return _PHYSICAL_UNITS.get(self)


_PHYSICAL_UNITS = {
    Intensity.HU: "[hnsf'U]",
    Intensity.SUV: "g/ml",
    Intensity.SUVLBM: "g/ml",
    Intensity.SUVBSA: "cm2/ml",
    Intensity.BQML: "Bq/ml",
}
