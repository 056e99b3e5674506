"""Both sources, and a result to be measured, as brightness in 0..1 on one grid."""

from dataclasses import replace

from fusecli import normalize
from fusecli.catalog import Modality
from fusecli.core import statistics
from fusecli.core.history import Step
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.pair import Pair
from fusecli.errors import PairError
from fusecli.pipeline.gridding import Coverage, put_on_one_grid
from fusecli.pipeline.sources import Sources
from fusecli.settings import FuseSettings

SAME_SIZE = 0.01  # of voxels
_INTERPOLATED = (
    "FUSED has voxels of another size than FIXED and was interpolated, which smooths it: its scores are those of the "
    "smoothed image."
)
LEAST_COVERED = 0.95  # of FIXED by FUSED: a grid of other voxels may end a little earlier

_SWAPPED = (
    "FIXED shows a tracer and MOVING does not, so the result has the tracer's coarse grid and no color: "
    "give the CT or MRI first."
)
_NO_POLARITY = "--polarity has no effect: MOVING is not a grey picture, so its numbers say what is hot."


def normalize_pair(sources: Sources, aligned: Image, coverage: Coverage | None, settings: FuseSettings) -> Pair:
    """Both images as UNIT: --window is FIXED's, and MOVING's where both are CT; SUV range and polarity are MOVING's."""
    window = settings.window
    both_ct = sources.fixed.modality is Modality.CT and aligned.modality is Modality.CT
    own = normalize.to_unit(sources.fixed, window=window, judged_by=sources.fixed_whole)
    other = normalize.to_unit(
        aligned, window=window if both_ct else None, suv_range=settings.suv_range, judged_by=sources.moving_whole
    )
    if aligned.intensity is Intensity.UNIT:
        other = normalize.white_hot(other, beside=own, polarity=settings.polarity)
    elif settings.polarity != "auto":
        other = other.stepped(Step("check_options", {}, (_NO_POLARITY,)))
    if sources.fixed.modality.is_uptake and not aligned.modality.is_uptake:
        other = other.stepped(Step("check_roles", {}, (_SWAPPED,)))
    return Pair(own, other, coverage)


def fused_on_grid(fixed: Image, image: Image) -> Image:
    """An image made by any program as a result to be measured: UNIT, on FIXED's grid.

    Raises PairError when it does not fit FIXED, or leaves a part of it without a result.
    """
    placed, coverage = put_on_one_grid(fixed, _as_fused(image), role="FUSED")
    share = 1.0 if coverage is None else statistics.count(coverage) / coverage.size
    if share < LEAST_COVERED:
        raise PairError(
            f"FUSED covers {share:.0%} of FIXED.",
            why="Where it shows nothing, there is nothing to measure.",
            hint="Give the fused image of this very pair, with all of its slices; --slice picks one slice of each.",
        )
    unit = normalize.to_unit(placed)
    return unit.stepped(Step("measure", {}, (_INTERPOLATED,))) if _is_interpolated(fixed, image) else unit


def _is_interpolated(fixed: Image, image: Image) -> bool:
    """Whether FUSED has voxels of another size: in another order alone they keep their values."""
    if not (fixed.geometry.is_patient and image.geometry.is_patient):
        return False
    sizes = [sorted(geometry.spacing_mm) for geometry in (fixed.geometry, image.geometry)]
    return any(abs(one / other - 1) > SAME_SIZE for one, other in zip(*sizes, strict=True))


def _as_fused(image: Image) -> Image:
    """It should be a picture, or voxels of 0 to 1; else it is warned of."""
    fused = replace(image, modality=Modality.FUSED)
    if image.is_color or image.intensity is Intensity.UNIT:
        return fused
    low, high = statistics.lowest(image.voxels), statistics.highest(image.voxels)
    if image.intensity is Intensity.ARBITRARY and low >= 0 and high <= 1:
        return replace(fused, intensity=Intensity.UNIT)
    warning = "FUSED is not a picture of brightness 0 to 1, so its scores depend on how it is stretched: percentiles."
    return replace(fused, intensity=Intensity.ARBITRARY).stepped(Step("measure", {}, (warning,)))
