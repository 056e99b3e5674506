"""A volume that is resampled in slabs has the bits of one that is resampled at once."""

import numpy as np
import pytest

from fusecli import sitk_bridge
from fusecli.core.geometry import Geometry

SHAPE = (23, 31, 37)


@pytest.fixture
def image():
    return sitk_bridge.to_sitk(np.random.default_rng(0).random((12, 20, 24), dtype=np.float32))


def resampled(image, mapping, slab, monkeypatch, *, nearest=False):
    monkeypatch.setattr(sitk_bridge, "SLAB", slab)
    parts = list(sitk_bridge.resample(image, mapping, SHAPE, outside=-5, nearest=nearest))
    assert [part.start for part, _ in parts] == list(range(0, SHAPE[0], slab))
    return np.concatenate([voxels for _, voxels in parts])


def oblique():
    turn = np.array([[0.5, 0.04, -0.03, 0.7], [0.02, 0.61, 0.07, -0.4], [-0.05, 0.03, 0.6, 0.9], [0, 0, 0, 1]])
    return sitk_bridge.between_indices(turn)


def through_the_patient():
    onto = Geometry(SHAPE, np.array([[0.1, 0, 1.1, -20], [0, 0.9, 0.1, 3], [1.7, 0.1, 0, -9], [0, 0, 0, 1]]))
    of = Geometry((12, 20, 24), np.array([[0, 0.1, 1.9, -21], [0, 1.8, 0, 2], [3.3, 0, 0.2, -8], [0, 0, 0, 1]]))
    return sitk_bridge.through_millimetres(onto, sitk_bridge.affine_transform(np.eye(4)), of)


@pytest.mark.parametrize("mapping", [oblique(), through_the_patient()], ids=["indices", "millimetres"])
@pytest.mark.parametrize("nearest", [False, True])
@pytest.mark.parametrize("slab", [1, 5, 8])
def test_slabs_of_any_thickness_have_the_bits_of_the_whole(image, mapping, nearest, slab, monkeypatch):
    whole = resampled(image, mapping, SHAPE[0], monkeypatch, nearest=nearest)
    assert np.array_equal(resampled(image, mapping, slab, monkeypatch, nearest=nearest), whole)
    assert (whole == -5).any()
    assert (whole > 0).mean() > 0.2


def test_another_mapping_gives_other_voxels(image, monkeypatch):
    one, other = (resampled(image, mapping, 8, monkeypatch) for mapping in (oblique(), through_the_patient()))
    assert not np.array_equal(one, other)
