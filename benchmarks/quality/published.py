"""Scores of models beside those of result images that the authors of other methods published, on the same pairs.

    python benchmarks/quality/published.py ../shared/data/harvard ../shared/peers [--models lrc,max]

DATA has the folders test, val and train, each as harvard.py takes it. Ours were trained on `train`, and chosen on
`val`, so only `test` compares fairly; the others are shown apart. Published images were made from other copies of
the slices.
"""

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import peers
from harvard import chosen_fusers, print_row
from scoring import COLUMNS, mean, mean_scores

from fusecli.train.datasets import load_tasks


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("data", type=Path)
    words.add_argument("peers", type=Path)
    words.add_argument("--models", default="lrc,max")
    words.add_argument("--weights", type=Path, help="a .safetensors file that no manifest lists, as a further row")
    words.add_argument("--config", default="lrc", help="the network that --weights fits")
    words.add_argument("--splits", default="test,val,train")
    chosen = words.parse_args()
    fusers = chosen_fusers(chosen.models, chosen.weights, chosen.config)
    for split in chosen.splits.split(","):
        tasks, _ = load_tasks(chosen.data / split)
        pairs = {pair.name: pair for members in tasks.values() for pair in members}
        for (method, task), rows in sorted(published(chosen.peers, split).items()):
            found = [name for name in rows if name in pairs]
            print(f"\n{method}, {task}, {split}: {len(found)} of {len(rows)} slices\n{'':14}", end="")
            print("".join(f"{name:>9} " for name in COLUMNS))
            if found:
                print_row(f"{method}*", mean(rows[name] for name in found), {})
                for name, fuser in fusers.items():
                    print_row(name, mean_scores(fuser, [pairs[name] for name in found]), {})


def published(folder: Path, split: str) -> dict[tuple[str, str], dict[str, dict[str, float]]]:
    """The rows of a split by method and task, and in them by the name of the pair."""
    groups: dict[tuple[str, str], dict[str, dict[str, float]]] = defaultdict(dict)
    with (folder / "published_images.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["split"] == split:
                name = f"{row['task']}/{Path(row['image']).stem}"
                groups[row["method"], row["task"]][name] = peers.known(row)
    return groups


if __name__ == "__main__":
    main()
