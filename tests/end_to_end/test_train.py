"""`fusecli train` from files to weights, with a network small enough for a test."""

import hashlib
import json
import shlex

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

from fusecli.models import network
from fusecli.models.lrc import LRC
from fusecli.models.lrc_config import LRCConfig

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = LRCConfig(channels=4, blocks=1, attention_cells=2, correlation_cells=2, decoder=(4,))


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Two tasks of two pairs each, 48 x 48; the network `tiny` is known."""
    monkeypatch.setitem(network.ARCHITECTURES, "tiny", lambda: LRC(TINY))
    random = np.random.default_rng(0)
    for task, moving in (("PET-MRI", "PET"), ("CT-MRI", "CT")):
        for folder in ("MRI", moving):
            place = tmp_path / "data" / task / folder
            place.mkdir(parents=True)
            for name in ("1.png", "2.png"):
                Image.fromarray(random.integers(0, 255, (48, 48)).astype(np.uint8)).save(place / name)
    return tmp_path / "data"


def words(data, output, *more):
    # On the CPU, because the same bytes twice are not promised on CUDA.
    small = ("--config", "tiny", "--device", "cpu", "--epochs", 2, "--batch", 2, "--crop", 32)
    return ("train", data, "--validation", data, "-o", output, *small, *more)


def test_training_writes_weights_that_the_network_takes(run, data, tmp_path):
    output = tmp_path / "tiny.safetensors"
    outcome = run(*words(data, output))
    assert outcome.code == 0, outcome.err
    assert outcome.out == f"{output}\n"
    assert "epoch 2/2" in outcome.err
    LRC(TINY).load_state_dict(load_file(output))


def test_the_network_may_be_named_by_model_as_in_fuse(run, data, tmp_path):
    assert run(*words(data, tmp_path / "tiny.safetensors", "--model", "tiny")).code == 0
    assert run(*words(data, tmp_path / "huge.safetensors", "--model", "huge")).code == 9


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(run, data, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert run(*words(data, tmp_path / f"{name}.safetensors", "--seed", seed)).code == 0
    a, b, c = ((tmp_path / f"{name}.safetensors").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_weights_are_not_replaced_unless_asked(run, data, tmp_path):
    output = tmp_path / "tiny.safetensors"
    output.write_bytes(b"precious")
    assert run(*words(data, output)).code == 7
    assert output.read_bytes() == b"precious"
    assert run(*words(data, output, "--overwrite")).code == 0


@pytest.mark.parametrize(
    ("more", "code"),
    [(("--loss", "hope"), 2), (("--schedule", "never"), 2), (("--config", "huge"), 9), (("--resume",), 9)],
)
def test_a_wrong_word_is_refused(run, data, tmp_path, more, code):
    assert run(*words(data, tmp_path / "tiny.safetensors", *more)).code == code


def test_training_goes_on_from_given_weights(run, data, tmp_path):
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    run(*words(data, first))
    still = ("--learning-rate", 0, "--start-from", first)
    assert run(*words(data, second, *still)).code == 0
    before, after = load_file(first), load_file(second)
    assert all(np.allclose(before[name], after[name], atol=1e-6) for name in before)
    first.write_bytes(b"not weights")
    refused = run(*words(data, tmp_path / "third.safetensors", "--start-from", first))
    assert refused.code == 9


def test_a_folder_without_pairs_is_no_input(run, data, tmp_path):
    (tmp_path / "empty").mkdir()
    assert run("train", tmp_path / "empty", "--validation", data, "-o", tmp_path / "t.safetensors").code == 3


def test_trained_weights_fuse_once_a_manifest_names_them(run, data, tmp_path, monkeypatch):
    output = tmp_path / "tiny.safetensors"
    run(*words(data, output))
    digest = hashlib.sha256(output.read_bytes()).hexdigest()
    manifest = f'[lrc]\nfile = "{output.name}"\nsha256 = "{digest}"\narchitecture = "tiny"\n'
    (tmp_path / "manifest.toml").write_text(manifest)
    monkeypatch.setenv("FUSECLI_WEIGHTS", str(tmp_path))
    pair = [data / "PET-MRI" / folder / "1.png" for folder in ("MRI", "PET")]
    outcome = run("fuse", *pair, "-o", tmp_path / "f.png", "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["model"] == {"name": "lrc", "sha256": digest}


def test_training_ends_with_the_lines_of_a_manifest_and_the_command_that_fuse_with_its_weights(
    run, data, tmp_path, monkeypatch
):
    output = tmp_path / "my own.safetensors"
    said = run(*words(data, output)).err
    place = tmp_path / "manifest.toml"
    assert str(place) in said
    lines = said[said.index("[lrc]") :].splitlines()
    place.write_text("\n".join(lines[:4]), encoding="utf-8")
    assert shlex.split(lines[-1])[-1] == "lrc"
    variable, folder = shlex.split(lines[-1])[1].split("=")
    monkeypatch.setenv(variable, folder)
    pair = [data / "PET-MRI" / name / "1.png" for name in ("MRI", "PET")]
    outcome = run("fuse", *pair, "-o", tmp_path / "f.png", "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["model"]["sha256"] == hashlib.sha256(output.read_bytes()).hexdigest()


def test_a_file_of_weights_as_the_model_is_refused_with_what_to_do(run, data, tmp_path):
    pair = [data / "PET-MRI" / name / "1.png" for name in ("MRI", "PET")]
    for words in (
        ("fuse", *pair, "-o", tmp_path / "f.png", "--model", "out/w.safetensors"),
        ("compare", *pair, "--models", "max,out/w.safetensors"),
        ("models", "path", "out/w.safetensors"),
    ):
        outcome = run(*words)
        assert outcome.code == (9 if words[0] == "models" else 2), outcome.err
        assert all(said in outcome.err for said in ("manifest.toml", "FUSECLI_WEIGHTS", "docs/training.md")), words
    assert "manifest.toml" not in run("fuse", *pair, "-o", tmp_path / "f.png", "--model", "best").err


def test_a_learning_rate_that_diverges_is_said_and_is_not_a_fault_of_the_images(run, data, tmp_path):
    outcome = run(*words(data, tmp_path / "t.safetensors", "--learning-rate", "1e12", "--epochs", 9))
    assert outcome.code == 2
    assert "diverged" in outcome.err
    assert "--learning-rate" in outcome.err


def test_other_pairs_are_not_resumed(run, data, tmp_path):
    output = tmp_path / "t.safetensors"
    assert run(*words(data, output)).code == 0
    assert run(*words(data, output, "--resume")).code == 0
    place = data / "CT-MRI" / "CT"
    (place / "1.png").rename(place / "kept")
    (place / "2.png").rename(place / "1.png")
    (place / "kept").rename(place / "2.png")
    refused = run(*words(data, output, "--resume"))
    assert refused.code == 9
    assert "training pairs" in refused.err


def test_a_loss_of_metrics_says_what_its_score_is(run, data, tmp_path):
    output = tmp_path / "tiny.safetensors"
    outcome = run(*words(data, output, "--loss", "metrics", "--crop", 48))
    assert outcome.code == 0, outcome.err
    assert "validation minus loss -" in outcome.err
    assert "validation QABF" in run(*words(data, tmp_path / "other.safetensors")).err


def test_a_loss_that_needs_larger_patches_says_so(run, data, tmp_path):
    outcome = run(*words(data, tmp_path / "tiny.safetensors", "--loss", "metrics"))
    assert outcome.code == 2
    assert "--crop 128" in outcome.err


def test_the_weight_of_the_gradients_changes_the_weights(run, data, tmp_path):
    for name, alpha in (("default", ()), ("same", ("--alpha", 2)), ("other", ("--alpha", 9))):
        assert run(*words(data, tmp_path / f"{name}.safetensors", *alpha)).code == 0
    default, same, other = ((tmp_path / f"{name}.safetensors").read_bytes() for name in ("default", "same", "other"))
    assert default == same
    assert default != other
