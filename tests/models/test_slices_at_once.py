"""Several slices at once: as many as the device has room for, fewer when memory runs out, and the same image."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from fusecli.core.scratch import SLAB
from fusecli.models import device
from fusecli.models.network import NetworkFuser


class Counting(nn.Module):
    """The mean of both. Runs out of memory above `limit` slices or `side` pixels, and keeps what it was asked."""

    def __init__(self, limit=100, side=10_000):
        super().__init__()
        self.limit, self.side, self.asked = limit, side, []

    def forward(self, fixed, moving):
        self.asked.append(tuple(fixed.shape))
        if len(fixed) > self.limit or max(fixed.shape[2:]) > self.side:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return (fixed + moving) / 2


@pytest.fixture
def roomy(monkeypatch):
    """A device with room for any number of slices."""
    monkeypatch.setattr("fusecli.models.network.slices_at_once", lambda device, pixels: 1000)


@pytest.fixture
def slices():
    random = np.random.default_rng(0)
    return random.random((7, 40, 50), dtype=np.float32), random.random((7, 40, 50), dtype=np.float32)


def fuser_of(module):
    return NetworkFuser(module, name="counting", weights_sha256=None, device="cpu")


def test_all_slices_go_at_once_where_there_is_room(roomy, slices):
    fused = fuser_of(module := Counting()).fuse_slices(*slices)
    assert module.asked == [(7, 1, 40, 50)]
    assert np.allclose(fused, (slices[0] + slices[1]) / 2, atol=1e-7)


def test_never_more_at_once_than_a_slab(roomy):
    assert fuser_of(Counting()).slices_at_once(40, 50) == SLAB


def test_slices_that_are_cut_into_tiles_go_one_by_one(roomy):
    assert fuser_of(Counting()).slices_at_once(1025, 50) == 1


def test_when_memory_runs_out_the_slices_are_halved_said_and_remembered(roomy, slices):
    fuser = fuser_of(module := Counting(limit=2))
    fused = fuser.fuse_slices(*slices)
    assert [shape[0] for shape in module.asked] == [7, 3, 1, 1, 1, 1, 1, 1, 1]
    assert fuser.notes == [
        "Memory ran out; going on with 3 slice(s) at once.",
        "Memory ran out; going on with 1 slice(s) at once.",
    ]
    assert np.array_equal(fused, fuser_of(Counting()).fuse_slices(*slices))
    assert fuser.slices_at_once(40, 50) == 1


def test_after_the_slices_the_tiles_are_halved(roomy):
    big = np.random.default_rng(0).random((2, 600, 300), dtype=np.float32)
    fuser = fuser_of(Counting(side=400))
    assert np.allclose(fuser.fuse_slices(big, big), big, atol=1e-6)
    assert "1 slice(s)" in fuser.notes[0]
    assert "300 x 300" in fuser.notes[1]


def test_another_error_of_several_slices_passes_through(roomy, slices):
    class Broken(nn.Module):
        def forward(self, fixed, moving):
            raise RuntimeError("shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="multiplied"):
        fuser_of(Broken()).fuse_slices(*slices)


def test_a_cpu_takes_one_slice():
    assert device.slices_at_once("cpu", 512 * 512) == 1


@pytest.mark.parametrize(("gigabytes", "expected"), [(4, 1), (8, 3), (24, 9), (80, 30)])
def test_a_gpu_takes_as_many_as_a_quarter_of_it_holds(monkeypatch, gigabytes, expected):
    card = SimpleNamespace(total_memory=gigabytes * 10**9)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: card)
    assert device.slices_at_once("cuda", 512 * 512) == expected


def test_a_gpu_takes_one_slice_that_is_too_large_for_a_quarter_of_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=10**9))
    assert device.slices_at_once("cuda", 1024 * 1024) == 1
