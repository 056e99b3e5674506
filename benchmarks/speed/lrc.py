"""The fast form of LRC against the literal one: time in one process, taking turns, and memory in a process for each.

python benchmarks/speed/lrc.py [--side 256] [--rounds 5] [--config lrc]
"""

import argparse
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch

from fusecli.models.lrc import parameter_count
from fusecli.models.network import build


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--side", type=int, default=256)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--config", default="lrc")
    words.add_argument("--peak-of", choices=("literal", "fast"), help="run this form once and print its memory alone")
    chosen = words.parse_args()
    torch.manual_seed(0)
    network = build(chosen.config).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    fixed, moving = torch.rand(2, 1, 1, chosen.side, chosen.side).unbind()
    forms = {"literal": network.forward_literal, "fast": network.forward}
    with torch.inference_mode():
        runs = {name: partial(form, fixed, moving) for name, form in forms.items()}
        if chosen.peak_of:
            print(megabytes_taken(runs[chosen.peak_of]))
            return
        seconds = interleaved(runs, chosen.rounds)
        difference = (network(fixed, moving) - network.forward_literal(fixed, moving)).abs().max().item()
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {version('torch')}")
    print(f"{parameter_count(network)} parameters, {chosen.side} x {chosen.side}, {chosen.rounds} rounds")
    for name, times in seconds.items():
        print(f"{name:8} median {statistics.median(times):.3f} s, fastest {min(times):.3f} s")
    ratios = [a / b for a, b in zip(seconds["literal"], seconds["fast"], strict=True)]
    print(f"literal / fast: median {statistics.median(ratios):.2f}; largest difference {difference:.1e}")
    megabytes = {name: peak(name, chosen) for name in forms}
    print(f"memory beyond the idle process: literal {megabytes['literal']:.0f} MB, fast {megabytes['fast']:.0f} MB")


def peak(form: str, chosen: argparse.Namespace) -> float:
    words = [sys.executable, __file__, "--side", str(chosen.side), "--config", chosen.config, "--peak-of", form]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def megabytes_taken(run: Callable[[], object]) -> float:
    """By how much a first run raises the largest resident size of this process."""
    before = largest_resident_kilobytes()
    run()
    return (largest_resident_kilobytes() - before) / 1024


def largest_resident_kilobytes() -> int:
    # Linux alone; and getrusage would start with the largest size of the process that started this one.
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


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
