"""`fusecli train` for a network of two stages, from files to weights that fuse."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from fusecli.models import network
from fusecli.models.dmfnet import DMFNet
from fusecli.models.dmfnet_config import DMFNetConfig

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = DMFNetConfig(channels=4, multipliers=(1, 2), attention=(1,), norm_groups=2, steps=40, head=4, squeeze=2)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Two pairs of 48 x 48; the network `tiny` is known."""
    monkeypatch.setitem(network.DIFFUSION, "tiny", TINY)
    monkeypatch.setitem(network.ARCHITECTURES, "tiny", lambda: DMFNet(TINY))
    random = np.random.default_rng(0)
    for folder in ("MRI", "PET"):
        place = tmp_path / "data" / "PET-MRI" / folder
        place.mkdir(parents=True)
        for name in ("1.png", "2.png"):
            Image.fromarray(random.integers(0, 255, (48, 48)).astype(np.uint8)).save(place / name)
    return tmp_path / "data"


def words(data, output, *more):
    small = ("--model", "tiny", "--device", "cpu", "--epochs", 1, "--batch", 2, "--crop", 32)
    return ("train", data, "--validation", data, "-o", output, *small, *more)


def test_one_command_for_each_stage_makes_weights_that_the_network_takes(run, data, tmp_path):
    unet, weights = tmp_path / "unet.safetensors", tmp_path / "tiny.safetensors"
    first = run(*words(data, unet, "--stage", "diffusion", "--noise-schedule", "linear"))
    assert (first.code, first.out) == (0, f"{unet}\n")
    assert "minus noise loss" in first.err
    assert "manifest.toml" not in first.err
    assert f"--start-from {unet}" in first.err
    with Image.open(tmp_path / "unet.samples.png") as drawn:
        assert drawn.size == (4 * 32, 32)
    second = run(*words(data, weights, "--loss", "dmfnet", "--start-from", unet))
    assert (second.code, second.out) == (0, f"{weights}\n")
    assert 'architecture = "tiny"' in second.err
    assert not (tmp_path / "tiny.samples.png").exists()
    fuser = DMFNet(TINY)
    fuser.load_state_dict(load_file(weights))
    assert torch.equal(fuser.unet.entry.weight, load_file(unet)["entry.weight"])


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ((), "--start-from"),
        (("--stage", "third"), "diffusion"),
        (("--stage", "diffusion", "--noise-schedule", "sine"), "cosine"),
        (("--stage", "diffusion", "--loss", "max"), "--loss"),
    ],
)
def test_words_that_do_not_go_together_are_refused_and_nothing_is_written(run, data, tmp_path, more, why):
    outcome = run(*words(data, tmp_path / "w.safetensors", *more))
    assert outcome.code == 2
    assert why in outcome.err
    assert "Traceback" not in outcome.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_a_network_of_one_stage_has_no_diffusion(run, data, tmp_path):
    outcome = run(*words(data, tmp_path / "w.safetensors", "--model", "lrc", "--stage", "diffusion"))
    assert outcome.code == 9
    assert "dmfnet-small" in outcome.err
