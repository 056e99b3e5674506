"""What lies between and below the lungs: fat, heart, great vessels, airways, gullet and the dome of the liver.

x grows to the patient's left, y to the back, z to the head; z = 0 is the tracheal bifurcation. Sizes in mm.
The study is a native CT: blood and heart muscle differ by a few HU only.
"""

import numpy as np

from fusecli.demo.shapes import (
    Ellipsoid,
    Formula,
    Inset,
    Layer,
    Plate,
    Shape,
    Together,
    Tubes,
    Without,
    tube,
)
from fusecli.demo.wall import Values

FAT, BLOOD, MYOCARDIUM, SOFT, LIVER, CALCIUM, AIR = -95.0, 42.0, 50.0, 38.0, 60.0, 550.0, -985.0
FAT_SUV, BLOOD_SUV, MYOCARDIUM_SUV, SOFT_SUV, LIVER_SUV = 0.5, 1.6, 4.0, 1.4, 2.2

# The left ventricle points to the left, forward and down; rows: its long axis and two across it.
LV_CENTRE, LV_RADII = (42.0, -28.0, -52.0), (47.0, 32.0, 32.0)
LV_WALL_MM = 10.0


def mediastinum_layers() -> list[Layer]:
    """All organs of the middle, laid over the lungs in this order: fat first, then what lies in it."""
    return [
        *(Layer(fat, FAT, FAT_SUV) for fat in _fat()),
        *_airways(_bronchi()),
        *_liver(),
        *_heart(),
        *(Layer(vessel, BLOOD, BLOOD_SUV) for vessel in _great_vessels()),
        *_calcium(),
        *_airways(_windpipe()),
        Layer(tube((6, 30, 70, 7), (7, 33, -10, 7), (12, 32, -90, 8)), SOFT, SOFT_SUV),
        Layer(tube((7, 33, 8, 1.6), (8, 33, -16, 1.6)), -300.0, None),
    ]


def _fat() -> list[Shape]:
    front = Plate(-95, 75, [(8, -94), (14, -55)], [(2, -78), (2, -40)], 2.0)
    return [
        Ellipsoid((4, -22, 28), (38, 52, 62)),
        Ellipsoid((2, 22, -10), (26, 30, 200)),
        Ellipsoid((20, -34, -50), (66, 52, 46), _lv_axes()),
        Ellipsoid((6, -66, -60), (42, 30, 40)),
        Ellipsoid((10, -62, 10), (16, 34, 40)),
        front,
    ]


def _liver() -> list[Layer]:
    dome = Ellipsoid((-64, 4, -112), (66, 86, 68))
    spleen = Ellipsoid((74, 20, -140), (52, 78, 66))
    return [Layer(dome, LIVER, LIVER_SUV), Layer(spleen, 50.0, 1.9)]


def _heart() -> list[Layer]:
    ventricle = Ellipsoid(LV_CENTRE, LV_RADII, _lv_axes())
    cavity = Ellipsoid(LV_CENTRE, np.array(LV_RADII) - LV_WALL_MM, _lv_axes())
    chambers = [
        Ellipsoid((-26, -26, -44), (25, 31, 36)),  # right atrium
        Ellipsoid((8, -52, -50), (44, 25, 36), _lv_axes()),  # right ventricle
        Ellipsoid((14, -48, -22), (24, 20, 24)),  # its outflow
        Ellipsoid((4, 8, -34), (35, 19, 21)),  # left atrium
    ]
    return [
        Layer(Together([*chambers, ventricle], 3.0), BLOOD, BLOOD_SUV),
        Layer(ventricle, MYOCARDIUM, None),
        # The wall is open toward the atrium, which makes the U (or the ring) of a cardiac PET.
        Layer(Without(Without(ventricle, cavity), _base()), None, MYOCARDIUM_SUV),
        Layer(cavity, BLOOD, None),
        Layer(_groove(), FAT, None),
    ]


def _base() -> Formula:
    axis = _lv_axes()[0]
    return Formula(lambda sample: np.asarray((sample.points - LV_CENTRE) @ axis + 26))


def _groove() -> Tubes:
    """Fat in the grooves between the chambers, where the coronary arteries run."""
    return tube((-4, -62, -24, 3.0), (-8, -50, -36, 4.0), (-14, -46, -52, 4.0), (-20, -40, -70, 3.0))


