"""The two stages of DM-FNet through the same session, loop and checkpoint as every network."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image as Picture
from safetensors.torch import load_file
from torch import nn

from fusecli.errors import ModelError, UsageError
from fusecli.models import network
from fusecli.models.dmfnet import DMFNet
from fusecli.models.dmfnet_config import DMFNetConfig
from fusecli.models.dmfnet_noise import kept, noised
from fusecli.models.dmfnet_unet import DiffusionUNet
from fusecli.settings.training import LOSSES, TrainSettings
from fusecli.train import start
from fusecli.train.diffusion import Denoising, noise_loss
from fusecli.train.diffusion_sampling import sample

TINY = DMFNetConfig(
    channels=4, multipliers=(1, 2), attention=(1,), norm_groups=2, steps=100, read_after=1, head=4, squeeze=2
)
DIFFUSION = TrainSettings(epochs=2, batch=2, crop=32, ema=0.0, stage="diffusion", learning_rate=5e-3)
FUSION = TrainSettings(epochs=1, batch=2, crop=32, ema=0.0, loss=LOSSES["dmfnet"])


@pytest.fixture
def data(tmp_path, monkeypatch, save_picture, make_pairs):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setitem(network.DIFFUSION, "tiny", TINY)
    monkeypatch.setitem(network.ARCHITECTURES, "tiny", lambda: DMFNet(TINY))
    for pair in make_pairs(4, side=40):
        save_picture(tmp_path / f"data/PET-MRI/MRI/{pair.name}.png", 255 * pair.fixed)
        save_picture(tmp_path / f"data/PET-MRI/PET/{pair.name}.png", 255 * pair.moving)
    return tmp_path / "data"


@pytest.fixture
def first_stage(data, tmp_path):
    """Weights of the first stage, and the reports of its epochs."""
    path = tmp_path / "unet.safetensors"
    return path, list(start(data, data, path, "tiny", DIFFUSION).epochs)


def fresh(seed=0, schedule="cosine", config=TINY):
    torch.manual_seed(seed)
    return DiffusionUNet(config, kept(schedule, config.steps))


def test_the_first_stage_writes_a_unet_its_schedule_and_pictures(first_stage):
    path, reports = first_stage
    assert [report.score < 0 for report in reports] == [True, True]
    unet = fresh()
    unet.load_state_dict(load_file(path))
    assert not torch.equal(unet.out[2].weight, fresh().out[2].weight)
    with Picture.open(path.with_name("unet.samples.png")) as drawn:
        picture = np.asarray(drawn)
    assert picture.shape == (32, 4 * 32)
    assert picture.std() > 0


def test_the_second_stage_keeps_the_unet_and_trains_the_fusion(data, tmp_path, first_stage):
    path, _ = first_stage
    fused = tmp_path / "fused.safetensors"
    (report,) = start(data, data, fused, "tiny", FUSION, start_from=path).epochs
    assert 0 <= report.score <= 1
    unet, both = load_file(path), load_file(fused)
    taken = {name.removeprefix("unet."): part for name, part in both.items() if name.startswith("unet.")}
    assert all(torch.equal(part, unet[name]) for name, part in taken.items())
    assert unet.keys() - taken.keys() >= {"kept", "out.2.weight", "up.1.blocks.1.shift.weight"}
    torch.manual_seed(FUSION.seed)
    assert not torch.equal(both["fusion.out.1.weight"], DMFNet(TINY).fusion.out[1].weight)


def test_a_second_stage_goes_on_from_weights_of_its_own(data, tmp_path, first_stage):
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    list(start(data, data, one, "tiny", FUSION, start_from=first_stage[0]).epochs)
    still = replace(FUSION, learning_rate=0.0)
    list(start(data, data, two, "tiny", still, start_from=one).epochs)
    first, second = load_file(one), load_file(two)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_schedule_of_the_first_stage_is_that_of_the_second(data, tmp_path):
    path, fused = tmp_path / "unet.safetensors", tmp_path / "fused.safetensors"
    list(start(data, data, path, "tiny", replace(DIFFUSION, noise_schedule="linear")).epochs)
    list(start(data, data, fused, "tiny", FUSION, start_from=path).epochs)
    left = load_file(fused)["kept"]
    assert torch.equal(left, kept("linear", 100)[[4, 9, 19]])
    assert not torch.equal(left, kept("cosine", 100)[[4, 9, 19]])


def test_a_second_stage_from_nothing_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(UsageError, match="two stages") as error:
        start(tmp_path / "none", tmp_path / "none", tmp_path / "w.safetensors", "dmfnet-small", FUSION)
    assert "--start-from" in error.value.hint


def test_a_second_stage_from_weights_of_another_network_is_refused(data, tmp_path, first_stage, make_network):
    from fusecli.train.loop import save_weights

    save_weights(make_network(), tmp_path / "lrc.safetensors")
    with pytest.raises(ModelError, match="cannot start from"):
        start(data, data, tmp_path / "w.safetensors", "tiny", FUSION, start_from=tmp_path / "lrc.safetensors")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (replace(DIFFUSION, loss=LOSSES["max"]), "loss of its own"),
        (replace(FUSION, noise_schedule="linear"), "belongs to the diffusion stage"),
    ],
)
def test_an_option_of_the_other_stage_is_refused(tmp_path, settings, words):
    with pytest.raises(UsageError, match=words):
        start(tmp_path, tmp_path, tmp_path / "w.safetensors", "dmfnet-small", settings)


def test_a_network_without_a_diffusion_stage_is_refused(data, tmp_path):
    with pytest.raises(ModelError, match="no diffusion stage"):
        start(data, data, tmp_path / "w.safetensors", "lrc", DIFFUSION)


def test_a_first_stage_cut_in_two_ends_with_the_weights_of_a_whole_one(run, tmp_path):
    dropping = replace(TINY, dropout=0.5)  # dropout draws at random too
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    options = {"settings": DIFFUSION, "objective": Denoising(DIFFUSION)}
    list(run(to=whole, network=fresh(config=dropping), **options))
    epochs = run(to=cut, network=fresh(config=dropping), **options)
    next(epochs)
    epochs.close()
    torch.rand(3)
    list(run(to=cut, network=fresh(seed=1, config=dropping), resume=True, **options))
    one, other = load_file(whole), load_file(cut)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(one["out.2.weight"], fresh(config=dropping).out[2].weight)


def test_the_loss_of_a_step_is_the_same_again_and_another_at_the_next_step():
    unet, (fixed, moving) = fresh().train(), torch.rand(2, 2, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    unet.out[2].weight.data.fill_(0.1)
    first, again, later = (Denoising(DIFFUSION).loss(unet, fixed, moving, step) for step in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, later)
    assert not torch.equal(first, Denoising(replace(DIFFUSION, seed=7)).loss(unet, fixed, moving, 3))


def test_the_loss_leaves_the_random_numbers_of_others_alone():
    unet, image = fresh(), torch.rand(1, 1, 8, 8)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    Denoising(DIFFUSION).loss(unet, image, image, 0)
    assert torch.equal(torch.rand(1), expected)


class Knowing(nn.Module):
    """Tells the noise exactly, as it knows the one image that there is."""

    def __init__(self, image):
        super().__init__()
        self.image, self.kept = image, kept("cosine", 100)

    def forward(self, noisy, step):
        left = self.kept[step - 1].view(-1, 1, 1, 1)
        return (noisy - left.sqrt() * (2 * self.image - 1)) / (1 - left).sqrt()


def test_whoever_knows_the_noise_has_no_loss_and_whoever_says_nothing_its_variance():
    image = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    at = torch.tensor([1, 20, 60, 100])
    noise = torch.randn(4, 1, 16, 16, generator=torch.Generator().manual_seed(2))
    assert noise_loss(Knowing(image), image, at, noise).item() < 1e-4
    silent = fresh()  # the last layer is 0 before training
    assert noise_loss(silent, image, at, noise).item() == pytest.approx(noise.square().mean().item())


def test_sampling_with_a_network_that_knows_one_image_finds_it():
    image = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    found = sample(Knowing(image), count=2, side=16, seed=0, jumps=10)
    assert found.shape == (2, 1, 16, 16)
    assert torch.allclose(found, image.expand(2, -1, -1, -1), atol=1e-3)


def test_the_same_seed_draws_the_same_pictures_and_another_others():
    one, again, other = (sample(fresh(), count=1, side=16, seed=seed, jumps=5) for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert 0 <= one.min() < one.max() <= 1


def test_training_makes_the_noise_better_known(run, path):
    settings = replace(DIFFUSION, epochs=15, learning_rate=1e-2)
    reports = list(run(settings, network=fresh(), objective=Denoising(settings)))
    assert reports[-1].score > 0.8 * reports[0].score
    trained = fresh()
    trained.load_state_dict(load_file(path))
    assert error_at_step_71(trained) < 0.8 * error_at_step_71(fresh())


def error_at_step_71(unet):
    row, column = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    image = torch.exp(-((row - 16) ** 2 + (column - 14) ** 2) / 40)[None, None]
    noise = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        noisy = noised(image, noise, unet.kept[70])
        return (unet.eval()(noisy, torch.tensor([71])) - noise).square().mean().item()
