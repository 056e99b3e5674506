"""The two images as their files have them, cut down to the slice that is asked for."""

from dataclasses import dataclass, replace
from pathlib import Path

from fusecli import formats
from fusecli.catalog import DICOM_MODALITIES, ONLY_PET_TAKES_SUV, Modality
from fusecli.core.history import Step, last_step
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.slices import one_slice
from fusecli.errors import UsageError
from fusecli.pipeline.gridding import are_both_placed
from fusecli.pipeline.pair_check import check_pair, check_two_images
from fusecli.settings import FuseSettings, ReadSettings, SuvSettings

_STATEMENTS = ("its side-car", "its header's note")  # of a NIfTI; a name and the values are only hints


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """The two images as read: what is to be fused, and the whole series that their windows are judged by."""

    fixed: Image
    moving: Image
    fixed_whole: Image
    moving_whole: Image


def read_sources(fixed: Path, moving: Path | None, settings: FuseSettings, *, may_be_one: bool = False) -> Sources:
    """Both images: FIXED cut down to the chosen slice, MOVING too when its place in the patient is not known.

    Without `moving`, both come from the study at `fixed`. Raises what `formats.opened_pair` and `read_opened` do.
    """
    with formats.opened_pair(fixed, moving, settings.fixed_series, settings.moving_series) as (own, other):
        return read_opened(own, other, settings, may_be_one=may_be_one)


def read_opened(
    fixed: formats.Opened, moving: formats.Opened, settings: FuseSettings, *, may_be_one: bool = False
) -> Sources:
    """The same of two inputs whose series are chosen already; `may_be_one` takes one image twice.

    Raises what `formats.read`, `check_two_images` and `check_pair` do; UsageError for a modality that contradicts what
    the file states.
    """
    choice = settings.slice_choice
    # A window that depends on the image is judged by the whole series, and so is an alignment; nothing else needs it.
    judged = settings.window in (None, "auto") or settings.registration.is_wanted
    of_fixed, of_moving = _suv_settings(fixed, moving, settings)
    other = formats.read(moving.path, series=moving.series, settings=of_moving)
    whole = formats.read(fixed.path, series=fixed.series, slice_choice=None if judged else choice, settings=of_fixed)
    if not may_be_one:
        check_two_images(whole, other)
    if settings.reading.suv.is_given and not (fixed.takes_suv or moving.takes_suv):
        other = other.stepped(Step("check_options", {}, (ONLY_PET_TAKES_SUV,)))
    whole = _declared(whole, settings.fixed_modality, "FIXED")
    other = _declared(other, settings.moving_modality, "MOVING")
    other = check_pair(whole, other, force=settings.force_pair, registration=settings.registration)
    if choice is None:
        return Sources(whole, other, whole, other)
    own = one_slice(whole, choice) if judged else whole
    is_cut = other.geometry.shape[0] > 1 and not are_both_placed(own, other)
    return Sources(own, one_slice(other, choice) if is_cut else other, whole, other)


def _suv_settings(
    fixed: formats.Opened, moving: formats.Opened, settings: FuseSettings
) -> tuple[ReadSettings, ReadSettings]:
    """How each is read: what is given by hand belongs to the tracer, wherever it stands."""
    given, plain = settings.reading, replace(settings.reading, suv=SuvSettings())
    if moving.takes_suv:
        return plain, given
    return (given if fixed.takes_suv else plain), plain


def _declared(image: Image, modality: Modality | None, role: str) -> Image:
    """The image as the modality that the user names; only a CT can be in HU."""
    if modality is None or modality is image.modality:
        return image
    _check_not_stated(image, modality, role)
    intensity = image.intensity
    if modality is Modality.CT and intensity is Intensity.ARBITRARY:
        intensity = Intensity.HU
    elif modality is not Modality.CT and intensity is Intensity.HU:
        intensity = Intensity.ARBITRARY
    return image.stepped(Step("declare", {"modality": modality.value}), modality=modality, intensity=intensity)


def _check_not_stated(image: Image, modality: Modality, role: str) -> None:
    """Raises UsageError where the file states one of the modalities that are known here, and not `modality`."""
    read = last_step(image.history, "read")
    is_dicom = image.source is not None and image.source.format == "DICOM"
    said_by = "its header" if is_dicom else read and read.facts.get("modality_told_by")
    if image.modality in DICOM_MODALITIES.values() and (is_dicom or said_by in _STATEMENTS):
        option = f"--{role.lower()}-modality"
        raise UsageError(
            f"{role} is {image.modality}, and {option} {modality} was given.",
            why=f"So says {said_by}, and the option is for files that do not say what they are.",
            hint=f"Leave {option} out.",
        )
