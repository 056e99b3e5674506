"""`fusecli train` from its words to its first epoch, on folders of real files."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fusecli.errors import ImageError, InputError, ModelError, OutputError, UsageError
from fusecli.models.lrc import LRC
from fusecli.settings.training import LOSSES, TrainSettings
from fusecli.train import start

SETTINGS = TrainSettings(epochs=1, batch=2, crop=32, ema=0.0)


@pytest.fixture
def data(tmp_path, save_picture, make_pairs):
    for pair in make_pairs(2, side=40):
        save_picture(tmp_path / f"data/PET-MRI/MRI/{pair.name}.png", 255 * pair.fixed)
        save_picture(tmp_path / f"data/PET-MRI/PET/{pair.name}.png", 255 * pair.moving)
    save_picture(tmp_path / "data/PET-MRI/PET/lonely.png", np.zeros((40, 40)))
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def no_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_a_session_says_what_it_trains_on_and_what_it_leaves_out(data, tmp_path):
    notes = start(data, data, tmp_path / "w.safetensors", "lrc", SETTINGS).notes
    assert notes[0] == "Training lrc on cpu with PET-MRI 2 pairs."
    assert any("PET-MRI/lonely" in note for note in notes)


def test_a_gpu_that_is_not_there_is_said(data, tmp_path):
    notes = start(data, data, tmp_path / "w.safetensors", "lrc", SETTINGS, device="cuda").notes
    assert any("CUDA" in note for note in notes)


def test_an_epoch_on_real_files_writes_weights_that_the_network_takes_and_that_repeat(data, tmp_path):
    paths = [tmp_path / f"{name}.safetensors" for name in ("one", "two")]
    for path in paths:
        (report,) = start(data, data, path, "lrc", SETTINGS).epochs
        assert 0 <= report.score <= 1
    weights = [load_file(path) for path in paths]
    LRC().load_state_dict(weights[0])
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_another_seed_starts_from_other_weights(data, tmp_path):
    paths = {seed: tmp_path / f"{seed}.safetensors" for seed in (1, 2)}
    for seed, path in paths.items():
        list(start(data, data, path, "lrc", TrainSettings(seed=seed, epochs=1, batch=2, crop=32)).epochs)
    one, two = (load_file(path) for path in paths.values())
    assert not torch.equal(one["decoder.convs.0.weight"], two["decoder.convs.0.weight"])


@pytest.fixture
def large(tmp_path, save_picture, make_pairs):
    for pair in make_pairs(2, side=60):
        save_picture(tmp_path / f"large/PET-MRI/MRI/{pair.name}.png", 255 * pair.fixed)
        save_picture(tmp_path / f"large/PET-MRI/PET/{pair.name}.png", 255 * pair.moving)
    return tmp_path / "large"


METRICS = replace(SETTINGS, crop=48, loss=LOSSES["metrics"])


def test_the_best_epoch_is_chosen_by_what_the_loss_asks_for(large, tmp_path):
    by_edges = start(large, large, tmp_path / "a.safetensors", "lrc-fast", replace(SETTINGS, crop=48))
    by_all = start(large, large, tmp_path / "b.safetensors", "lrc-fast", METRICS)
    by_leads = start(large, large, tmp_path / "c.safetensors", "lrc-fast", replace(METRICS, loss=LOSSES["balance"]))
    assert (by_edges.measure, by_all.measure, by_leads.measure) == ("QABF", "minus loss", "minus lack")
    (first,), (second,), (third,) = by_edges.epochs, by_all.epochs, by_leads.epochs
    assert first.score >= 0 > second.score
    assert second.score != third.score < 0


@pytest.mark.parametrize("loss", ["metrics", "balance"])
def test_patches_too_small_for_vif_are_refused_before_anything_is_read(tmp_path, loss):
    nowhere = tmp_path / "nowhere"
    with pytest.raises(UsageError, match="32 x 32") as caught:
        start(nowhere, nowhere, tmp_path / "w.safetensors", "lrc", replace(METRICS, crop=32, loss=LOSSES[loss]))
    assert "--crop 128" in caught.value.hint


@pytest.mark.parametrize("loss", ["metrics", "balance"])
def test_a_validation_pair_too_small_for_vif_is_named(large, data, tmp_path, loss):
    with pytest.raises(ImageError, match="PET-MRI/"):
        start(large, data, tmp_path / "w.safetensors", "lrc", replace(METRICS, loss=LOSSES[loss]))
    assert start(large, data, tmp_path / "w.safetensors", "lrc", replace(METRICS, loss=LOSSES["max"])).notes


@pytest.mark.parametrize(("side", "most"), [(40, 128), (150, 192)])
def test_a_patch_far_larger_than_every_image_is_refused_and_one_of_a_whole_image_is_not(
    tmp_path, save_picture, make_pairs, side, most
):
    for pair in make_pairs(1, side=side):
        save_picture(tmp_path / f"data/PET-MRI/MRI/{pair.name}.png", 255 * pair.fixed)
        save_picture(tmp_path / f"data/PET-MRI/PET/{pair.name}.png", 255 * pair.moving)
    words = (tmp_path / "data", tmp_path / "data", tmp_path / "w.safetensors", "lrc")
    with pytest.raises(UsageError, match=f"{most + 1} x {most + 1}") as caught:
        start(*words, replace(SETTINGS, crop=most + 1))
    assert f"{side} x {side}" in caught.value.why
    assert f"--crop {most}" in caught.value.hint
    assert start(*words, replace(SETTINGS, crop=most)).notes


def test_validation_pairs_that_are_trained_on_are_counted_whatever_their_names(data, tmp_path, save_picture):
    held_out = tmp_path / "val/PET-MRI"
    for number, pair in enumerate(sorted((data / "PET-MRI/MRI").iterdir())):
        for folder in ("MRI", "PET"):
            (held_out / folder).mkdir(parents=True, exist_ok=True)
            shutil.copy(data / "PET-MRI" / folder / pair.name, held_out / folder / f"{number}.png")
    save_picture(held_out / "MRI/1.png", np.eye(40) * 200)
    notes = start(data, tmp_path / "val", tmp_path / "w.safetensors", "lrc", SETTINGS).notes
    assert [note for note in notes if "1 of the 2 validation pairs" in note]
    notes = start(data, data, tmp_path / "w.safetensors", "lrc", SETTINGS).notes
    assert [note for note in notes if "2 of the 2 validation pairs" in note]
    save_picture(held_out / "MRI/0.png", np.eye(40) * 100)
    notes = start(data, tmp_path / "val", tmp_path / "w.safetensors", "lrc", SETTINGS).notes
    assert not [note for note in notes if "validation pairs" in note]


def test_weights_are_named_safetensors(data, tmp_path):
    with pytest.raises(UsageError, match=r"weights\.pt"):
        start(data, data, tmp_path / "weights.pt", "lrc", SETTINGS)


def test_weights_that_stand_are_not_replaced_unless_asked(data, tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists") as caught:
        start(data, data, path, "lrc", SETTINGS)
    assert caught.value.exit_code == 7
    assert path.read_bytes() == b"precious"
    assert start(data, data, path, "lrc", SETTINGS, overwrite=True).notes


def test_a_folder_that_is_not_there_is_an_output_error(data, tmp_path):
    with pytest.raises(OutputError, match="no folder"):
        start(data, data, tmp_path / "missing" / "w.safetensors", "lrc", SETTINGS)


def test_an_unknown_network_is_a_model_error(data, tmp_path):
    with pytest.raises(ModelError, match="lrc9"):
        start(data, data, tmp_path / "w.safetensors", "lrc9", SETTINGS)


def test_folders_without_pairs_are_an_input_error_on_either_side(data, tmp_path):
    (tmp_path / "empty").mkdir()
    for folders in ((tmp_path / "empty", data), (data, tmp_path / "empty")):
        with pytest.raises(InputError):
            start(*folders, tmp_path / "w.safetensors", "lrc", SETTINGS)


def test_a_validation_pair_without_an_edge_is_refused_by_name_before_the_first_epoch(data, tmp_path, save_picture):
    for folder in ("MRI", "PET"):
        save_picture(tmp_path / f"val/PET-MRI/{folder}/black.png", np.zeros((40, 40)))
    with pytest.raises(ImageError, match="PET-MRI/black"):
        start(data, tmp_path / "val", tmp_path / "w.safetensors", "lrc", SETTINGS)
    assert not list(tmp_path.glob("w.*"))


@pytest.mark.parametrize("name", ["w.safetensors", "w.safetensors.checkpoint"])
def test_a_folder_in_the_place_of_a_result_is_refused_before_the_first_epoch(data, tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(OutputError, match=name):
        start(data, data, tmp_path / "w.safetensors", "lrc", SETTINGS, overwrite=True)
