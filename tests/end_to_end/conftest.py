from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fusecli.demo import Phantom, lesion_slice, thorax_phantom, write_series


@dataclass(frozen=True)
class Study:
    """A phantom on disk."""

    phantom: Phantom
    ct: Path
    pet: Path
    lesion_slice: int


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    phantom = thorax_phantom(ct_shape=(6, 96, 96))
    ct, pet = write_series(phantom, tmp_path_factory.mktemp("phantom") / "study")
    return Study(phantom, ct, pet, lesion_slice(phantom))


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, Path]:
    """A grey head-like picture and a colored uptake-like one, 96 rows x 80 columns, black around."""
    rows, columns = np.mgrid[0:96, 0:80]
    head = np.hypot((rows - 48) / 40, (columns - 40) / 30) < 1
    grey = np.where(head, 90 + 60 * np.sin(rows / 3) * np.cos(columns / 4), 0).astype(np.uint8)
    hot = np.exp(-((rows - 40) ** 2 + (columns - 50) ** 2) / 60)[..., None] * np.array([255, 160, 20])
    fixed, moving = tmp_path / "mri.png", tmp_path / "pet.png"
    Image.fromarray(grey).save(fixed)
    Image.fromarray(np.where(head[..., None], hot, 0).astype(np.uint8)).save(moving)
    return fixed, moving
