"""The network that registers is loaded where it will be asked, and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest

from fusecli import models
from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.pipeline.registration import aligned
from fusecli.settings import RegisterSettings

SIDE = 96


class Still:
    """A network that finds no motion."""

    name, weights_sha256 = "still", "1" * 64

    def __call__(self, fixed, moving):
        return np.zeros((*fixed.shape, 2), dtype=np.float32)


@pytest.fixture
def loaded(monkeypatch):
    """How often the network was loaded."""
    times = []
    monkeypatch.setattr(models, "load_registration", lambda: times.append(1) or Still())
    return times


def head(modality, levels):
    """Nested ellipses with a lesion on one side: skin, brain, lesion."""
    rows, columns = np.indices((SIDE, SIDE)) - SIDE / 2
    voxels = np.zeros((SIDE, SIDE), dtype=np.float32)
    for level, (down, right), (high, wide) in zip(
        levels, ((0, 0), (2, 0), (-10, 12)), ((38, 30), (30, 24), (7, 5)), strict=True
    ):
        voxels[((rows - down) / high) ** 2 + ((columns - right) / wide) ** 2 < 1] = level
    return Image(voxels[np.newaxis], Geometry((1, SIDE, SIDE)), modality, Intensity.UNIT)


PAIR = head(Modality.MRI, (0.9, 0.5, 0.8)), head(Modality.PET, (0.1, 0.5, 0.9))


def test_a_deformation_of_mri_and_pet_is_left_to_it(loaded):
    found = aligned(*PAIR, RegisterSettings(method="deformable", accept=True))
    assert loaded == [1]
    assert found.alignment.facts["network"] == "still"
    assert found.step.facts["method"] == "header, deformable"
    assert found.step.facts["weights_sha256"] == "1" * 64


def test_other_methods_and_other_pairs_do_without(loaded):
    for method in ("rigid", "demons"):
        aligned(*PAIR, RegisterSettings(method=method, accept=True))
    fixed, moving = PAIR
    found = aligned(replace(fixed, modality=Modality.CT), moving, RegisterSettings(method="deformable", accept=True))
    assert loaded == []
    assert "network" not in found.alignment.facts
