"""A whole `fusecli fuse` of two 256 x 256 pictures by either backend, against importing torch and the network alone.

python benchmarks/speed/command.py [--model lrc] [--rounds 5]
"""

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from fusecli import models

SIDE = 256


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--model", default="lrc")
    chosen = words.parse_args()
    rounds = chosen.rounds
    fuser = models.load(chosen.model, device="cpu", backend="torch")
    pair = test_pair()
    seconds: dict[str, list[float]] = {
        "import torch": [],
        "network": [],
        "fuse by torch": [],
        "fuse by openvino": [],
        "fuse --model max": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        paths = saved(Path(folder), pair)
        for turn in range(rounds + 1):
            measured = {
                "import torch": timed(["-c", "import torch"]),
                "network": network_seconds(fuser, pair),
                "fuse by torch": timed(fuse_words(*paths, chosen.model, "torch")),
                "fuse by openvino": timed(fuse_words(*paths, chosen.model, "openvino")),
                "fuse --model max": timed(fuse_words(*paths, "max", "auto")),
            }
            for name, value in measured.items():
                seconds[name] += [value] if turn else []  # the first round only warms up the disk
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, Python {platform.python_version()}, ", end="")
    print(f"torch {version('torch')}, {chosen.model}, {SIDE} x {SIDE}, {rounds} rounds, seconds: fastest, median")
    for name, values in seconds.items():
        print(f"{name:18} {min(values):6.2f} {statistics.median(values):6.2f}")
    unavoidable = [a + b for a, b in zip(seconds["import torch"], seconds["network"], strict=True)]
    ratios = [whole / part for whole, part in zip(seconds["fuse by torch"], unavoidable, strict=True)]
    print(f"by torch / (import torch + network): median {statistics.median(ratios):.2f}")
    gains = [a / b for a, b in zip(seconds["fuse by torch"], seconds["fuse by openvino"], strict=True)]
    print(f"by torch / by openvino: median {statistics.median(gains):.2f}")


def test_pair() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    fixed, moving = random.random((2, SIDE, SIDE)).astype(np.float32)
    return fixed, moving


def saved(folder: Path, pair: tuple[np.ndarray, np.ndarray]) -> tuple[Path, Path, Path]:
    for name, image in zip(("a.png", "b.png"), pair, strict=True):
        Image.fromarray((image * 255).astype(np.uint8)).save(folder / name)
    return folder / "a.png", folder / "b.png", folder / "fused.png"


def fuse_words(fixed: Path, moving: Path, output: Path, model: str, backend: str) -> list[str]:
    words = ("-q", "fuse", fixed, moving, "-o", output, "--overwrite", "--model", model)
    words += ("--device", "cpu", "--backend", backend)
    return ["-m", "fusecli", *map(str, words)]


def timed(words: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    return time.perf_counter() - started


def network_seconds(fuser: object, pair: tuple[np.ndarray, np.ndarray]) -> float:
    assert callable(fuser)
    started = time.perf_counter()
    fuser(*pair)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
