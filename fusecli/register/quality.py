"""Is an alignment believable? Judged by what two images tell of each other, and by whether the way back agrees."""

from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fusecli.register.scene import Mask, Scene, Values, at
from fusecli.register.similarity import Sight
from fusecli.register.starts import about, axis_turns

# Set from measured pairs, good and wrong: docs/decisions/0012-registration.md. All lengths are shares of FIXED's size.
# The way back may end so far away; less far where other places agree nearly as well (below DISTINCT times).
INCONSISTENCY = 0.15
INCONSISTENCY_IF_FLAT = 0.1
DISTINCT = 1.1
LEAST_SHARED = 0.25
# How nearly as well another place may agree.
RIVAL = 0.9
# What a right alignment is compared with: the same, moved so far and turned so far.
FAR, FAR_DEG = 0.3, 25.0
NEAR, NEAR_DEG = 0.1, 8.0


@dataclass(frozen=True, slots=True)
class Quality:
    """How well two images lie on each other.

    `mutual_information` in bit and `normalized_mutual_information`, 1 to 2, are of FIXED's foreground and its
    surroundings, where MOVING counts as black beyond its field of view. `gradient_correlation`, -1 to 1, is the
    correlation of the gradient magnitudes where both have data. `field_overlap`, 0 to 1, is the share of the FIXED
    foreground inside MOVING's field of view, or of MOVING's inside FIXED's if that is larger. `foreground_overlap`,
    0 to 1, is Dice's coefficient of the foregrounds in the field that both have.
    """

    mutual_information: float
    normalized_mutual_information: float
    gradient_correlation: float
    field_overlap: float
    foreground_overlap: float

    def as_dict(self) -> dict[str, float]:
        """By name, rounded to what is worth reading."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Motion:
    """How far an alignment moves FIXED's foreground: mean and largest distance in mm, angle in degrees, scales."""

    mean_mm: float
    largest_mm: float
    angle_deg: float
    scale: tuple[float, ...]

    def as_dict(self) -> dict[str, float | list[float]]:
        """By name, rounded to what is worth reading."""
        scale = [round(value, 4) for value in self.scale]
        numbers = {"mean_mm": self.mean_mm, "largest_mm": self.largest_mm, "angle_deg": self.angle_deg}
        return {**{name: round(value, 3) for name, value in numbers.items()}, "scale": scale}


def measure(fixed: Scene, moving: Scene, transform: Values) -> Quality:
    """The quality of a transform, (n + 1, n + 1), from FIXED to MOVING in mm."""
    sight = Sight(fixed, moving)
    normalized, bits = sight.both_informations(transform)
    there, back = _seen(fixed, moving, transform), _seen(moving, fixed, np.asarray(np.linalg.inv(transform)))
    return Quality(
        mutual_information=bits,
        normalized_mutual_information=normalized,
        gradient_correlation=_gradient_correlation(fixed, moving, transform),
        field_overlap=float(max(there[0].mean(), back[0].mean())) if there[0].size and back[0].size else 0.0,
        foreground_overlap=_dice(there, back),
    )


def motion(points: Values, there: Values) -> Motion:
    """How far points, (N, n) in mm, were moved; angle and scales are those of the affine closest to it."""
    distances = np.linalg.norm(there - points, axis=1)
    spread = [values - values.mean(axis=0) for values in (points, there)]
    # Fitted to the displacements: across a single slice, where nothing is seen, nothing is moved.
    linear = np.eye(points.shape[1]) + np.linalg.lstsq(spread[0], spread[1] - spread[0], rcond=None)[0].T
    left, scales, right = np.linalg.svd(linear)
    rotation = left @ right
    cosine = (np.trace(rotation) - (1 if len(linear) == 3 else 0)) / 2
    angle = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    return Motion(float(distances.mean()), float(distances.max()), angle, tuple(float(scale) for scale in scales))


def inconsistency_mm(fixed: Scene, there: Values, back: Values) -> float:
    """How far a point of FIXED is from itself after both ways, in the mean over the foreground."""
    points = fixed.points()
    return float(np.linalg.norm(at(back @ there, points) - points, axis=1).mean())


def distinctness(fixed: Scene, moving: Scene, transform: Values, *, near: bool = False) -> float:
    """How much more FIXED and MOVING tell of each other than when MOVING is moved or turned away: above 1 is a peak.

    The ratio of normalized mutual information less 1 to the highest of those displaced: by 0.3 of FIXED's size and 25
    degrees along and about each axis; `near`: by 0.1 and 8 degrees.
    """
    sight = Sight(fixed, moving)
    share, degrees = (NEAR, NEAR_DEG) if near else (FAR, FAR_DEG)
    highest = max(sight.information(transform @ away) for away in _displacements(fixed, share, degrees))
    return (sight.information(transform) - 1) / max(highest - 1, 1e-9)


