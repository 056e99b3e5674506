"""The two lungs: air-filled tissue, the vessels that branch through it, and the fissures."""

import numpy as np
from numpy.typing import NDArray

from fusecli.demo.shapes import BODY_BOX, Field, Formula, Layer, Sample, Tubes, length, waves
from fusecli.demo.wall import Values, wall_coordinates

LUNG_SUV = 0.4
VESSEL_HU = 35.0

# One end of a vessel for so much lung, in mm3; its radius; and the power of the radius that a stem and its branches
# have in common: 3 for smooth flow (Murray, PNAS 12, 1926); the lower value looks more like real slices.
LUNG_PER_END_MM3 = 500.0
END_RADIUS_MM = 0.6
MURRAY = 2.5

# Where vessels enter the left lung, in mm; the right is mirrored.
ENTRIES_MM = (
    (46, 14, 2),
    (46, 4, -8),
    (48, 20, -14),
    (44, 26, -28),
    (44, 8, -32),
    (46, 22, -40),
    (42, -8, -20),
    (44, -2, 8),
)
LUNG_BOX_MM = ((20.0, -95.0, -85.0), (124.0, 115.0, 55.0))


def lung_layers(rng: np.random.Generator) -> list[Layer]:
    """Lung tissue of both sides, with vessels and fissures; everything between the lungs is laid over it later."""
    cavity = Formula(lambda sample: sample.wall.outside, BODY_BOX)
    return [
        Layer(cavity, _tissue_hu(rng), LUNG_SUV),
        Layer(Formula(_fissures, BODY_BOX), -700.0, None),
        Layer(vessel_tree(rng, side=1), VESSEL_HU, None),
        Layer(vessel_tree(rng, side=-1), VESSEL_HU, None),
    ]


def vessel_tree(rng: np.random.Generator, side: int) -> Tubes:
    """All vessels of one lung (`side` +1: the patient's left), so that no part of it is far from one.

    Ends are spread evenly over the lung; from the hilum outward each joins the tree where that costs least, which
    makes vessels fork and turn as real ones do. A stem is as thick as its branches ask for by Murray's law.
    """
    nodes, parents = _joined(_ends(rng, side), np.array(ENTRIES_MM, dtype=np.float64) * (side, 1, 1))
    radii = _radii(parents)
    child = np.flatnonzero(parents >= 0)
    stem = np.minimum(radii[parents[child]], 1.25 * radii[child])
    return Tubes(nodes[parents[child]], nodes[child], np.stack([stem, radii[child]], axis=1))


def _ends(rng: np.random.Generator, side: int) -> Values:
    """Points in one lung, (N, 3) in mm, the nearest to the hilum first."""
    low, high = np.array(LUNG_BOX_MM)
    count = int((high - low).prod() / LUNG_PER_END_MM3)
    points = rng.uniform(low, high, (count, 3)) * (side, 1, 1)
    points = points[wall_coordinates(points).outside < -5]
    return np.asarray(points[np.argsort(np.linalg.norm(points - (side * 44, 12, -18), axis=1))])


def _joined(ends: Values, roots: Values) -> tuple[Values, NDArray[np.intp]]:
    """The tree's nodes, (N, 3), and the index of each node's parent, -1 for the roots."""
    nodes = np.concatenate([roots, ends]).T.copy()
    ways = np.zeros_like(nodes)
    parents = np.full(nodes.shape[1], -1)
    for i in range(len(roots), len(parents)):
        step = nodes[:, i : i + 1] - nodes[:, :i]
        distance = length(*step)
        # Going back or turning sharply costs more than a longer way straight on: length x (2 - cosine of the turn).
        ahead = step[0] * ways[0, :i] + step[1] * ways[1, :i] + step[2] * ways[2, :i]
        parents[i] = nearest = np.argmin(2 * distance - ahead)
        ways[:, i] = step[:, nearest] / distance[nearest]
    return nodes.T.copy(), parents


def _radii(parents: NDArray[np.intp]) -> Values:
    power = np.zeros(len(parents))
    for i in range(len(parents) - 1, -1, -1):
        power[i] = power[i] or END_RADIUS_MM**MURRAY
        if parents[i] >= 0:
            power[parents[i]] += power[i]
    return np.asarray(power ** (1 / MURRAY))


def _tissue_hu(rng: np.random.Generator) -> Field:
    patches, grain = waves(rng, 5, 25, 60), waves(rng, 5, 6, 14)

    def hu(points: Values) -> Values:
        # The patient lies on the back: blood and weight make the lower lung denser.
        return np.asarray(-862 + 0.22 * points[:, 1] + 9 * patches(points) + 9 * grain(points))

    return hu


def _fissures(sample: Sample) -> Values:
    """The oblique fissures, which fall from back to front, and the minor fissure of the right lung."""
    x, y, z = sample.axes
    tilt = np.where(x > 0, 0.95, 0.85)
    bow = 8 * np.sin(x / 28)
    oblique = np.abs(z + 20 - tilt * (y - 18) + bow) / np.hypot(1, tilt)
    return np.asarray(np.maximum(oblique - 0.1, sample.wall.outside))
