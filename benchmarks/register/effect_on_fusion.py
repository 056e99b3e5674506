"""What a misaligned MOVING costs a fusion, and what registration gives back.

python benchmarks/register/effect_on_fusion.py [--pairs phantom,T1-PET] [--shift 25] [--turn 12]
    [--picture docs/images/registration.png]

MOVING of each pair is turned about its middle and shifted, and one slice is fused three times: as the pair lies, with
MOVING moved and taken as it is (--register none), and with it moved and aligned (--register rigid). Every fused slice
is measured against the pair as it lies. "same" is SSIM to the fusion of the pair as it lies. --picture writes these
three for the digital thorax; the other pairs are those of data/, where they are at hand.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pairs import PAIRS, moved, rotation
from PIL import Image as Picture
from skimage.metrics import structural_similarity

from fusecli import formats, fusion, metrics, models, pipeline
from fusecli.core.image import Image
from fusecli.core.pair import Pair
from fusecli.core.slices import one_slice
from fusecli.demo import lesion_slice, thorax_phantom, write_series
from fusecli.register.alignment import placed
from fusecli.register.scene import scene
from fusecli.settings import FuseSettings, RegisterSettings, SliceChoice

SHOWN = ("QABF", "VIF", "SSIM", "SCD")


@dataclass(frozen=True, eq=False)
class Fused:
    """One slice fused: the pair that it was made of, and it, both in 0..1, and its colors."""

    pair: Pair
    grey: Image
    shown: Image


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--pairs", default="phantom,CT-PET,T1-PET,T1-SPECT")
    words.add_argument("--shift", type=float, default=25.0, help="mm, along (1, 2, -1)")
    words.add_argument("--turn", type=float, default=12.0, help="degrees, about (1, -1, 3)")
    words.add_argument("--picture", type=Path)
    chosen = words.parse_args()
    print(f"{'pair':9} {'MOVING is':11} {'same':>6} " + " ".join(f"{key:>7}" for key in SHOWN))
    for name, fixed, moving, index in pairs(chosen.pairs.split(",")):
        there = moved(moving, displacement(moving, chosen.shift, chosen.turn))
        cases = {
            "as it lies": fuse(fixed, moving, index, "none"),
            "moved": fuse(fixed, there, index, "none"),
            "aligned": fuse(fixed, there, index, "rigid"),
        }
        report(name, cases)
        if name == "phantom" and chosen.picture is not None:
            draw([case.shown for case in cases.values()], chosen.picture)


def pairs(names: list[str]) -> Iterator[tuple[str, Image, Image, int]]:
    """Name, FIXED, MOVING, and the slice of FIXED that is fused."""
    for name in names:
        if name == "phantom":
            yield name, *phantom()
        else:
            fixed, moving = PAIRS[name].read()
            yield name, fixed, moving, fixed.geometry.shape[0] // 2


def phantom() -> tuple[Image, Image, int]:
    """CT and PET of the digital thorax, and the slice through its tumour."""
    made = thorax_phantom(ct_shape=(48, 256, 256))
    with tempfile.TemporaryDirectory() as folder:
        ct, pet = write_series(made, Path(folder) / "study")
        return formats.read(ct), formats.read(pet), lesion_slice(made)


def displacement(moving: Image, shift_mm: float, degrees: float) -> np.ndarray:
    middle = placed(moving.geometry).points(np.array([moving.geometry.shape]) / 2)[0]
    direction = np.array([1.0, 2.0, -1.0])
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(np.array([1.0, -1.0, 3.0]), degrees)
    matrix[:3, 3] = middle + shift_mm * direction / np.linalg.norm(direction) - matrix[:3, :3] @ middle
    return matrix


def fuse(fixed: Image, moving: Image, index: int, method: str) -> Fused:
    choice = SliceChoice(index=index)
    settings = FuseSettings(slice_choice=choice, registration=RegisterSettings(method=method))
    sources = pipeline.Sources(one_slice(fixed, choice), moving, fixed, moving)
    prepared = pipeline.prepare(sources, settings)
    grey = fusion.fuse(prepared.pair, models.load(settings.model, device="cpu"))
    return Fused(prepared.pair, grey, pipeline.paint(grey, prepared.pair.moving, prepared.coloring))


def report(name: str, cases: dict[str, Fused]) -> None:
    truth = cases["as it lies"]
    body = scene(truth.pair.fixed, 0.0).foreground[0]
    for label, case in cases.items():
        sources = (truth.pair.fixed.voxels, truth.pair.moving.voxels)
        scores = metrics.score_volume(*sources, case.grey.voxels, keys=SHOWN)
        alike = structural_similarity(truth.grey.voxels[0], case.grey.voxels[0], data_range=1.0, full=True)[1]
        numbers = " ".join(f"{scores[key].as_dict()['value']:7.3f}" for key in SHOWN)
        print(f"{name:9} {label:11} {alike[body].mean():6.3f} {numbers}", flush=True)


def draw(shown: list[Image], path: Path) -> None:
    """The three side by side."""
    sheet = np.concatenate([image.voxels[0] for image in shown], axis=1)
    Picture.fromarray(sheet).save(path, optimize=True)


if __name__ == "__main__":
    main()
