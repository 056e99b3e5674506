"""Coordinates that follow the chest: how far round it a point lies, and how deep under the skin or outside the lungs.

Ribs, muscles and fat of the chest wall are layers round the lungs, so they are simple in these coordinates and nowhere
else. The two outlines are polar curves round one axis, given at four levels of z; z = 0 is the tracheal bifurcation.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

AXIS_Y_MM = 5.0
STEPS = 1440

# Radius in mm at 0, 15, ... 180 degrees from the front; the back of the lungs is indented by the spine.
LEVELS_MM = (-95.0, -45.0, 0.0, 70.0)
CAVITY_MM = (
    (96, 98, 104, 110, 115, 119, 121, 120, 119, 119, 113, 90, 68),
    (93, 95, 101, 108, 114, 118, 120, 119, 118, 118, 112, 90, 68),
    (86, 88, 94, 101, 108, 113, 115, 115, 115, 115, 110, 89, 67),
    (66, 69, 76, 84, 90, 93, 94, 95, 97, 99, 97, 80, 62),
)
SKIN_MM = (
    (126, 129, 136, 145, 156, 165, 169, 170, 168, 160, 143, 129, 124),
    (122, 126, 132, 140, 151, 165, 175, 178, 176, 165, 144, 129, 124),
    (117, 121, 130, 140, 152, 171, 186, 191, 188, 170, 144, 129, 124),
    (98, 104, 117, 136, 160, 183, 194, 196, 190, 168, 143, 128, 123),
)


@dataclass(frozen=True, slots=True)
class WallCoordinates:
    """Where points lie relative to the chest wall, each (N,).

    `angle` is 0 at the front and pi at the back, the same on both sides; `side` is +1 for the patient's left, -1 for
    the right. `outside` is mm outside the chest cavity, `under_skin` mm below the skin; negative on the other side.
    """

    angle: Values
    side: Values
    radius: Values
    outside: Values
    under_skin: Values


def wall_coordinates(points: Values) -> WallCoordinates:
    """The chest-wall coordinates of points in mm, (N, 3), LPS.

    Distances are exact to first order in the curvature of the outlines: right on them, a few per cent off far away.
    """
    x, y, z = np.ascontiguousarray(points.T)
    y = y - AXIS_Y_MM
    angle = np.arctan2(np.abs(x), -y)
    radius = np.hypot(x, y)
    step, level = angle * (STEPS / 2 / np.pi), _level(z)
    cavity, skin = _lookup(_CAVITY, level, step), _lookup(_SKIN, level, step)
    return WallCoordinates(
        angle=angle,
        side=np.where(x < 0, -1.0, 1.0),
        radius=radius,
        outside=(radius - cavity) * _lookup(_CAVITY_COSINE, level, step),
        under_skin=(skin - radius) * _lookup(_SKIN_COSINE, level, step),
    )


def _level(z: Values) -> Values:
    return np.interp(z, LEVELS_MM, np.arange(len(LEVELS_MM)))


def _lookup(table: Values, level: Values, step: Values) -> Values:
    below = np.minimum(level.astype(np.intp), len(table) - 2)
    column = np.rint(step).astype(np.intp)
    share = level - below
    # Smooth across a level, or every outline would have a crease there.
    share = share * share * (3 - 2 * share)
    low = table[below, column]
    return np.asarray(low + share * (table[below + 1, column] - low))


def _smooth_outlines(half_outlines: tuple[tuple[int, ...], ...]) -> Values:
    halves = np.array(half_outlines, dtype=np.float64)
    whole = np.concatenate([halves, halves[:, -2:0:-1]], axis=1)
    spectrum = np.fft.rfft(whole, axis=1)
    # The highest frequency stands for two in the longer spectrum.
    spectrum[:, -1] /= 2
    return np.asarray(np.fft.irfft(spectrum, STEPS, axis=1) * (STEPS / whole.shape[1]))


def _cosine(outlines: Values) -> Values:
    slope = np.gradient(outlines, 2 * np.pi / STEPS, axis=1) / outlines
    return np.asarray(1 / np.hypot(1, slope))


_CAVITY = _smooth_outlines(CAVITY_MM)
_SKIN = _smooth_outlines(SKIN_MM)
_CAVITY_COSINE = _cosine(_CAVITY)
_SKIN_COSINE = _cosine(_SKIN)
