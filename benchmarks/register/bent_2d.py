"""Deform CT, PET and SPECT of pairs that lie aligned, and undo it.

    python benchmarks/register/bent_2d.py FOLDER [--alone] [--still]

FOLDER holds TASK/MRI/x.png and TASK/CT/x.png (PET, SPECT), as data/harvard/test. Each MOVING is displaced by Gaussian
noise, smoothed by 13 to 20 pixels and 2.5 to 4.8 pixels long in the mean, as the validation pairs are by which weights
are chosen; `--still` leaves it as it is, so that any motion found is an error. Figures, and `--alone`, as in
deformed_2d.py.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from deformed_2d import Result, mean, print_heading, registered, show
from scipy import ndimage

from fusecli import formats, models
from fusecli.catalog import Modality
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.luma import luma
from fusecli.register.learned import PARTNERS, Load

SMOOTHNESS, LENGTH = (13.0, 20.0), (2.5, 4.8)  # pixels


def main() -> None:
    """Print one line per slice, and the mean of each task."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("folder", type=Path)
    words.add_argument("--alone", action="store_true")
    words.add_argument("--still", action="store_true")
    chosen = words.parse_args()
    network = None if chosen.alone else models.load_registration
    print_heading()
    for task in sorted(path for path in chosen.folder.iterdir() if (path / "MRI").is_dir()):
        results = of_task(task, network, still=chosen.still)
        for result in results:
            show(result)
        show(mean(task.name, results))


def of_task(task: Path, network: Load | None, *, still: bool) -> list[Result]:
    """One result for each slice, deformed by the number that it has in the folder."""
    modality = next(modality for modality in PARTNERS if (task / modality.value).is_dir())
    results = []
    for seed, path in enumerate(sorted((task / "MRI").glob("*.png"))):
        fixed = replace(formats.read(path), modality=Modality.MRI)
        truth = grey(formats.read(task / modality.value / path.name), modality)
        moving = truth if still else bent(truth, np.random.default_rng(seed))
        results.append(registered(path.stem, fixed, moving, truth, network))
    return results


def grey(image: Image, modality: Modality) -> Image:
    """A colored picture by its luma, 0..1."""
    if not image.is_color:
        return replace(image, modality=modality)
    return replace(image, voxels=luma(image.voxels), modality=modality, intensity=Intensity.UNIT)


def bent(truth: Image, random: np.random.Generator) -> Image:
    """What `truth` shows, taken from places that are displaced by smooth noise."""
    picture = truth.voxels[0]
    smoothness = random.uniform(*SMOOTHNESS)
    noise = np.stack([ndimage.gaussian_filter(random.standard_normal(picture.shape), smoothness) for _ in range(2)])
    field = noise * random.uniform(*LENGTH) / np.linalg.norm(noise, axis=0).mean()
    moved = ndimage.map_coordinates(picture, np.indices(picture.shape) + field, order=1, mode="nearest")
    return replace(truth, voxels=moved[np.newaxis].astype(np.float32))


if __name__ == "__main__":
    main()
