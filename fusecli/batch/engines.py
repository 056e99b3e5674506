"""Who does the cases: this process, or several processes on this machine. Dask has a file of its own."""

from collections.abc import Generator, Iterable, Sequence
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Protocol

from fusecli.batch.case import run_case
from fusecli.batch.child import Child, StoppedError
from fusecli.batch.cores import environment_of, visible_gpus
from fusecli.batch.fusers import Fusers
from fusecli.batch.job import Job, Outcome
from fusecli.catalog import MODELS
from fusecli.core.processors import core_count
from fusecli.errors import UsageError

LONGEST_S = 1e7  # of --timeout; some months, and what every system can wait


class Engine(Protocol):
    """Does every job and tells of each once, in the order of their ends. Closing the iterator ends all of its workers.

    The results do not depend on the engine, nor on the number of workers.
    """

    def run(self, jobs: Iterable[Job]) -> Generator[Outcome, None, None]: ...


def choose(
    name: str,
    jobs: Sequence[Job],
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    timeout_s: float | None = None,
    is_heard: bool = False,
) -> Engine:
    """The engine called `name`: serial, processes or dask. `workers` is how many, None: one for each core, or GPU.

    `scheduler` is the address or the file of a Dask cluster that runs, and `timeout_s` the time of one case. What
    workers say on stderr `is_heard`, or dropped.

    Raises UsageError for what the engine cannot do, and for a time that is none.
    """
    if timeout_s is not None and not 0 < timeout_s <= LONGEST_S:
        raise UsageError(f"--timeout {timeout_s:g} is not a time.", hint="Give seconds: --timeout 300")
    if name == "serial":
        _check_serial({"--workers": workers, "--scheduler": scheduler, "--timeout": timeout_s})
        return SerialEngine()
    if scheduler is not None or name == "dask":
        from fusecli.batch.dask_engine import DaskEngine

        return DaskEngine(workers=workers, scheduler=scheduler, timeout_s=timeout_s)
    gpus = visible_gpus() if any(_may_use_gpu(job) for job in jobs) else []
    count = min(workers or len(gpus) or core_count(), len(jobs))
    return ProcessEngine(count, timeout_s=timeout_s, gpus=gpus, is_heard=is_heard)


def _check_serial(others: dict[str, object]) -> None:
    for option, value in others.items():
        if value is not None:
            raise UsageError(
                f"{option} has no effect with --engine serial.", why="It has no other process.", hint="Leave one out."
            )


def _may_use_gpu(job: Job) -> bool:
    return MODELS[job.settings.model].needs_weights and job.settings.device != "cpu"


class SerialEngine:
    """One case after the other, in this process: for debugging, and where processes cannot be started."""

    def run(self, jobs: Iterable[Job]) -> Generator[Outcome, None, None]:
        """As `Engine` has it. A case that crashes takes the run with it, and no case is cut off for its time."""
        fusers = Fusers()
        for job in jobs:
            yield run_case(job, fusers, lambda loading: None)


class ProcessEngine:
    """So many worker processes, each with a thread here that hands it jobs and outlives it.

    `timeout_s` is the time of one case, and None that there is no limit. `gpus` as `cores.visible_gpus` has them.
    """

    def __init__(
        self, workers: int, *, timeout_s: float | None = None, gpus: list[str] | None = None, is_heard: bool = False
    ) -> None:
        self._timeout_s = timeout_s
        self._children = [
            Child(environment_of(index, workers, gpus or []), is_heard=is_heard) for index in range(workers)
        ]

    def run(self, jobs: Iterable[Job]) -> Generator[Outcome, None, None]:
        """As `Engine` has it."""
        shared, ended = _Shared(jobs), SimpleQueue[Outcome | BaseException | None]()
        threads = [Thread(target=self._serve, args=(child, shared, ended), daemon=True) for child in self._children]
        for thread in threads:
            thread.start()
        try:
            yield from _collected(ended, len(threads))
        finally:
            for child in self._children:
                child.close()

    def _serve(self, child: Child, jobs: "_Shared", ended: "SimpleQueue[Outcome | BaseException | None]") -> None:
        try:
            while (job := jobs.next()) is not None:
                ended.put(child.run(job, self._timeout_s))
        except StoppedError:
            pass
        except BaseException as error:
            ended.put(error)
        ended.put(None)


class _Shared:
    """An iterable that several threads take from."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = iter(jobs)
        self._lock = Lock()

    def next(self) -> Job | None:
        with self._lock:
            return next(self._jobs, None)


def _collected(ended: "SimpleQueue[Outcome | BaseException | None]", threads: int) -> Generator[Outcome, None, None]:
    while threads:
        try:
            # On Windows Ctrl-C is not heard by who waits without an end.
            message = ended.get(timeout=1)
        except Empty:
            continue
        if isinstance(message, BaseException):
            raise message
        if message is None:
            threads -= 1
        else:
            yield message
