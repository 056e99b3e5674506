"""The loop learns, repeats itself to the bit, keeps the best weights, and stops when numbers break down."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.optim.swa_utils import AveragedModel

from fusecli.errors import OutputError, UsageError
from fusecli.train.loop import remembered, save_weights
from fusecli.train.validation import validate

RISING = tuple(float(i) for i in range(100))


def test_the_loss_falls_and_the_validation_score_rises(run, make_network, make_pairs, small, score):
    network = make_network()
    before = validate(network, {"a": make_pairs(1, seed=5)}, score=score, count=1)
    settings = replace(small, batch=4)
    first, second = run(settings, pairs=80, network=network)
    assert second.loss < 0.85 * first.loss
    assert second.score > first.score > before + 0.05


def test_every_epoch_is_reported(run):
    steps = []
    reports = list(run(on_step=lambda *state: steps.append(state)))
    assert [(report.epoch, report.epochs) for report in reports] == [(1, 2), (2, 2)]
    assert all(report.seconds > 0 and np.isfinite(report.loss) for report in reports)
    assert steps == [(1, 3), (2, 3), (3, 3)] * 2  # six pairs in batches of two


def test_the_same_seed_gives_the_same_weights(run, tmp_path, equal):
    for name in ("one", "two"):
        list(run(to=tmp_path / f"{name}.safetensors"))
    assert equal(*(load_file(tmp_path / f"{name}.safetensors") for name in ("one", "two")))


def test_another_seed_gives_other_patches_and_so_other_weights(run, tmp_path, small, equal):
    list(run(to=tmp_path / "one.safetensors"))
    list(run(replace(small, seed=43), to=tmp_path / "two.safetensors"))
    assert not equal(*(load_file(tmp_path / f"{name}.safetensors") for name in ("one", "two")))


def test_training_ends_when_the_score_has_not_risen_for_as_long_as_patience(run, small, scripted):
    settings = replace(small, epochs=9, patience=2)
    reports = list(run(settings, score=scripted(0.5, 0.6, 0.55, 0.59, 0.9)))
    assert [report.improved for report in reports] == [True, True, False, False]
    assert [report.stopped_early for report in reports] == [False, False, False, True]


def test_a_gain_starts_the_patience_again(run, small, scripted):
    settings = replace(small, epochs=5, patience=2)
    reports = list(run(settings, score=scripted(0.5, 0.4, 0.6, 0.5, 0.7)))
    assert [report.improved for report in reports] == [True, False, True, False, True]
    assert not any(report.stopped_early for report in reports)


def test_a_gain_within_min_delta_is_none(run, small, scripted):
    reports = list(run(replace(small, min_delta=0.01), score=scripted(0.5, 0.505)))
    assert [report.improved for report in reports] == [True, False]


def test_a_score_that_is_not_a_number_is_no_gain(run, path, scripted):
    reports = list(run(score=scripted(0.5, float("nan"))))
    assert [report.improved for report in reports] == [True, False]


def test_the_weights_on_disk_are_the_best_and_not_the_last(run, path, small, scripted):
    epochs = run(replace(small, epochs=3), score=scripted(0.5, 0.4, 0.6))
    next(epochs)
    best = path.read_bytes()
    next(epochs)
    assert path.read_bytes() == best
    next(epochs)
    assert path.read_bytes() != best


def averaged(state):
    return {name.removeprefix("module."): value for name, value in state["averaged"].items() if name != "n_averaged"}


def test_the_weights_on_disk_are_the_running_mean_under_the_names_of_the_network(
    run, path, make_network, scripted, checkpoint, equal
):
    list(run(score=scripted(0.1, 0.2)))
    saved = load_file(path)
    make_network(1).load_state_dict(saved)
    assert equal(saved, averaged(checkpoint(path)))
    assert not equal(saved, dict(checkpoint(path)["network"]))


def test_without_a_memory_the_running_mean_is_the_network(run, path, small, scripted, checkpoint, equal):
    list(run(replace(small, ema=0.0), score=scripted(0.1, 0.2)))
    assert equal(load_file(path), dict(checkpoint(path)["network"]))


def mean_of_steps(weights, memory):
    """The running mean of a single weight that takes these values, one after another."""
    weight = nn.Linear(1, 1, bias=False)
    mean = AveragedModel(weight, multi_avg_fn=partial(remembered, memory=memory))
    for value in weights:
        nn.init.constant_(weight.weight, value)
        mean.update_parameters(weight)
    return mean.module.weight.item()


@pytest.mark.parametrize("steps", [10, 100, 1000])
def test_the_running_mean_forgets_what_a_run_began_with_however_short_it_is(steps):
    assert mean_of_steps([0] + [1] * steps, memory=0.995) > 0.9


def test_the_running_mean_of_a_long_run_remembers_as_much_as_was_asked():
    settled = [0] * 5000
    assert mean_of_steps([*settled, 1], memory=0.995) == pytest.approx(0.005, rel=1e-3)
    assert mean_of_steps([*settled, 1], memory=0.9) == pytest.approx(0.1, rel=1e-3)
    assert mean_of_steps([0] * 5 + [1], memory=0.995) == pytest.approx(1 - 6 / 15, rel=1e-3)


def test_a_write_that_fails_leaves_the_old_weights_and_nothing_else(path, make_network, monkeypatch):
    save_weights(make_network(0), path)
    before = path.read_bytes()

    def fail(target, content):
        with target.open("wb") as file:
            file.write(content[:100])
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OutputError, match="could not be written") as caught:
        save_weights(make_network(1), path)
    assert caught.value.exit_code == 7
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_run_leaves_two_files(run, path):
    list(run())
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, path.name + ".checkpoint"]


@pytest.fixture
def rates():
    """The learning rate of every step that is taken."""
    seen = []
    handle = register_optimizer_step_pre_hook(lambda optimizer, *_: seen.append(optimizer.param_groups[0]["lr"]))
    yield seen
    handle.remove()


def test_the_papers_schedule_takes_a_tenth_off_every_five_epochs(run, rates, small, scripted):
    list(run(replace(small, schedule="paper", epochs=11), pairs=4, score=scripted(*RISING)))
    expected = np.repeat([1, 0.9, 0.81], [10, 10, 2]) * small.learning_rate  # two steps an epoch
    assert rates == pytest.approx(expected)


def test_one_cycle_rises_to_the_learning_rate_and_ends_near_zero(run, rates, small):
    list(run(replace(small, epochs=4), pairs=20))
    assert len(rates) == 40
    assert max(rates) == pytest.approx(small.learning_rate, rel=1e-3)
    assert rates[0] < small.learning_rate / 20
    assert np.argmax(rates) == 3  # a tenth of the steps
    assert rates[-1] < 1e-4 * small.learning_rate


@pytest.mark.parametrize("epochs", [1, 2, 9, 10, 11])
def test_one_cycle_works_for_any_number_of_steps(run, rates, epochs, small, scripted):
    list(run(replace(small, epochs=epochs), pairs=3, score=scripted(*RISING)))
    assert len(rates) == epochs
    assert rates[-1] < 1e-4 * small.learning_rate


def test_an_unknown_schedule_is_our_own_mistake(run, small):
    with pytest.raises(ValueError, match="unknown schedule"):
        list(run(replace(small, schedule="cosine")))


def test_the_warm_up_is_a_setting(run, rates, small):
    list(run(replace(small, epochs=4, warm_up=0.5), pairs=20))
    assert np.argmax(rates) == 19  # half of the steps


def test_the_papers_decay_is_a_setting(run, rates, small, scripted):
    settings = replace(small, schedule="paper", epochs=3, decay=0.5, decay_epochs=1)
    list(run(settings, pairs=4, score=scripted(*RISING)))
    assert rates == pytest.approx(np.repeat([1, 0.5, 0.25], 2) * small.learning_rate)


@pytest.mark.parametrize("limit", [1.0, 0.01])
def test_gradients_are_clipped_to_the_norm_that_the_settings_say(run, small, monkeypatch, limit):
    seen = []
    clip = torch.nn.utils.clip_grad_norm_

    def spy(parameters, max_norm):
        seen.append(max_norm)
        return clip(parameters, max_norm=max_norm)

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", spy)
    list(run(replace(small, clip_norm=limit)))
    assert set(seen) == {limit}


def files_after_an_epoch(epochs, path):
    next(epochs)
    return {file.name: file.read_bytes() for file in path.parent.iterdir()}


@pytest.mark.parametrize("broken", ["loss", "gradient"])
def test_a_step_that_is_not_a_number_stops_the_run_and_leaves_what_stood_on_disk(
    run, path, small, make_network, broken
):
    network = make_network()
    epochs = run(replace(small, epochs=3), network=network)
    before = files_after_an_epoch(epochs, path)
    if broken == "loss":
        with torch.no_grad():
            next(network.parameters()).fill_(float("nan"))
    else:
        next(network.parameters()).register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(UsageError, match="diverged") as caught:
        next(epochs)
    assert "epoch 2" in caught.value.why
    assert "--learning-rate" in caught.value.hint
    if broken == "gradient":
        assert all(torch.isfinite(weights).all() for weights in network.parameters())  # the step was not taken
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


def test_weights_that_break_down_in_the_last_step_of_an_epoch_are_not_kept(run, path, small, make_network):
    network = make_network()
    epochs = run(replace(small, epochs=3), network=network)
    before = files_after_an_epoch(epochs, path)
    steps = []

    def ruin(optimizer, *_):
        steps.append(1)
        if len(steps) == 3:
            with torch.no_grad():
                next(network.parameters()).fill_(float("nan"))

    handle = register_optimizer_step_post_hook(ruin)
    try:
        with pytest.raises(UsageError, match="diverged") as caught:
            next(epochs)
    finally:
        handle.remove()
    assert "validation pair pair 0" in caught.value.why
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


def test_a_learning_rate_out_of_all_proportion_diverges_and_says_so(run, path, small):
    with pytest.raises(UsageError, match="diverged") as caught:
        list(run(replace(small, epochs=5, learning_rate=1e12)))
    assert caught.value.exit_code == 2
    assert "numbers" not in caught.value.what


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_weights_may_be_read_by_whom_the_umask_allows(path, make_network, mask, mode):
    before = os.umask(mask)
    try:
        save_weights(make_network(), path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == mode


def test_weights_on_disk_are_the_tensors_of_the_network(path, make_network, equal):
    network = make_network()
    save_weights(network, path)
    assert equal(load_file(path), dict(network.state_dict()))
    assert not equal(load_file(path), dict(make_network(1).state_dict()))
