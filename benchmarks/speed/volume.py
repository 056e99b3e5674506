"""A whole `fusecli fuse` of a CT and a PET series on this CPU: seconds, and memory as the number of slices grows.

    python benchmarks/speed/volume.py CT_FOLDER PET_FOLDER [--models lrc-fast,max] [--slices 34,135]

The first slices of the CT, by file name, are fused with the whole PET; the result is a NIfTI file that is thrown away.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("ct", type=Path)
    words.add_argument("pet", type=Path)
    words.add_argument("--models", default="lrc-fast,max")
    words.add_argument("--slices", default="34,135")
    chosen = words.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{'model':12}{'slices':>8}{'seconds':>9}{'a slice':>9}{'peak MB':>9}")
    for model in chosen.models.split(","):
        peaks = {}
        for count in map(int, chosen.slices.split(",")):
            seconds, megabytes = fuse(chosen.ct, chosen.pet, model, count)
            peaks[count] = megabytes
            print(f"{model:12}{count:8}{seconds:9.1f}{seconds / count:9.2f}{megabytes:9.0f}", flush=True)
        fewest, most = min(peaks), max(peaks)
        print(f"{model:12}the peak of {most} slices is {peaks[most] / peaks[fewest]:.2f} times that of {fewest}")


def fuse(ct: Path, pet: Path, model: str, count: int) -> tuple[float, float]:
    """Seconds and the largest resident megabytes of the command for the first `count` slices of the CT."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "ct"
        folder.mkdir()
        for path in sorted(path for path in ct.iterdir() if path.is_file())[:count]:
            (folder / path.name).symlink_to(path.resolve())
        words = ["-q", "fuse", folder, pet, "-o", Path(name) / "fused.nii", "--model", model, "--device", "cpu"]
        started = time.perf_counter()
        command = subprocess.Popen([sys.executable, "-m", "fusecli", *map(str, words)], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(command.pid, 0)  # Linux and macOS: what this one child used
        seconds = time.perf_counter() - started
    if status != 0:
        raise SystemExit(f"fusecli fuse failed with exit code {os.waitstatus_to_exitcode(status)}.")
    return seconds, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
