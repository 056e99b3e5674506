"""How well known motions of real pairs are found again, by fusecli, by plain SimpleITK and by elastix.

python benchmarks/register/known_motions.py [--draws 50] [--pairs T1-T2,T1-PD] [--kinds rigid,affine]
    [--by fusecli,simpleitk,elastix] [--turns]

MOVING's geometry is moved by a drawn motion, its voxels are not touched. The error of a point of FIXED's foreground is
the distance between where the found transform takes it and where the known motion takes what the same program finds for
the undisturbed pair: no header is exact to a fraction of a millimetre, and that distance is printed as well ("header").
--turns moves MOVING by each of the 23 right-angle turns instead. Each draw is told on stderr.
"""

import argparse
import os
import resource
import sys
from collections.abc import Callable

import numpy as np
from other_programs import elastix, plain_simpleitk
from pairs import PAIRS, motion, moved

from fusecli import register
from fusecli.core.image import Image
from fusecli.register.scene import at, scene
from fusecli.register.starts import quarter_turns

Finder = Callable[[Image, Image, str], tuple[np.ndarray, bool]]


def by_fusecli(fixed: Image, moving: Image, kind: str) -> tuple[np.ndarray, bool]:
    found = register.align(fixed, moving, method=kind)
    assert found.alignment.matrix is not None
    return found.alignment.matrix, found.believable


FINDERS: dict[str, Finder] = {"fusecli": by_fusecli, "simpleitk": plain_simpleitk, "elastix": elastix}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--draws", type=int, default=50)
    words.add_argument("--pairs", default=",".join(PAIRS))
    words.add_argument("--kinds", default="rigid,affine")
    words.add_argument("--by", default="fusecli")
    words.add_argument("--turns", action="store_true")
    chosen = words.parse_args()
    print(
        "pair      kind    by        draws  success  median mm  95 % mm   max mm  "
        "header mm  refused  median CPU s  peak MiB"
    )
    for name in chosen.pairs.split(","):
        fixed, moving = PAIRS[name].read()
        for kind in chosen.kinds.split(","):
            for by in chosen.by.split(","):
                row(name, kind, by, fixed, moving, chosen.draws, chosen.turns)


def row(name: str, kind: str, by: str, fixed: Image, moving: Image, draws: int, turns: bool) -> None:
    points = scene(fixed, 8.0).points()
    motions = (
        turned(points) if turns else [motion(s, points.mean(axis=0), affine=kind == "affine") for s in range(draws)]
    )
    rest, _ = FINDERS[by](fixed, moved(moving, np.eye(4)), kind)
    target, errors, seconds, refused = at(rest, points), [], [], 0
    for matrix in motions:
        started = cpu_seconds()
        found, believable = FINDERS[by](fixed, moved(moving, matrix), kind)
        seconds.append(cpu_seconds() - started)
        errors.append(np.linalg.norm(at(np.linalg.inv(matrix) @ found, points) - target, axis=1).mean())
        refused += not believable
        print(f"{name} {kind} {by} {errors[-1]:.3f} mm {'' if believable else 'refused'}", file=sys.stderr, flush=True)
    limit = max(2.0, *moving.geometry.spacing_mm) if moving.modality.is_uptake else 2.0
    success = np.mean([error < limit for error in errors])
    header = np.linalg.norm(target - points, axis=1).mean()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    numbers = (np.median(errors), np.percentile(errors, 95), max(errors), header)
    cost = f"{np.median(seconds):12.1f}  {peak:8.0f}"
    print(
        f"{name:9} {kind:7} {by:9} {len(errors):5}  {success:7.0%}  {numbers[0]:9.3f}  "
        f"{numbers[1]:7.3f}  {numbers[2]:7.2f}  {numbers[3]:9.2f}  {refused:7}  {cost}",
        flush=True,
    )


def cpu_seconds() -> float:
    """Of this process and of those that it started: what other work on the machine does not change."""
    return sum(os.times()[:4])


def turned(points: np.ndarray) -> list[np.ndarray]:
    """The 23 right-angle turns about the middle of `points`, and no more."""
    motions = []
    for turn in quarter_turns(3)[1:]:
        matrix = np.eye(4)
        matrix[:3, :3] = turn
        matrix[:3, 3] = points.mean(axis=0) - turn @ points.mean(axis=0)
        motions.append(matrix)
    return motions


if __name__ == "__main__":
    main()
