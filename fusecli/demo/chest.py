"""The chest wall: skin, fat, muscles, ribs, breastbone, shoulder blades and spine, and the table underneath.

x grows to the patient's left, y to the back, z to the head; z = 0 is the tracheal bifurcation. Sizes in mm.
"""

from functools import partial

import numpy as np

from fusecli.demo.shapes import (
    BODY_BOX,
    Around,
    Ellipsoid,
    Field,
    Formula,
    Inset,
    Layer,
    Plate,
    Sample,
    Shape,
    to_line,
    tube,
    waves,
)
from fusecli.demo.wall import Values

FAT, MUSCLE, CARTILAGE = -105.0, 52.0, 110.0
CORTEX, MARROW, DISC, CORD = 650.0, 190.0, 80.0, 25.0
FAT_SUV, MUSCLE_SUV, MARROW_SUV, CORD_SUV = 0.3, 0.8, 1.3, 1.1

RIB_SPACING_MM, RIB_FALL_MM = 28.0, 132.0
VERTEBRA_SPACING_MM, DISC_MM = 27.0, 5.0

# Muscle sheets round the chest: middle and half-width in degrees from the front, then mm outside the cavity at z = 0,
# half-thickness at z = 0, and half-thickness gained per mm toward the head.
SHEETS = (
    (44.0, 30.0, 21.0, 7.0, 0.060),  # greater pectoral
    (58.0, 18.0, 17.0, 3.0, 0.080),  # lesser pectoral
    (86.0, 34.0, 15.5, 4.2, 0.000),  # anterior serratus
    (118.0, 36.0, 26.0, 6.5, 0.020),  # latissimus dorsi
    (158.0, 20.0, 24.0, 5.5, 0.020),  # trapezius
)


def wall_layers(rng: np.random.Generator) -> list[Layer]:
    """Everything outside the lungs' place, from the skin inward; the lungs are laid over it later."""
    flesh = _flesh(rng)
    muscles: list[Shape] = [*_sheets(), *_shoulder_muscles(), *_back_muscles()]
    return [
        Layer(Formula(lambda sample: -sample.wall.under_skin, BODY_BOX), FAT, FAT_SUV),
        *(Layer(muscle, flesh, MUSCLE_SUV) for muscle in muscles),
        Layer(Around(lambda sample: sample.wall.outside - 12.5, 0, 13), flesh, MUSCLE_SUV),
        Layer(Around(_fat_between_ribs, 11, 15), FAT + 60, None),
        Layer(Around(_under_skin, 10, 130), FAT, FAT_SUV),
        Layer(Around(lambda sample: np.abs(sample.wall.under_skin - 1.0) - 1.0, 10, 130), 30.0, 0.7),
    ]


def bone_layers(rng: np.random.Generator) -> list[Layer]:
    """Ribs, breastbone, shoulder blades and spine, each a bright rind round marrow."""
    ribs, sternum = Around(_ribs, 0, 12), _sternum()
    return [
        *_bone(ribs, rind_mm=1.4),
        Layer(Around(_cartilage, 0, 12), CARTILAGE, 0.6),
        *_bone(sternum, rind_mm=1.2),
        *(layer for blade in _shoulder_blades() for layer in _bone(blade, rind_mm=1.3)),
        *_spine(rng),
    ]


def _spine(rng: np.random.Generator) -> list[Layer]:
    """Vertebral bodies with discs, the canal with the cord, pedicles, transverse and spinous processes."""
    body, arch = Formula(_vertebral_body, _box(26, 34, 80)), Formula(_arch, _box(50, 60, 122))
    canal = Formula(lambda sample: np.hypot(sample.x / 1.15, sample.y - 78.5) - 8.0, _box(12, 68, 90))
    cord = Formula(lambda sample: np.hypot(sample.x / 1.2, sample.y - 78) - 4.0, _box(8, 72, 84))
    fat = Formula(lambda sample: np.hypot(sample.x / 24, (sample.y - 84) / 21) * 21 - 21, _box(28, 60, 108))
    gap = Formula(lambda sample: np.maximum(_vertebral_body(sample), DISC_MM / 2 - _to_disc(sample)))
    return [
        Layer(fat, -55.0, FAT_SUV),
        *_bone(arch, rind_mm=1.6),
        Layer(body, DISC, 0.7),
        Layer(gap, CORTEX - 120, MARROW_SUV),
        Layer(Inset(gap, 1.3), _spongy(rng), MARROW_SUV),
        Layer(canal, -20.0, 0.5),
        Layer(cord, CORD, CORD_SUV),
    ]


