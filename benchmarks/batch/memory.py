"""Memory of the process that runs a batch, and its overhead per case, with few cases and with many.

python benchmarks/batch/memory.py [--cases 100 10000] [--workers 2] [--prepared]

The pairs are 32 x 32 pixels and the model is the mean, so that nearly all of the time is the batch's own and that of
measuring and recording. With --prepared all cases have one pair, of which one case in a hundred is fused and the others
are given copies of its result and record, so that many cases take minutes. Linux only: peaks are read from /proc.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from pairs import make_pairs

SIDE = 32


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--cases", type=int, nargs="+", default=[100, 10_000])
    words.add_argument("--workers", type=int, default=2)
    words.add_argument("--prepared", action="store_true")
    chosen = words.parse_args()
    print(f"{'cases':>7}  {'run':<8} {'seconds':>8} {'ms/case':>8}  {'peak of the run':>15}  {'peak of a worker':>16}")
    for count in chosen.cases:
        with tempfile.TemporaryDirectory() as name:
            if chosen.prepared:
                prepare(Path(name), count)
            else:
                make_pairs(Path(name), count, SIDE)
            for title in ("first", "resumed"):
                seconds, run, worker = measured(Path(name), chosen.workers)
                each = seconds / count * 1000
                print(
                    f"{count:>7}  {title:<8} {seconds:>8.1f} {each:>8.1f}  {run:>11.1f} MiB  {worker:>12.1f} MiB",
                    flush=True,
                )


def prepare(folder: Path, count: int) -> None:
    """One pair under many names, fused under one of them, whose result and record most of the others get copies of."""
    make_pairs(folder, 1, SIDE)
    measured(folder, 1)
    names = [f"{k:05}" for k in range(1, count)]
    record = (folder / "out" / "records" / "00000_average.png.json").read_text(encoding="utf-8")
    for k, name in enumerate(names):
        for kind in ("CT", "PET"):
            shutil.copy(folder / kind / "00000.png", folder / kind / f"{name}.png")
        if k % 100:
            shutil.copy(folder / "out" / "00000_average.png", folder / "out" / f"{name}_average.png")
            own = folder / "out" / "records" / f"{name}_average.png.json"
            own.write_text(record.replace('"00000', f'"{name}'), encoding="utf-8")


def measured(folder: Path, workers: int) -> tuple[float, float, float]:
    """Seconds of a batch, and the peaks of its memory and of that of its largest worker, in MiB."""
    words = [".", "--fixed-glob", "CT/*.png", "--moving-glob", "PET/*.png", "-o", "out", "--model", "average"]
    command = [sys.executable, "-m", "fusecli", "-q", "batch", *words, "--workers", str(workers)]
    started, own, largest = time.perf_counter(), 0.0, 0.0
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            own = max(own, peak_mib(process.pid))
            largest = max([largest, *(peak_mib(pid) for pid in children(process.pid))])
            time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"The batch ended with {process.returncode}.")
    return time.perf_counter() - started, own, largest


def peak_mib(pid: int) -> float:
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0


def children(pid: int) -> list[int]:
    # Each worker is the child of the thread that started it.
    found: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in listing.read_text().split()]
    return found


if __name__ == "__main__":
    main()
