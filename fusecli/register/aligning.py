"""Align MOVING with FIXED: trust what the files say or search, and judge what comes out."""

from dataclasses import dataclass, replace

import numpy as np

from fusecli.catalog import DEFORMING, REGISTRATIONS
from fusecli.core.geometry import same_grid
from fusecli.core.image import Image
from fusecli.errors import AlignmentError, PairError
from fusecli.register import mirrored, quality
from fusecli.register.alignment import Alignment, from_matrix, identity, placed
from fusecli.register.deformable import deform
from fusecli.register.learned import NOT_USED, Load, may_be_of_its_kind
from fusecli.register.plane import lifted, lowered, planes
from fusecli.register.registration import Registration
from fusecli.register.resampling import resample
from fusecli.register.scene import Scene, Values, at, scene
from fusecli.register.search import Views, back, find, views

# A header is contradicted by an alignment that is believable, moves FIXED by this share of its size, and tells more.
CONTRADICTING = 0.1
TELLING = 1.1


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """A pair, as images and as a search sees them; `frames` are the planes of a pair of slices."""

    fixed: Image
    moving: Image
    frames: tuple[Values, Values] | None
    seen: Views

    @property
    def unit(self) -> str:
        """What lengths are in."""
        both = self.fixed.geometry.is_patient and self.moving.geometry.is_patient
        return "mm" if both else "pixels"

    @property
    def still(self) -> Values:
        """No motion."""
        return np.eye(self.seen.middle[0].dimension + 1)


def align(fixed: Image, moving: Image, *, method: str = "auto", network: Load | None = None) -> Registration:
    """Find where FIXED's points lie in MOVING.

    `method`: "none" takes what the files state as it is. "rigid", "affine" and "deformable" search. "auto" trusts two
    images of one frame of reference, on one grid, or of one size and without a place, unless a search contradicts them
    clearly; a note says where nothing confirms them. Pictures that were turned far are compared with MOVING's mirror
    image, and doubted where that agrees about as well. Positions without a frame of reference, as NIfTI has them, stay
    where a search ends within a voxel of them, or finds nothing. All others are aligned rigidly. "deformable" and
    "demons" begin where "auto" ends; the former asks the trained network that `network` loads, where the pair is of
    the kind that it knows. The same pair gives the same alignment, bit for bit.

    Raises PairError for one slice and a volume, which cannot be searched for; what `deform` raises; ValueError for an
    unknown method.
    """
    if method not in REGISTRATIONS:
        raise ValueError(f"no such method of registration: {method}")
    is_mixed = (fixed.geometry.shape[0] == 1) != (moving.geometry.shape[0] == 1)
    is_believed = is_trusted(fixed, moving) or is_unframed(fixed, moving)
    if is_mixed and method != "none" and not (is_believed and method == "auto"):
        raise _slice_and_volume()
    case = _case(fixed, moving)
    if method == "none" or (is_mixed and is_believed):
        return _unsearched(case)
    if method in ("rigid", "affine") or not is_believed:
        found = _affine(case) if method == "affine" else _searched(case, "rigid")
    else:
        found = _trusting(case) if is_trusted(fixed, moving) else _confirmed(case)
    found = found if case.unit == "mm" else mirrored.asked(found, case.seen)
    if method not in DEFORMING or not found.believable:
        return found
    return _bent_further(case, found, network if method == "deformable" else None)


def judge(fixed: Image, moving: Image, alignment: Alignment) -> Registration:
    """What speaks for an alignment that is known already, such as one that was saved."""
    return _judged(_case(fixed, moving), alignment)


def is_trusted(fixed: Image, moving: Image) -> bool:
    """Whether what the files state is a reason to believe that the two lie on each other."""
    own, other = fixed.geometry, moving.geometry
    if own.is_patient and other.is_patient and own.frame_of_reference and other.frame_of_reference:
        return own.frame_of_reference == other.frame_of_reference
    return same_grid(own, other)


