"""A shipped network by torch and by OpenVINO: time and difference, in one process, taking turns.

python benchmarks/speed/backends.py [--model lrc] [--sides 256 512] [--rounds 7]
"""

import argparse
import platform
import statistics
import time
from functools import partial

import numpy as np

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
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        for turn in range(chosen.rounds + 1):  # the first only warms up
            for name, run in runs.items():
                started = time.perf_counter()
                run()
                seconds[name] += [time.perf_counter() - started] if turn else []
        report(side, seconds, float(np.abs(runs["torch"]() - runs["openvino"]()).max()))


def report(side: int, seconds: dict[str, list[float]], difference: float) -> None:
    for name, values in seconds.items():
        print(f"{side:5} {name:9} fastest {min(values):.3f} s, median {statistics.median(values):.3f} s")
    ratios = [a / b for a, b in zip(seconds["torch"], seconds["openvino"], strict=True)]
    print(f"{side:5} torch / openvino: median {statistics.median(ratios):.2f}; largest difference {difference:.1e}")


if __name__ == "__main__":
    main()
