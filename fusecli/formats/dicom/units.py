"""What the numbers of a DICOM series measure: HU, SUV, Bq/ml, counts, or a scale of the scanner's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from fusecli.catalog import Window
from fusecli.core.history import Fact
from fusecli.core.intensity import Intensity
from fusecli.errors import ImageError
from fusecli.formats.dicom.frames import Frame, functional_group
from fusecli.formats.dicom.header import items, number, numbers, tag_name, text
from fusecli.formats.dicom.pixels import rescale_of
from fusecli.formats.dicom.suv import suv_factors

# PET units (0054,1001) that count events, absolute, per second, or in proportion: PS3.3 C.8.9.1.1.3.
COUNTING_UNITS = {"CNTS", "CPS", "PROPCNTS", "PROPCPS"}

# Modalities whose numbers are measurements even where they were stored as color.
MEASURING_MODALITIES = {"CT", "PT", "NM", "MR"}


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit of a grey series, and by what each rescaled slice is multiplied to reach it; no factors: by nothing."""

    intensity: Intensity
    factors: tuple[float, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def of_slice(self, index: int) -> "Unit":
        """The unit of one slice alone."""
        return replace(self, factors=self.factors[index : index + 1])


def unit_of(frames: Sequence[Frame]) -> Unit:
    """The unit of the frames of a grey series, in their order, from the headers alone."""
    modality = text(frames[0].file.header, "Modality")
    if modality == "CT":
        return _unit_of_ct(frames[0])
    if modality == "PT":
        return _unit_of_pet(frames)
    return Unit(Intensity.COUNTS if modality == "NM" else Intensity.ARBITRARY)


def is_picture(frames: Sequence[Frame]) -> bool:
    """Whether 8-bit color whose channels are equal is a picture, as a screenshot is, rather than a measurement."""
    if text(frames[0].file.header, "Modality") in MEASURING_MODALITIES:
        return False
    return not any(_is_rescaled(frame) for frame in frames)


def _is_rescaled(frame: Frame) -> bool:
    header = frame.file.header
    return bool(items(header, "ModalityLUTSequence")) or rescale_of(header, frame.index) != (1.0, 0.0)


def windows_of(frame: Frame) -> tuple[Window, ...]:
    """The display windows of a frame, in its rescaled unit. Their names are free text, so they are left out."""
    group = functional_group(frame.file.header, frame.index, "FrameVOILUTSequence")
    try:
        widths, centres = numbers(group, "WindowWidth"), numbers(group, "WindowCenter")
    except ImageError:
        return ()  # a broken wish for display is no reason to refuse the image
    return tuple(Window(width, centre) for width, centre in zip(widths, centres, strict=False) if width > 0)


def _unit_of_ct(frame: Frame) -> Unit:
    group = functional_group(frame.file.header, frame.index, "PixelValueTransformationSequence")
    absent = [name for name in ("RescaleSlope", "RescaleIntercept") if number(group, name) is None]
    if absent:
        missing = " and ".join(tag_name(name) for name in absent)
        return Unit(Intensity.ARBITRARY, warnings=(f"Not in HU: {missing} missing.",))
    kind = text(group, "RescaleType")
    if kind not in ("", "HU"):
        return Unit(Intensity.ARBITRARY, warnings=(f"Not in HU: {tag_name('RescaleType')} is {kind}.",))
    return Unit(Intensity.HU)


def _unit_of_pet(frames: Sequence[Frame]) -> Unit:
    suv = suv_factors([frame.file.header for frame in frames])
    if suv.factors:
        return Unit(Intensity.SUV, suv.factors, suv.facts, suv.warnings)
    units = text(frames[0].file.header, "Units")
    fallback = Intensity.COUNTS if units in COUNTING_UNITS else Intensity.ARBITRARY
    if units == "BQML":
        fallback = Intensity.BQML
    warning = f"Not in SUV, but in {units or 'an unknown unit'}. Missing: {'; '.join(suv.missing)}."
    return Unit(fallback, warnings=(warning,))
