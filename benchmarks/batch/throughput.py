"""Cases per second of `fusecli batch` with one and two workers, against a shell loop of single commands.

python benchmarks/batch/throughput.py [--model lrc-fast] [--cases 40]

All do the same 256 x 256 pairs in one run, and their results must be the same bytes. Starting a batch is part of its
time, so that with few cases the workers' start weighs more than it will with many.
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pairs import make_pairs

SIDE = 256


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--model", default="lrc-fast")
    words.add_argument("--cases", type=int, default=40)
    chosen = words.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_pairs(folder, chosen.cases, SIDE)
        seconds = {"shell loop": loop(folder, chosen.model)}
        for workers in (1, 2):
            seconds[f"batch, {workers} worker{'s' * (workers > 1)}"] = batch(folder, chosen.model, workers)
        for workers in (1, 2):
            check_same(folder / "loop", folder / f"batch-{workers}")
    print(f"{chosen.cases} pairs of {SIDE} x {SIDE}, --model {chosen.model}, {os.cpu_count()} cores\n")
    slowest = seconds["shell loop"]
    for title, value in seconds.items():
        rate = chosen.cases / value
        print(f"{title:<18} {value:7.1f} s  {rate:7.2f} cases/s  {slowest / value:5.1f} times the loop")


def loop(folder: Path, model: str) -> float:
    """Seconds of `for` in a shell, one command per pair."""
    (folder / "loop").mkdir()
    python = shlex.quote(sys.executable)
    script = (
        "set -e; for f in CT/*.png; do n=$(basename $f .png); "
        f"{python} -m fusecli -q fuse CT/$n.png PET/$n.png -o loop/${{n}}_{model}.png --model {model}; done"
    )
    return timed(["sh", "-c", script], folder)


def batch(folder: Path, model: str, workers: int) -> float:
    """Seconds of one `fusecli batch` with so many workers."""
    words = [".", "--fixed-glob", "CT/*.png", "--moving-glob", "PET/*.png", "-o", f"batch-{workers}", "--model", model]
    return timed([sys.executable, "-m", "fusecli", "-q", "batch", *words, "--workers", str(workers)], folder)


def timed(command: list[str], folder: Path) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def check_same(one: Path, other: Path) -> None:
    names = sorted(path.name for path in one.glob("*.png"))
    different = [name for name in names if (one / name).read_bytes() != (other / name).read_bytes()]
    if different:
        raise SystemExit(f"{len(different)} of {len(names)} results differ between {one.name} and {other.name}")


if __name__ == "__main__":
    main()
