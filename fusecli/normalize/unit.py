"""One door for every image: HU, SUV, counts, MR signal or a picture becomes brightness in 0..1."""

from dataclasses import replace

import numpy as np

from fusecli.core import scratch
from fusecli.core.history import Step, last_step
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.luma import luma
from fusecli.normalize.scale import UNIT_NAMES, Scale
from fusecli.normalize.uptake import measures_uptake, suv_scale, uptake_scale
from fusecli.normalize.window import percentile_scale, seen_scale, window_scale


def to_unit(
    image: Image,
    *,
    window: str | None = None,
    suv_range: tuple[float, float] | None = None,
    judged_by: Image | None = None,
) -> Image:
    """The same grid with brightness in 0..1 (UNIT), clipped by a fixed window; color becomes its luma.

    `window` is a preset of catalog.CT_WINDOWS ("bone"), width/level in the image's unit ("1500/-600"), a window of
    the file itself ("dicom", "dicom:2") or "auto" (percentiles 0.5 to 99.5). `suv_range` is (low, high) in g/ml.
    Without either: CT by what it shows, PET and SPECT from 0 to SUV 5 or, without SUV, to the 99.5th percentile of the
    positive voxels; MR by percentiles 0.5 to 99.5; pictures as they are.

    `judged_by` is the image that percentiles are taken from and that a CT window is chosen by: the whole series, where
    `image` is one slice of it or was brought onto another grid, so that brightness means the same in every slice.

    The step "to_unit" of the history has the facts kind, name, low, high, unit, inverted and text (one printable line).

    Raises UsageError for a window that does not exist, or that does not fit the unit of the image.
    Source: DICOM PS3.3 C.11.2.1 for windows; docs/normalization.md gives the reasons for the defaults.
    """
    grey = _grey(image)
    judge = grey if judged_by is None else _grey(judged_by)
    scale = _scale(judge, None if window is None else window.strip().lower(), suv_range)
    unit = scale.apply(grey.voxels)
    inverted = _is_shown_inverted(grey) and scale.kind != "constant"
    if inverted:
        for part in scratch.slabs(unit):
            np.subtract(1, unit[part], out=unit[part])
    return image.stepped(_step(scale, inverted), voxels=scratch.frozen(unit), intensity=Intensity.UNIT)


def window_of(image: Image) -> str | None:
    """The line that says by which window an image was made UNIT; None for an image that never was."""
    step = last_step(image.history, "to_unit")
    return None if step is None else str(step.facts["text"])


def _grey(image: Image) -> Image:
    if not image.is_color:
        return image
    brightness = scratch.empty(image.geometry.shape)
    for part in scratch.slabs(image.voxels, brightness):
        brightness[part] = luma(image.voxels[part])
    return replace(image, voxels=scratch.frozen(brightness), intensity=Intensity.UNIT)


def _scale(image: Image, window: str | None, suv_range: tuple[float, float] | None) -> Scale:
    if suv_range is not None:
        return suv_scale(image, suv_range, window)
    if measures_uptake(image) and window in (None, "auto"):
        return uptake_scale(image, stretched=window == "auto")
    if window is not None:
        return window_scale(image, window)
    if image.intensity is Intensity.HU:
        return seen_scale(image)
    if image.intensity is Intensity.UNIT:
        return Scale("as-is", "", 0, 1, UNIT_NAMES[Intensity.UNIT], "values as they are", "a picture is already 0 to 1")
    return percentile_scale(image, "the signal has no fixed scale")


def _is_shown_inverted(image: Image) -> bool:
    # HU, SUV, Bq/ml and counts are measurements: dense and hot are bright in every display, whatever polarity a file
    # prefers. An inverted-grey PET keeps hot = high for the same reason. Only a scale without a meaning of its own
    # takes its meaning from the way in which it is shown.
    if image.source is None or not image.source.dark_is_high:
        return False
    return image.intensity in (Intensity.ARBITRARY, Intensity.UNIT) and not image.modality.is_uptake


def _step(scale: Scale, inverted: bool) -> Step:
    facts = scale.facts() | {"inverted": inverted}
    if inverted:
        facts["text"] = f"{scale.text}; inverted, as the file asks (MONOCHROME1)"
    return Step("to_unit", facts, scale.warnings)
