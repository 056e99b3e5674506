"""Whether there are two images, and these may be of one patient, of one side of the body, and of one place in it."""

from collections.abc import Iterator

from fusecli.core.history import Fact, Step, last_step
from fusecli.core.image import Image, Source
from fusecli.errors import InputError, PairError
from fusecli.pipeline.overlap import Overlap, overlap_of
from fusecli.settings import RegisterSettings

# What two fields of view share of the smaller one, along the axis where that is least: a warning, and a refusal.
LITTLE_SHARED, NOTHING_SHARED = 0.5, 0.05

_SIDES = {"L": "left", "R": "right"}


def check_two_images(fixed: Image, moving: Image) -> None:
    """Whether FIXED and MOVING were read from different bytes, or are two parts of one DICOM series.

    Raises InputError where they are one image twice, under one name or two.
    """
    own, other = fixed.source, moving.source
    if own is not None and other is not None and own.digest == other.digest and _part(fixed) == _part(moving):
        raise InputError(
            "FIXED and MOVING are one and the same image.",
            why="What was read for the one is what was read for the other, byte by byte.",
            hint="Give a file or a folder for each of the two.",
        )


def check_pair(
    fixed: Image, moving: Image, *, force: bool = False, registration: RegisterSettings | None = None
) -> Image:
    """MOVING, if nothing says that the two do not belong together; where `force` is set, with a warning instead.

    Compared are the patient IDs (0010,0020), by their hashes and only where both have one, the lateralities
    (0020,0060), and the fields of view by the positions that the files state; MOVING's history tells how far these
    overlap, in mm. Positions count for a refusal where they decide: with one frame of reference, unless `registration`
    looks for another place.

    Raises PairError for two patients, for a left and a right side of the body, and for two places.
    """
    overlap = overlap_of(fixed.geometry, moving.geometry)
    for what, why in _contradictions(fixed, moving, overlap, registration or RegisterSettings()):
        if not force:
            raise PairError(what, why=why, hint="If you know better, go on with --force-pair.")
        moving = moving.stepped(Step("check_pair", {"forced": True}, (f"{what} {why} Fused because of --force-pair.",)))
    if overlap is None:
        return moving
    little = NOTHING_SHARED <= overlap.share < LITTLE_SHARED
    return moving.stepped(Step("overlap", overlap.facts(), (_warning(overlap),) if little else ()))


def _part(image: Image) -> Fact | None:
    """Which image of a series that holds several, which may lie in one file."""
    read = last_step(image.history, "read")
    return read.facts.get("part") if read else None


def _contradictions(
    fixed: Image, moving: Image, overlap: Overlap | None, registration: RegisterSettings
) -> Iterator[tuple[str, str]]:
    """What speaks against the pair, and why; never whose they are."""
    if fixed.source is not None and moving.source is not None:
        yield from _of_their_headers(fixed.source, moving.source)
    if overlap is not None and overlap.share < NOTHING_SHARED and _positions_decide(fixed, moving, registration):
        how = "hardly overlap" if overlap.share > 0 else "do not overlap"
        yield f"FIXED and MOVING {how}: they show different places.", overlap.said()


def _of_their_headers(fixed: Source, moving: Source) -> Iterator[tuple[str, str]]:
    if fixed.patient is not None and moving.patient is not None and fixed.patient.is_other_than(moving.patient):
        yield (
            "FIXED and MOVING are of different patients.",
            "Their patient IDs (0010,0020) or the issuers of these differ.",
        )
    if {fixed.laterality, moving.laterality} == set(_SIDES):
        own, other = (_SIDES[str(side)] for side in (fixed.laterality, moving.laterality))
        yield f"FIXED shows the {own} side, and MOVING the {other}.", "Their lateralities (0020,0060) say so."


def _positions_decide(fixed: Image, moving: Image, registration: RegisterSettings) -> bool:
    """Whether MOVING is put where its file says, and not where a search or a saved transform does."""
    if registration.apply is not None or registration.method not in ("none", "auto"):
        return False
    own, other = fixed.geometry.frame_of_reference, moving.geometry.frame_of_reference
    return registration.method == "none" or (own is not None and own == other)


def _warning(overlap: Overlap) -> str:
    return f"FIXED and MOVING overlap little by the positions that their files state: {overlap.said()}"
