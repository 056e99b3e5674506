import json
import os
from pathlib import Path

import numpy as np
import pytest

SIZES = {"64x64": (64, 64), "97x130": (97, 130), "80x96-masked": (80, 96)}


@pytest.fixture(scope="session")
def goldens():
    """What toolkits answer for the pictures: {"sha256": ..., "profiles": {"vifb": {"IE": {"64x64/F1": 7.6}}}}."""
    return json.loads(Path(__file__).with_name("goldens.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def pictures():
    """8-bit sources A and B and five fusions F1 to F5, by size, as the toolkits saw them."""
    return {size: _with_fusions(*_sources(size)) for size in SIZES}


@pytest.fixture(scope="session")
def pair(pictures):
    """FIXED, MOVING and their maximum, 64 x 64, values in 0..1."""
    return tuple(unit(pictures["64x64"][name]) for name in ("A", "B", "F2"))


@pytest.fixture(scope="session")
def larger():
    """FIXED, MOVING and their maximum, 176 x 168, as float64 in 0..1: large enough for five scales, and never flat."""
    a, b = np.random.default_rng(11).integers(0, 60, (2, 176, 168))
    row, column = np.indices((176, 168))
    fixed = np.clip(np.rint(90 + 70 * np.sin(row / 9) * np.cos(column / 13)) + a, 0, 255) / 255
    moving = np.clip(np.rint(190 * np.exp(-((row - 90) ** 2 + (column - 60) ** 2) / 3000)) + b, 0, 255) / 255
    return fixed, moving, np.maximum(fixed, moving)


@pytest.fixture(scope="session")
def shared():
    """The folder of real data, which is not part of the project."""
    root = Path(os.environ.get("FUSECLI_SHARED", Path(__file__).parents[3] / "shared"))
    if not (root / "peers/goldens/harvard_test.json").is_file():
        pytest.skip("no real images here: set FUSECLI_SHARED to the folder that holds data/harvard and peers/goldens")
    return root


def unit(picture):
    return (picture / 255).astype(np.float32)


def _sources(size):
    rows, columns = SIZES[size]
    row, column = np.indices((rows, columns))
    waves = np.sin(2 * np.pi * (column + 0.3) / 37) * np.cos(2 * np.pi * (row + 0.4) / 23)
    a = np.floor(127.5 * (1 + waves) + 0.5).astype(np.uint8)
    ramp = column * 160 // (columns - 1)
    disc = (row - rows // 2) ** 2 + (column - 2 * columns // 3) ** 2 < (rows // 4) ** 2
    board = (row < rows // 3) & (column < columns // 2) & ((row // 4 + column // 4) % 2 == 1)
    noise = np.random.default_rng(0).integers(-12, 13, size=(rows, columns))
    b = np.clip(np.where(disc, 215, ramp) + 60 * board + noise, 0, 255).astype(np.uint8)
    head = np.ones((rows, columns), bool)
    if size.endswith("masked"):
        height, width = (2 * row - rows + 1) / rows, (2 * column - columns + 1) / columns
        head = height**2 + width**2 < 4 / 9
    return a * head, b * head


def _with_fusions(a, b):
    rows, columns = a.shape
    mean = ((a.astype(int) + b + 1) // 2).astype(np.uint8)
    marked = mean.copy()
    marked[rows // 4 : rows // 4 + 8, columns // 3 : columns // 3 + 8] = 255
    return {"A": a, "B": b, "F1": mean, "F2": np.maximum(a, b), "F3": a, "F4": np.full_like(a, 128), "F5": marked}
