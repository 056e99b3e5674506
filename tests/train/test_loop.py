"""The loop learns, repeats itself to the bit, and goes on after an interruption as if nothing had happened."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.optim.optimizer import register_optimizer_step_pre_hook

from fusecli.errors import ModelError, OutputError
from fusecli.settings import LossSettings, TrainSettings
from fusecli.train import loop
from fusecli.train.loop import save_weights, train, validate

SETTINGS = TrainSettings(
    epochs=2, batch=2, crop=32, learning_rate=5e-3, patience=10, ema=0.5, loss=LossSettings(intensity="max")
)


def closeness(fixed, moving, fused):
    """A cheap stand-in for Q^AB/F: minus the distance to the brighter source."""
    return -float(np.abs(np.maximum(fixed, moving) - fused).mean())


class Scripted:
    """Scores that are known beforehand, one per call."""

    def __init__(self, *scores):
        self.scores = iter(scores)

    def __call__(self, fixed, moving, fused):
        return next(self.scores)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tiny.safetensors"


@pytest.fixture
def run(path, make_network, make_pairs):
    """Epochs of a run, as they are drawn."""

    def start(settings=SETTINGS, *, to=path, seed=0, score=closeness, pairs=6, network=None, **options):
        tasks = {"a": make_pairs(pairs - 2), "b": make_pairs(2, seed=9)}
        validation = {"a": make_pairs(1, seed=5)}
        network = network or make_network(seed)
        return train(network, tasks, validation, score=score, weights_path=to, settings=settings, **options)

    return start


def checkpoint(path):
    return torch.load(path.with_name(path.name + ".checkpoint"), weights_only=True)


def equal(a, b):
    """Whether two nested states hold the same numbers."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    return a == b


def test_the_loss_falls_and_the_validation_score_rises(run, make_network, make_pairs):
    network = make_network()
    before = validate(network, {"a": make_pairs(1, seed=5)}, score=closeness, count=1)
    settings = replace(SETTINGS, batch=4)
    first, second = run(settings, pairs=80, network=network)
    assert second.loss < 0.85 * first.loss
    assert second.score > first.score > before + 0.05


def test_every_epoch_is_reported(run):
    steps = []
    reports = list(run(on_step=lambda *state: steps.append(state)))
    assert [(report.epoch, report.epochs) for report in reports] == [(1, 2), (2, 2)]
    assert all(report.seconds > 0 and np.isfinite(report.loss) for report in reports)
    assert steps == [(1, 3), (2, 3), (3, 3)] * 2  # six pairs in batches of two


def test_the_same_seed_gives_the_same_weights(run, tmp_path):
    for name in ("one", "two"):
        list(run(to=tmp_path / f"{name}.safetensors"))
    assert equal(*(load_file(tmp_path / f"{name}.safetensors") for name in ("one", "two")))


def test_another_seed_gives_other_patches_and_so_other_weights(run, tmp_path):
    list(run(to=tmp_path / "one.safetensors"))
    list(run(replace(SETTINGS, seed=43), to=tmp_path / "two.safetensors"))
    assert not equal(*(load_file(tmp_path / f"{name}.safetensors") for name in ("one", "two")))


FOUR_EPOCHS = replace(SETTINGS, epochs=4)


@pytest.mark.parametrize("schedule", ["one-cycle", "paper"])
def test_a_run_that_was_interrupted_between_epochs_ends_with_the_weights_of_one_that_was_not(run, tmp_path, schedule):
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    settings = replace(FOUR_EPOCHS, schedule=schedule)
    expected = [(report.epoch, report.loss, report.score) for report in run(settings, to=whole)]
    epochs = run(settings, to=cut)
    found = [next(epochs) for _ in range(2)]
    epochs.close()
    found += run(settings, to=cut, seed=99, resume=True)  # a network that starts elsewhere: all must come from the file
    assert [(report.epoch, report.loss, report.score) for report in found] == expected
    assert equal(checkpoint(cut), checkpoint(whole))
    assert equal(load_file(cut), load_file(whole))


def test_a_run_that_was_interrupted_within_an_epoch_does_too(run, tmp_path):
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    list(run(FOUR_EPOCHS, to=whole))
    calls = []

    def interrupt(done, total):
        calls.append(done)
        if len(calls) == 5:  # in the middle of the second epoch
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run(FOUR_EPOCHS, to=cut, on_step=interrupt))
    list(run(FOUR_EPOCHS, to=cut, seed=99, resume=True))
    assert equal(checkpoint(cut), checkpoint(whole))
    assert equal(load_file(cut), load_file(whole))


def test_a_run_that_starts_again_without_resume_is_not_the_same(run, tmp_path):
    whole, other = tmp_path / "whole.safetensors", tmp_path / "other.safetensors"
    list(run(FOUR_EPOCHS, to=whole))
    list(run(FOUR_EPOCHS, to=other, seed=99))
    assert not equal(checkpoint(other)["network"], checkpoint(whole)["network"])


def test_a_finished_run_has_nothing_to_resume(run):
    list(run())
    assert list(run(resume=True)) == []


@pytest.mark.parametrize(
    "other",
    [{"learning_rate": 1e-3}, {"seed": 7}, {"epochs": 9}, {"loss": LossSettings("both", "signed")}, {"ema": 0.0}],
    ids=lambda change: next(iter(change)),
)
def test_a_run_of_other_settings_is_not_resumed(run, path, other):
    list(run())
    before = path.read_bytes()
    with pytest.raises(ModelError, match="other settings") as caught:
        list(run(replace(SETTINGS, **other), resume=True))
    assert caught.value.exit_code == 9
    assert path.read_bytes() == before


