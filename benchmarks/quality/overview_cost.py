"""What every model costs on one 256 x 256 pair: parameters, operations, and processor time as a ratio."""

import csv
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from time import process_time
from types import ModuleType

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from fusecli import models
from fusecli.catalog import MODELS
from fusecli.models.backend import openvino_is_installed
from fusecli.models.lrc import parameter_count
from fusecli.models.network import DIFFUSION, build, trained
from fusecli.models.weights import find_weights, list_weights

SIDE = 256
UNIT = "IFCNN's layers"
NONE = "–"

Row = list[str]


def tables(published: Path, rounds: int) -> Iterator[tuple[str, list[Row]]]:
    """The table of our models, and that of published networks (a CSV), whose times compare through IFCNN."""
    torch.set_num_threads(1)
    runs = timed_runs()
    seconds = fewest_seconds(runs, rounds)
    heading = ["model", "parameters", "10⁹ operations", "time / `lrc`", "time / IFCNN", "by OpenVINO, time / IFCNN"]
    yield "cost", [heading, *(our_row(name, seconds) for name in (*MODELS, *without_weights()))]
    yield "cost of others", [["network", "parameters", "10⁹ operations", "time / IFCNN"], *their_rows(published)]


def without_weights() -> list[str]:
    """Networks that could be trained and do not ship: the published size of DM-FNet at least."""
    return [name for name in ("csafusion", *DIFFUSION) if name not in MODELS]


def timed_runs() -> dict[str, Callable[[], object]]:
    """Each model on one pair, by torch, and by OpenVINO where it ships for it; and the yardstick."""
    pair = np.random.default_rng(0).random((2, SIDE, SIDE), dtype=np.float32)
    speed = yardstick()
    runs: dict[str, Callable[[], object]] = {
        UNIT: partial(speed.run_yardstick, speed.Yardstick().eval(), torch.rand(2, 1, 3, SIDE, SIDE))
    }
    for name in MODELS:
        runs[name] = partial(models.load(name, device="cpu", backend="torch"), *pair)
        if MODELS[name].needs_weights and list_weights()[name].converted and openvino_is_installed():
            runs[f"{name} by OpenVINO"] = partial(models.load(name, device="cpu", backend="openvino"), *pair)
    return runs


def yardstick() -> ModuleType:
    """benchmarks/speed/peers.py: its name is that of a file of this folder."""
    folder = Path(__file__).parents[1] / "speed"
    sys.path.append(str(folder))
    spec = spec_from_file_location("speed_peers", folder / "peers.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} has no peers.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fewest_seconds(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The least processor time of each run, taking turns; one round to warm up is left out."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            started = process_time()
            run()
            if turn:
                seconds[name].append(process_time() - started)
    return {name: min(times) for name, times in seconds.items()}


def our_row(name: str, seconds: Mapping[str, float]) -> Row:
    ratios = [
        ratio(seconds.get(name), seconds["lrc"]),
        ratio(seconds.get(name), seconds[UNIT]),
        ratio(seconds.get(f"{name} by OpenVINO"), seconds[UNIT]),
    ]
    if name in MODELS and not MODELS[name].needs_weights:
        return [f"`{name}`", "0", NONE, *ratios]
    module = trained(find_weights(name)) if name in MODELS else build(name)
    label = f"`{name}`" if name in MODELS else f"`{name}`, without weights"
    return [label, f"{parameter_count(module):,}", f"{operations(module):.1f}", *ratios]


def ratio(seconds: float | None, unit: float) -> str:
    if seconds is None:
        return NONE
    return f"{seconds / unit:.2f}" if seconds > unit / 200 else "< 0.01"


def operations(module: nn.Module) -> float:
    """Floating-point operations of one pair, in 10^9; a multiplication and an addition are two."""
    module = module.eval().to("meta")
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        module(*torch.zeros(2, 1, 1, SIDE, SIDE, device="meta"))
    return counter.get_total_flops() / 1e9


def their_rows(published: Path) -> list[Row]:
    """Their GMACs were counted by fvcore: a multiplication with its addition is one."""
    with published.open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: float(row["rel_to_IFCNN_min"]))
    return [
        [
            row["method"],
            f"{int(row['params']):,}",
            f"{2 * float(row['GMACs_fvcore']):.1f}",
            f"{float(row['rel_to_IFCNN_min']):.2f}",
        ]
        for row in rows
    ]
