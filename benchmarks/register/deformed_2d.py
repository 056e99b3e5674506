"""Undo known deformations of CT and PET beside MRI: how much of the undeformed picture comes back?

Run: python benchmarks/register/deformed_2d.py FOLDER

FOLDER holds CT-MRI/{fixed_MRI,moving_CT,truth_CT}/N.png and PET-MRI/{fixed_MRI,moving_PET,truth_PET}/N.png: moving is
truth after a smooth deformation. NCC is Pearson's correlation of moving, or of the registered picture, with truth over
all pixels of the picture. The truth is only ever looked at for scoring.
"""

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fusecli import formats
from fusecli.catalog import Modality
from fusecli.core.image import Image
from fusecli.register import identity, resample
from fusecli.register.deformable import deform

KINDS = {"CT-MRI": Modality.CT, "PET-MRI": Modality.PET}


@dataclass(frozen=True)
class Result:
    """What became of one pair."""

    name: str
    before: float
    after: float
    least_jacobian: float
    bent_by_px: float
    seconds: float


def main() -> None:
    """Print one line per pair, and the mean of each kind."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python benchmarks/register/deformed_2d.py FOLDER")
    print(f"{'pair':12} {'before':>7} {'after':>7} {'least J':>8} {'bent px':>8} {'s':>6}")
    for kind, modality in KINDS.items():
        folder = Path(sys.argv[1]) / kind
        names = sorted(path.name for path in (folder / "fixed_MRI").glob("*.png"))
        results = [registered(folder, name, modality) for name in names]
        for result in results:
            show(result)
        show(mean(kind, results))


def registered(folder: Path, name: str, modality: Modality) -> Result:
    """Register one pair and compare with its truth."""
    fixed, moving, truth = (
        replace(formats.read(folder / part / name), modality=own)
        for part, own in (
            ("fixed_MRI", Modality.MRI),
            (f"moving_{modality.value}", modality),
            (f"truth_{modality.value}", modality),
        )
    )
    clock = time.perf_counter()
    alignment = deform(fixed, moving, identity())
    seconds = time.perf_counter() - clock
    bent, _ = resample(moving, onto=fixed.geometry, by=alignment)
    facts = alignment.facts
    return Result(
        f"{folder.name} {Path(name).stem}",
        ncc(moving, truth),
        ncc(bent, truth),
        float(str(facts["least_jacobian"])),
        float(str(facts["bent_by_mean_mm"])),
        seconds,
    )


def ncc(image: Image, truth: Image) -> float:
    """Pearson's correlation over all pixels."""
    return float(np.corrcoef(image.voxels.ravel(), truth.voxels.ravel())[0, 1])


def mean(kind: str, results: list[Result]) -> Result:
    """The means of a kind, but for the Jacobian, of which the worst counts."""
    before, after, bent, seconds = (
        float(np.mean([getattr(result, field) for result in results]))
        for field in ("before", "after", "bent_by_px", "seconds")
    )
    return Result(f"{kind} mean", before, after, min(result.least_jacobian for result in results), bent, seconds)


def show(result: Result) -> None:
    """Print one line."""
    print(
        f"{result.name:12} {result.before:7.4f} {result.after:7.4f} {result.least_jacobian:8.3f} "
        f"{result.bent_by_px:8.2f} {result.seconds:6.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
