"""The whole body as one function of space: the CT number and the uptake at any point, before any scanner saw it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fusecli.core.geometry import Geometry
from fusecli.demo.chest import bone_layers, table_layers, wall_layers
from fusecli.demo.lungs import lung_layers
from fusecli.demo.mediastinum import mediastinum_layers
from fusecli.demo.shapes import BODY_BOX, Coats, Field, Formula, Layer, Sample, Tubes, length, waves
from fusecli.demo.wall import Values

AIR_HU = -1000.0
LESION_HU = 42.0

# No patient is drawn with a ruler: organs are displaced in-plane by a broad and a fine smooth field of these sizes.
UNEVENNESS_MM = (1.3, 0.3)

# Uptake falls from a lesion's middle to its rim by this share, so that its middle is its brightest point.
RIM_FALL = 0.3

# Rows x columns of points painted at once: small enough for most shapes to be elsewhere.
TILE = 32
TILE_SLICES = 4


@dataclass(frozen=True, slots=True)
class Lesion:
    """A ball of tracer and soft tissue: `centre_mm` in LPS, `suv` at the centre, falling by 30 % toward the rim."""

    name: str
    centre_mm: tuple[float, float, float]
    radius_mm: float
    suv: float


@dataclass(frozen=True, eq=False)
class Body:
    """Anatomy, drawn on gently displaced space; the table and the lesions, drawn where they are said to be."""

    under: tuple[Layer, ...]
    anatomy: tuple[Layer, ...]
    lesions: tuple[Layer, ...]
    displacement: tuple[Field, Field]

    @cached_property
    def _hu(self) -> tuple[Coats, Coats, Coats]:
        return self._coats(lambda layer: layer.hu)

    @cached_property
    def _suv(self) -> tuple[Coats, Coats, Coats]:
        return self._coats(lambda layer: layer.suv)

    def hu_at(self, points: Values) -> Values:
        """CT numbers in HU, (N,), at points in mm LPS, (N, 3): air is -1000."""
        return self._painted(points, AIR_HU, self._hu)

    def suv_at(self, points: Values) -> Values:
        """Body-weight SUV in g/ml, (N,), at points in mm LPS, (N, 3): 0 outside the body."""
        return self._painted(points, 0.0, self._suv)

    def _coats(self, pick: Callable[[Layer], float | Field | None]) -> tuple[Coats, Coats, Coats]:
        return _coats(self.under, pick), _coats(self.anatomy, pick), _coats(self.lesions, pick)

    def _painted(self, points: Values, background: float, coats: tuple[Coats, Coats, Coats]) -> Values:
        values = np.full(len(points), background)
        under, anatomy, lesions = coats
        straight = Sample(points)
        under.paint(straight, values)
        if (straight.low <= BODY_BOX[1]).all() and (straight.high >= BODY_BOX[0]).all():
            anatomy.paint(Sample(self._displaced(points)), values)
        lesions.paint(straight, values)
        return values

    def _displaced(self, points: Values) -> Values:
        across, along = self.displacement
        return points + np.stack([across(points), along(points), np.zeros(len(points))], axis=1)


def thorax_body(rng: np.random.Generator, lesions: Sequence[Lesion]) -> Body:
    """A thorax on a table with `lesions` in it; `rng` shapes the vessels, the texture and the unevenness."""
    return Body(
        under=tuple(table_layers()),
        anatomy=(*wall_layers(rng), *lung_layers(rng), *bone_layers(rng), *mediastinum_layers()),
        lesions=tuple(layer for lesion in lesions for layer in _lesion_layers(rng, lesion)),
        displacement=(_unevenness(rng), _unevenness(rng)),
    )


def sampled(quantity: Callable[[Values], Values], geometry: Geometry) -> Values:
    """`quantity` (points (N, 3) in mm -> (N,)) at the centre of every voxel of `geometry`, (slice, row, column)."""
    volume = np.empty(geometry.shape)
    slices, rows, columns = geometry.shape
    for k in range(0, slices, TILE_SLICES):
        for j in range(0, rows, TILE):
            for i in range(0, columns, TILE):
                tile = np.s_[k : k + TILE_SLICES, j : j + TILE, i : i + TILE]
                shape = volume[tile].shape
                index = np.indices(shape, dtype=np.float64).reshape(3, -1).T + np.array((k, j, i))
                volume[tile] = quantity(geometry.points(index)).reshape(shape)
    return volume


def _coats(layers: Sequence[Layer], pick: Callable[[Layer], float | Field | None]) -> Coats:
    drawn = [(layer.shape, value) for layer in layers if (value := pick(layer)) is not None]
    return Coats([shape for shape, _ in drawn], [value for _, value in drawn])


def _unevenness(rng: np.random.Generator) -> Field:
    broad, fine = waves(rng, 3, 50, 120), waves(rng, 3, 18, 40)
    return lambda points: np.asarray(UNEVENNESS_MM[0] * broad(points) + UNEVENNESS_MM[1] * fine(points))


def _lesion_layers(rng: np.random.Generator, lesion: Lesion) -> list[Layer]:
    centre, radius = np.array(lesion.centre_mm), lesion.radius_mm
    ball = Formula(
        lambda sample: length(*(sample.axes - centre[:, np.newaxis])) - radius,
        np.array([centre - 1.3 * radius - 2, centre + 1.3 * radius + 2]),
    )

    def uptake(points: Values) -> Values:
        share = np.linalg.norm(points - centre, axis=1) / radius
        return np.asarray(lesion.suv * (1 - RIM_FALL * np.minimum(share, 1) ** 2))

    knobs = waves(rng, 5, 1.2 * radius, 2.4 * radius)
    lobed = Formula(lambda sample: ball.distance(sample) - 0.1 * radius * knobs(sample.points), ball.bounds)
    return [
        Layer(_spikes(rng, centre, radius), LESION_HU - 60, None),
        Layer(lobed, LESION_HU, None),
        Layer(ball, None, uptake),
    ]


def _spikes(rng: np.random.Generator, centre: Values, radius: float) -> Tubes:
    """Fine strands that a tumour draws out of the lung round it: seen in CT, without uptake of their own."""
    ways = rng.normal(size=(14, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    reach = radius * rng.uniform(1.15, 1.45, (14, 1))
    return Tubes(centre + ways * radius * 0.7, centre + ways * reach, np.tile([1.6, 0.5], (14, 1)))
