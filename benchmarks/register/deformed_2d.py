"""Undo known deformations of CT and PET beside MRI: how much of the undeformed picture comes back?

    python benchmarks/register/deformed_2d.py FOLDER [--alone]

FOLDER holds CT-MRI/{fixed_MRI,moving_CT,truth_CT}/N.png and PET-MRI/{fixed_MRI,moving_PET,truth_PET}/N.png: moving is
truth after a smooth deformation. NCC is Pearson's correlation of moving, or of the registered picture, with truth over
all pixels of the picture. The truth is only ever looked at for scoring. `--alone` leaves the trained network out.
"""

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fusecli import formats, models
from fusecli.catalog import Modality
from fusecli.core.image import Image
from fusecli.register import identity, resample
from fusecli.register.deformable import deform
from fusecli.register.learned import Load

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
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("folder", type=Path)
    words.add_argument("--alone", action="store_true")
    chosen = words.parse_args()
    network = None if chosen.alone else models.load_registration
    print_heading()
    for kind, modality in KINDS.items():
        folder = chosen.folder / kind
        names = sorted(path.name for path in (folder / "fixed_MRI").glob("*.png"))
        results = [registered(f"{kind} {name[:-4]}", *read(folder, name, modality), network) for name in names]
        for result in results:
            show(result)
        show(mean(kind, results))


def print_heading() -> None:
    """Name the columns: NCC before and after, how far the field moves in the mean, seconds by the clock."""
    print(f"{'pair':24} {'before':>7} {'after':>7} {'least J':>8} {'bent px':>8} {'s':>6}")


def read(folder: Path, name: str, modality: Modality) -> tuple[Image, Image, Image]:
    """FIXED, MOVING and the truth."""
    parts = {
        "fixed_MRI": Modality.MRI,
        f"moving_{modality.value}": modality,
        f"truth_{modality.value}": modality,
    }
    fixed, moving, truth = (replace(formats.read(folder / part / name), modality=own) for part, own in parts.items())
    return fixed, moving, truth


def registered(name: str, fixed: Image, moving: Image, truth: Image, network: Load | None) -> Result:
    """Register one pair and compare with its truth."""
    clock = time.perf_counter()
    alignment = deform(fixed, moving, identity(), network)
    seconds = time.perf_counter() - clock
    bent, _ = resample(moving, onto=fixed.geometry, by=alignment)
    facts = alignment.facts
    return Result(
        name,
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
    """The means of a kind, how many end worse than they began, and the worst Jacobian."""
    before, after, bent, seconds = (
        float(np.mean([getattr(result, field) for result in results]))
        for field in ("before", "after", "bent_by_px", "seconds")
    )
    worse = sum(result.after < result.before for result in results)
    return Result(
        f"{kind}, {worse}/{len(results)} worse",
        before,
        after,
        min(result.least_jacobian for result in results),
        bent,
        seconds,
    )


def show(result: Result) -> None:
    """Print one line."""
    print(
        f"{result.name:24} {result.before:7.4f} {result.after:7.4f} {result.least_jacobian:8.3f} "
        f"{result.bent_by_px:8.2f} {result.seconds:6.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
