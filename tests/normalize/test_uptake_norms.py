"""By which range a PET is shown whose SUV is not by body weight."""

import numpy as np
import pytest

from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.normalize import to_unit, window_of


def suv_of(intensity):
    return Image(np.array([[[-1.0, 0.0, 0.65, 1.3, 2.5, 5.0]]]), Geometry((1, 1, 6)), Modality.PET, intensity)


@pytest.mark.parametrize(
    ("intensity", "high", "said"),
    [
        (Intensity.SUV, 5, "SUV 0 to 5"),
        (Intensity.SUVLBM, 5, "SUVlbm 0 to 5"),
        (Intensity.SUVBSA, 1.3, "SUVbsa 0 to 1.3"),
    ],
)
def test_every_norm_has_a_fixed_range_and_its_own_name(intensity, high, said):
    unit = to_unit(suv_of(intensity))
    assert window_of(unit).startswith(said)
    np.testing.assert_allclose(unit.voxels, np.clip(suv_of(intensity).voxels / high, 0, 1), atol=1e-6)


@pytest.mark.parametrize("intensity", [Intensity.SUVLBM, Intensity.SUVBSA])
def test_an_suv_range_is_in_the_unit_of_the_image(intensity):
    unit = to_unit(suv_of(intensity), suv_range=(0.0, 2.0))
    np.testing.assert_allclose(unit.voxels.ravel(), [0, 0, 0.325, 0.65, 1, 1], atol=1e-6)
    assert intensity.value[3:].lower() in window_of(unit)
