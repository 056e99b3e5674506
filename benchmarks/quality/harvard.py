"""Mean scores per task of models on registered brain pairs, beside those of published methods.

    python benchmarks/quality/harvard.py ../shared/data/harvard/test [--models lrc,max] [--peers ../shared/peers]

DATA is a folder of TASK/MRI/x.png and TASK/PET/x.png (or SPECT, CT). `VIF_min` is the VIF of the source that is kept
worse on average, and `black` the share of pixels, black in both sources, that came out at 1/255 or less.
"""

import argparse
import csv
import platform
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path

import numpy as np

from fusecli import fusion, metrics, models
from fusecli.catalog import MODELS, Modality
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.pair import Pair
from fusecli.metrics.vif import vif
from fusecli.train.datasets import TrainingPair, load_tasks

COLUMNS = ("QABF", "SCD", "VIF", "VIF_min", "IE", "AG", "SD", "SF", "EI", "black")
PEER_NAMES = {"VIF": "VIF_sum"}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("data", type=Path)
    words.add_argument("--models", default=",".join(MODELS))
    words.add_argument("--peers", type=Path)
    chosen = words.parse_args()
    tasks, _ = load_tasks(chosen.data)
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, torch {version('torch')}")
    for task, pairs in tasks.items():
        rows = {name: mean_scores(name, pairs) for name in chosen.models.split(",")}
        rows |= peer_rows(chosen.peers, task) if chosen.peers else {}
        print_table(f"{task} ({len(pairs)} pairs)", rows)


def mean_scores(model: str, pairs: list[TrainingPair]) -> dict[str, float]:
    """Mean of every column over the pairs."""
    fuser = models.load(model)
    scores = defaultdict(list)
    for pair in pairs:
        for name, value in scores_of(fuser, pair).items():
            scores[name].append(value)
    means = {name: float(np.mean(values)) for name, values in scores.items()}
    return means | {"VIF_min": min(means["VIF_fixed"], means["VIF_moving"])}


def scores_of(fuser: fusion.Fuser, pair: TrainingPair) -> dict[str, float]:
    fused = fusion.fuse(Pair(_image(pair.fixed), _image(pair.moving)), fuser).voxels[0]
    scores = {name: score.value for name, score in metrics.score(pair.fixed, pair.moving, fused).items()}
    black = (pair.fixed == 0) & (pair.moving == 0)
    # The sum over both sources, where both are one and the same, is twice the VIF of that source.
    scores["VIF_fixed"], scores["VIF_moving"] = (vif(source, source, fused) / 2 for source in (pair.fixed, pair.moving))
    scores["black"] = float((fused[black] <= 1 / 255).mean()) if black.any() else 1.0
    return scores


def peer_rows(folder: Path, task: str) -> dict[str, dict[str, float]]:
    """The published methods' means for a task, marked by a star."""
    with (folder / "peers_test.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["task"] == task]
    return {f"{row['method']}*": _peer(row) for row in rows}


def _peer(row: dict[str, str]) -> dict[str, float]:
    found = {name: float(row[PEER_NAMES.get(name, name)]) for name in COLUMNS if PEER_NAMES.get(name, name) in row}
    return found | {"VIF_min": min(float(row["VIF_mri"]), float(row["VIF_func"]))}


def print_table(title: str, rows: dict[str, dict[str, float]]) -> None:
    print(f"\n{title}\n{'':12}" + "".join(f"{name:>9}" for name in COLUMNS))
    for name, row in sorted(rows.items(), key=lambda item: -item[1]["QABF"]):
        print(f"{name:12}" + "".join(f"{row[column]:9.3f}" if column in row else f"{'-':>9}" for column in COLUMNS))


def _image(grey: np.ndarray) -> Image:
    return Image(grey[np.newaxis], Geometry((1, *grey.shape)), Modality.OTHER, Intensity.UNIT)


if __name__ == "__main__":
    main()
