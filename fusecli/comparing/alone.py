"""One model in a process of its own, so that its time and memory are its own, and so is its end."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from numpy.typing import NDArray

from fusecli import fusion, models
from fusecli.core.image import Image
from fusecli.core.pair import Pair
from fusecli.errors import FusecliError, MemoryLimitError
from fusecli.settings import FuseSettings

KILLED = -9

_CLOSE = "Close other programs, or choose one slice: --slice N"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one fusion of the whole pair took, with nothing warmed up and nothing else in the process.

    `load_s` is the wall time of loading the model and the library that runs it, `fuse_s` that of fusing, and
    `processor_s` the time that all cores together spent on fusing. `peak_mib` is the largest resident size of the
    process, Python, libraries, both images and the result included, and no memory of a GPU; None where the system does
    not tell it.
    """

    load_s: float
    fuse_s: float
    processor_s: float
    peak_mib: float | None

    @property
    def texts(self) -> dict[str, str]:
        """As tables show it, by the headings of the columns."""
        seconds = {"load, s": self.load_s, "fuse, s": self.fuse_s, "processor, s": self.processor_s}
        memory = "" if self.peak_mib is None else f"{self.peak_mib:.0f}"
        return {name: f"{value:.2f}" for name, value in seconds.items()} | {"memory, MiB": memory}


@dataclass(frozen=True, slots=True)
class Run:
    """By what a pair was fused, what the user should hear of it, and what it cost."""

    weights_sha256: str | None
    device: str
    backend: str
    notes: tuple[str, ...]
    cost: Cost


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A fusion: `voxels` are (slice, row, column) in 0..1."""

    voxels: NDArray[np.float32]
    run: Run


def fuse_alone(pair: Pair, settings: FuseSettings, *, progress: fusion.Progress) -> Trial:
    """The pair fused by the model that the settings name, in a new process. `progress` hears of slices done and of all.

    Raises what `models.load` and `fusion.fuse` do; MemoryLimitError when the process was killed, FusecliError when it
    ended in another way, or with an error that is not ours.
    """
    # A process that is forked would begin with the memory of this one, and torch may not be forked.
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        ours.send((_bare(pair), settings))
        return _answer(ours, progress)
    except (EOFError, ConnectionError):
        process.join()
        raise _died(process.exitcode) from None
    finally:
        process.kill()
        process.join()
        ours.close()


def _bare(pair: Pair) -> Pair:
    """The voxels and their grid: where they come from is nobody's business there."""
    fixed, moving = (replace(image, source=None, history=()) for image in (pair.fixed, pair.moving))
    return replace(pair, fixed=fixed, moving=moving)


def _answer(connection: Connection, progress: fusion.Progress) -> Trial:
    while True:
        message = connection.recv()
        if isinstance(message, Trial):
            return message
        if isinstance(message, FusecliError):
            raise message
        progress(*message)


def _died(status: int | None) -> FusecliError:
    if status == KILLED:
        return MemoryLimitError("The model was killed, as systems do when memory runs out.", hint=_CLOSE)
    return FusecliError(f"The process of the model died with exit status {status}.")


def _serve(connection: Connection) -> None:
    """The other process: one pair in, slices counted, one trial or error out."""
    # Ctrl-C reaches both processes; the one that started this one decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What a library prints must not stand among the results on stdout.
    os.dup2(2, 1)
    with suppress(OSError):  # nobody is there to listen any more
        pair, settings = connection.recv()
        try:
            connection.send(_tried(pair, settings, lambda done, total: connection.send((done, total))))
        except ConnectionError:
            raise
        except Exception as error:
            connection.send(_explained(error))


def _tried(pair: Pair, settings: FuseSettings, progress: fusion.Progress) -> Trial:
    # Receiving the pair took its memory twice, which is none of the model's doing.
    _forget_peak()
    started = perf_counter()
    fuser = models.load(settings.model, device=settings.device, backend=settings.backend, alpha=settings.alpha)
    loaded, spent = perf_counter(), process_time()
    fused: Image = fusion.fuse(pair, fuser, progress=progress)
    cost = Cost(loaded - started, perf_counter() - loaded, process_time() - spent, _peak_mib())
    return Trial(fused.voxels, Run(fuser.weights_sha256, fuser.device, fuser.backend, tuple(fuser.notes), cost))


def _forget_peak() -> None:
    # Linux, proc(5): 5 resets the peak resident size. Where that is not allowed the peak is that of all that was.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak_mib() -> float | None:
    # getrusage would start with the largest size of the process that started this one.
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return None


def _explained(error: Exception) -> FusecliError:
    """Any error as one with a reason and an exit code; of one that is not ours only its kind is told."""
    if isinstance(error, FusecliError):
        return error
    if isinstance(error, MemoryError):
        return MemoryLimitError("There is not enough memory for this model.", hint=_CLOSE)
    return FusecliError(
        f"fusecli met a bug of its own ({type(error).__name__}).",
        hint="Run this model alone to see more: fusecli --debug fuse FIXED MOVING -o OUT --model NAME",
    )
