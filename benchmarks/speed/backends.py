"""A shipped network by torch and by OpenVINO: time and difference, in one process, taking turns.

python benchmarks/speed/backends.py [--model lrc] [--sides 256 512] [--rounds 7] [--slices 8]

With --slices, OpenVINO alone: so many slices of a volume one by one and side by side.
"""

import argparse
import platform
import statistics
from functools import partial

import numpy as np
from lrc import interleaved

from fusecli import models


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--model", default="lrc")
    words.add_argument("--sides", type=int, nargs="+", default=[256, 512])
    words.add_argument("--rounds", type=int, default=7)
    words.add_argument("--slices", type=int, default=0)
    chosen = words.parse_args()
    if chosen.slices:
        for side in chosen.sides:
            side_by_side(chosen.model, chosen.slices, side, chosen.rounds)
        return
    fusers = {name: models.load(chosen.model, device="cpu", backend=name) for name in ("torch", "openvino")}
    print(f"{chosen.model}, {platform.machine()}, {', '.join(fuser.backend for fuser in fusers.values())}")
    for side in chosen.sides:
        fixed, moving = np.random.default_rng(0).random((2, side, side), dtype=np.float32)
        runs = {name: partial(fuser, fixed, moving) for name, fuser in fusers.items()}
        seconds = interleaved(runs, chosen.rounds)
        report(side, seconds, float(np.abs(runs["torch"]() - runs["openvino"]()).max()))


def side_by_side(model: str, slices: int, side: int, rounds: int) -> None:
    fuser = models.load(model, device="cpu", backend="openvino")
    fixed, moving = np.random.default_rng(0).random((2, slices, side, side), dtype=np.float32)
    runs = {
        "one by one": lambda: np.stack([fuser(*pair) for pair in zip(fixed, moving, strict=True)]),
        "side by side": partial(fuser.fuse_slices, fixed, moving),
    }
    seconds = interleaved(runs, rounds)
    report(side, seconds, float(np.abs(runs["one by one"]() - runs["side by side"]()).max()))


def report(side: int, seconds: dict[str, list[float]], difference: float) -> None:
    """Two runs that took turns: each, and how many times as long the first took as the second."""
    for name, values in seconds.items():
        print(f"{side:5} {name:13} fastest {min(values):.3f} s, median {statistics.median(values):.3f} s")
    ratios = [a / b for a, b in zip(*seconds.values(), strict=True)]
    median = statistics.median(ratios)
    print(f"{side:5} {' / '.join(seconds)}: median {median:.2f}; largest difference {difference:.1e}")


if __name__ == "__main__":
    main()
