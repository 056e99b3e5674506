"""Windows for tracers: PET and SPECT start at zero, because there is no negative uptake."""

import math

from fusecli.catalog import Modality
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.statistics import highest, percentiles
from fusecli.errors import UsageError
from fusecli.normalize.scale import UNIT_NAMES, Scale

# White at SUV 5: the usual setting for FDG, which shows liver mid-grey and most tumors white.
# By surface 5 g/ml are 1.3 cm2/ml in a person of 70 kg and 1.75 m, whose surface is 1.85 m2.
SUV_RANGES = {Intensity.SUV: (0.0, 5.0), Intensity.SUVLBM: (0.0, 5.0), Intensity.SUVBSA: (0.0, 1.3)}
UPPER_PERCENTILE = 99.5
NOT_COMPARABLE = "brightness is not comparable between patients"
NO_SUV = f"no SUV: robust percentile; {NOT_COMPARABLE}"


def measures_uptake(image: Image) -> bool:
    """Whether the voxels measure a tracer: SUV, Bq/ml or counts, or PET or SPECT on a scale of its own.

    A picture of a PET is not a measurement: its brightness was chosen by whoever made the picture.
    """
    if image.intensity.is_suv or image.intensity in (Intensity.BQML, Intensity.COUNTS):
        return True
    return image.modality.is_uptake and image.intensity is Intensity.ARBITRARY


def uptake_scale(image: Image, *, stretched: bool = False) -> Scale:
    """SUV 0 to 5; without SUV, or `stretched`, 0 to the 99.5th percentile of the positive voxels.

    SUV by body surface ends at 1.3 cm2/ml. Negative uptake is 0 either way.
    """
    if not image.intensity.is_suv:
        # SPECT never has SUV in practice: a warning with every SPECT would only teach people to skip warnings.
        warnings = () if image.modality is Modality.SPECT else (f"PET window: {NO_SUV}.",)
        return _positive_scale(image, NO_SUV, warnings)
    if stretched:
        return _positive_scale(image, f"asked for; {NOT_COMPARABLE}", ())
    return _suv(image.intensity, SUV_RANGES[image.intensity], "the default for PET")


def suv_scale(image: Image, suv_range: tuple[float, float], window: str | None = None) -> Scale:
    """The range of SUV that the user asks for, as (low, high) in the unit of the image: g/ml, or cm2/ml by surface.

    Raises UsageError for a range that is not 0 <= low < high, for an image without SUV, or together with a window.
    """
    if window is not None:
        raise UsageError(
            f"An SUV range and the window '{window}' cannot both hold for one image.",
            hint="Give one of the two.",
        )
    low, high = suv_range
    if not (0 <= low < high and math.isfinite(high)):
        raise UsageError(
            f"{low:g} to {high:g} is not a range of SUV.",
            why="It starts at 0 or above, since there is no negative uptake, and ends higher than it starts.",
            hint="For example 0 to 5, or 0 to 20 for PSMA.",
        )
    if not image.intensity.is_suv:
        raise UsageError(
            "An SUV range was given for an image that has no SUV.",
            why=f"Its voxels are {image.intensity.value}.",
            hint="Leave the SUV range out, or supply what the SUV of this PET lacks: weight, dose and injection time.",
        )
    return _suv(image.intensity, (low, high), "asked for")


def _suv(intensity: Intensity, suv_range: tuple[float, float], why: str) -> Scale:
    (low, high), unit = suv_range, UNIT_NAMES[intensity]
    return Scale("suv", f"{low:g}-{high:g}", low, high, unit, f"{unit} {low:g} to {high:g}", why)


def _positive_scale(image: Image, why: str, warnings: tuple[str, ...]) -> Scale:
    unit = UNIT_NAMES[image.intensity]
    if highest(image.voxels) <= 0:
        warning = "No voxel shows any uptake: the image is black."
        return Scale("constant", "", 0, 0, unit, f"0 {unit}", "no voxel is positive", (warning,))
    (high,) = percentiles(image.voxels, [UPPER_PERCENTILE], above=0)
    shown = f"0 to {high:g} {unit} ({UPPER_PERCENTILE:g}th percentile of the positive voxels)"
    return Scale("positive", "", 0, high, unit, shown, why, warnings)