def is_unframed(fixed: Image, moving: Image) -> bool:
    """Whether both have positions, of which one or both do not say in which frame of reference."""
    own, other = fixed.geometry, moving.geometry
    return own.is_patient and other.is_patient and not (own.frame_of_reference and other.frame_of_reference)


def check(registration: Registration) -> None:
    """Raises AlignmentError (exit 6) for an alignment that was searched for and is not believable."""
    if registration.believable or registration.alignment.is_header:
        return
    raise AlignmentError(
        "MOVING could not be aligned with FIXED.",
        why=f"What was found is not believable: {'; '.join(registration.reasons)}.",
        hint=mirrored.MIRROR_BACK if mirrored.looks_mirrored(registration.mirrored) else _SAME_PART,
    )


def _case(fixed: Image, moving: Image) -> _Case:
    frames = planes(fixed.geometry, moving.geometry)
    return _Case(fixed, moving, frames, views(fixed, moving, frames))


def _unsearched(case: _Case) -> Registration:
    """What the files state, whatever speaks against it."""
    stated = _judged(case, identity())
    return replace(stated, reasons=(), notes=(_UNCONFIRMED,) if stated.reasons else ())


def _trusting(case: _Case) -> Registration:
    """What the files state, unless a search contradicts it."""
    stated = _judged(case, identity())
    certain = replace(stated, reasons=())
    if _is_peak(case, stated):
        return certain
    found = _searched(case, "rigid")
    is_far = found.motion.mean_mm > CONTRADICTING * case.seen.middle[0].size_mm
    if is_far and _tells_more(found, stated, TELLING):
        return _moved_by_content(case, found)
    return certain if found.believable and not is_far else replace(certain, notes=(_UNCONFIRMED,))


def _confirmed(case: _Case) -> Registration:
    """What the files state where a search ends beside it or finds nothing, else what it finds."""
    stated, found = _judged(case, identity()), _searched(case, "rigid")
    certain = replace(stated, reasons=())
    if not found.believable:
        return certain if _is_peak(case, stated) else replace(certain, notes=(_UNCONFIRMED,))
    is_beside = found.motion.mean_mm <= max(placed(case.moving.geometry).spacing_mm)
    return certain if is_beside or not _tells_more(found, stated, 1) else _moved_by_content(case, found)


def _tells_more(found: Registration, stated: Registration, factor: float) -> bool:
    tells = [of.after.normalized_mutual_information - 1 for of in (found, stated)]
    return found.believable and tells[0] > factor * tells[1]


def _moved_by_content(case: _Case, found: Registration) -> Registration:
    return replace(found, notes=(_MOVED.format(found.motion.mean_mm, case.unit),))


def _is_peak(case: _Case, stated: Registration) -> bool:
    """Whether what the files state agrees better than its near and its far surroundings."""
    return stated.believable and quality.distinctness(*case.seen.middle, case.still, near=True) > 1


def _affine(case: _Case) -> Registration:
    """What an affine search finds; of pictures, whose pixels have no length, at last from other scales too."""
    found = _searched(case, "affine")
    if found.believable or case.unit == "mm":
        return found
    scaled = _searched(case, "affine", scaled=True)
    return scaled if scaled.believable else found


def _searched(case: _Case, kind: str, *, scaled: bool = False) -> Registration:
    found = find(case.seen, kind, scaled=scaled)
    scale = abs(float(np.linalg.det(found.transform))) ** (1 / case.seen.middle[0].dimension) if scaled else 1.0
    away = quality.inconsistency_mm(case.seen.middle[0], found.transform, back(case.seen, kind, 1 / scale))
    matrix = found.transform if case.frames is None else lifted(found.transform, case.frames)
    return _judged(case, from_matrix(matrix, kind), away, found.rival)


