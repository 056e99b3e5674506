"""Analytic shapes in millimetres, and how layers of them become numbers at any point of space.

Every shape tells how far a point lies outside it, negative inside, so an edge lies where it is said to lie whatever
the grid that samples it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fusecli.demo.wall import Values, WallCoordinates, wall_coordinates

# A scanner's edge is not a step: this is about the in-plane width of a CT's point spread.
EDGE_MM = 2.0

FAR = np.full(1, np.inf)
EVERYWHERE = np.array([[-np.inf] * 3, [np.inf] * 3])

# The skin and all that it holds, with room for its unevenness.
BODY_BOX = np.array([[-204.0, -140.0, -np.inf], [204.0, 142.0, np.inf]])


class Sample:
    """Points of space, (N, 3) in mm LPS, with what many shapes ask about them computed once."""

    def __init__(self, points: Values) -> None:
        self.points = points
        # Axis by axis in memory: every shape is arithmetic on whole axes.
        self.x, self.y, self.z = self.axes = np.ascontiguousarray(points.T)
        self.low = self.axes.min(axis=1)
        self.high = self.axes.max(axis=1)

    @cached_property
    def wall(self) -> WallCoordinates:
        return wall_coordinates(self.points)

    @cached_property
    def outside_range(self) -> tuple[float, float]:
        """The least and the greatest distance outside the chest cavity, in mm."""
        return float(self.wall.outside.min()), float(self.wall.outside.max())


class Shape(Protocol):
    """A body in space. `bounds` is a box, (2, 3) mm, outside of which it is nowhere nearer than its soft edge."""

    @property
    def bounds(self) -> Values: ...

    def distance(self, sample: Sample) -> Values:
        """Millimetres from the surface, (N,): negative inside."""
        ...


Field = Callable[[Values], Values]


@dataclass(frozen=True, slots=True)
class Layer:
    """A shape and what it is made of: CT number `hu` and uptake `suv`, each a number or a function of points (N, 3).

    None leaves what lies below as it is.
    """

    shape: Shape
    hu: float | Field | None
    suv: float | Field | None


@dataclass(frozen=True, eq=False)
class Coats:
    """Shapes with one value each, in the order in which they are laid over each other."""

    shapes: Sequence[Shape]
    values: Sequence[float | Field]

    @cached_property
    def boxes(self) -> Values:
        return np.array([shape.bounds for shape in self.shapes]).reshape(-1, 2, 3)

    def paint(self, sample: Sample, over: Values) -> None:
        """Lay every coat over the numbers `over`, (N,), in place."""
        near = (self.boxes[:, 0] <= sample.high).all(axis=1) & (self.boxes[:, 1] >= sample.low).all(axis=1)
        for i in np.flatnonzero(near).tolist():
            distance = self.shapes[i].distance(sample)
            if distance.min() >= EDGE_MM / 2:
                continue
            value = self.values[i]
            inside = np.flatnonzero(distance < EDGE_MM / 2)
            cover = np.clip(0.5 - distance[inside] / EDGE_MM, 0, 1)
            below = over[inside]
            over[inside] = below + cover * ((value(sample.points[inside]) if callable(value) else value) - below)


@dataclass(frozen=True, eq=False)
class Ellipsoid:
    """An ellipsoid; `axes` holds its three unit axes as rows. Distances are exact to first order at the surface."""

    centre: ArrayLike
    radii: ArrayLike
    axes: Values = field(default_factory=lambda: np.eye(3))

    @cached_property
    def bounds(self) -> Values:
        reach = np.linalg.norm(self.axes * np.asarray(self.radii)[:, np.newaxis], axis=0) + EDGE_MM
        return np.array([self.centre - reach, self.centre + reach])

    @cached_property
    def _scaling(self) -> Values:
        return np.asarray(self.axes / np.asarray(self.radii, dtype=np.float64)[:, np.newaxis])

    def distance(self, sample: Sample) -> Values:
        scaled = self._scaling @ sample.axes - (self._scaling @ np.asarray(self.centre))[:, np.newaxis]
        level = length(*scaled)
        slope = length(*(scaled / np.asarray(self.radii)[:, np.newaxis]))
        # Both vanish at the centre, where their ratio is the shortest radius.
        shortest = np.full(len(level), np.min(self.radii), dtype=np.float64)
        return np.asarray((level - 1) * np.divide(level, slope, out=shortest, where=slope > 1e-9))


@dataclass(frozen=True, eq=False)
class Tubes:
    """Tapered round tubes: `starts` and `ends` (M, 3), `radii` (M, 2) at start and end, all in mm.

    A tube thinner than the edge fades instead of staying bright, as a vessel does by partial volume.
    """

    starts: Values
    ends: Values
    radii: Values

    @cached_property
    def boxes(self) -> tuple[Values, Values]:
        reach = self.radii.max(axis=1)[:, np.newaxis] + EDGE_MM
        return np.minimum(self.starts, self.ends) - reach, np.maximum(self.starts, self.ends) + reach

    @cached_property
    def bounds(self) -> Values:
        return np.array([self.boxes[0].min(axis=0), self.boxes[1].max(axis=0)])

    def distance(self, sample: Sample) -> Values:
        low, high = self.boxes
        near = ((low <= sample.high) & (high >= sample.low)).all(axis=1)
        distance = np.full(len(sample.points), np.inf)
        for i in np.flatnonzero(near).tolist():
            np.minimum(distance, self._one(sample, i), out=distance)
        return distance

    def _one(self, sample: Sample, i: int) -> Values:
        start, axis = self.starts[i], self.ends[i] - self.starts[i]
        projector = axis / (axis @ axis)
        along = np.clip(projector @ sample.axes - projector @ start, 0, 1)
        first, last = self.radii[i]
        radius = first + along * (last - first)
        across = length(*(sample.axes - start[:, np.newaxis] - axis[:, np.newaxis] * along))
        return np.asarray(across - radius + 2 * np.maximum(0, EDGE_MM / 2 - radius))


def tube(*stations: tuple[float, float, float, float]) -> Tubes:
    """A tube through stations (x, y, z, radius) in mm."""
    line = np.array(stations, dtype=np.float64)
    return Tubes(line[:-1, :3], line[1:, :3], np.stack([line[:-1, 3], line[1:, 3]], axis=1))


@dataclass(frozen=True, eq=False)
class Plate:
    """A thin upright plate: a line in the axial plane whose ends (x, y) move straight from z `low` to z `high`.

    `low_line` and `high_line` are ((x, y), (x, y)); `thickness` is half of it, in mm.
    """

    low: float
    high: float
    low_line: ArrayLike
    high_line: ArrayLike
    thickness: float

    @cached_property
    def bounds(self) -> Values:
        ends = np.concatenate([np.asarray(self.low_line), np.asarray(self.high_line)])
        reach = self.thickness + EDGE_MM
        return np.array(
            [[*(ends.min(axis=0) - reach), self.low - EDGE_MM], [*(ends.max(axis=0) + reach), self.high + EDGE_MM]]
        )

    def distance(self, sample: Sample) -> Values:
        z = sample.z
        share = np.clip((z - self.low) / (self.high - self.low), 0, 1)
        (start_x, start_y), (end_x, end_y) = np.multiply.outer(self.low_line, 1 - share) + np.multiply.outer(
            self.high_line, share
        )
        across = to_line(sample.x, sample.y, (start_x, start_y), (end_x, end_y))
        return np.asarray(np.maximum(across - self.thickness, np.maximum(self.low - z, z - self.high)))


@dataclass(frozen=True, eq=False)
class Inset:
    """A shape made smaller by `by_mm` all round (larger when negative): what is inside a rind."""

    shape: Shape
    by_mm: float

    @property
    def bounds(self) -> Values:
        return self.shape.bounds + np.array([[1.0], [-1.0]]) * min(self.by_mm, 0)

    def distance(self, sample: Sample) -> Values:
        return self.shape.distance(sample) + self.by_mm


@dataclass(frozen=True, eq=False)
class Without:
    """What is in `shape` and not in `hole`."""

    shape: Shape
    hole: Shape

    @property
    def bounds(self) -> Values:
        return self.shape.bounds

    def distance(self, sample: Sample) -> Values:
        return np.asarray(np.maximum(self.shape.distance(sample), -self.hole.distance(sample)))


@dataclass(frozen=True, eq=False)
class Formula:
    """A shape given by its distance function, inside the box `bounds`."""

    function: Callable[[Sample], Values]
    bounds: NDArray[np.float64] = field(default_factory=lambda: EVERYWHERE)

    def distance(self, sample: Sample) -> Values:
        return self.function(sample)


@dataclass(frozen=True, eq=False)
class Around:
    """A shape of the chest wall: it lies between `inner` and `outer` mm outside the chest cavity and nowhere else."""

    function: Callable[[Sample], Values]
    inner: float
    outer: float
    bounds: NDArray[np.float64] = field(default_factory=lambda: BODY_BOX)

    def distance(self, sample: Sample) -> Values:
        least, greatest = sample.outside_range
        if greatest < self.inner - EDGE_MM or least > self.outer + EDGE_MM:
            return FAR
        return self.function(sample)


@dataclass(frozen=True, eq=False)
class Together:
    """Several shapes grown into one: where two meet, the seam is filled over about `blend_mm`."""

    shapes: Sequence[Shape]
    blend_mm: float

    @cached_property
    def bounds(self) -> Values:
        boxes = np.array([shape.bounds for shape in self.shapes])
        return np.array([boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)])

    def distance(self, sample: Sample) -> Values:
        parts = np.array([shape.distance(sample) for shape in self.shapes])
        least = parts.min(axis=0)
        return np.asarray(least - self.blend_mm * np.log(np.exp((least - parts) / self.blend_mm).sum(axis=0)))


Ordinate = float | Values


def to_line(x: Values, y: Values, start: tuple[Ordinate, Ordinate], end: tuple[Ordinate, Ordinate]) -> Values:
    """Distance in the axial plane, (N,), from points (x, y) to the straight line between `start` and `end`."""
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    share = ((x - start[0]) * along_x + (y - start[1]) * along_y) / (along_x**2 + along_y**2)
    share = np.clip(share, 0, 1)
    return np.hypot(x - start[0] - share * along_x, y - start[1] - share * along_y)


def length(x: Values, y: Values, z: Values) -> Values:
    """The length of vectors given by their components."""
    return np.asarray(np.sqrt(x * x + y * y + z * z))


def waves(rng: np.random.Generator, count: int, shortest_mm: float, longest_mm: float) -> Field:
    """A smooth random field of unit standard deviation: plane waves of random direction, length and phase."""
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    turns = directions * (2 * np.pi / rng.uniform(shortest_mm, longest_mm, (count, 1)))
    phases = rng.uniform(0, 2 * np.pi, (count, 1))
    return lambda points: np.asarray(np.sin(turns @ points.T + phases).sum(axis=0) * np.sqrt(2 / count))
