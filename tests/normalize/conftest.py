"""CTs built from simple shapes, in HU on a 4 mm grid, and images of every unit."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fusecli.catalog import Modality, Window
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image, Source
from fusecli.core.intensity import Intensity

MakeImage = Callable[..., Image]


@pytest.fixture
def make_image() -> MakeImage:
    return image_of


def image_of(
    values: object,
    intensity: Intensity = Intensity.HU,
    modality: Modality = Modality.CT,
    *,
    windows: tuple[Window, ...] = (),
    dark_is_high: bool = False,
    spacing_mm: tuple[float, float, float] | None = (4.0, 4.0, 4.0),
) -> Image:
    """An axial image of `values`, brought to (slice, row, column) where they have fewer axes."""
    kind = np.uint8 if intensity is Intensity.RGB else np.float32
    axes = 4 if intensity is Intensity.RGB else 3
    voxels = np.asarray(values, dtype=kind)
    voxels = voxels.reshape((1,) * (axes - voxels.ndim) + voxels.shape)
    affine = None if spacing_mm is None else axial_affine(spacing_mm)
    source = Source("0" * 64, "dicom", windows=windows, dark_is_high=dark_is_high)
    return Image(voxels, Geometry(voxels.shape[:3], affine), modality, intensity, source)


def axial_affine(spacing_mm: tuple[float, float, float]) -> NDArray[np.float64]:
    """Slices along the patient's z, rows along y, columns along x."""
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2] = spacing_mm
    affine[3, 3] = 1
    return affine


def ellipsoid(shape: tuple[int, int, int], centre: tuple[float, ...], radii: tuple[float, ...]) -> NDArray[np.bool_]:
    grid = np.indices(shape, dtype=np.float64)
    offsets = ((grid[axis] - centre[axis]) / radii[axis] for axis in range(3))
    return np.asarray(sum(offset**2 for offset in offsets) <= 1)


LONG = 1e6  # a radius along the slices that makes a cylinder of an ellipsoid


@pytest.fixture
def thorax() -> NDArray[np.float32]:
    """25 slices of a chest of 320 x 230 mm with two lungs, heart, spine and a table."""
    shape = (25, 96, 96)
    hu = np.full(shape, -1000, dtype=np.float32)
    hu[:, 84:87, 10:86] = 150
    hu[ellipsoid(shape, (12, 45, 48), (LONG, 29, 40))] = -100
    hu[ellipsoid(shape, (12, 45, 48), (LONG, 27, 38))] = 45
    for column in (31, 65):
        hu[ellipsoid(shape, (12, 45, column), (LONG, 20, 12))] = -820
    hu[ellipsoid(shape, (12, 64, 48), (LONG, 6, 6))] = 400
    return hu


@pytest.fixture
def abdomen() -> NDArray[np.float32]:
    """25 slices of a belly of the same size: liver, spine and a loop of gas, no lungs."""
    shape = (25, 96, 96)
    hu = np.full(shape, -1000, dtype=np.float32)
    hu[ellipsoid(shape, (12, 45, 48), (LONG, 29, 40))] = -100
    hu[ellipsoid(shape, (12, 45, 48), (LONG, 26, 37))] = 45
    hu[ellipsoid(shape, (12, 45, 32), (LONG, 18, 16))] = 60
    hu[ellipsoid(shape, (12, 64, 48), (LONG, 6, 6))] = 400
    hu[ellipsoid(shape, (12, 30, 60), (6, 5, 9))] = -1000
    return hu


@pytest.fixture
def head() -> NDArray[np.float32]:
    """40 slices from the vertex to the neck: scalp, 8 mm of skull, brain with ventricles, a spine below."""
    shape = (40, 64, 64)
    hu = np.full(shape, -1000, dtype=np.float32)
    hu[:16][ellipsoid((16, 64, 64), (8, 36, 32), (LONG, 15, 15))] = 40
    hu[:16][ellipsoid((16, 64, 64), (8, 42, 32), (LONG, 4, 4))] = 400
    hu[ellipsoid(shape, (22, 32, 32), (17, 25, 20))] = 40
    hu[ellipsoid(shape, (22, 32, 32), (16, 24, 19))] = 900
    hu[ellipsoid(shape, (22, 32, 32), (14, 22, 17))] = 33
    hu[ellipsoid(shape, (24, 32, 32), (3, 6, 4))] = 8
    return hu


@pytest.fixture
def shared() -> Path:
    """The folder with real images; tests that need it are skipped without it."""
    folder = Path(os.environ.get("FUSECLI_SHARED", Path(__file__).parents[2].parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip("no real images: FUSECLI_SHARED does not name a folder with data/")
    return folder
