"""A picture has no place in the patient, so a large turn of one may be a mirror image taken for a turn."""

from dataclasses import replace

from fusecli.register.quality import measure
from fusecli.register.registration import Registration
from fusecli.register.search import Views, find

# Smaller turns are how heads lie; a mirror image of a nearly symmetric head is taken for a turn of some 180 degrees.
LARGE_DEG = 30.0

# How nearly as well the mirror image may agree. Set from slices of heads: docs/registration.md.
AS_WELL = 0.95


def asked(found: Registration, seen: Views) -> Registration:
    """What was found for a picture, with its turn told where it is large, and doubted where a mirror image does too.

    MOVING's mirror image is searched for in the same way, and compared by normalized mutual information less 1.
    """
    if not found.believable or found.motion.angle_deg <= LARGE_DEG:
        return found
    kind = found.alignment.method
    there = find(seen.mirrored, kind, scaled=kind == "affine").transform
    tells = measure(*seen.mirrored.middle, there).normalized_mutual_information - 1
    share = tells / max(found.after.normalized_mutual_information - 1, 1e-9)
    angle = found.motion.angle_deg
    reasons = (_MIRRORED.format(share, angle, AS_WELL),) if looks_mirrored(share) else ()
    return replace(found, mirrored=share, reasons=reasons, notes=(*found.notes, _TURNED.format(angle)))


def looks_mirrored(share: float | None) -> bool:
    """Whether a mirror image agrees about as well as what was found, of which its agreement is this share."""
    return share is not None and share > AS_WELL


_MIRRORED = (
    "MOVING looks mirrored: its mirror image agrees {:.2f} times as well as MOVING turned by {:.0f} degrees "
    "({} may be), so left and right cannot be told"
)
_TURNED = "MOVING was turned by {:.0f} degrees; check left and right."
MIRROR_BACK = (
    "If MOVING is upside down, mirror it back, and align again: magick MOVING.png -flip back.png. If it is turned and "
    "not mirrored, take it as it is: --accept-registration"
)
