"""Seeded pairs of pictures: something like a CT, and something like a PET."""

from pathlib import Path

import numpy as np
from PIL import Image


def make_pairs(folder: Path, count: int, side: int) -> None:
    """Write CT/00000.png and PET/00000.png and so on, `side` x `side` pixels."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:side, 0:side] / side
    for kind in ("CT", "PET"):
        (folder / kind).mkdir(parents=True)
    for k in range(count):
        a, b, y, x = rng.uniform(0.2, 0.8, 4)
        body = np.hypot((rows - 0.5) / 0.45, (columns - 0.5) / 0.4) < 1
        texture = 120 + 60 * np.sin(rows * 30 * a + 6 * b) * np.cos(columns * 25 * b)
        fixed = np.where(body, texture + rng.normal(0, 5, (side, side)), 0)
        moving = np.where(body, 30 + 200 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 0.01), 0)
        for kind, image in (("CT", fixed), ("PET", moving)):
            Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(folder / kind / f"{k:05}.png")
