"""Views of a small phantom, made without files: as the pipeline makes them, with the truth known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fusecli import color, fusion, metrics, models, normalize
from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.history import Step
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.pair import Pair
from fusecli.demo import thorax_phantom
from fusecli.register import resample
from fusecli.report.record import RunRecord, geometry_facts, input_facts, window_facts
from fusecli.report.view import Palette, View


def palette_named(name):
    """The tables of a palette, as a view takes them."""
    levels = np.arange(256) / 255
    brightness, uptake = np.meshgrid(levels, levels, indexing="ij")
    return Palette(name, color.lookup(levels, name), color.paint_uptake(brightness, uptake, name))


def view_of(pair, fused, shown, *, scores=None, **more):
    """A view with a record of these images."""
    record = RunRecord(
        output=Path("somewhere/fused.nii.gz"),
        model={"name": "max", "sha256": None},
        metrics={key: score.as_dict() for key, score in (scores or {}).items()},
        windows={role: window_facts(image) for role, image in pair.named().items()},
        device="cpu",
        backend="numpy",
        timings_s={"fuse": 0.5, "total": 0.5},
        warnings=(),
        inputs={role: input_facts(image) for role, image in pair.named().items()},
        geometry=geometry_facts(pair.fixed),
        versions={"numpy": "1"},
    )
    return View(record, pair, fused, shown, **more)


def painted(fused, colors, name):
    """The fused image with these colors, as the pipeline leaves it."""
    return fused.stepped(Step("paint", {"color": name}), voxels=colors, intensity=Intensity.RGB)


@pytest.fixture(scope="session")
def thorax():
    """CT and PET of a digital chest, 6 slices, fused by maximum and painted with hot iron."""
    phantom = thorax_phantom(ct_shape=(6, 96, 96), pet_shape=(6, 48, 48))
    ct = Image(phantom.ct_hu, phantom.ct_geometry, Modality.CT, Intensity.HU)
    suv = phantom.pet_bqml / phantom.bqml_per_suv
    pet, coverage = resample(Image(suv, phantom.pet_geometry, Modality.PET, Intensity.SUV), onto=ct.geometry)
    pair = Pair(normalize.to_unit(ct, window="lung"), normalize.to_unit(pet), coverage)
    fused = fusion.fuse(pair, models.load("max"))
    shown = painted(fused, color.paint_uptake(fused.voxels, pair.moving.voxels, "hot-iron"), "hot-iron")
    scores = metrics.score_volume(pair.fixed.voxels, pair.moving.voxels, fused.voxels, keys=("IE", "SCD", "NABF"))
    return view_of(pair, fused, shown, scores=scores, palette=palette_named("hot-iron"))


@pytest.fixture
def pictures_view():
    """A grey and a colored picture without a place in the patient, fused in the colors of the second."""
    ramp = np.linspace(0, 1, 40 * 30, dtype=np.float32).reshape(1, 40, 30)
    rgb = np.stack([np.full((1, 40, 30), level, dtype=np.uint8) for level in (200, 80, 10)], axis=-1)
    grid = Geometry((1, 40, 30))
    moving = Image(rgb, grid, Modality.PET, Intensity.RGB)
    fixed = normalize.to_unit(Image(ramp, grid, Modality.MRI, Intensity.UNIT))
    pair = Pair(fixed, normalize.to_unit(moving))
    fused = replace(fixed, modality=Modality.FUSED)
    shown = painted(fused, color.paint(fused.voxels, rgb), "of the source")
    return view_of(pair, fused, shown, moving_shown=moving.voxels)
