import hashlib
import json

import pytest


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A folder of weights with one entry whose file is there."""
    content = b"not really weights"
    (tmp_path / "lrc.safetensors").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    (tmp_path / "manifest.toml").write_text(
        f'[lrc]\nfile = "lrc.safetensors"\nsha256 = "{digest}"\narchitecture = "lrc"\nlicense = "Apache-2.0"\n'
    )
    monkeypatch.setenv("FUSECLI_WEIGHTS", str(tmp_path))
    return tmp_path


def test_the_list_has_every_model_of_the_catalog(run):
    from fusecli.catalog import MODELS, REGISTRATION_MODEL

    names = [*MODELS, REGISTRATION_MODEL.name]
    assert [line.split()[0] for line in run("models", "list").out.splitlines()] == names
    rows = json.loads(run("models", "list", "--json").out)["models"]
    assert [row["name"] for row in rows] == names
    assert [row["name"] for row in rows if row["fuses"]] == list(MODELS)


def test_the_list_has_columns_however_long_the_names_are(run):
    from fusecli.catalog import ALL_MODELS

    lines = run("models", "list").out.splitlines()
    places = [line.index(model.title) for line, model in zip(lines, ALL_MODELS.values(), strict=True)]
    assert len(set(places)) == 1
    assert len({len(name) for name in ALL_MODELS}) > 1


def test_the_shipped_weights_are_the_ones_of_the_manifest(run):
    outcome = run("models", "verify")
    assert outcome.code == 0
    assert outcome.out.startswith("lrc ")


def test_show_and_path_read_the_manifest(run, weights):
    assert json.loads(run("models", "show", "lrc").out)["license"] == "Apache-2.0"
    assert run("models", "path", "lrc").out.strip() == str(weights / "lrc.safetensors")


def test_one_changed_byte_is_a_wrong_hash(run, weights):
    assert run("models", "verify").code == 0
    (weights / "lrc.safetensors").write_bytes(b"not really weightz")
    outcome = run("models", "verify")
    assert outcome.code == 9
    assert "sha256" in outcome.err


def test_missing_weights_and_unknown_names_are_model_errors(run, weights):
    assert run("models", "path", "nobody").code == 9
    (weights / "lrc.safetensors").unlink()
    assert run("models", "path", "lrc").code == 9


def test_fusing_with_missing_weights_says_so_and_writes_nothing(run, weights, tmp_path):
    import numpy as np
    from PIL import Image

    (weights / "lrc.safetensors").unlink()
    for name, brightness in (("a.png", 255), ("b.png", 128)):
        Image.fromarray(np.eye(64, dtype=np.uint8) * brightness).save(tmp_path / name)
    outcome = run("fuse", tmp_path / "a.png", tmp_path / "b.png", "-o", tmp_path / "f.png")
    assert outcome.code == 9
    assert not (tmp_path / "f.png").exists()