def table_layers() -> list[Layer]:
    """A mattress and the thin curved shell of the couch, below the patient."""
    mattress = Formula(lambda sample: np.maximum(np.abs(sample.y - 141) - 8, _beyond(sample, 178)))
    upper = Formula(lambda sample: np.maximum(np.abs(_below_couch(sample)) - 1.3, _beyond(sample, 196)))
    lower = Formula(lambda sample: np.maximum(np.abs(_below_couch(sample) - 24) - 1.3, _beyond(sample, 150)))
    return [Layer(mattress, -905.0, None), Layer(upper, -420.0, None), Layer(lower, -520.0, None)]


def _bone(shape: Shape, rind_mm: float) -> list[Layer]:
    return [Layer(shape, CORTEX, MARROW_SUV), Layer(Inset(shape, rind_mm), MARROW, MARROW_SUV)]


def _box(half_width: float, front: float, back: float) -> Values:
    return np.array([[-half_width, front, -np.inf], [half_width, back, np.inf]])


def _flesh(rng: np.random.Generator) -> Field:
    # Strands of fat between the fibres.
    strands = waves(rng, 6, 7, 22)
    return lambda points: np.asarray(MUSCLE - 26 * np.maximum(0, strands(points) - 1.1))


def _under_skin(sample: Sample) -> Values:
    wall = sample.wall
    thickness = 9 + 5 * np.sin(wall.angle) ** 2 - 0.03 * sample.z
    return np.asarray(np.maximum(wall.under_skin - thickness, -wall.under_skin))


def _sheets() -> list[Around]:
    return [Around(partial(_sheet, *sheet), 5, 50) for sheet in SHEETS]


def _sheet(middle: float, width: float, offset: float, thickness: float, growth: float, sample: Sample) -> Values:
    wall, z = sample.wall, np.clip(sample.z, -80, 60)
    across = (np.degrees(wall.angle) - middle) / width
    half = np.maximum(thickness + growth * z, 1.0) * (1 - across * across)
    lens = np.abs(wall.outside - offset - 0.08 * z) - half
    return np.asarray(np.maximum(lens, 4 - wall.under_skin))


def _shoulder_muscles() -> list[Ellipsoid]:
    """Muscles round the shoulder blades, thinning out downward: they end where the blades end."""
    muscles = []
    for side in (1, -1):
        muscles += [
            Ellipsoid((side * 133, 44, 22), (13, 44, 62), _tilted(side * -38)),  # subscapular
            Ellipsoid((side * 146, 66, 18), (12, 38, 58), _tilted(side * -46)),  # infraspinatus
            Ellipsoid((side * 163, 26, 22), (13, 36, 72), _tilted(side * -14)),  # teres major and latissimus
        ]
    return muscles


def _back_muscles() -> list[Ellipsoid]:
    return [Ellipsoid((side * 27, 104, 0), (24, 13, 900), _tilted(side * 8)) for side in (1, -1)]


def _tilted(degrees: float) -> Values:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def _rib_height(sample: Sample) -> Values:
    """mm above the middle line of the nearest rib: ribs fall from the spine to the front, their cartilage rises."""
    wall = sample.wall
    share = wall.angle / np.pi
    line = RIB_FALL_MM * (share - 1) + 0.9 * RIB_FALL_MM * np.maximum(0, 0.20 - share)
    height = sample.z - line - np.where(wall.side > 0, 3.0, -4.0)
    return np.asarray((height + RIB_SPACING_MM / 2) % RIB_SPACING_MM - RIB_SPACING_MM / 2)


