"""A network as a fuser: weights that are checked, memory that runs out, devices that are not there."""

import hashlib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from fusecli import models
from fusecli.errors import MemoryLimitError, ModelError, UsageError
from fusecli.models.device import choose_device
from fusecli.models.lrc import LRC
from fusecli.models.network import NetworkFuser, build, load_network
from fusecli.models.weights import find_weights, list_weights, weights_folder

FILE = "lrc.safetensors"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A weights folder with one network of random weights, published as `lrc`."""
    torch.manual_seed(7)
    save_file(LRC().state_dict(), tmp_path / FILE)
    publish(tmp_path)
    monkeypatch.setenv("FUSECLI_WEIGHTS", str(tmp_path))
    return tmp_path


def publish(folder, *, sha256=None, architecture="lrc"):
    sha256 = sha256 or hashlib.sha256((folder / FILE).read_bytes()).hexdigest()
    entry = f'[lrc]\nfile = "{FILE}"\nsha256 = "{sha256}"\narchitecture = "{architecture}"\ntask = "all"\n'
    (folder / "manifest.toml").write_text(entry, encoding="utf-8")


@pytest.fixture
def no_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_published_weights_are_the_ones_that_run(folder, no_cuda, image_pair):
    torch.manual_seed(7)
    fixed, moving = image_pair(33, 47)
    by_hand = NetworkFuser(LRC(), name="lrc", weights_sha256=None, device="cpu")(fixed, moving)
    fuser = models.load("lrc")
    assert np.array_equal(fuser(fixed, moving), by_hand)
    assert fuser.weights_sha256 == hashlib.sha256((folder / FILE).read_bytes()).hexdigest()
    assert (fuser.name, fuser.device, list(fuser.notes)) == ("lrc", "cpu", [])


def test_other_weights_give_another_image(folder, no_cuda, image_pair):
    pair = image_pair(33, 47)
    before = models.load("lrc")(*pair)
    torch.manual_seed(8)
    save_file(LRC().state_dict(), folder / FILE)
    publish(folder)
    assert np.abs(models.load("lrc")(*pair) - before).max() > 1e-3


def test_the_card_of_the_weights_comes_with_them(folder):
    assert list_weights()["lrc"].card["task"] == "all"
    assert find_weights("lrc").path == folder / FILE


def refused(match, name="lrc"):
    with pytest.raises(ModelError, match=match) as caught:
        load_network(name)
    assert caught.value.exit_code == 9
    return str(caught.value)


def test_a_missing_manifest_is_a_model_error(folder):
    (folder / "manifest.toml").unlink()
    refused("cannot be read")


def test_a_broken_manifest_is_a_model_error(folder):
    (folder / "manifest.toml").write_text("[lrc\n", encoding="utf-8")
    refused("cannot be read")


@pytest.mark.parametrize("key", ["file", "sha256", "architecture"])
def test_a_manifest_that_lacks_a_key_is_a_model_error_that_names_it(folder, key):
    lines = (folder / "manifest.toml").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(key)]
    (folder / "manifest.toml").write_text("\n".join(kept), encoding="utf-8")
    assert key in refused("cannot be read")


def test_weights_that_the_manifest_does_not_list_are_a_model_error(folder):
    refused("no weights for 'dmfnet'", "dmfnet")


def test_a_missing_file_is_a_model_error(folder):
    (folder / FILE).unlink()
    refused("missing")


def test_one_changed_byte_is_a_model_error(folder):
    content = bytearray((folder / FILE).read_bytes())
    content[-1] ^= 1
    (folder / FILE).write_bytes(content)
    refused("not the ones that were published")


def test_a_wrong_hash_in_the_manifest_is_a_model_error(folder):
    publish(folder, sha256="0" * 64)
    refused("not the ones that were published")


def test_an_architecture_of_a_later_version_is_a_model_error(folder):
    publish(folder, architecture="lrc9")
    refused("lrc9")


def test_weights_of_another_network_are_a_model_error(folder, make_lrc):
    save_file(make_lrc().state_dict(), folder / FILE)
    publish(folder)
    refused("do not fit")


def test_a_file_that_is_not_weights_is_a_model_error(folder):
    (folder / FILE).write_bytes(b"this is no safetensors file")
    publish(folder)
    refused("do not fit")


def test_without_the_variable_the_weights_stand_beside_or_inside_the_package(monkeypatch):
    monkeypatch.delenv("FUSECLI_WEIGHTS", raising=False)
    assert weights_folder().name == "weights"
    assert weights_folder().parent.name == "fusecli" or (weights_folder().parent / "fusecli").is_dir()


def test_building_an_unknown_network_is_a_model_error():
    with pytest.raises(ModelError, match="csa"):
        build("csa")


def test_auto_and_cpu_run_on_the_cpu_without_a_word_where_there_is_no_gpu(no_cuda):
    assert choose_device("auto") == ("cpu", None)
    assert choose_device("cpu") == ("cpu", None)


def test_auto_takes_a_gpu_that_is_there_and_cpu_does_not(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == ("cuda", None)
    assert choose_device("cuda") == ("cuda", None)
    assert choose_device("cpu") == ("cpu", None)


def test_a_gpu_that_is_asked_for_and_not_there_is_replaced_by_the_cpu_and_said(folder, no_cuda):
    fuser = load_network("lrc", device="cuda")
    assert fuser.device == "cpu"
    assert len(fuser.notes) == 1
    assert "CUDA" in fuser.notes[0]


def test_a_device_that_does_not_exist_is_a_usage_error():
    with pytest.raises(UsageError, match="tpu"):
        choose_device("tpu")


class Hungry(nn.Module):
    """Gives FIXED back, and runs out of memory above `limit` pixels a side."""

    def __init__(self, limit, error=RuntimeError, text="DefaultCPUAllocator: can't allocate memory: you tried ..."):
        super().__init__()
        self.limit, self.error, self.text = limit, error, text
        self.sides = []

    def forward(self, fixed, moving):
        side = max(fixed.shape[2:])
        self.sides.append(side)
        if side > self.limit:
            raise self.error(self.text)
        return fixed


def fuser_of(module):
    return NetworkFuser(module, name="hungry", weights_sha256=None, device="cpu")


OUT_OF_MEMORY = [
    (RuntimeError, "[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory: you tried ..."),
    (RuntimeError, "DefaultCPUAllocator: not enough memory: you tried to allocate 4294967296 bytes."),  # on Windows
    (torch.OutOfMemoryError, "CUDA out of memory. Tried to allocate 2.00 GiB"),
    (MemoryError, ""),
]


@pytest.mark.parametrize(("error", "text"), OUT_OF_MEMORY, ids=["Linux", "Windows", "CUDA", "numpy"])
def test_tiles_are_halved_until_they_fit_and_the_result_is_the_same(image_pair, error, text):
    fixed, moving = image_pair(1100, 520)
    fuser = fuser_of(Hungry(300, error, text))
    assert np.array_equal(fuser(fixed, moving), fixed)
    assert [note for note in fuser.notes if "512 x 512" in note]
    assert [note for note in fuser.notes if "256 x 256" in note]
    assert len(fuser.notes) == 2


def test_the_tile_that_fitted_is_kept_for_the_next_slice(image_pair):
    fuser = fuser_of(module := Hungry(300))
    fuser(*image_pair(1100, 300))
    module.sides.clear()
    fuser(*image_pair(1100, 300, seed=1))
    assert max(module.sides) == 256
    assert len(fuser.notes) == 2


def test_an_image_smaller_than_a_tile_is_halved_itself(image_pair):
    fuser = fuser_of(module := Hungry(300))
    fuser(*image_pair(600, 520))
    assert module.sides[0] == 600
    assert max(module.sides[1:]) == 300
    assert len(fuser.notes) == 1


def test_memory_that_suffices_leaves_no_note(image_pair):
    fuser = fuser_of(module := Hungry(2000))
    fuser(*image_pair(600, 520))
    assert list(fuser.notes) == []
    assert module.sides == [600]


def test_an_image_that_does_not_fit_in_the_smallest_tile_is_a_memory_limit(image_pair):
    with pytest.raises(MemoryLimitError, match="256 x 256") as caught:
        fuser_of(Hungry(100))(*image_pair(300, 300))
    assert caught.value.exit_code == 10


def test_any_other_error_of_the_network_passes_through(image_pair):
    module = Hungry(100, text="mat1 and mat2 shapes cannot be multiplied")
    fuser = fuser_of(module)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        fuser(*image_pair(300, 300))
    assert module.sides == [300]
    assert list(fuser.notes) == []


class Far(nn.Module):
    def forward(self, fixed, moving):
        return 3 * fixed - 1


def test_what_the_network_says_outside_0_to_1_is_clipped_and_never_rescaled(image_pair):
    fixed, moving = image_pair(40, 40)
    fused = fuser_of(Far())(fixed, moving)
    assert np.allclose(fused, np.clip(3 * fixed - 1, 0, 1), atol=1e-6)


def test_a_network_is_run_without_dropout(image_pair):
    class Dropping(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, fixed, moving):
            return self.drop(fixed)

    fixed, moving = image_pair(40, 40)
    assert np.array_equal(fuser_of(Dropping())(fixed, moving), fixed)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_the_gpu_gives_the_image_of_the_cpu(make_lrc, image_pair):
    pair = image_pair(65, 47)
    on = {
        device: NetworkFuser(make_lrc(), name="lrc", weights_sha256=None, device=device)(*pair)
        for device in ("cpu", "cuda")
    }
    # TF32 convolutions carry 10 bits of mantissa, as the default of torch allows.
    assert np.abs(on["cpu"] - on["cuda"]).max() < 2e-3
