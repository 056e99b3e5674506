"""How the cores and the GPUs of a machine are shared among workers."""

import os

from fusecli.core.processors import THREAD_LIMIT, core_count, gpu_count

# Each library asks for its own; OpenVINO and the threads that score slices go by the first.
THREAD_VARIABLES = (
    THREAD_LIMIT,
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)


def environment_of(worker: int, workers: int, gpus: list[str]) -> dict[str, str]:
    """The environment variables of the worker of this index, from 0, of so many on one machine.

    Each has an equal share of the cores, rounded down and at least one, and one of the `gpus` in turn.
    """
    threads = str(max(1, core_count() // workers))
    shares = dict.fromkeys(THREAD_VARIABLES, threads)
    return shares | ({"CUDA_VISIBLE_DEVICES": gpus[worker % len(gpus)]} if gpus else {})


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name for name in named.split(",") if name.strip() not in ("", "-1")]
    return [str(index) for index in range(gpu_count())]
