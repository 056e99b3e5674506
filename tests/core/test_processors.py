"""How many cores, threads and GPUs a process may use."""

import ctypes
from types import SimpleNamespace

import pytest

from fusecli.core import processors


@pytest.fixture
def eight_cores(monkeypatch):
    monkeypatch.setattr(processors, "core_count", lambda: 8)


@pytest.mark.parametrize(("limit", "count"), [("200000 100000", 2), ("50000 100000", 1), ("max 100000", 64)])
def test_a_container_limits_the_cores(monkeypatch, tmp_path, limit, count):
    (tmp_path / "cpu.max").write_text(limit)
    monkeypatch.setattr(processors, "_CPU_LIMIT", tmp_path / "cpu.max")
    monkeypatch.setattr(processors.os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)
    monkeypatch.setattr(processors.os, "cpu_count", lambda: 64)
    assert processors.core_count() == count


@pytest.mark.parametrize(("given", "count"), [("1", 1), ("3", 3), ("64", 8)])
def test_a_worker_keeps_to_the_threads_that_it_was_given(monkeypatch, eight_cores, given, count):
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert processors.thread_count() == count


@pytest.mark.parametrize("given", ["", "0", "-2", "many", "4,2"])
def test_what_is_no_number_of_threads_is_no_limit(monkeypatch, eight_cores, given):
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert (processors.thread_limit(), processors.thread_count()) == (None, 8)


def driver(gpus, initialized=0):
    def count(pointer):
        pointer._obj.value = gpus
        return 0

    return SimpleNamespace(cuInit=lambda flags: initialized, cuDeviceGetCount=count)


@pytest.mark.parametrize(("library", "count"), [(driver(2), 2), (driver(0), 0), (driver(2, 100), 0)])
def test_gpus_are_those_that_the_driver_counts(monkeypatch, library, count):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    assert processors.gpu_count() == count


def test_without_a_driver_there_is_no_gpu(monkeypatch):
    def missing(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert processors.gpu_count() == 0
