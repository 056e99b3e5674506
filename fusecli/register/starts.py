"""Where a search may begin: as the files say, centre on centre, and turned; the most promising first."""

from collections.abc import Iterator
from itertools import permutations, product

import numpy as np

from fusecli.register.scene import Scene, Values
from fusecli.register.similarity import Sight

POINTS = 4000
TILTS_DEG = (20.0, 40.0)


def starts(fixed: Scene, moving: Scene, wanted: int, scales: tuple[float, ...] = (1.0,)) -> list[Values]:
    """The `wanted` most promising transforms, (n + 1, n + 1), from FIXED to MOVING in mm; the header's first.

    They are rigid but for one of `scales`; the header's is left out where 1 is none of these. Never a mirror image: a
    body has two sides.
    """
    sight = Sight(fixed, moving, POINTS)
    linear = [scale * turn for scale in scales for turn in quarter_turns(fixed.dimension)]
    turns = [about(fixed, turn, shift) for turn in linear for shift in _shifts(fixed, moving)]
    best = _best(sight, turns, 4)
    tilted = [about(fixed, tilt, np.zeros(fixed.dimension)) for tilt in _tilts(fixed.dimension)]
    around_best = [start @ tilt for start in (turns[0], *best) for tilt in tilted]
    header = [np.eye(fixed.dimension + 1)] if 1.0 in scales else []
    return [*header, *_unlike(_best(sight, [*turns, *around_best], 40), fixed, wanted - len(header))]


def quarter_turns(dimension: int) -> list[Values]:
    """All rotations by multiples of 90 degrees, the identity first: 4 in the plane, 24 in space."""
    return [matrix for matrix in _signed_permutations(dimension) if np.linalg.det(matrix) > 0]


def _signed_permutations(dimension: int) -> Iterator[Values]:
    for order in permutations(range(dimension)):
        for signs in product((1.0, -1.0), repeat=dimension):
            yield np.eye(dimension)[list(order)] * np.array(signs)[:, np.newaxis]


def _shifts(fixed: Scene, moving: Scene) -> list[Values]:
    """From the middle of FIXED's foreground: to where the header says, and to the middle of MOVING's foreground."""
    return [np.zeros(fixed.dimension), moving.centre - fixed.centre, moving.field_centre - fixed.field_centre]


def about(fixed: Scene, turn: Values, shift: Values) -> Values:
    """A turn, or another linear map, about the middle of FIXED's foreground, then a shift."""
    middle = fixed.centre
    transform = np.eye(fixed.dimension + 1)
    transform[:-1, :-1] = turn
    transform[:-1, -1] = middle + shift - turn @ middle
    return transform


def axis_turns(dimension: int, degrees: float) -> list[Values]:
    """Rotations by `degrees` to both sides: in the plane, or about each axis of space."""
    if dimension == 2:
        return [_planar(sign * degrees) for sign in (1, -1)]
    return [_rotation(sign * axis, degrees) for axis in np.eye(3) for sign in (1, -1)]


def _tilts(dimension: int) -> list[Values]:
    """Smaller rotations: about the corners, edges and faces of a cube in space, to both sides."""
    if dimension == 2:
        return [turn for tilt in TILTS_DEG for turn in axis_turns(2, tilt)]
    axes = [np.array(axis) for axis in product((-1, 0, 1), repeat=3) if any(axis)]
    return [_rotation(axis / np.linalg.norm(axis), tilt) for tilt in TILTS_DEG for axis in axes]


def _planar(degrees: float) -> Values:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s], [s, c]])


def _rotation(axis: Values, degrees: float) -> Values:
    """Rodrigues' formula: by `degrees` about a unit vector."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def _best(sight: Sight, candidates: list[Values], count: int) -> list[Values]:
    order = np.argsort([-sight.information(candidate) for candidate in candidates], kind="stable")
    return [candidates[k] for k in order[:count]]


def _unlike(candidates: list[Values], fixed: Scene, count: int) -> list[Values]:
    """The first `count` that move FIXED's foreground to places at least a tenth of its size apart."""
    middle, reach = fixed.centre, fixed.size_mm
    probes = np.vstack([middle, middle + reach * np.eye(fixed.dimension)])
    kept: list[Values] = []
    for candidate in candidates:
        moved = probes @ candidate[:-1, :-1].T + candidate[:-1, -1]
        others = (probes @ k[:-1, :-1].T + k[:-1, -1] for k in kept)
        if all(np.linalg.norm(moved - other, axis=1).max() > 0.25 * reach for other in others):
            kept.append(candidate)
    return kept[:count]
