"""How often a wrong pair is accepted and a good one refused.

python benchmarks/register/believable.py [--draws 50] [--only wrong]

Good pairs are those of known_motions.py and parts of them; wrong pairs are a head and a chest, other patients' regions,
parts of the body that do not meet, noise, and a volume whose blocks were shuffled. Each draw moves MOVING by a motion
of known_motions.py. The features that the verdict rests on are printed for each draw, and their range at the end.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import numpy as np
from pairs import SHARED, motion, moved
from scipy import ndimage

from fusecli import formats, register
from fusecli.core.image import Image
from fusecli.register.alignment import placed

FILES = {
    "CT": "petct-thorax/CT",
    "FDG": "petct-thorax/PT_AC",
    "T1": "mni-templates/T1.nii",
    "T2": "mni-templates/T2.nii",
    "PET": "mni-templates/PET.nii",
    "SPECT": "mni-templates/SPECT.nii",
    "T1 b": "mr-volumes/chris_t1.nii.gz",
    "PD b": "mr-volumes/chris_PD.nii.gz",
    "ROI CT": "petct-roi-nifti/A-IA000991-M-1-0x0/InputCT_ROI.nii.gz",
    "ROI PET": "petct-roi-nifti/A-IA000991-M-1-0x0/InputPET_SUV_ROI.nii.gz",
    "ROI b PET": "petct-roi-nifti/A-IA0002109-1-0x0/InputPET_SUV_ROI.nii.gz",
}
Change = Callable[[Image, int], Image]


def part(low: float, high: float) -> Change:
    """Some of the slices, from a share of them to another."""

    def cut(image: Image, seed: int) -> Image:
        slices = image.geometry.shape[0]
        start, stop = int(low * slices), int(high * slices)
        return replace(image, voxels=image.voxels[start:stop], geometry=image.geometry.slices(start, stop))

    return cut


def whole(image: Image, seed: int) -> Image:
    return image


def noise(image: Image, seed: int) -> Image:
    """The same voxels in any order."""
    voxels = np.random.default_rng(seed).permutation(image.voxels.ravel()).reshape(image.voxels.shape)
    return replace(image, voxels=voxels)


def clouds(image: Image, seed: int) -> Image:
    """Noise as smooth as a body."""
    voxels = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=image.voxels.shape), 4)
    voxels = (voxels - voxels.min()) / np.ptp(voxels) * np.percentile(image.voxels, 99)
    return replace(image, voxels=voxels.astype(np.float32))


def shuffled(image: Image, seed: int) -> Image:
    """27 blocks of the volume in any order."""
    size = [n // 3 for n in image.voxels.shape]
    places = [tuple(slice(k * s, (k + 1) * s) for k, s in zip(cell, size, strict=True)) for cell in np.ndindex(3, 3, 3)]
    voxels = np.array(image.voxels)
    for here, there in zip(places, np.random.default_rng(seed).permutation(27), strict=True):
        voxels[here] = image.voxels[places[there]]
    return replace(image, voxels=voxels)


GOOD: list[tuple[str, Change, str, Change]] = [
    ("CT", whole, "FDG", whole),
    ("T1", whole, "PET", whole),
    ("T1", whole, "SPECT", whole),
    ("T1", whole, "T2", whole),
    ("T1 b", whole, "PD b", whole),
    ("PD b", whole, "T1 b", whole),
    ("CT", whole, "FDG", part(0.25, 0.75)),
    ("CT", part(0.0, 0.6), "FDG", part(0.2, 0.9)),
    ("T1", whole, "PET", part(0.3, 1.0)),
    ("T1 b", part(0.2, 0.9), "PD b", part(0.1, 1.0)),
]
WRONG: list[tuple[str, Change, str, Change]] = [
    ("CT", whole, "PET", whole),
    ("CT", whole, "T1", whole),
    ("T1", whole, "FDG", whole),
    ("T1 b", whole, "FDG", whole),
    ("T1 b", whole, "CT", whole),
    ("CT", whole, "SPECT", whole),
    ("ROI CT", whole, "ROI b PET", whole),
    ("T1", whole, "ROI PET", whole),
    ("CT", part(0, 0.35), "FDG", part(0.6, 1)),
    ("CT", part(0.65, 1), "FDG", part(0, 0.4)),
    ("T1", part(0, 0.4), "PET", part(0.6, 1)),
]
for one, two in (("CT", "FDG"), ("T1", "PET"), ("T1 b", "PD b")):
    WRONG += [(one, whole, two, change) for change in (noise, clouds, shuffled)]


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--draws", type=int, default=50)
    words.add_argument("--only", choices=("good", "wrong"))
    chosen = words.parse_args()
    for name, kinds in (("good", GOOD), ("wrong", WRONG)):
        if chosen.only in (None, name):
            summary(name, list(outcomes(kinds, chosen.draws)))


def outcomes(kinds: list[tuple[str, Change, str, Change]], draws: int) -> Iterator[tuple[bool, float, float, float]]:
    for seed in range(draws):
        own, change, other, change_other = kinds[seed % len(kinds)]
        fixed, moving = change(read(own), seed), change_other(read(other), seed)
        middle = placed(moving.geometry).points(np.array([moving.geometry.shape]) / 2)[0]
        found = register.align(
            moved(fixed, np.eye(4)), moved(moving, motion(1000 + seed, middle, affine=False)), method="rigid"
        )
        share, rival = (found.inconsistency_mm or 0.0) / found.size_mm, found.rival or 0.0
        pair = f"{own:6} {change.__name__:9} {other:9} {change_other.__name__:9}"
        features = f"inconsistency {share:.3f} distinctness {found.distinctness:.3f} rival {rival:.3f}"
        print(f"{seed:3} {pair} believable {found.believable!s:5} {features}", flush=True)
        yield found.believable, share, found.distinctness, rival


def summary(name: str, found: list[tuple[bool, float, float, float]]) -> None:
    accepted = sum(outcome[0] for outcome in found)
    print(f"{name}: {accepted} of {len(found)} accepted")
    for column, feature in enumerate(("inconsistency", "distinctness", "rival"), start=1):
        values = [outcome[column] for outcome in found]
        print(f"  {feature:14} {min(values):.3f} to {max(values):.3f}, median {np.median(values):.3f}")


@cache
def read(name: str) -> Image:
    return formats.read(SHARED / "data" / FILES[name])


if __name__ == "__main__":
    main()
