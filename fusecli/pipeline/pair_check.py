"""Whether the two images may be of one patient, and of one side of the body."""

from fusecli.core.history import Step
from fusecli.core.image import Image, Source
from fusecli.errors import PairError

_SIDES = {"L": "left", "R": "right"}


def check_pair(fixed: Image, moving: Image, *, force: bool = False) -> Image:
    """MOVING, if nothing says that the two do not belong together; where `force` is set, with a warning instead.

    Compared are the patient IDs (0010,0020), by their hashes, and the lateralities (0020,0060), where both have one.
    Frames of reference and overlap are judged where the two are put on one grid.

    Raises PairError for two patients, and for a left and a right side of the body.
    """
    if fixed.source is None or moving.source is None:
        return moving
    for what, why in _contradictions(fixed.source, moving.source):
        if not force:
            raise PairError(what, why=why, hint="If you know better, go on with --force-pair.")
        moving = moving.stepped(Step("check_pair", {"forced": True}, (f"{what} {why} Fused because of --force-pair.",)))
    return moving


def _contradictions(fixed: Source, moving: Source) -> list[tuple[str, str]]:
    """What speaks against the pair, and why; never whose they are."""
    found = []
    if _differ(fixed.patient, moving.patient):
        found.append(
            (
                "FIXED and MOVING are of different patients.",
                "Their patient IDs (0010,0020) or the issuers of these differ.",
            )
        )
    if _differ(fixed.laterality, moving.laterality) and {fixed.laterality, moving.laterality} == set(_SIDES):
        own, other = (_SIDES[str(side)] for side in (fixed.laterality, moving.laterality))
        found.append((f"FIXED shows the {own} side, and MOVING the {other}.", "Their lateralities (0020,0060) say so."))
    return found


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other
