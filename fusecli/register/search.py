"""From two images to the motion between them: many starts, few survivors, the best one made exact."""

from dataclasses import dataclass, replace

import numpy as np

from fusecli.core.image import Image
from fusecli.register.alignment import placed
from fusecli.register.methods import Recipe, refine
from fusecli.register.scene import Scene, Values, scene
from fusecli.register.similarity import Sight
from fusecli.register.starts import starts

# Voxels of FIXED's field of view at the coarsest and at the finest level; finer than the images are is never asked for.
COARSE_VOXELS = {2: 4e3, 3: 2.5e4}
FINE_VOXELS = {2: 1e6, 3: 2e6}

STARTS = 6
SURVIVORS = 2


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


def views(fixed: Image, moving: Image, planes: tuple[Values, Values] | None = None) -> Views:
    """Both images at the three levels of a search; `planes` are theirs, for a pair of single slices."""
    coarse, fine = _spacings_mm(fixed, moving, 3 if planes is None else 2)
    own, other = planes or (None, None)
    levels = (coarse, (coarse * fine) ** 0.5, fine)
    return Views(*((_scene(fixed, mm, own), _scene(moving, mm, other)) for mm in levels))


def _scene(image: Image, spacing_mm: float, plane: Values | None) -> Scene:
    """The image at a level, or coarser where its field of view is so much larger than the other's."""
    dimension = 3 if plane is None else 2
    field = float(np.prod(_sides_mm(image)[-dimension:]))
    return scene(image, max(spacing_mm, (field / (2 * FINE_VOXELS[dimension])) ** (1 / dimension)), plane)


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


def find(seen: Views, kind: str) -> Values:
    """The best transform that a search finds, (n + 1, n + 1), from FIXED to MOVING in mm.

    `kind` is "rigid" or "affine". The same pair gives the same transform, bit for bit.
    """
    recipe = Recipe(kind, samples=20000, iterations=120, step=0.5, least_step=0.005)
    if kind == "rigid":
        return refine(*seen.fine, _nearly(seen, kind), recipe)
    smooth = refine(*seen.fine, _nearly(seen, kind), replace(recipe, blur=1.0))
    return _ranked(*seen.fine, [refine(*seen.fine, smooth, recipe), smooth])[0]


def back(seen: Views, kind: str) -> Values:
    """What a search of its own finds from MOVING to FIXED, good to about a voxel of the middle level."""
    return _nearly(seen.swapped, kind)


def _nearly(seen: Views, kind: str) -> Values:
    """The best transform at the middle level."""
    recipe = Recipe("rigid", samples=15000, iterations=60, step=1.0, least_step=0.05)
    survivors = _coarsely(seen)[:SURVIVORS]
    best = _ranked(*seen.middle, [refine(*seen.middle, survivor, recipe) for survivor in survivors])[0]
    return best if kind == "rigid" else refine(*seen.middle, best, replace(recipe, kind=kind, iterations=120, blur=1.0))


def _coarsely(seen: Views) -> list[Values]:
    """What the starts lead to at the coarse level, the best first."""
    recipe = Recipe("rigid", samples=6000, iterations=60, step=1.0, least_step=0.05)
    return _ranked(*seen.coarse, [refine(*seen.coarse, start, recipe) for start in starts(*seen.coarse, STARTS)])


def _ranked(fixed: Scene, moving: Scene, candidates: list[Values]) -> list[Values]:
    sight = Sight(fixed, moving)
    order = np.argsort([-sight.information(candidate) for candidate in candidates], kind="stable")
    return [candidates[k] for k in order]
