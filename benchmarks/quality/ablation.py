"""What each part of LRC is worth: every step of the paper's ablation, trained alike for the same short budget.

    python benchmarks/quality/ablation.py DATA VALIDATION [--epochs 2] [--loss paper] [--configs lrc-base,lrc]

DATA and VALIDATION are folders as `fusecli train` takes them. Parameters, floating-point operations of one 256 x 256
pair in the fast and in the literal form (a multiplication and an addition are two), and the mean scores over the
tasks. A short budget says which part helps early, not where each would end.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import torch
from scoring import mean, mean_scores, network
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from fusecli.models.lrc import parameter_count
from fusecli.models.network import build
from fusecli.settings.training import LOSSES, TrainSettings
from fusecli.train.datasets import Tasks, load_tasks
from fusecli.train.session import start

CONFIGS = ("lrc-base", "lrc-dense", "lrc-cmfem", "lrc-lcfm-last", "lrc", "lrc-t8", "lrc-t32")
COLUMNS = ("QABF", "SCD", "VIF", "VIF_min", "SSIM", "AG", "SF", "EI", "IE_head")


def main() -> None:
    chosen = arguments()
    # Of few steps a long running mean would keep the random start.
    settings = TrainSettings(epochs=chosen.epochs, ema=0.95, validation_pairs=1, loss=LOSSES[chosen.loss])
    held_out = sampled(load_tasks(chosen.validation)[0], chosen.pairs)
    print(f"{chosen.epochs} epochs, batch {settings.batch}, crop {settings.crop}, loss {chosen.loss}")
    print(f"{'':14}{'params':>9}{'GFLOPs':>8}{'literal':>9}" + "".join(f"{name:>8}" for name in COLUMNS) + "       s")
    for name in chosen.configs.split(","):
        started = perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            weights = Path(folder) / f"{name}.safetensors"
            list(start(chosen.data, chosen.validation, weights, name, settings).epochs)
            fuser = network(weights, name)
        row = mean([mean_scores(fuser, pairs) for pairs in held_out.values()])
        print_row(name, row, perf_counter() - started)


def arguments() -> argparse.Namespace:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("data", type=Path)
    words.add_argument("validation", type=Path)
    words.add_argument("--epochs", type=int, default=2)
    words.add_argument("--pairs", type=int, default=8, help="validation pairs of each task that are scored")
    words.add_argument("--loss", choices=tuple(LOSSES), default="paper")
    words.add_argument("--configs", default=",".join(CONFIGS))
    return words.parse_args()


def sampled(tasks: Tasks, count: int) -> Tasks:
    """About `count` pairs of each task, spread evenly."""
    return {task: pairs[:: max(1, len(pairs) // count)][:count] for task, pairs in tasks.items()}


def print_row(name: str, row: dict[str, float], seconds: float) -> None:
    module = build(name)
    fast, literal = operations(module.forward), operations(module.forward_literal)  # type: ignore[arg-type]
    numbers = "".join(f"{row[column]:8.3f}" for column in COLUMNS)
    print(f"{name:14}{parameter_count(module):9}{fast:8.1f}{literal:9.1f}{numbers}{seconds:8.0f}", flush=True)


def operations(form: Callable[[Tensor, Tensor], Tensor]) -> float:
    """Floating-point operations, in 10^9, of one 256 x 256 pair."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        form(*torch.zeros(2, 1, 1, 256, 256))
    return counter.get_total_flops() / 1e9


if __name__ == "__main__":
    main()