def _great_vessels() -> list[Shape]:
    return [
        tube((2, -30, -34, 15), (-12, -28, -8, 16), (-14, -22, 16, 15.5), (-6, -8, 38, 14)),  # ascending aorta
        tube((-6, -8, 38, 14), (12, 14, 42, 13.5), (30, 38, 30, 13.5), (34, 44, 0, 13.0)),  # arch
        tube((34, 44, 0, 13.0), (30, 42, -40, 12.5), (16, 36, -95, 12)),  # descending aorta
        tube((20, -48, -26, 14), (22, -34, -8, 14.5), (24, -14, 2, 13)),  # pulmonary trunk
        tube((24, -14, 2, 13), (38, 4, 2, 11), (50, 16, -4, 8.5), (58, 26, -14, 6)),  # left pulmonary artery
        tube((22, -12, -2, 12), (-4, -6, -8, 11.5), (-30, 0, -9, 10.5), (-48, 6, -12, 8)),  # right one
        tube((-46, 4, -10, 7), (-52, 16, -24, 7), (-56, 26, -42, 5.5)),  # its lower branch
        tube((-46, 2, -6, 5.5), (-58, -8, 6, 4)),  # its upper branch
        tube((28, 10, -32, 8), (48, 18, -34, 6), (62, 26, -42, 4.5)),  # left pulmonary vein
        tube((-26, 10, -34, 8), (-46, 16, -38, 6.5), (-60, 22, -46, 4.5)),  # right pulmonary vein
        tube((-28, -10, 75, 8), (-32, -16, 20, 9.5), (-30, -20, -20, 11)),  # superior vena cava
        tube((-28, -8, -52, 12), (-30, 2, -100, 13)),  # inferior vena cava
        tube((-9, 37, 4, 3.5), (-10, 38, -95, 3.5)),  # azygos vein
        *(Ellipsoid(centre, radii) for centre, radii in _NODES),
    ]


# Small lymph nodes in the fat: centre, radii.
_NODES = (
    ((-14, 14, -16), (6, 4, 6)),
    ((4, 14, -14), (7, 4, 5)),
    ((-16, -2, 12), (4, 5, 6)),
    ((20, 2, 14), (5, 3, 5)),
)


def _calcium() -> list[Layer]:
    """Chalk in the walls of aorta and coronary arteries, as most patients of this age have."""
    spots = ((45, 48, -6, 1.6), (28, 31, -24, 1.4), (-27, -30, 2, 1.3), (20, -32, -30, 1.6), (27, -36, -36, 1.4))
    return [Layer(Ellipsoid((x, y, z), (r, r, 3 * r)), CALCIUM, None) for x, y, z, r in spots]


def _windpipe() -> list[Tubes]:
    trachea = tube((0, 6, 75, 8.5), (0, 12, 6, 8.5))
    right = tube((-1, 13, 4, 7.5), (-20, 14, -8, 6.8), (-38, 17, -20, 6.0))
    left = tube((1, 13, 4, 7.0), (22, 16, -14, 6.2), (42, 20, -26, 5.6))
    return [trachea, right, left]


def _bronchi() -> list[Tubes]:
    return [
        tube((-38, 17, -20, 5.6), (-44, 24, -36, 4.5), (-58, 42, -62, 2.4)),
        tube((-28, 13, -12, 4.5), (-50, 10, -2, 3.6), (-66, 8, 8, 2.2)),
        tube((-43, 22, -32, 3.2), (-56, -4, -46, 2.2), (-66, -24, -58, 1.5)),
        tube((42, 20, -26, 5.4), (50, 30, -44, 4.0), (60, 44, -66, 2.4)),
        tube((40, 20, -25, 4.5), (54, 8, -24, 3.4), (68, -8, -18, 2.2)),
    ]


def _airways(tubes: list[Tubes]) -> list[Layer]:
    walls = [Layer(Inset(airway, -1.5), SOFT, SOFT_SUV) for airway in tubes]
    return walls + [Layer(airway, AIR, 0.2) for airway in tubes]


def _lv_axes() -> Values:
    along = np.array([0.72, -0.55, -0.42])
    along /= np.linalg.norm(along)
    across = np.cross(along, (0.0, 0.0, 1.0))
    across /= np.linalg.norm(across)
    return np.array([along, across, np.cross(along, across)])
