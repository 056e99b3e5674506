from dataclasses import replace

import numpy as np
import pytest

from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.pair import Pair
from fusecli.errors import PairError

AFFINE = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1.0]])
GEOMETRY = Geometry((2, 3, 4), AFFINE, "2.25.1")


def unit(geometry=GEOMETRY, intensity=Intensity.UNIT, modality=Modality.CT):
    return Image(np.zeros(geometry.shape, dtype=np.float32), geometry, modality, intensity)


def test_two_unit_images_on_one_grid_are_a_pair_and_known_by_their_roles():
    fixed, moving = unit(), unit(modality=Modality.PET)
    assert Pair(fixed, moving).named() == {"fixed": fixed, "moving": moving}


@pytest.mark.parametrize(
    "other",
    [
        replace(GEOMETRY, frame_of_reference="2.25.2"),
        replace(GEOMETRY, affine=AFFINE + np.eye(4, k=3) * 0.02),
        Geometry((2, 4, 3), AFFINE, "2.25.1"),
        Geometry((2, 3, 4)),
    ],
    ids=["another frame of reference", "0.02 mm away", "another size", "no place"],
)
def test_two_grids_are_not_a_pair(other):
    with pytest.raises(PairError) as caught:
        Pair(unit(), unit(other))
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("intensity", [Intensity.HU, Intensity.SUV, Intensity.COUNTS])
def test_a_unit_other_than_0_to_1_is_our_own_mistake_on_either_side(intensity):
    with pytest.raises(ValueError, match=intensity):
        Pair(unit(intensity=intensity), unit())
    with pytest.raises(ValueError, match=intensity):
        Pair(unit(), unit(intensity=intensity))


@pytest.mark.parametrize("shape", [(3, 4), (1, 3, 4), (2, 3, 4, 1)])
def test_a_coverage_of_another_shape_is_our_own_mistake(shape):
    with pytest.raises(ValueError, match="coverage"):
        Pair(unit(), unit(), np.ones(shape, dtype=bool))
    assert Pair(unit(), unit(), np.ones((2, 3, 4), dtype=bool)).coverage is not None
