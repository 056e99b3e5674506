"""Which series is meant: the one that is named, the only one, or the one that fits the other image of a pair."""

from collections.abc import Sequence
from pathlib import Path

from fusecli.errors import ImageError, InputError
from fusecli.formats.dicom.header import text
from fusecli.formats.dicom.listing import is_attenuation_corrected, listing
from fusecli.formats.dicom.series import Series, Volume, find_series, volumes_of

ANATOMY, TRACERS = ("CT", "MR"), ("PT", "NM")
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"  # and its multi-frame kinds: pictures of what others measured

_HINT = "Choose one by its number or UID: --series, or of two images --fixed-series and --moving-series."


def find_volume(path: Path, wanted: str | Volume | None = None) -> Volume:
    """The one image of a file or a folder that is meant; a Volume is itself.

    Raises what `find_series` and `choose_volume` raise.
    """
    return wanted if isinstance(wanted, Volume) else choose_volume(find_series(path), wanted)


def choose_volume(found: Sequence[Series], wanted: str | None = None) -> Volume:
    """The one image that is meant: `wanted` is a SeriesInstanceUID or a series number, `:2` after it the second part.

    Localizers are set aside as long as another image series is there.

    Raises InputError when none or more than one remains, listing them; ImageError when there are DICOM files and none
    of them is an image, and what `volumes_of` raises.
    """
    return _choose_part(_only(_matching(found, _series_of(wanted))), wanted)


def choose_pair(
    fixed: Sequence[Series], moving: Sequence[Series], fixed_wanted: str | None = None, moving_wanted: str | None = None
) -> tuple[Volume, Volume]:
    """FIXED and MOVING out of what was found for each, which may be the very same list.

    Where each role has one series, named or alone, they are taken for what they are. Otherwise FIXED is CT or MR and
    MOVING is PT or NM, or CT beside MR when there is no tracer; exactly one such pair must be there.

    Raises InputError, listing the candidates, when none or more than one is; what `choose_volume` raises.
    """
    own, other = _candidates(fixed, fixed_wanted), _candidates(moving, moving_wanted)
    pairs = [(a, b) for a in own for b in other if a is not b]
    if len(own) > 1 or len(other) > 1:
        pairs = _fitting(pairs)
    if len(own) == 1 and own == other:
        raise InputError(
            "FIXED and MOVING are one and the same series.",
            **_listed(own),
            hint="Give a study that holds two series, or a file or folder for each.",
        )
    if len(pairs) != 1:
        raise _no_clear_pair(own, other, len(pairs))
    return _choose_part(pairs[0][0], fixed_wanted), _choose_part(pairs[0][1], moving_wanted)


def choose_beside(found: Sequence[Series], role: str, wanted: str | None = None) -> Volume:
    """FIXED or MOVING, as `role` says, where the other image of the pair is not DICOM and can tell nothing.

    Raises as `choose_pair` does.
    """
    candidates = _candidates(found, wanted)
    if len(candidates) > 1:
        fitting = [series for series in candidates if series.modality in (ANATOMY if role == "fixed" else TRACERS)]
        candidates = fitting if len(fitting) == 1 else candidates
    return _choose_part(_only(candidates), wanted)


def _series_of(wanted: str | None) -> str | None:
    return wanted if wanted is None else wanted.partition(":")[0]


def _only(candidates: Sequence[Series]) -> Series:
    if len(candidates) == 1:
        return candidates[0]
    raise InputError(
        f"There are {len(candidates)} image series, and only one can be read.",
        **_listed(candidates),
        hint=_HINT,
    )


def _matching(found: Sequence[Series], wanted: str | None) -> list[Series]:
    """The image series that fit what was named, localizers only where nothing else does.

    Raises ImageError when nothing is an image; InputError when what was named is not there.
    """
    images = [series for series in found if series.is_image]
    if not images:
        raise ImageError(
            "There is no image in these DICOM files.",
            why=f"They are of modality {_modalities(found)}, without rows and columns.",
            hint="Give the folder or the file of an image series.",
        )
    matching = [series for series in images if wanted is None or wanted in (series.uid, series.number)]
    if not matching:
        raise InputError(f"There is no image series {wanted}.", **_listed(images), hint=_HINT)
    return [series for series in matching if not series.is_localizer] or matching


def _candidates(found: Sequence[Series], wanted: str | None) -> list[Series]:
    """What a role may be taken from: what was named, else every image that was measured, else every image."""
    matching = _matching(found, _series_of(wanted))
    if wanted is not None:
        return [_only(matching)]
    measured = [series for series in matching if not _is_picture(series)]
    return measured or matching


def _is_picture(series: Series) -> bool:
    """Whether it shows a picture of a measurement: a screenshot, a dose report, an image fused before."""
    return text(series.files[0].header, "SOPClassUID").startswith(SECONDARY_CAPTURE)


def _fitting(pairs: Sequence[tuple[Series, Series]]) -> list[tuple[Series, Series]]:
    """The pairs of an anatomy and a tracer; without a tracer those of an MR and a CT."""
    traced = [(a, b) for a, b in pairs if a.modality in ANATOMY and b.modality in TRACERS]
    return traced or [(a, b) for a, b in pairs if (a.modality, b.modality) == ("MR", "CT")]


def _no_clear_pair(fixed: Sequence[Series], moving: Sequence[Series], pairs: int) -> InputError:
    if pairs:
        what = f"There are {pairs} pairs of series that could be meant."
    else:
        what = "There is no pair of series to fuse: one CT or MR, and one PET, SPECT or CT beside it."
    found = list(dict.fromkeys((*fixed, *moving)))
    return InputError(what, **_listed(found), hint=f"Name them, as in --fixed-series {_example(found)}")


def _example(found: Sequence[Series]) -> str:
    fixed = next((series for series in found if series.modality in ANATOMY), found[0])
    tracers = [series for series in found if series.modality in TRACERS]
    moving = next((series for series in tracers if is_attenuation_corrected(series)), [*tracers, found[-1]][0])
    return f"{_shortest(fixed, found)} --moving-series {_shortest(moving, found)}"


def _shortest(series: Series, found: Sequence[Series]) -> str:
    """By what a series is named: its number, but where another has the same."""
    is_alone = [other.number for other in found].count(series.number) == 1
    return series.number if series.number and is_alone else series.uid


def _choose_part(series: Series, wanted: str | None) -> Volume:
    volumes = volumes_of(series)
    part = (wanted or "").partition(":")[2]
    if not part and len(volumes) == 1:
        return volumes[0]
    chosen = next((volume for volume in volumes if part and part == str(volume.part)), None)
    if chosen is not None:
        return chosen
    number = series.number or "without a number"
    what = f"There is no image {wanted}." if part else f"Series {number} holds {len(volumes)} images, and not one."
    raise InputError(
        what,
        **_listed(volumes),
        hint=f"Choose one with its part, as {volumes[0].name} in --series, --fixed-series or --moving-series.",
    )


def _listed(found: Sequence[Series | Volume]) -> dict[str, str]:
    """The listing as an error takes it: free text is shown and never kept."""
    return {"why": listing(found), "on_screen": listing(found, described=True)}


def _modalities(found: Sequence[Series]) -> str:
    return ", ".join(sorted({series.modality or "unknown" for series in found}))