def least_jacobian(fixed: Scene, there: Values) -> float:
    """The smallest Jacobian determinant, over FIXED's foreground, of a map that takes its voxels to `there`.

    `there` is (*shape, n) in mm, of the grid of FIXED's values; differences are taken between neighbours on both sides.
    Not above 0 is a fold, or a mirror image.
    """
    inward = at(np.asarray(np.linalg.inv(fixed.matrix)), there)
    axes = range(fixed.dimension)
    still = [np.broadcast_to(axis, there.shape) for axis in np.eye(fixed.dimension)]
    slopes = [np.gradient(inward, axis=axis) if there.shape[axis] > 1 else still[axis] for axis in axes]
    changes = np.linalg.det(np.stack(slopes, axis=-1))
    return float(changes[fixed.foreground if fixed.foreground.any() else ~fixed.foreground].min())


def doubts(
    quality: Quality,
    sharpness: float,
    size_mm: float,
    inconsistency: float | None = None,
    rival: float | None = None,
    jacobian: float = 1.0,
) -> tuple[str, ...]:
    """Why an alignment is not believable: sentences for the user, none where it is.

    `inconsistency` and `rival` are those of a search; None where nothing was searched for. `jacobian` is the smallest
    Jacobian determinant.
    """
    texts = []
    if jacobian <= 0:
        texts.append(f"it folds MOVING or makes a mirror image of it: its Jacobian determinant falls to {jacobian:.2f}")
    if quality.field_overlap < LEAST_SHARED:
        texts.append(f"only {quality.field_overlap:.0%} of one image lies inside the other ({LEAST_SHARED:.0%} needed)")
    limit = size_mm * (INCONSISTENCY if sharpness >= DISTINCT else INCONSISTENCY_IF_FLAT)
    if inconsistency is not None and inconsistency > limit:
        texts.append(f"the search from MOVING back to FIXED ends {inconsistency:.0f} mm away ({limit:.0f} mm may be)")
    if rival is not None and rival > RIVAL:
        texts.append(f"at another place they agree {rival:.2f} times as well ({RIVAL} may be)")
    if sharpness < 1:
        texts.append(f"the images agree {sharpness:.2f} times as well as when MOVING is moved away")
    return tuple(texts)


def _displacements(fixed: Scene, share: float, degrees: float) -> list[Values]:
    still = np.eye(fixed.dimension)
    shifts = [about(fixed, still, sign * share * fixed.size_mm * axis) for axis in still for sign in (1, -1)]
    return [*shifts, *(about(fixed, turn, 0 * still[0]) for turn in axis_turns(fixed.dimension, degrees))]


def _seen(fixed: Scene, moving: Scene, transform: Values) -> tuple[Mask, Mask]:
    """For each voxel of FIXED's foreground: whether MOVING covers it, and whether MOVING's foreground does."""
    indices = np.rint(at(np.linalg.inv(moving.matrix) @ transform, fixed.points())).astype(int)
    inside = np.asarray(((indices >= 0) & (indices < moving.values.shape)).all(axis=1))
    hit = np.zeros_like(inside)
    hit[inside] = moving.foreground[tuple(indices[inside].T)]
    return inside, hit


def _dice(there: tuple[Mask, Mask], back: tuple[Mask, Mask]) -> float:
    """From the shares of each foreground, where the other has data, that meet the other's."""
    shares = [float(hit.sum() / inside.sum()) if inside.any() else 0.0 for inside, hit in (there, back)]
    return 2 * shares[0] * shares[1] / sum(shares) if all(shares) else 0.0


def _gradient_correlation(fixed: Scene, moving: Scene, transform: Values) -> float:
    sight = Sight(replace(fixed, values=_gradient(fixed)), replace(moving, values=_gradient(moving)))
    values, inside = sight.moving(transform)
    pair = sight.fixed[inside], values[inside]
    if inside.sum() < 2 or min(np.ptp(p) for p in pair) == 0:
        return 0.0
    return float(np.corrcoef(*pair)[0, 1])


def _gradient(scene: Scene) -> NDArray[np.float32]:
    """Magnitude of the gradient, per mm."""
    axes = [axis for axis, size in enumerate(scene.values.shape) if size > 1]
    steps = [np.gradient(scene.values, float(scene.spacing_mm[axis]), axis=axis) for axis in axes]
    return np.asarray(np.sqrt(sum(step**2 for step in steps)) + 0 * scene.values, dtype=np.float32)
