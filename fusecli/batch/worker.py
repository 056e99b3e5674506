"""A worker process from within: takes jobs from its parent, answers with outcomes, and dies with its parent."""

import os
import pickle
import signal
import sys
from queue import Empty, SimpleQueue
from threading import Thread
from typing import BinaryIO

from fusecli.batch.case import run_case
from fusecli.batch.fusers import Fusers
from fusecli.batch.job import Job

# What a worker says besides outcomes: the clock of --timeout stands still in between.
LOADING, LOADED = "loading", "loaded"

# In a cluster the parent outlives a run that was killed, and nobody else would end its idle workers.
IDLE_LIMIT_S = 600.0


def main() -> None:
    """Serve the parent until it closes our stdin, is gone, or has had nothing to do for us for long."""
    # Ctrl-C reaches a whole group of processes; the parent alone decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = _private_stdout()
    jobs: SimpleQueue[Job] = SimpleQueue()
    Thread(target=_listen, args=(sys.stdin.buffer, jobs), daemon=True).start()
    fusers = Fusers()
    _answer(answers, LOADED)
    while True:
        try:
            job = jobs.get(timeout=IDLE_LIMIT_S)
        except Empty:
            os._exit(0)
        outcome = run_case(job, fusers, lambda loading: _answer(answers, LOADING if loading else LOADED))
        _answer(answers, outcome)


def _private_stdout() -> BinaryIO:
    """Our stdout for answers alone: what a library prints goes to stderr from now on."""
    own = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return own


def _listen(stdin: BinaryIO, jobs: "SimpleQueue[Job]") -> None:
    try:
        while True:
            jobs.put(pickle.load(stdin))
    except Exception:
        # The parent is done with us or dead. A case that is cut off here leaves nothing under its name.
        os._exit(0)


def _answer(answers: BinaryIO, message: object) -> None:
    try:
        pickle.dump(message, answers)
        answers.flush()
    except OSError:
        os._exit(0)
