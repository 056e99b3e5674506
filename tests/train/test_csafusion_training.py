"""CSAFusion through the same session, loop and checkpoint as every network: it alone has running statistics."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from fusecli.models import network
from fusecli.models.csafusion import CSAFusion
from fusecli.models.csafusion_config import CSAFusionConfig
from fusecli.settings.training import LOSSES, TrainSettings
from fusecli.train import start

TINY = CSAFusionConfig(channels=8, head_width=8, branches=(1, 2))
SETTINGS = TrainSettings(epochs=1, batch=2, crop=32, ema=0.0, loss=LOSSES["csafusion"])


@pytest.fixture
def data(tmp_path, monkeypatch, save_picture, make_pairs):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setitem(network.ARCHITECTURES, "tiny", lambda: CSAFusion(TINY))
    monkeypatch.setitem(network.ARCHITECTURES, "frozen", lambda: CSAFusion(replace(TINY, frozen_statistics=True)))
    for pair in make_pairs(4, side=40):
        save_picture(tmp_path / f"data/PET-MRI/MRI/{pair.name}.png", 255 * pair.fixed)
        save_picture(tmp_path / f"data/PET-MRI/PET/{pair.name}.png", 255 * pair.moving)
    return tmp_path / "data"


def trained(data, path, config, **options):
    (report,) = start(data, data, path, config, SETTINGS, **options).epochs
    assert 0 <= report.score <= 1
    return load_file(path)


def test_the_published_loss_trains_it_and_a_second_run_freezes_its_statistics(data, tmp_path):
    first = trained(data, tmp_path / "one.safetensors", "tiny")
    CSAFusion(TINY).load_state_dict(first)
    assert not torch.equal(first["inc.0.1.running_mean"], torch.zeros(8))
    second = trained(data, tmp_path / "two.safetensors", "frozen", start_from=tmp_path / "one.safetensors")
    statistics = [name for name in first if "running" in name]
    assert statistics
    assert all(torch.equal(first[name], second[name]) for name in statistics)
    assert not torch.equal(first["out.weight"], second["out.weight"])


def test_a_run_cut_in_two_ends_with_the_weights_and_statistics_of_a_whole_one(run, tmp_path, small):
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    list(run(small, to=whole, network=fresh(seed=1)))
    epochs = run(small, to=cut, network=fresh(seed=1))
    next(epochs)
    epochs.close()
    list(run(small, to=cut, network=fresh(seed=2), resume=True))
    one, other = load_file(whole), load_file(cut)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(one["out.weight"], fresh(seed=1).out.weight)


def fresh(seed):
    torch.manual_seed(seed)
    return CSAFusion(TINY)