def test_a_run_with_more_pairs_than_before_is_not_resumed(run):
    epochs = run(FOUR_EPOCHS)
    next(epochs)
    epochs.close()
    with pytest.raises(ModelError, match="pairs"):
        list(run(FOUR_EPOCHS, pairs=12, resume=True))


def test_a_run_that_never_was_is_not_resumed(run):
    with pytest.raises(ModelError, match="no checkpoint"):
        list(run(resume=True))


def test_a_file_that_is_no_checkpoint_is_a_model_error(run, path):
    path.with_name(path.name + ".checkpoint").write_bytes(b"half a checkp")
    with pytest.raises(ModelError, match="cannot be read"):
        list(run(resume=True))


def test_training_ends_when_the_score_has_not_risen_for_as_long_as_patience(run):
    settings = replace(SETTINGS, epochs=9, patience=2)
    reports = list(run(settings, score=Scripted(0.5, 0.6, 0.55, 0.59, 0.9)))
    assert [report.improved for report in reports] == [True, True, False, False]
    assert [report.stopped_early for report in reports] == [False, False, False, True]


def test_a_gain_starts_the_patience_again(run):
    settings = replace(SETTINGS, epochs=5, patience=2)
    reports = list(run(settings, score=Scripted(0.5, 0.4, 0.6, 0.5, 0.7)))
    assert [report.improved for report in reports] == [True, False, True, False, True]
    assert not any(report.stopped_early for report in reports)


def test_a_gain_within_min_delta_is_none(run):
    reports = list(run(replace(SETTINGS, min_delta=0.01), score=Scripted(0.5, 0.505)))
    assert [report.improved for report in reports] == [True, False]


def test_a_score_that_is_not_a_number_is_no_gain(run, path):
    reports = list(run(score=Scripted(0.5, float("nan"))))
    assert [report.improved for report in reports] == [True, False]


def test_patience_is_remembered_across_an_interruption(run):
    settings = replace(SETTINGS, epochs=9, patience=2)
    epochs = run(settings, score=Scripted(0.5, 0.4))
    next(epochs), next(epochs)
    epochs.close()
    reports = list(run(settings, score=Scripted(0.45, 0.9), resume=True))
    assert [(report.epoch, report.stopped_early) for report in reports] == [(3, True)]


def test_the_weights_on_disk_are_the_best_and_not_the_last(run, path):
    epochs = run(replace(SETTINGS, epochs=3), score=Scripted(0.5, 0.4, 0.6))
    next(epochs)
    best = path.read_bytes()
    next(epochs)
    assert path.read_bytes() == best
    next(epochs)
    assert path.read_bytes() != best


def averaged(state):
    return {name.removeprefix("module."): value for name, value in state["averaged"].items() if name != "n_averaged"}


def test_the_weights_on_disk_are_the_running_mean_under_the_names_of_the_network(run, path, make_network):
    list(run(score=Scripted(0.1, 0.2)))
    saved = load_file(path)
    make_network(1).load_state_dict(saved)
    assert equal(saved, averaged(checkpoint(path)))
    assert not equal(saved, dict(checkpoint(path)["network"]))


def test_without_a_memory_the_running_mean_is_the_network(run, path):
    list(run(replace(SETTINGS, ema=0.0), score=Scripted(0.1, 0.2)))
    assert equal(load_file(path), dict(checkpoint(path)["network"]))


def test_a_write_that_fails_leaves_the_old_weights_and_nothing_else(path, make_network, monkeypatch):
    save_weights(make_network(0), path)
    before = path.read_bytes()

    def fail(tensors, target):
        target.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(loop, "save_file", fail)
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


def test_the_papers_schedule_takes_a_tenth_off_every_five_epochs(run, rates):
    list(run(replace(SETTINGS, schedule="paper", epochs=11), pairs=4, score=rising_scores()))
    expected = np.repeat([1, 0.9, 0.81], [10, 10, 2]) * SETTINGS.learning_rate  # two steps an epoch
    assert rates == pytest.approx(expected)


def rising_scores():
    return Scripted(*np.arange(100.0))


def test_one_cycle_rises_to_the_learning_rate_and_ends_near_zero(run, rates):
    list(run(replace(SETTINGS, epochs=4), pairs=20))
    assert len(rates) == 40
    assert max(rates) == pytest.approx(SETTINGS.learning_rate, rel=1e-3)
    assert rates[0] < SETTINGS.learning_rate / 20
    assert np.argmax(rates) == 3  # a tenth of the steps
    assert rates[-1] < 1e-4 * SETTINGS.learning_rate


@pytest.mark.parametrize("epochs", [1, 2, 9, 10, 11])
def test_one_cycle_works_for_any_number_of_steps(run, rates, epochs):
    list(run(replace(SETTINGS, epochs=epochs), pairs=3, score=rising_scores()))
    assert len(rates) == epochs
    assert rates[-1] < 1e-4 * SETTINGS.learning_rate


def test_an_unknown_schedule_is_our_own_mistake(run):
    with pytest.raises(ValueError, match="unknown schedule"):
        list(run(replace(SETTINGS, schedule="cosine")))
