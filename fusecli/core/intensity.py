"""What the number in a voxel measures."""

from enum import StrEnum


class Intensity(StrEnum):
    """The unit of a voxel.

    HU: Hounsfield units. SUV: body-weight standardized uptake value, g/ml. BQML: activity concentration, Bq/ml.
    COUNTS: detector counts. ARBITRARY: a scanner's own scale (MR), or a file that does not say.
    UNIT: 0..1, the scale of the networks and of pictures. RGB: 8-bit color.
    """

    HU = "HU"
    SUV = "SUV"
    BQML = "BQML"
    COUNTS = "COUNTS"
    ARBITRARY = "ARBITRARY"
    UNIT = "UNIT"
    RGB = "RGB"
