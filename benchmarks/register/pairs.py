"""The pairs that the benchmarks of registration move, and the motions that they are moved by."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fusecli import formats
from fusecli.core.image import Image

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("FUSECLI_SHARED", ROOT.parent / "shared"))


@dataclass(frozen=True)
class PairFiles:
    """Where FIXED and MOVING of a pair lie in data/, and the median error in mm that is asked for."""

    fixed: str
    moving: str
    asked_mm: float

    def read(self) -> tuple[Image, Image]:
        return formats.read(SHARED / "data" / self.fixed), formats.read(SHARED / "data" / self.moving)


PAIRS = {
    "CT-PET": PairFiles("petct-thorax/CT", "petct-thorax/PT_AC", 2.0),
    "T1-PET": PairFiles("mni-templates/T1.nii", "mni-templates/PET.nii", 1.0),
    "T1-SPECT": PairFiles("mni-templates/T1.nii", "mni-templates/SPECT.nii", 1.0),
    "T1-T2": PairFiles("mni-templates/T1.nii", "mni-templates/T2.nii", 0.5),
    "T1-PD": PairFiles("mr-volumes/chris_t1.nii.gz", "mr-volumes/chris_PD.nii.gz", 0.5),
}


def motion(seed: int, centre: np.ndarray, *, affine: bool) -> np.ndarray:
    """A 4 x 4 motion in mm of LPS: to 30 degrees about any axis through `centre`, to 40 mm anywhere, scales 0.9 to 1.1.

    Angle and distance are drawn evenly, axis and direction evenly from the sphere.
    """
    random = np.random.default_rng(seed)
    turn = rotation(random.normal(size=3), random.uniform(0, 30))
    shift = random.normal(size=3)
    shift *= random.uniform(0, 40) / np.linalg.norm(shift)
    scales = np.diag(random.uniform(0.9, 1.1, 3)) if affine else np.eye(3)
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ scales
    matrix[:3, 3] = centre + shift - matrix[:3, :3] @ centre
    return matrix


def rotation(axis: np.ndarray, degrees: float) -> np.ndarray:
    """3 x 3, by Rodrigues' formula."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def moved(image: Image, matrix: np.ndarray) -> Image:
    """The same voxels at another place: no interpolation, and another frame of reference."""
    geometry = replace(image.geometry, affine=matrix @ image.geometry.matrix, frame_of_reference=None)
    return replace(image, geometry=geometry)
