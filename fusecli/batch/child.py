"""A worker process from outside: started when needed, watched, killed when it hangs."""

import os
import pickle
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import perf_counter
from typing import Any, BinaryIO, cast

import fusecli
from fusecli.batch.case import failure
from fusecli.batch.job import Job, Outcome, Status
from fusecli.batch.worker import LOADED, LOADING
from fusecli.errors import FusecliError, MemoryLimitError, TimeLimitError

# What loading libraries and a model may take before a worker counts as hanging, in seconds. Not the user's --timeout,
# which is about cases.
LOADING_LIMIT_S = 600.0
ATTEMPTS = 2
KILLED = -9

# The package may lie in a checkout, which only the parent's path knows. It comes last: other names are found as ever.
_START = "import sys; sys.path.append(sys.argv[1]); from fusecli.batch.worker import main; main()"


class StoppedError(Exception):
    """The run is being ended, so no case is answered for any more."""


class Child:
    """One worker process, started anew when it died. `environment` is added to ours; see `cores.environment_of`.

    `cwd` is the folder that relative paths begin at. What the process says on stderr is dropped, unless `is_heard`.
    """

    def __init__(self, environment: dict[str, str], *, cwd: Path | None = None, is_heard: bool = False) -> None:
        self._environment = environment
        self._cwd = cwd
        self._is_heard = is_heard
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._messages: SimpleQueue[Any] = SimpleQueue()
        self._is_closed = False

    def run(self, job: Job, timeout_s: float | None = None) -> Outcome:
        """Have the case done, whatever becomes of the process.

        A worker that dies is replaced, and the case is tried once more: what killed it may have been about the machine
        and not about the case. A case that takes longer than `timeout_s` costs the worker its life, and is not tried
        again.

        Raises StoppedError when `close` was called.
        """
        started = perf_counter()
        for attempt in range(ATTEMPTS):
            try:
                outcome = self._tried(job, timeout_s)
                return outcome if attempt == 0 else _by_this_run(outcome)
            except Empty:
                self._end()
                return failure(job, _too_long(timeout_s), seconds=perf_counter() - started)
            except (EOFError, BrokenPipeError):
                status = self._end()
                if self._is_closed:
                    raise StoppedError from None
        return failure(job, _died(status), seconds=perf_counter() - started)

    def close(self) -> None:
        """Kill the process. Any thread may call this; a `run` that is going on ends."""
        self._is_closed = True
        self._end()

    def _tried(self, job: Job, timeout_s: float | None) -> Outcome:
        stdin, is_new = self._running()
        pickle.dump(job, stdin)
        stdin.flush()
        # A new process says LOADED once it is ready; until then it is only Python that starts.
        limit = LOADING_LIMIT_S if is_new else timeout_s
        while True:
            message = self._messages.get(timeout=limit)
            if isinstance(message, Outcome):
                return message
            if message is None:
                raise EOFError
            limit = {LOADING: LOADING_LIMIT_S, LOADED: timeout_s}[message]

    def _running(self) -> tuple[BinaryIO, bool]:
        """What the process reads, and whether it was started for this, as there was none."""
        with self._lock:
            if self._is_closed:
                raise StoppedError
            is_new = self._process is None or self._process.poll() is not None
            if is_new:
                self._process, self._messages = self._start(), SimpleQueue()
                Thread(target=_listen, args=(self._process.stdout, self._messages), daemon=True).start()
            process = cast("subprocess.Popen[bytes]", self._process)
            return cast("BinaryIO", process.stdin), is_new

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            # -P: a file random.py in the current folder must not be taken for Python's own.
            [sys.executable, "-P", "-c", _START, str(Path(fusecli.__file__).parents[1])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if self._is_heard else subprocess.DEVNULL,
            env=os.environ | self._environment,
            cwd=self._cwd,
        )

    def _end(self) -> int | None:
        """Kill the process, if it still lives; its status, and None where there is no process or it will not die."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return None
        process.kill()
        with suppress(subprocess.TimeoutExpired):
            # What waits for a dead network drive cannot be killed; it is left behind.
            process.wait(timeout=5)
        with suppress(OSError):
            cast("BinaryIO", process.stdin).close()
        return process.returncode


def _listen(stdout: BinaryIO, messages: "SimpleQueue[Any]") -> None:
    # None is the last word, also of a process that died in the middle of one.
    with stdout, suppress(Exception):
        while True:
            messages.put(pickle.load(stdout))
    messages.put(None)


def _by_this_run(outcome: Outcome) -> Outcome:
    """The worker that died may have done the case just before; that is not what an earlier run did."""
    if outcome.status is not Status.SKIPPED:
        return outcome
    return replace(outcome, status=Status.DONE, row={**outcome.row, "status": Status.DONE.value})


def _too_long(timeout_s: float | None) -> FusecliError:
    return TimeLimitError(
        f"The case took longer than {timeout_s:g} s.", hint="Run again with more time: --timeout SECONDS"
    )


def _died(status: int | None) -> FusecliError:
    what = f"The worker died in the middle of the case, {ATTEMPTS} times."
    if status == KILLED:
        return MemoryLimitError(
            what, why="It was killed, as systems do when memory runs out.", hint="Use fewer workers: --workers 1"
        )
    return FusecliError(what, why=f"Its exit status was {status}.", hint="--debug shows what it said.")
