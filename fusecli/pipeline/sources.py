"""The two images as their files have them, cut down to the slice that is asked for."""

from dataclasses import dataclass, replace
from pathlib import Path

from fusecli import formats
from fusecli.catalog import ONLY_PET_TAKES_SUV, Modality
from fusecli.core.history import Step
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.slices import one_slice
from fusecli.pipeline.gridding import are_both_placed
from fusecli.pipeline.pair_check import check_pair
from fusecli.settings import FuseSettings, SuvSettings


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """The two images as read: what is to be fused, and the whole series that their windows are judged by."""

    fixed: Image
    moving: Image
    fixed_whole: Image
    moving_whole: Image


def read_sources(fixed: Path, moving: Path | None, settings: FuseSettings) -> Sources:
    """Both images: FIXED cut down to the chosen slice, MOVING too when its place in the patient is not known.

    Without `moving`, both come from the study at `fixed`. Raises what `formats.opened_pair` and `read_opened` do.
    """
    with formats.opened_pair(fixed, moving, settings.fixed_series, settings.moving_series) as (own, other):
        return read_opened(own, other, settings)


def read_opened(fixed: formats.Opened, moving: formats.Opened, settings: FuseSettings) -> Sources:
    """The same of two inputs whose series are chosen already.

    Raises what `formats.read` and `check_pair` do.
    """
    choice = settings.slice_choice
    # A window that depends on the image is judged by the whole series, and so is an alignment; nothing else needs it.
    judged = settings.window in (None, "auto") or settings.registration.is_wanted
    other = formats.read(moving.path, series=moving.series, settings=settings.reading)
    # What is given by hand belongs to the tracer, wherever it stands.
    is_of_fixed = settings.reading.suv.is_given and not _takes_suv(other)
    of_fixed = settings.reading if is_of_fixed else replace(settings.reading, suv=SuvSettings())
    whole = formats.read(fixed.path, series=fixed.series, slice_choice=None if judged else choice, settings=of_fixed)
    if is_of_fixed:
        other = formats.read(moving.path, series=moving.series, settings=replace(settings.reading, suv=SuvSettings()))
        other = other if _takes_suv(whole) else other.stepped(Step("check_options", {}, (ONLY_PET_TAKES_SUV,)))
    whole, other = _declared(whole, settings.fixed_modality), _declared(other, settings.moving_modality)
    other = check_pair(whole, other, force=settings.force_pair)
    if choice is None:
        return Sources(whole, other, whole, other)
    own = one_slice(whole, choice) if judged else whole
    is_cut = other.geometry.shape[0] > 1 and not are_both_placed(own, other)
    return Sources(own, one_slice(other, choice) if is_cut else other, whole, other)


def _takes_suv(image: Image) -> bool:
    """Whether what --suv-... gives has a meaning for it."""
    return image.modality is Modality.PET and image.source is not None and image.source.format == "DICOM"


def _declared(image: Image, modality: Modality | None) -> Image:
    """The image as the modality that the user names; only a CT can be in HU."""
    if modality is None or modality is image.modality:
        return image
    intensity = image.intensity
    if modality is Modality.CT and intensity is Intensity.ARBITRARY:
        intensity = Intensity.HU
    elif modality is not Modality.CT and intensity is Intensity.HU:
        intensity = Intensity.ARBITRARY
    return image.stepped(Step("declare", {"modality": modality.value}), modality=modality, intensity=intensity)