def _ribs(sample: Sample) -> Values:
    wall = sample.wall
    # A rib's slope brings a horizontal cut nearer to its middle line than the height says.
    upright = _rib_height(sample) * 0.92 / 6.8
    depth = (wall.outside - 6.0) / 4.4
    behind = (np.degrees(wall.angle) - 166) * 1.6
    return np.asarray(np.maximum((np.sqrt(upright**2 + depth**2) - 1) * 4.6, behind))


def _cartilage(sample: Sample) -> Values:
    return np.asarray(np.maximum(_ribs(sample), (sample.wall.angle - 0.20 * np.pi) * 90))


def _fat_between_ribs(sample: Sample) -> Values:
    gap = np.abs(sample.wall.outside - 12.8) - 0.9
    return np.asarray(np.maximum(gap, (np.degrees(sample.wall.angle) - 150) * 1.6))


def _sternum() -> Formula:
    def distance(sample: Sample) -> Values:
        x, y, z = sample.axes
        middle = -99.5 + 0.09 * z
        flat = (np.abs(x / 19) ** 2.6 + np.abs((y - middle) / 6.4) ** 2.6) ** (1 / 2.6)
        return np.asarray((flat - 1) * 6.4)

    return Formula(distance, _box(22, -125, -80))


def _shoulder_blades() -> list[Shape]:
    blades: list[Shape] = []
    for side in (1, -1):
        line = [(side * 159, 24), (side * 108, 86)]
        tip = [(side * 139, 60), (side * 132, 68)]
        blades += [
            Plate(-44, 40, tip, [(side * 168, 2), (side * 92, 94)], 2.3),
            Plate(-6, 40, [(side * 137, 60), (side * 140, 63)], [(side * 128, 62), (side * 158, 76)], 2.2),
            tube((side * 139, 60, -44, 3.0), (*line[0], 0, 4.6), (side * 166, 6, 40, 6.5)),
        ]
    return blades


def _to_disc(sample: Sample) -> Values:
    """mm from the middle of the nearest disc."""
    place = (sample.z + 6.0) % VERTEBRA_SPACING_MM
    return np.asarray(np.minimum(place, VERTEBRA_SPACING_MM - place))


def _vertebral_body(sample: Sample) -> Values:
    x, y = sample.x, sample.y - 55
    # Narrower at mid-height than at its end plates, and flat toward the canal.
    waist = 1.0 - 0.06 * np.cos(2 * np.pi * _to_disc(sample) / VERTEBRA_SPACING_MM + np.pi)
    oval = (np.hypot(x / (19.5 * waist), y / (16.0 * waist)) - 1) * 16
    return np.asarray(np.maximum(oval, y - 14))


def _arch(sample: Sample) -> Values:
    """Pedicles, laminae and processes of each vertebra: lines in the axial plane, broken at the level of the discs."""
    x, y = np.abs(sample.x), sample.y
    place = (sample.z + 6.0) % VERTEBRA_SPACING_MM / VERTEBRA_SPACING_MM
    pedicle = np.maximum(to_line(x, y, (12, 66), (14, 82)) - 5.0, (np.abs(place - 0.66) - 0.24) * VERTEBRA_SPACING_MM)
    lamina = to_line(x, y, (14, 84), (1, 95)) - 4.6
    transverse = np.maximum(to_line(x, y, (15, 84), (33, 94)) - 5.6, (np.abs(place - 0.62) - 0.2) * VERTEBRA_SPACING_MM)
    spinous = np.maximum(to_line(x, y, (0, 95), (0, 111)) - 4.2, (np.abs(place - 0.3) - 0.36) * VERTEBRA_SPACING_MM)
    return np.asarray(np.minimum.reduce([pedicle, lamina, transverse, spinous]))


def _spongy(rng: np.random.Generator) -> Field:
    grain = waves(rng, 6, 5, 11)
    return lambda points: MARROW + 28 * grain(points)


def _below_couch(sample: Sample) -> Values:
    return np.asarray(sample.y - 158 + (sample.x / 205) ** 2 * 26)


def _beyond(sample: Sample, half_width: float) -> Values:
    return np.asarray(np.abs(sample.x) - half_width)
