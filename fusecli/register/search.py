"""From two images to the motion between them: many starts, few survivors, the best one made exact."""

from dataclasses import dataclass, replace

import numpy as np

from fusecli.core.image import Image
from fusecli.register.alignment import placed
from fusecli.register.methods import Recipe, refine
from fusecli.register.scene import Scene, Values, at, scene
from fusecli.register.similarity import Sight
from fusecli.register.starts import starts

# Voxels of FIXED's field of view at the coarsest and at the finest level; finer than the images are is never asked for.
COARSE_VOXELS = {2: 4e3, 3: 2.5e4}
FINE_VOXELS = {2: 1e6, 3: 2e6}

STARTS = 6
SURVIVORS = 2

# Another place is one that lies so far from the best, as a share of FIXED's size.
ELSEWHERE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """FIXED and MOVING at three levels, the coarsest first: (FIXED, MOVING) each."""

    coarse: tuple[Scene, Scene]
    middle: tuple[Scene, Scene]
    fine: tuple[Scene, Scene]

    @property
    def swapped(self) -> "Views":
        """The same with the roles exchanged."""
        return Views(self.coarse[::-1], self.middle[::-1], self.fine[::-1])

    @property
    def mirrored(self) -> "Views":
        """The same with MOVING's rows in the opposite order."""
        return Views(*((fixed, moving.mirrored) for fixed, moving in (self.coarse, self.middle, self.fine)))


def views(fixed: Image, moving: Image, planes: tuple[Values, Values] | None = None) -> Views:
    """Both images at the three levels of a search; `planes` are theirs, for a pair of single slices."""
    coarse, fine = _spacings_mm(fixed, moving, 3 if planes is None else 2)
    own, other = planes or (None, None)
    levels = (coarse, (coarse * fine) ** 0.5, fine)
    return Views(*((_scene(fixed, mm, own), _scene(moving, mm, other)) for mm in levels))


def _scene(image: Image, spacing_mm: float, plane: Values | None) -> Scene:
    """The image at a level, or coarser where its field of view is larger than the other's."""
    dimension = 3 if plane is None else 2
    field = float(np.prod(_sides_mm(image)[-dimension:]))
    return scene(image, max(spacing_mm, (field / FINE_VOXELS[dimension]) ** (1 / dimension)), plane)


def _spacings_mm(fixed: Image, moving: Image, dimension: int) -> tuple[float, float]:
    """Of the coarse and of the fine level."""
    sides = [_sides_mm(image)[-dimension:] for image in (fixed, moving)]
    shapes = [image.geometry.shape[-dimension:] for image in (fixed, moving)]
    voxels = [float(np.prod(side / np.array(shape))) for side, shape in zip(sides, shapes, strict=True)]
    field = float(min(np.prod(side) for side in sides))
    fine = max(*voxels, field / FINE_VOXELS[dimension])
    coarse = max(field / COARSE_VOXELS[dimension], fine)
    return float(coarse ** (1 / dimension)), float(fine ** (1 / dimension))


def _sides_mm(image: Image) -> Values:
    geometry = placed(image.geometry)
    return np.asarray(np.array(geometry.spacing_mm) * np.array(geometry.shape))


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The best `transform`, (n + 1, n + 1), from FIXED to MOVING in mm, and how near another place came to it.

    `rival` is the normalized mutual information, less 1, of the best place elsewhere over that of `transform`, both at
    the coarse level; 0 where all starts led to one place.
    """

    transform: Values
    rival: float


def find(seen: Views, kind: str, *, scaled: bool = False) -> Found:
    """The best transform that a search finds, rigid or affine: `kind` says which.

    `scaled` also begins where both foregrounds, or both fields of view, have one size. The same pair gives the same
    transform, bit for bit.
    """
    recipe = Recipe(kind, samples=50000, iterations=120, step=0.5, least_step=0.005, blur=0.5, within=True)
    places = _coarsely(seen, _scales(*seen.coarse) if scaled else (1.0,))
    best = refine(*seen.fine, _nearly(seen, places, kind), recipe)
    return Found(best, _rival(*seen.coarse, best, places))


def back(seen: Views, kind: str, scale: float = 1.0) -> Values:
    """What a search of its own finds from MOVING to FIXED, good to about a voxel of the middle level.

    It begins at one `scale`, and at all of its own places and turns.
    """
    return _nearly(seen.swapped, _coarsely(seen.swapped, (scale,)), kind)


def _scales(fixed: Scene, moving: Scene) -> tuple[float, ...]:
    """How many of MOVING's pixels go into one of FIXED's: one, by the foregrounds, and by the fields of view."""
    own, other = (float(np.prod(seen.spacing_mm * seen.values.shape)) for seen in (fixed, moving))
    return 1.0, moving.size_mm / fixed.size_mm, (other / own) ** (1 / fixed.dimension)


def _coarsely(seen: Views, scales: tuple[float, ...]) -> list[Values]:
    """What the starts lead to at the coarse level, the best first."""
    recipe = Recipe("rigid", samples=4000, iterations=60, step=1.0, least_step=0.05)
    begun = starts(*seen.coarse, STARTS, scales)
    return _ranked(*seen.coarse, [refine(*seen.coarse, start, recipe) for start in begun])


def _nearly(seen: Views, places: list[Values], kind: str) -> Values:
    """The best transform at the middle level."""
    recipe = Recipe("rigid", samples=10000, iterations=60, step=1.0, least_step=0.05)
    best = _ranked(*seen.middle, [refine(*seen.middle, place, recipe) for place in places[:SURVIVORS]])[0]
    scaling = replace(recipe, kind=kind, iterations=120, blur=1.0, within=True)
    return best if kind == "rigid" else refine(*seen.middle, best, scaling)


def _rival(fixed: Scene, moving: Scene, best: Values, places: list[Values]) -> float:
    sight, points = Sight(fixed, moving), fixed.points()
    far = ELSEWHERE * fixed.size_mm
    others = [place for place in places if np.linalg.norm(at(place, points) - at(best, points), axis=1).mean() > far]
    most = max((sight.information(place) - 1 for place in others), default=0.0)
    return most / max(sight.information(best) - 1, 1e-9)


def _ranked(fixed: Scene, moving: Scene, candidates: list[Values]) -> list[Values]:
    sight = Sight(fixed, moving)
    order = np.argsort([-sight.information(candidate) for candidate in candidates], kind="stable")
    return [candidates[k] for k in order]
