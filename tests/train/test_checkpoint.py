"""A checkpoint lets a run go on as if nothing had happened, and is refused by any other run."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fusecli.errors import ModelError
from fusecli.settings.training import AugmentSettings, LossSettings
from fusecli.train.checkpoint import pairs_digest
from fusecli.train.datasets import TrainingPair


@pytest.fixture
def four_epochs(small):
    return replace(small, epochs=4)


@pytest.mark.parametrize("schedule", ["one-cycle", "paper"])
def test_a_run_that_was_interrupted_between_epochs_ends_with_the_weights_of_one_that_was_not(
    run, tmp_path, schedule, four_epochs, checkpoint, equal
):
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    settings = replace(four_epochs, schedule=schedule)
    expected = [(report.epoch, report.loss, report.score) for report in run(settings, to=whole)]
    epochs = run(settings, to=cut)
    found = [next(epochs) for _ in range(2)]
    epochs.close()
    found += run(settings, to=cut, seed=99, resume=True)  # a network that starts elsewhere: all must come from the file
    assert [(report.epoch, report.loss, report.score) for report in found] == expected
    assert equal(checkpoint(cut), checkpoint(whole))
    assert equal(load_file(cut), load_file(whole))


def test_a_run_that_was_interrupted_within_an_epoch_does_too(run, tmp_path, four_epochs, checkpoint, equal):
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    list(run(four_epochs, to=whole))
    calls = []

    def interrupt(done, total):
        calls.append(done)
        if len(calls) == 5:  # in the middle of the second epoch
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run(four_epochs, to=cut, on_step=interrupt))
    list(run(four_epochs, to=cut, seed=99, resume=True))
    assert equal(checkpoint(cut), checkpoint(whole))
    assert equal(load_file(cut), load_file(whole))


def test_a_run_that_starts_again_without_resume_is_not_the_same(run, tmp_path, four_epochs, checkpoint, equal):
    whole, other = tmp_path / "whole.safetensors", tmp_path / "other.safetensors"
    list(run(four_epochs, to=whole))
    list(run(four_epochs, to=other, seed=99))
    assert not equal(checkpoint(other)["network"], checkpoint(whole)["network"])


def test_a_finished_run_has_nothing_to_resume(run):
    list(run())
    assert list(run(resume=True)) == []


@pytest.mark.parametrize(
    "other",
    [
        {"learning_rate": 1e-3},
        {"seed": 7},
        {"epochs": 9},
        {"loss": LossSettings("both", "signed")},
        {"ema": 0.0},
        {"augment": AugmentSettings(lift_odds=0)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_run_of_other_settings_is_not_resumed(run, path, other, small):
    list(run())
    before = path.read_bytes()
    with pytest.raises(ModelError, match="other settings") as caught:
        list(run(replace(small, **other), resume=True))
    assert caught.value.exit_code == 9
    assert path.read_bytes() == before


def test_a_run_with_more_pairs_than_before_is_not_resumed(run, four_epochs):
    epochs = run(four_epochs)
    next(epochs)
    epochs.close()
    with pytest.raises(ModelError, match="pairs"):
        list(run(four_epochs, pairs=12, resume=True))


def test_a_run_that_never_was_is_not_resumed(run):
    with pytest.raises(ModelError, match="no checkpoint"):
        list(run(resume=True))


def test_a_file_that_is_no_checkpoint_is_a_model_error(run, path):
    path.with_name(path.name + ".checkpoint").write_bytes(b"half a checkp")
    with pytest.raises(ModelError, match="cannot be read"):
        list(run(resume=True))


def test_patience_is_remembered_across_an_interruption(run, small, scripted):
    settings = replace(small, epochs=9, patience=2)
    epochs = run(settings, score=scripted(0.5, 0.4))
    next(epochs), next(epochs)
    epochs.close()
    reports = list(run(settings, score=scripted(0.45, 0.9), resume=True))
    assert [(report.epoch, report.stopped_early) for report in reports] == [(3, True)]


def checkpoint_of(path):
    return path.with_name(path.name + ".checkpoint")


FOREIGN = {
    "nothing": {},
    "another program's": {"state_dict": {}, "epoch": 3},
    "a list": [1, 2],
    "a tensor": torch.zeros(3),
    "an empty archive": None,
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_file_that_torch_can_read_and_that_is_not_ours_is_a_model_error(run, path, content):
    torch.save(content, checkpoint_of(path))
    with pytest.raises(ModelError, match="not a checkpoint") as caught:
        list(run(resume=True))
    assert caught.value.exit_code == 9
    assert "settings" in caught.value.why


@pytest.fixture
def one_epoch(run, four_epochs):
    """A run that was interrupted after its first epoch."""
    epochs = run(four_epochs)
    next(epochs)
    epochs.close()


WHICH_RUN = ("settings", "training_pairs", "validation_pairs")
WHERE_IT_STOOD = ("network", "averaged", "optimizer", "scheduler", "epoch", "best", "epochs_without_gain")


@pytest.mark.parametrize("key", [*WHICH_RUN, *WHERE_IT_STOOD])
@pytest.mark.parametrize("change", ["missing", "of another kind"])
def test_a_checkpoint_with_a_part_missing_or_of_another_kind_names_it(
    run, path, four_epochs, one_epoch, checkpoint, key, change
):
    state = checkpoint(path)
    state.pop(key)
    if change == "of another kind":
        state[key] = [1]
    torch.save(state, checkpoint_of(path))
    with pytest.raises(ModelError, match="not a checkpoint") as caught:
        list(run(four_epochs, resume=True))
    assert key in caught.value.why


def test_the_settings_that_differ_are_named_and_the_others_are_not(run, four_epochs, one_epoch):
    other = replace(four_epochs, batch=4, augment=AugmentSettings(negative_odds=0.5))
    with pytest.raises(ModelError, match="other settings") as caught:
        list(run(other, resume=True))
    assert caught.value.why == "augment.negative_odds was 0.05 and is now 0.5; batch was 2 and is now 4."


def test_a_checkpoint_of_another_network_is_a_model_error(run, four_epochs, one_epoch):
    with pytest.raises(ModelError, match="another network") as caught:
        list(run(four_epochs, network=torch.nn.Conv2d(1, 1, 3), resume=True))
    assert caught.value.exit_code == 9


@pytest.mark.parametrize("part", ["training", "validation"])
def test_as_many_other_pairs_are_refused_and_the_set_is_named(run, four_epochs, one_epoch, make_pairs, part):
    tasks = {"a": make_pairs(4), "b": make_pairs(2, seed=9)}
    others = {"training": {"tasks": tasks | {"b": make_pairs(2, seed=10)}}, "validation": {"validation": tasks}}
    with pytest.raises(ModelError, match=f"other {part} pairs") as caught:
        list(run(four_epochs, resume=True, **others[part]))
    assert caught.value.exit_code == 9


def renamed(pair):
    return replace(pair, name="another")


def one_pixel_more(pair):
    fixed = pair.fixed.copy()
    fixed[0, 0] += np.float32(1 / 255)
    return replace(pair, fixed=fixed)


def exchanged(pair):
    return TrainingPair(pair.name, pair.moving, pair.fixed)


def laid_flat(pair):
    return TrainingPair(pair.name, pair.fixed.reshape(16, 64), pair.moving.reshape(16, 64))


def test_pairs_that_are_equal_have_one_digest_wherever_they_lie_in_memory(make_pairs):
    pairs = make_pairs(2)
    copies = [TrainingPair(pair.name, np.asfortranarray(pair.fixed), pair.moving.copy()) for pair in pairs]
    assert pairs_digest({"a": pairs, "b": pairs[:1]}) == pairs_digest({"b": copies[:1], "a": copies})


@pytest.mark.parametrize("change", [renamed, one_pixel_more, exchanged, laid_flat])
def test_any_change_of_a_pair_changes_the_digest(make_pairs, change):
    first, second = make_pairs(2)
    assert pairs_digest({"a": [first, change(second)]}) != pairs_digest({"a": [first, second]})


def test_a_pair_too_few_another_order_and_another_task_change_the_digest(make_pairs):
    first, second = make_pairs(2)
    digests = [
        pairs_digest(tasks)
        for tasks in ({"a": [first, second]}, {"a": [first]}, {"a": [second, first]}, {"b": [first, second]})
    ]
    assert len(set(digests)) == 4
