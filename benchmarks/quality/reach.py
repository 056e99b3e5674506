"""Whether any picture has the best figure of every peer at once: the fused picture itself is optimized, no network.

    python benchmarks/quality/reach.py DATA ../shared/peers/perimage_test.csv [--model lrc] [--every 3] [--steps 200]

For every picture, each metric's goal is what the method that is best in it on the whole task (among those with
SCD >= 0.5) reaches on that very picture, so that the goals' means are the figures to reach. Adam starts from the
model's result and lessens the sum of what is lacking, in units of one per cent of each goal, and of Nabf's stand-in,
gradients beyond those of both sources. What still falls short after that is marked `<`: the metrics pull apart there.
"""

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from scoring import fuse, mean, scores_of
from torch import Tensor

from fusecli import models
from fusecli.train import kept
from fusecli.train.datasets import TrainingPair, load_tasks

METRICS = {"QABF": "QABF", "SCD": "SCD", "VIF": "VIF_sum", "SSIM": "SSIM"}  # ours: the column of the peers' table
SHOWN = (*METRICS, "VIF_min", "NABF", "EI")
RATE = 0.004  # of brightness per step, at first
EXCESS = 2.0  # weight of gradients that neither source has
LEAST_SCD = 0.5  # below it a method has dropped one of the sources

Goals = dict[str, float]


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("data", type=Path)
    words.add_argument("peers", type=Path)
    words.add_argument("--model", default="lrc")
    words.add_argument("--every", type=int, default=3, help="take every n-th pair of a task")
    words.add_argument("--steps", type=int, default=200)
    chosen = words.parse_args()
    tasks, _ = load_tasks(chosen.data)
    fuser = models.load(chosen.model)
    for task, pairs in tasks.items():
        goals = goals_of(chosen.peers, task)
        rows = defaultdict(list)
        for pair in [pair for pair in pairs if pair.name in goals][:: chosen.every]:
            start = fuse(fuser, pair)
            rows["goal"].append(goals[pair.name])
            rows[chosen.model].append(scores_of(pair, start))
            rows["optimized"].append(scores_of(pair, optimized(pair, start, goals[pair.name], chosen.steps)))
        print_rows(f"{task} ({len(rows['goal'])} pairs)", rows)


def goals_of(path: Path, task: str) -> dict[str, Goals]:
    """By picture: what the best method of each metric reaches on it; `worse` is 1 where MOVING is kept worse."""
    by_method: dict[str, dict[str, Goals]] = defaultdict(dict)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["task"] == task:
                found = {name: float(row[column]) for name, column in METRICS.items()}
                found |= {"VIF_fixed": float(row["VIF_mri"]), "VIF_moving": float(row["VIF_func"])}
                by_method[row["method"]][f"{task}/{Path(row['image']).stem}"] = found
    means = {method: mean(rows.values()) for method, rows in by_method.items()}
    means = {method: row for method, row in means.items() if row["SCD"] >= LEAST_SCD}
    best = {name: max(means, key=lambda method: means[method][name]) for name in (*METRICS, "VIF_min")}
    fairest = means[best["VIF_min"]]
    worse = "VIF_moving" if fairest["VIF_moving"] < fairest["VIF_fixed"] else "VIF_fixed"
    return {
        picture: {name: by_method[best[name]][picture][name] for name in METRICS}
        | {"VIF_min": by_method[best["VIF_min"]][picture][worse], "worse": float(worse == "VIF_moving")}
        for picture in by_method[best["QABF"]]
    }


def optimized(pair: TrainingPair, start: np.ndarray, goals: Goals, steps: int) -> np.ndarray:
    """The picture, (row, column) in 0..1, that lacks least of the goals, found from `start`."""
    fixed, moving = (torch.from_numpy(np.array(image))[None, None] for image in (pair.fixed, pair.moving))
    fused = torch.from_numpy(start.copy())[None, None].requires_grad_(True)
    black = (fixed == 0) & (moving == 0)
    descent = torch.optim.Adam([fused], lr=RATE)
    for step in range(steps):
        descent.param_groups[0]["lr"] = RATE * (1 - step / steps)
        loss = lacking(fixed, moving, fused, goals)
        descent.zero_grad()
        loss.backward()
        descent.step()
        with torch.no_grad():
            fused.clamp_(0, 1)[black] = 0
    return np.asarray(fused.detach()[0, 0].numpy())


def lacking(fixed: Tensor, moving: Tensor, fused: Tensor, goals: Goals) -> Tensor:
    of_fixed, of_moving = kept.information(fixed, moving, fused)
    found = {
        "QABF": kept.edges(fixed, moving, fused),
        "SCD": kept.differences(fixed, moving, fused),
        "VIF": of_fixed + of_moving,
        "VIF_min": of_moving if goals["worse"] else of_fixed,
        "SSIM": kept.structure(fixed, moving, fused),
    }
    short = sum(torch.relu(1.01 - found[name] / goals[name]).mean() * 100 for name in found)
    lengths = [kept.sobel(image).abs().sum(dim=1) for image in (fixed, moving, fused)]
    return short + EXCESS * torch.relu(lengths[2] - torch.maximum(lengths[0], lengths[1])).mean() * 100


def print_rows(title: str, rows: dict[str, list[Goals]]) -> None:
    print(f"\n{title}\n{'':12}" + "".join(f"{name:>9} " for name in SHOWN), flush=True)
    goal = mean(rows["goal"])
    for name, members in rows.items():
        row = mean(members)
        cells = (
            f"{row[column]:9.3f}" + ("<" if row[column] < goal.get(column, -1) else " ") if column in row else " " * 10
            for column in SHOWN
        )
        print(f"{name:12}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
