"""The fast form of LRC against the literal one: time and memory, in one process, taking turns.

python benchmarks/speed/lrc.py [--side 256] [--rounds 5]
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import torch

from fusecli.models.lrc import LRC, parameter_count


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--side", type=int, default=256)
    words.add_argument("--rounds", type=int, default=5)
    chosen = words.parse_args()
    torch.manual_seed(0)
    network = LRC().eval().to(memory_format=torch.channels_last)
    fixed, moving = torch.rand(2, 1, 1, chosen.side, chosen.side).unbind()
    forms = {"literal": network.forward_literal, "fast": network.forward}
    with torch.inference_mode():
        runs = {name: partial(form, fixed, moving) for name, form in forms.items()}
        seconds = interleaved(runs, chosen.rounds)
        difference = (network(fixed, moving) - network.forward_literal(fixed, moving)).abs().max().item()
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {version('torch')}")
    print(f"{parameter_count(network)} parameters, {chosen.side} x {chosen.side}, {chosen.rounds} rounds")
    for name, times in seconds.items():
        print(f"{name:8} median {statistics.median(times):.3f} s, fastest {min(times):.3f} s")
    ratios = [a / b for a, b in zip(seconds["literal"], seconds["fast"], strict=True)]
    print(f"literal / fast: median {statistics.median(ratios):.2f}; largest difference {difference:.1e}")


def interleaved(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each run, taking turns so that a busy machine troubles all alike; one round to warm up is left out."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - started)
    return seconds


if __name__ == "__main__":
    main()
