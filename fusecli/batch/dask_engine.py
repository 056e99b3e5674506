"""Cases done by a Dask cluster: one that runs already, or one made on this machine for the run.

A worker of Dask does not fuse by itself: each of its threads has a `Child` of ours, so that a case may hang, crash or
fill the memory there as well as anywhere else. Needs the extra `fusecli[dask]`.
"""

import logging
import os
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from secrets import token_hex
from time import perf_counter

from fusecli.batch.case import failure
from fusecli.batch.child import Child
from fusecli.batch.cores import environment_of, visible_gpus
from fusecli.batch.job import Job, Outcome
from fusecli.core.processors import core_count
from fusecli.errors import BatchError, FusecliError, UsageError

try:
    from distributed import Client, Future, KilledWorker, LocalCluster, as_completed, get_worker
except ModuleNotFoundError as error:
    raise UsageError("Dask is not installed.", hint='Install it: pip install "fusecli[dask]"') from error

# So many cases are at the cluster for each of its threads: enough that none waits for the next one, few enough that a
# million of them do not fill the scheduler.
AHEAD = 4
COUNTED_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class DaskEngine:
    """`scheduler` is an address or a scheduler file, and None a cluster made here, of `workers` processes.

    `timeout_s` is the time of one case, and None that there is no limit.
    """

    workers: int | None = None
    scheduler: str | None = None
    timeout_s: float | None = None

    def run(self, jobs: Iterable[Job]) -> Generator[Outcome, None, None]:
        """As `Engine` has it. Dask gives the cases of a worker that dies to another one; after four deaths they failed.

        Raises UsageError where there is no such cluster or its workers cannot run fusecli; BatchError when it is lost.
        """
        if self.scheduler is not None and self.workers is not None:
            raise UsageError("--workers has no effect with --scheduler.", why="The cluster has its own workers.")
        with self._connected() as client:
            task = _Task(token_hex(8), self.timeout_s, os.getcwd(), self._share())
            try:
                yield from _outcomes(client, task, jobs)
            finally:
                with suppress(Exception):  # a cluster that is gone has no workers to clean up
                    client.run(_close, task.run)

    def _share(self) -> int | None:
        return None if self.scheduler else self.workers or core_count()

    @contextmanager
    def _connected(self) -> Iterator[Client]:
        if self.scheduler is None:
            with _local_cluster(self._share() or 1) as cluster, Client(cluster) as client:
                yield client
            return
        try:
            is_file = Path(self.scheduler).is_file()
            client = Client(scheduler_file=self.scheduler) if is_file else Client(self.scheduler)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"There is no Dask scheduler at {self.scheduler}.",
                why=str(error).splitlines()[0][:200] if str(error) else "",
                hint="Give its address, --scheduler tcp://HOST:8786, or its file: --scheduler scheduler.json",
            ) from error
        with client:
            yield client


def _local_cluster(workers: int) -> LocalCluster:
    # Memory is the children's, which Dask does not see; the dashboard would open a port.
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        memory_limit=0,
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
    )


@dataclass(frozen=True, slots=True)
class _Task:
    """What the cluster's workers need besides a job. `share`: how many of them share this machine, if it is known."""

    run: str
    timeout_s: float | None
    folder: str
    share: int | None

    def __call__(self, job: Job) -> Outcome:
        return _child(self).run(job, self.timeout_s)


_children: dict[tuple[str, int], Child] = {}


def _child(task: _Task) -> Child:
    """The child of this thread in this run."""
    place = (task.run, threading.get_ident())
    if place not in _children:
        environment: dict[str, str] = {}
        if task.share is not None:
            environment = environment_of(int(get_worker().name), task.share, visible_gpus())
        _children[place] = Child(environment, cwd=Path(task.folder) if os.path.isdir(task.folder) else None)
    return _children[place]


def _close(run: str) -> None:
    """End all children of a run, with the cases that they are at."""
    for place in [place for place in _children if place[0] == run]:
        _children.pop(place).close()


def _outcomes(client: Client, task: _Task, jobs: Iterable[Job]) -> Iterator[Outcome]:
    waiting, at_work = iter(jobs), dict[Future[Outcome], Job]()
    ended = as_completed()
    width, counted = _width(client), perf_counter()

    def submit() -> None:
        for job in islice(waiting, max(0, width - len(at_work))):
            future = client.submit(task, job, pure=False, key=f"{job.name}-{token_hex(4)}")
            at_work[future] = job
            ended.add(future)

    submit()
    for future in ended:
        yield _outcome(future, at_work.pop(future))
        if perf_counter() - counted > COUNTED_EVERY_S:
            width, counted = _width(client), perf_counter()
        submit()


def _width(client: Client) -> int:
    threads: dict[str, int] = client.nthreads()
    return AHEAD * max(1, sum(threads.values()))


def _outcome(future: Future[Outcome], job: Job) -> Outcome:
    if future.status == "finished":
        return future.result()
    if future.status != "error":
        raise BatchError(
            "The Dask cluster was lost in the middle of the batch.",
            hint="Start it again, then the same command: it does the rest.",
        )
    error = future.exception()
    if isinstance(error, KilledWorker):
        died = FusecliError("The Dask workers that were at this case died.", why="Dask gave it up after several.")
        return failure(job, died, seconds=0)
    raise UsageError(
        "The workers of the Dask cluster cannot run fusecli.",
        why=f"{type(error).__name__} in a worker.",
        hint="Install this version of fusecli where they run, with the same Python and Dask.",
    ) from error
