"""What each part of LRC is worth: every step of the paper's ablation, trained alike for the same short budget.

    python benchmarks/quality/ablation.py DATA VALIDATION [--steps 300] [--loss paper] [--configs lrc-base,lrc]

DATA and VALIDATION are folders as `fusecli train` takes them. Parameters, floating-point operations of one 256 x 256
pair in the fast and in the literal form (a multiplication and an addition are two), and the mean scores over the
validation pairs. A short budget says which part helps early, not where each would end.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from fusecli import metrics
from fusecli.models.lrc import parameter_count
from fusecli.models.network import build
from fusecli.settings import LOSSES, TrainSettings
from fusecli.train.datasets import Tasks, TrainingPair, load_tasks, patches
from fusecli.train.losses import fusion_loss

CONFIGS = ("lrc-base", "lrc-dense", "lrc-cmfem", "lrc-lcfm-last", "lrc", "lrc-t8", "lrc-t32")
COLUMNS = ("QABF", "SCD", "VIF", "AG", "SD", "SF", "EI", "IE")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("data", type=Path)
    words.add_argument("validation", type=Path)
    words.add_argument("--steps", type=int, default=300)
    words.add_argument("--pairs", type=int, default=8, help="validation pairs of each task that are scored")
    words.add_argument("--loss", choices=tuple(LOSSES), default="paper")
    words.add_argument("--configs", default=",".join(CONFIGS))
    chosen = words.parse_args()
    (tasks, _), (held_out, _) = load_tasks(chosen.data), load_tasks(chosen.validation)
    settings = TrainSettings(loss=LOSSES[chosen.loss])
    print(f"{chosen.steps} steps of {settings.batch} patches of {settings.crop} x {settings.crop}, loss {chosen.loss}")
    print(f"{'':14}{'params':>9}{'GFLOPs':>8}{'literal':>9}" + "".join(f"{name:>8}" for name in COLUMNS) + "       s")
    for name in chosen.configs.split(","):
        torch.manual_seed(settings.seed)
        network = build(name)
        started = perf_counter()
        train(network, tasks, settings, chosen.steps)
        row = scores(network, held_out, chosen.pairs)
        print_row(name, network, row, perf_counter() - started)


def train(network: nn.Module, tasks: Tasks, settings: TrainSettings, steps: int) -> None:
    """The same patches in the same order for every network; one cycle of the learning rate."""
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, steps, pct_start=settings.warm_up)
    network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    for step in range(steps):
        fixed, moving = (torch.from_numpy(part) for part in patches(tasks, settings, step))
        optimizer.zero_grad()
        fusion_loss(network(fixed, moving), fixed, moving, settings.loss).backward()
        nn.utils.clip_grad_norm_(network.parameters(), settings.clip_norm)
        optimizer.step()
        schedule.step()


def scores(network: nn.Module, tasks: Tasks, count: int) -> dict[str, float]:
    """Mean over the tasks of the mean over up to `count` pairs of each, spread evenly."""
    network.eval()
    means = []
    for pairs in tasks.values():
        places = np.linspace(0, len(pairs) - 1, min(count, len(pairs))).astype(int)
        rows = [score(network, pairs[i]) for i in places]
        means.append({name: np.mean([row[name] for row in rows]) for name in COLUMNS})
    return {name: float(np.mean([mean[name] for mean in means])) for name in COLUMNS}


def score(network: nn.Module, pair: TrainingPair) -> dict[str, float]:
    with torch.inference_mode():
        fused = network(*(torch.tensor(image)[None, None] for image in (pair.fixed, pair.moving))).clamp(0, 1)
    found = metrics.score(pair.fixed, pair.moving, fused[0, 0].numpy())
    return {name: found[name].value for name in COLUMNS}


def operations(form: Callable[[Tensor, Tensor], Tensor]) -> float:
    """Floating-point operations, in 10^9, of one 256 x 256 pair."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        form(*torch.zeros(2, 1, 1, 256, 256))
    return counter.get_total_flops() / 1e9


def print_row(name: str, network: nn.Module, row: dict[str, float], seconds: float) -> None:
    fast, literal = operations(network.forward), operations(network.forward_literal)  # type: ignore[arg-type]
    numbers = "".join(f"{row[column]:8.3f}" for column in COLUMNS)
    print(f"{name:14}{parameter_count(network):9}{fast:8.1f}{literal:9.1f}{numbers}{seconds:8.0f}", flush=True)


if __name__ == "__main__":
    main()
