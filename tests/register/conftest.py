import numpy as np
import pytest

from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity


@pytest.fixture
def make_image():
    return image_of


def image_of(voxels, affine=None, *, intensity=Intensity.SUV, frame=None):
    """An image of `voxels`; without an affine a picture whose place is unknown."""
    voxels = np.asarray(voxels)
    matrix = None if affine is None else np.array(affine, dtype=float)
    return Image(voxels, Geometry(voxels.shape[:3], matrix, frame), Modality.PET, intensity)
