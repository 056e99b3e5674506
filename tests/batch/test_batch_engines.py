"""Every engine does every case once, whatever happens to its workers, and all of them make the same files."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from fusecli.batch import cores, engines
from fusecli.batch.engines import ProcessEngine, SerialEngine
from fusecli.batch.job import Status
from fusecli.errors import UsageError


def statuses(engine, jobs):
    with closing(engine.run(jobs)) as outcomes:
        ended = [(outcome.job.id, outcome.status, outcome.row["exit_code"]) for outcome in outcomes]
    assert sorted(name for name, _, _ in ended) == sorted(job.id for job in jobs)  # each once
    return {name: (status, code) for name, status, code in ended}


DONE = (Status.DONE, 0)


def workers_alive():
    """The worker processes of this process, by their ids."""
    listed = subprocess.run(
        ["ps", "-ww", "--ppid", str(os.getpid()), "-o", "pid=,args="], capture_output=True, text=True, check=False
    ).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if "fusecli.batch.worker" in line]


def test_engines_make_the_same_files_byte_for_byte(job, tmp_path):
    jobs = [job(name, model=model) for name, model in (("a", "laplacian"), ("b", "max"), ("c", "laplacian"))]
    made = {}
    for name, engine in (("serial", SerialEngine()), ("processes", ProcessEngine(2))):
        (tmp_path / name / "records").mkdir(parents=True)
        own = [replace(one, folder=tmp_path / name) for one in jobs]
        assert set(statuses(engine, own).values()) == {DONE}
        made[name] = [(one.folder / one.name).read_bytes() for one in own]
    assert made["serial"] == made["processes"]
    assert made["serial"][0] != made["serial"][2]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_whatever_one_case_does_to_its_worker_the_others_are_done(job, accidents):
    names = ("good", "die-1", "crash-1", "memory-1", "bug-1", "hang-1", "chatty-1", "dieonce-1", "better")
    ended = statuses(ProcessEngine(2, timeout_s=10), [job(name) for name in names])
    assert ended == {
        "good": DONE,
        "better": DONE,
        "chatty-1": DONE,
        "dieonce-1": DONE,
        "die-1": (Status.FAILED, 10),  # killed from outside, as systems do when memory runs out
        "crash-1": (Status.FAILED, 1),
        "memory-1": (Status.FAILED, 10),
        "bug-1": (Status.FAILED, 1),
        "hang-1": (Status.FAILED, 124),
    }
    assert (accidents / "die-1").read_text() == "xx"  # tried twice
    assert (accidents / "dieonce-1").read_text() == "x"
    assert workers_alive() == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_killing_a_worker_from_outside_loses_nothing(job, accidents):
    jobs = [job(f"slow-{k}") for k in range(6)]
    with closing(ProcessEngine(2).run(jobs)) as outcomes:
        ended = [next(outcomes)]
        os.kill(workers_alive()[0], signal.SIGKILL)
        ended += outcomes
    assert sorted(outcome.job.id for outcome in ended) == sorted(one.id for one in jobs)
    assert {outcome.status for outcome in ended} == {Status.DONE}


def test_closing_ends_the_workers_in_the_middle_of_a_case(job, accidents):
    outcomes = ProcessEngine(2).run([job("good"), job("hang-1"), job("hang-2"), job("hang-3")])
    assert next(outcomes).job.id == "good"
    started = time.perf_counter()
    outcomes.close()
    assert time.perf_counter() - started < 5
    assert workers_alive() == []
    assert [path.name for path in job("good").folder.glob("*.png")] == ["good_average.png"]


def test_the_time_limit_does_not_count_the_loading_of_a_worker(job, accidents):
    slow_to_load = job("good", model="alpha", alpha=0.125)
    assert statuses(ProcessEngine(1, timeout_s=3), [slow_to_load]) == {"good": DONE}


def test_the_time_limit_does_not_count_the_start_of_a_process(job, accidents, monkeypatch):
    monkeypatch.setenv("SLOW_START", "9")
    assert statuses(ProcessEngine(1, timeout_s=8), [job("good")]) == {"good": DONE}


def test_serial_refuses_what_it_cannot_do(job):
    for words in ({"workers": 2}, {"timeout_s": 1.0}, {"scheduler": "tcp://localhost:8786"}):
        with pytest.raises(UsageError, match="no effect"):
            engines.choose("serial", [job()], **words)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf"), 1e12])
def test_a_time_limit_that_is_no_time_is_refused(job, seconds):
    with pytest.raises(UsageError, match="is not a time"):
        engines.choose("processes", [job()], timeout_s=seconds)


def test_there_are_no_more_workers_than_cases(job):
    assert len(engines.choose("processes", [job()], workers=9)._children) == 1


def test_openvino_is_limited_to_its_share(monkeypatch):
    pytest.importorskip("openvino", reason="the extra fusecli[openvino] is not installed")
    from fusecli.models.openvino import load_converted

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    fuser = load_converted("lrc-fast")
    fuser(np.zeros((32, 32), np.float32), np.ones((32, 32), np.float32))
    assert fuser._requests[0].get_compiled_model().get_property("INFERENCE_NUM_THREADS") == 1


def test_cores_are_shared_and_gpus_dealt_in_turn(monkeypatch):
    monkeypatch.setattr(cores, "core_count", lambda: 8)
    shares = [cores.environment_of(worker, 3, ["0", "GPU-1"]) for worker in range(3)]
    assert {share["OMP_NUM_THREADS"] for share in shares} == {"2"}
    assert [share["CUDA_VISIBLE_DEVICES"] for share in shares] == ["0", "GPU-1", "0"]
    assert cores.environment_of(0, 20, [])["OMP_NUM_THREADS"] == "1"
    assert "CUDA_VISIBLE_DEVICES" not in cores.environment_of(0, 1, [])


@pytest.mark.parametrize(("named", "gpus"), [("0,2", ["0", "2"]), ("", []), ("-1", []), ("GPU-5", ["GPU-5"])], ids=str)
def test_gpus_are_those_that_this_process_may_see(monkeypatch, named, gpus):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert cores.visible_gpus() == gpus
