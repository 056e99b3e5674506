"""Mean scores per task of models on registered brain pairs, beside those of published methods.

    python benchmarks/quality/harvard.py DATA [--models lrc,max] [--peers ../shared/peers]
    python benchmarks/quality/harvard.py DATA --models max --weights run.safetensors --config lrc

DATA is a folder of TASK/MRI/x.png and TASK/PET/x.png (or SPECT, CT). `VIF_min` is the VIF of the source that is kept
worse on average; `IE_head` the entropy of the pixels inside the head, where either source is above 1/255, with holes
filled; and `black` the share of pixels, black in both sources, that came out at 1/255 or less.

With --peers, published methods carry a star, `best peer` is the best of each column among those with SCD >= 0.5, and
`<` marks what falls short of the target: the best peer's Q^AB/F, SCD, VIF, VIF_min, SSIM and FMI_EDGE, the AG, SF and
EI of `max`, and NABF of at most 0.01.
"""

import argparse
import platform
from importlib.metadata import version
from pathlib import Path

import peers
from scoring import COLUMNS, mean_scores, network

from fusecli import fusion, models
from fusecli.catalog import MODELS
from fusecli.train.datasets import load_tasks


def main() -> None:
    chosen = arguments()
    fusers = chosen_fusers(chosen.models, chosen.weights, chosen.config)
    tasks, _ = load_tasks(chosen.data)
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, torch {version('torch')}")
    for task, pairs in tasks.items():
        rows = {name: mean_scores(fuser, pairs) for name, fuser in fusers.items()}
        theirs = peers.peer_rows(chosen.peers, task, pairs) if chosen.peers else {}
        print_table(f"{task} ({len(pairs)} pairs)", rows, theirs)


def arguments() -> argparse.Namespace:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("data", type=Path)
    words.add_argument("--models", default=",".join(MODELS))
    words.add_argument("--peers", type=Path)
    words.add_argument("--weights", type=Path, help="a .safetensors file that no manifest lists, as a further row")
    words.add_argument("--config", default="lrc", help="the network that --weights fits")
    return words.parse_args()


def chosen_fusers(names: str, weights: Path | None, config: str) -> dict[str, fusion.Fuser]:
    """The models to measure, by the name of their row."""
    fusers: dict[str, fusion.Fuser] = {name: models.load(name) for name in names.split(",") if name}
    return fusers | ({weights.stem: network(weights, config)} if weights else {})


def print_table(title: str, ours: dict[str, dict[str, float]], theirs: dict[str, dict[str, float]]) -> None:
    wanted = peers.targets(theirs) if theirs else {}
    print(f"\n{title}\n{'':14}" + "".join(f"{name:>9} " for name in COLUMNS))
    for name, row in _by_qabf(ours):
        print_row(name, row, wanted)
    if theirs:
        for name, row in _by_qabf(theirs):
            print_row(f"{name}*", row, {})
        print_row("best peer", peers.best(theirs), {})
        print_row("target", wanted, {})


def print_row(name: str, row: dict[str, float], wanted: dict[str, float]) -> None:
    marks = {column: "<" if peers.misses(column, row[column], wanted) else " " for column in COLUMNS if column in row}
    cells = (f"{row[column]:9.3f}{marks[column]}" if column in row else f"{'-':>9} " for column in COLUMNS)
    print(f"{name:14}" + "".join(cells).rstrip())


def _by_qabf(rows: dict[str, dict[str, float]]) -> list[tuple[str, dict[str, float]]]:
    return sorted(rows.items(), key=lambda item: -item[1]["QABF"])


if __name__ == "__main__":
    main()
