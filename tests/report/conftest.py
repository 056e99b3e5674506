"""Views of a small phantom, made without files: as the pipeline makes them, with the truth known; and a browser."""

import os
import shutil
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

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def palette_named(name):
    """The tables of a palette, as a view takes them."""
    return Palette(name, color.lookup(np.arange(256) / 255, name), color.painted_colors(name))


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


@pytest.fixture(scope="module")
def chromium():
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    # Chromium's own sandbox does not work for root, which is who runs in many containers.
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium, tmp_path):
    """Open a page from disk; at the end nothing may have gone wrong in it, nor been asked for outside."""
    troubles, requests, contexts = [], [], []

    def open_page(text, **options):
        path = tmp_path / f"page{len(contexts)}.html"
        path.write_text(text, encoding="utf-8")
        context = chromium.new_context(viewport={"width": 1280, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
