"""A shipped network by torch and by OpenVINO: time and difference, in one process, taking turns.

python benchmarks/speed/backends.py [--model lrc] [--sides 256 512] [--rounds 7]
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
    chosen = words.parse_args()
    fusers = {name: models.load(chosen.model, device="cpu", backend=name) for name in ("torch", "openvino")}
    print(f"{chosen.model}, {platform.machine()}, {', '.join(fuser.backend for fuser in fusers.values())}")
    for side in chosen.sides:
        fixed, moving = np.random.default_rng(0).random((2, side, side), dtype=np.float32)
        runs = {name: partial(fuser, fixed, moving) for name, fuser in fusers.items()}
        seconds = interleaved(runs, chosen.rounds)
        report(side, seconds, float(np.abs(runs["torch"]() - runs["openvino"]()).max()))


def report(side: int, seconds: dict[str, list[float]], difference: float) -> None:
    for name, values in seconds.items():
        print(f"{side:5} {name:9} fastest {min(values):.3f} s, median {statistics.median(values):.3f} s")
    ratios = [a / b for a, b in zip(seconds["torch"], seconds["openvino"], strict=True)]
    print(f"{side:5} torch / openvino: median {statistics.median(ratios):.2f}; largest difference {difference:.1e}")


if __name__ == "__main__":
    main()
