"""CT+PET of the trunk, far from the brains of the training set: scores, and how much contrast lesions keep.

    python benchmarks/quality/trunk.py CT_SERIES PET_SERIES [--models lrc,max] [--slices 4:135:8] [--pictures DIR]
    python benchmarks/quality/trunk.py CT.nii.gz PET_SUV.nii.gz --masks GTV.nii.gz

Each slice is fused in the lung and in the mediastinal window, and with the PET shown white-hot and as a black-hot
picture of itself (`black-hot` hands the network the negative, `fuse --polarity` would turn it round first).

`lesion` is the contrast kept: (mean in the lesion - mean around it) of the fusion, divided by the same of the PET, over
the places where the PET is the brighter source; the mean over lesions and the least of them. A lesion is the mask, or,
without one, at least 20 connected pixels at or above 60 % of the SUV range; around it means 4 to 8 pixels away.
`beyond` is the share of pixels outside of both sources by more than 2 %, `black` that of pixels black in both that
stay at or below 1/255.
"""

import argparse
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from scipy import ndimage

from fusecli import formats, fusion, metrics, models, pipeline
from fusecli.catalog import QUICK_METRICS
from fusecli.core.pair import Pair
from fusecli.core.slices import one_slice
from fusecli.errors import ImageError
from fusecli.settings import FuseSettings, SliceChoice

WINDOWS = ("lung", "mediastinum")
COLUMNS = ("QABF", "SCD", "VIF", "lesion", "least", "beyond", "black")
HOT, SMALLEST_LESION = 0.6, 20
NEAR, FAR = 4, 8  # pixels around a lesion
TOLERANCE = 0.02

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One slice of a pair in 0..1, and where its lesions are (None: to be found in the PET)."""

    name: str
    pair: Pair
    outline: Mask | None


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("ct", type=Path)
    words.add_argument("pet", type=Path)
    words.add_argument("--masks", type=Path)
    words.add_argument("--models", default="lrc,max")
    words.add_argument("--slices", default="4:135:8", help="first:end:step, counted from 0")
    words.add_argument("--suv-range", default="0-5")
    words.add_argument("--pictures", type=Path)
    chosen = words.parse_args()
    cases = list(read_cases(chosen))
    print(f"{'':34}" + "".join(f"{name:>9}" for name in COLUMNS))
    for model in chosen.models.split(","):
        fuser = models.load(model)
        for window in WINDOWS:
            for negative in (False, True):
                rows = [row(case, fuser, negative, chosen.pictures) for case in cases if case.name.startswith(window)]
                print_row(f"{model} {window} {'black-hot' if negative else 'white-hot'}", rows)


def read_cases(chosen: argparse.Namespace) -> Iterator[Case]:
    low, high = (float(end) for end in chosen.suv_range.split("-"))
    sources = pipeline.read_sources(chosen.ct, chosen.pet, FuseSettings())
    aligned, coverage = pipeline.put_on_one_grid(sources.fixed, sources.moving)
    outlines = None if chosen.masks is None else formats.read(chosen.masks).voxels > 0.5
    steps = [int(part) for part in chosen.slices.split(":")]
    for window in WINDOWS:
        settings = FuseSettings(window=window, suv_range=(low, high))
        pair = pipeline.normalize_pair(sources, aligned, coverage, settings)
        for k in range(*slice(*steps).indices(len(pair.fixed.voxels))):
            fixed, moving = (one_slice(image, SliceChoice(index=k)) for image in (pair.fixed, pair.moving))
            yield Case(f"{window} {k:03d}", Pair(fixed, moving), None if outlines is None else outlines[k])


def row(case: Case, fuser: fusion.Fuser, negative: bool, pictures: Path | None) -> dict[str, list[float]]:
    """What one slice contributes to each column."""
    fixed, white_hot = case.pair.fixed.voxels[0], case.pair.moving.voxels[0]
    moving = 1 - white_hot if negative else white_hot
    shown = replace(case.pair.moving, voxels=moving[np.newaxis])
    fused = fusion.fuse(Pair(case.pair.fixed, shown), fuser).voxels[0]
    found: dict[str, list[float]] = {"beyond": [beyond(fixed, moving, fused)], "lesion": [], "black": []}
    black = (fixed == 0) & (moving == 0)
    if black.any():
        found["black"] = [float((fused[black] <= 1 / 255).mean())]
    if not negative:
        found["lesion"] = list(contrasts_kept(fixed, moving, fused, case.outline))
    with suppress(ImageError):  # a slice without uptake or without anatomy has no scores
        scores = metrics.score(fixed, moving, fused, keys=QUICK_METRICS, strict=True)
        found |= {name: [score.value] for name, score in scores.items() if score.value is not None}
    if pictures is not None:
        write_picture(pictures / f"{fuser.name} {case.name}{' negative' if negative else ''}.png", fixed, moving, fused)
    return found


def beyond(fixed: Grey, moving: Grey, fused: Grey) -> float:
    """Share of pixels brighter than both sources, or darker than both, by more than TOLERANCE."""
    above = fused > np.maximum(fixed, moving) + TOLERANCE
    return float((above | (fused < np.minimum(fixed, moving) - TOLERANCE)).mean())


def contrasts_kept(fixed: Grey, moving: Grey, fused: Grey, outline: Mask | None) -> Iterator[float]:
    """For each lesion, its contrast in the fusion by that in the PET, where the PET is the brighter source."""
    hot = moving >= HOT if outline is None else outline
    labels, count = ndimage.label(hot)
    brighter = moving >= fixed
    for label in range(1, count + 1):
        whole = labels == label
        distance = ndimage.distance_transform_edt(~whole)
        lesion, around = whole & brighter, (distance >= NEAR) & (distance <= FAR) & ~hot & brighter
        if lesion.sum() < SMALLEST_LESION or around.sum() < SMALLEST_LESION:
            continue
        there = moving[lesion].mean() - moving[around].mean()
        if there > 0.1:
            yield float((fused[lesion].mean() - fused[around].mean()) / there)


def write_picture(path: Path, *images: Grey) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.fromarray((np.hstack(images) * 255).round().astype(np.uint8)).save(path)


def print_row(title: str, rows: list[dict[str, list[float]]]) -> None:
    columns = {name: [value for row in rows for value in row.get(name, [])] for name in COLUMNS}
    means = {name: np.mean(values) for name, values in columns.items() if values}
    if columns["lesion"]:
        means["least"] = min(columns["lesion"])
    print(
        f"{title:34}" + "".join(f"{means[name]:9.3f}" if name in means else f"{'-':>9}" for name in COLUMNS), flush=True
    )


if __name__ == "__main__":
    main()