def _bent_further(case: _Case, start: Registration, network: Load | None) -> Registration:
    """The deformation that begins where `start` ends, judged with the way back of its start."""
    bent = deform(case.fixed, case.moving, start.alignment, network)
    used = str(bent.facts.get("network", ""))
    notes = [_UNSUITED.format(used)] if used.startswith(NOT_USED) else []
    if network is not None and may_be_of_its_kind(case.fixed, case.moving):
        notes.append(_UNKNOWN)
    return replace(_judged(case, bent, start.inconsistency_mm, start.rival), notes=(*start.notes, *notes))


def _judged(
    case: _Case, alignment: Alignment, away_mm: float | None = None, rival: float | None = None
) -> Registration:
    fixed, moving = case.seen.middle
    before = quality.measure(fixed, moving, case.still)
    transform = case.still
    if alignment.matrix is None:
        moving, jacobian = _bent(case, alignment), quality.least_jacobian(fixed, _taken(case, alignment))
    else:
        transform = alignment.matrix if case.frames is None else lowered(alignment.matrix, case.frames)
        jacobian = float(np.linalg.det(transform[:-1, :-1]))
    after, sharpness = quality.measure(fixed, moving, transform), quality.distinctness(fixed, moving, transform)
    return Registration(
        alignment,
        before=before,
        after=after,
        motion=quality.motion(*_moved(case, alignment)),
        distinctness=sharpness,
        size_mm=fixed.size_mm,
        inconsistency_mm=away_mm,
        rival=rival,
        reasons=quality.doubts(after, sharpness, fixed.size_mm, away_mm, rival, jacobian),
    )


def _bent(case: _Case, alignment: Alignment) -> Scene:
    """MOVING, as the middle level of a search would see it after an alignment that bends."""
    onto = placed(case.fixed.geometry)
    image, _ = resample(case.moving, onto=onto, by=alignment)
    spacing = float(np.prod(case.seen.middle[0].spacing_mm) ** (1 / case.seen.middle[0].dimension))
    return scene(image, spacing, None if case.frames is None else case.frames[0])


def _taken(case: _Case, alignment: Alignment) -> Values:
    """Where the alignment takes each voxel of FIXED's middle level, (*shape, n), in mm or in MOVING's plane."""
    fixed = case.seen.middle[0]
    points = at(fixed.matrix, np.indices(fixed.values.shape).reshape(fixed.dimension, -1).T)
    if case.frames is None:
        there = alignment.points(points)
    else:
        own, other = case.frames
        there = at(other, alignment.points(_raised(points, own)))[:, :2]
    return there.reshape(*fixed.values.shape, fixed.dimension)


def _moved(case: _Case, alignment: Alignment) -> tuple[Values, Values]:
    """Points of FIXED's foreground in mm of LPS, and where the alignment takes them."""
    points = case.seen.coarse[0].points()
    if case.frames is not None:
        points = _raised(points, case.frames[0])
    return points, alignment.points(points)


def _raised(points: Values, frame: Values) -> Values:
    """Points of a slice's plane, (N, 2), in mm of LPS, (N, 3)."""
    return at(np.asarray(np.linalg.inv(frame)), np.pad(points, ((0, 0), (0, 1))))


def _slice_and_volume() -> PairError:
    return PairError(
        "One slice cannot be aligned with a volume.",
        why="A slice does not say enough of where it lies.",
        hint="Give both series whole. If their positions agree already: --register none",
    )


_SAME_PART = "Check that both show the same part of one patient. To take it all the same: --accept-registration"
_UNSUITED = "The trained network was {}. The deformation was found by the pair itself, and is less certain."
_UNKNOWN = (
    "The deformation was found by the pair itself, and is not certain. If these are slices of a head, MRI and CT, PET "
    "or SPECT, say so, and a trained network finds it better: --fixed-modality MRI --moving-modality PET"
)
_MOVED = "The positions were wrong by {:.0f} {} in the mean: MOVING was aligned by its content."
_UNCONFIRMED = "The positions were taken as they are; the images themselves neither confirm nor deny them."
