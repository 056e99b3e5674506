"""How many cores, threads and GPUs this process may use."""

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

THREAD_LIMIT = "OMP_NUM_THREADS"
_CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def core_count() -> int:
    """How many cores this process may use: by its affinity, as queues set it, and by its container's limit."""
    count = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    with suppress(OSError, ValueError):
        # "200000 100000" is two cores, "max 100000" no limit: kernel documentation, cgroup-v2, cpu.max.
        quota, period = _CPU_LIMIT.read_text().split()
        count = min(count, max(1, int(quota) // int(period)))
    return count


def thread_limit() -> int | None:
    """How many threads OMP_NUM_THREADS allows, by which workers that share a machine are limited; None without it."""
    given = os.environ.get(THREAD_LIMIT, "")
    return int(given) if given.isdecimal() and int(given) > 0 else None


def thread_count() -> int:
    """How many threads this process should compute with: one for each core, no more than `thread_limit`."""
    return min(core_count(), thread_limit() or sys.maxsize)


def gpu_count() -> int:
    """How many GPUs that this process may use the NVIDIA driver counts; 0 without a driver.

    The driver itself is asked, by cuInit and cuDeviceGetCount of the CUDA driver API, which takes milliseconds and
    heeds CUDA_VISIBLE_DEVICES; torch would need a second to say so.
    """
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    asked = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
    return count.value if asked else 0
