"""What our networks cost against published ones: 256 x 256 on this CPU, in one process, taking turns.

    python benchmarks/speed/peers.py [--models lrc,lrc-fast] [--peers COST.csv] [--rounds 9]

The unit is IFCNN's layers, built here without its weights: other machines and other networks are compared through it.
COST.csv has the columns method and rel_to_IFCNN_min, seconds over IFCNN's, each the fastest of many runs, as ours are.
"""

import argparse
import csv
import platform
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from lrc import interleaved
from torch import Tensor, nn

from fusecli import models
from fusecli.models.backend import openvino_is_installed

SIDE = 256


class Yardstick(nn.Module):
    """The layers of IFCNN (Zhang et al., Information Fusion 54, 2020): 7 x 7, then 3 x 3, maximum, 3 x 3, 1 x 1."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 64, 7, padding=3, padding_mode="replicate"), _block())
        self.decoder = nn.Sequential(_block(), nn.Conv2d(64, 3, 1))

    def forward(self, fixed: Tensor, moving: Tensor) -> Tensor:
        result: Tensor = self.decoder(torch.maximum(self.encoder(fixed), self.encoder(moving)))
        return result


def _block() -> nn.Sequential:
    convolution = nn.Conv2d(64, 64, 3, padding=1, padding_mode="replicate", bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(64), nn.ReLU())


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--models", default="lrc,lrc-fast")
    words.add_argument("--peers", type=Path)
    words.add_argument("--rounds", type=int, default=9)
    chosen = words.parse_args()
    backends = ("torch", "openvino") if openvino_is_installed() else ("torch",)
    grey = np.random.default_rng(0).random((2, SIDE, SIDE), dtype=np.float32)
    runs = {"IFCNN's layers": partial(run_yardstick, Yardstick().eval(), torch.rand(2, 1, 3, SIDE, SIDE))}
    for name in chosen.models.split(","):
        for backend in backends:
            runs[f"{name} by {backend}"] = partial(models.load(name, device="cpu", backend=backend), *grey)
    seconds = {name: min(times) for name, times in interleaved(runs, chosen.rounds).items()}
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {version('torch')}, {SIDE} x {SIDE}")
    ratios = {name: value / seconds["IFCNN's layers"] for name, value in seconds.items()}
    for name, ratio in sorted((ratios | published(chosen.peers)).items(), key=lambda item: item[1]):
        print(f"{name:24}{ratio:7.2f}" + (f"{seconds[name]:9.3f} s" if name in seconds else "   published network"))


def run_yardstick(network: nn.Module, images: Tensor) -> None:
    with torch.inference_mode():
        network(*images)


def published(table: Path | None) -> dict[str, float]:
    """Time of each published network over IFCNN's."""
    if table is None:
        return {}
    with table.open(encoding="utf-8", newline="") as file:
        return {row["method"]: float(row["rel_to_IFCNN_min"]) for row in csv.DictReader(file)}


if __name__ == "__main__":
    main()
