"""A real Dask scheduler and real workers on this machine: nothing is lost when they die, and the files are the same."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="the extra fusecli[dask] is not installed")

HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler file and two workers of one thread each, without a nanny that would start them again."""
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    scheduler = ["scheduler", "--host", HOST, "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    worker = ["worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    started = [dask(scheduler, folder), *(dask(worker, folder) for _ in range(2))]
    yield file, started[1:]
    for process in started:
        process.kill()
        process.wait()


def dask(words, folder):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    start = "import sys; from dask.__main__ import main; sys.argv[0] = 'dask'; main()"
    return subprocess.Popen([sys.executable, "-c", start, *words], cwd=folder, **quiet)


def command(data, output, *words):
    globs = ["--fixed-glob", "CT/*.png", "--moving-glob", "PET/*.png"]
    return [
        sys.executable, "-m", "fusecli", "batch", str(data), *globs, "-o", str(output), "--json",
        "--model", "laplacian", *map(str, words),
    ]  # fmt: skip


def batch(*words):
    return subprocess.run(command(*words), capture_output=True, text=True, timeout=120, check=False)


def results(folder):
    return {path.name: path.read_bytes() for path in Path(folder).glob("*.png")}


def test_a_cluster_made_here_gives_the_same_files_as_this_process(pairs, tmp_path):
    done = batch(pairs, tmp_path / "dask", "--engine", "dask", "--workers", 1)
    assert done.returncode == 0, done.stderr
    assert batch(pairs, tmp_path / "serial", "--engine", "serial").returncode == 0
    assert len(results(tmp_path / "dask")) == 5
    assert results(tmp_path / "dask") == results(tmp_path / "serial")


def test_killing_a_worker_of_a_cluster_in_the_middle_of_a_run_loses_nothing(cluster, pairs, tmp_path):
    file, workers = cluster
    with subprocess.Popen(
        command(pairs, tmp_path / "out", "--scheduler", file), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        events = [run.stdout.readline()]
        workers[0].send_signal(signal.SIGKILL)
        rest, err = run.communicate(timeout=120)
    rows = [json.loads(line) for line in [*events, *rest.splitlines()]]
    assert run.returncode == 0, err
    assert sorted(row["id"] for row in rows) == list("abcde")
    assert {row["status"] for row in rows} <= {"done", "skipped"}  # skipped: done by the worker before it died
    again = batch(pairs, tmp_path / "out", "--scheduler", file)
    assert [json.loads(line)["status"] for line in again.stdout.splitlines()] == ["skipped"] * 5


def test_a_scheduler_that_is_not_there_is_a_usage_error(pairs, tmp_path, monkeypatch):
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "1s")
    done = batch(pairs, tmp_path / "out", "--scheduler", f"tcp://{HOST}:1")
    assert done.returncode == 2
    assert "There is no Dask scheduler" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ending_a_run_leaves_no_worker_behind_in_a_cluster(cluster, pairs, tmp_path, accidents):
    # The accidents are those of the cluster made here: its processes have this environment.
    (pairs / "CT" / "a.png").rename(pairs / "CT" / "hang-1.png")
    (pairs / "PET" / "a.png").rename(pairs / "PET" / "hang-1.png")
    run = subprocess.Popen(
        command(pairs, tmp_path / "out", "--engine", "dask", "--workers", 1),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip
    assert run.stdout is not None
    assert json.loads(run.stdout.readline())["status"] == "done"
    run.terminate()
    run.communicate(timeout=60)
    assert run.returncode == 143
    deadline = time.monotonic() + 20
    while (left := of_session(run.pid)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == ""


def of_session(session):
    listed = subprocess.run(["ps", "-s", str(session), "-o", "stat=,pid="], capture_output=True, text=True, check=False)
    return "\n".join(line for line in listed.stdout.splitlines() if not line.startswith("Z"))


def test_without_dask_the_extra_is_named(pairs, tmp_path):
    block = "import sys; sys.modules['distributed'] = None; from fusecli.cli.app import main; main()"
    words = command(pairs, tmp_path / "out", "--engine", "dask")[3:]
    done = subprocess.run([sys.executable, "-c", block, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert 'pip install "fusecli[dask]"' in done.stderr
    assert not os.path.exists(tmp_path / "out")
