"""A model in a process of its own does what it does here, and its end is not ours."""

import signal
import sys
from dataclasses import asdict
from multiprocessing import active_children

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fusecli import fusion, models
from fusecli.comparing import alone
from fusecli.errors import FusecliError, MemoryLimitError, ModelError
from fusecli.models.network import build
from fusecli.models.weights import FOLDER_VARIABLE
from fusecli.settings import FuseSettings


def settings_of(model):
    return FuseSettings(model=model, device="cpu", backend="torch")


def silent(done, total):
    pass


def ending_by(number):
    """A progress that ends the other process as soon as it has begun."""

    def end(done, total):
        (process,) = active_children()
        process.terminate() if number == signal.SIGTERM else process.kill()

    return end


@pytest.fixture
def random_weights(tmp_path, monkeypatch):
    """A folder of weights in which `lrc` is a CSAFusion that nobody trained, and nothing else is."""
    from hashlib import sha256

    torch.manual_seed(0)
    file = tmp_path / "random.safetensors"
    save_file(build("csafusion").state_dict(), file)
    digest = sha256(file.read_bytes()).hexdigest()
    entry = f'[lrc]\nfile = "{file.name}"\nsha256 = "{digest}"\narchitecture = "csafusion"\n'
    (tmp_path / "manifest.toml").write_text(entry, encoding="utf-8")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return digest


def test_a_baseline_alone_makes_what_it_makes_here(make_pair):
    pair = make_pair(slices=3)
    heard = []
    trial = alone.fuse_alone(pair, settings_of("max"), progress=lambda done, total: heard.append((done, total)))
    assert np.array_equal(trial.voxels, fusion.fuse(pair, models.load("max")).voxels)
    assert not np.array_equal(trial.voxels, fusion.fuse(pair, models.load("average")).voxels)
    assert heard == [(1, 3), (2, 3), (3, 3)]
    assert trial.run.weights_sha256 is None
    assert trial.run.cost.fuse_s > 0
    assert not active_children()


def test_a_network_alone_makes_what_it_makes_here(pair, random_weights):
    trial = alone.fuse_alone(pair, settings_of("lrc"), progress=silent)
    here = fusion.fuse(pair, models.load("lrc", device="cpu", backend="torch")).voxels
    assert np.abs(trial.voxels - here).max() < 1e-5  # sums depend on the number of threads
    assert trial.run.weights_sha256 == random_weights
    assert trial.run.backend.startswith("torch")


def test_an_error_of_the_other_process_is_raised_here_as_it_is(pair, random_weights):
    with pytest.raises(ModelError, match="There are no weights for 'lrc-fast'") as caught:
        alone.fuse_alone(pair, settings_of("lrc-fast"), progress=silent)
    assert caught.value.exit_code == 9
    assert "--model max" in caught.value.hint


@pytest.mark.parametrize(
    ("number", "kind", "text"),
    [(signal.SIGKILL, MemoryLimitError, "memory runs out"), (signal.SIGTERM, FusecliError, "exit status -15")],
)
def test_a_process_that_dies_is_an_error_and_leaves_nothing_behind(make_pair, number, kind, text):
    with pytest.raises(FusecliError, match=text) as caught:
        alone.fuse_alone(make_pair(slices=400), settings_of("laplacian"), progress=ending_by(number))
    assert type(caught.value) is kind
    assert not active_children()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak")
def test_a_larger_pair_has_a_higher_peak(make_pair):
    small, large = (
        alone.fuse_alone(make_pair(*shape), settings_of("max"), progress=silent).run.cost.peak_mib
        for shape in ((1, 40, 48), (40, 512, 512))
    )
    # The larger one has 40 MiB in each source and in the result.
    assert large - small == pytest.approx(120, abs=40)


def test_nothing_of_the_files_goes_to_the_other_process(pair):
    bare = alone._bare(pair)
    assert pair.fixed.source is not None
    for image in bare.named().values():
        assert image.source is None
        assert image.history == ()
    assert np.array_equal(bare.fixed.voxels, pair.fixed.voxels)


@pytest.mark.parametrize(("error", "kind"), [(MemoryError(), MemoryLimitError), (ValueError("Doe^Jane"), FusecliError)])
def test_of_an_error_that_is_not_ours_only_the_kind_is_told(error, kind):
    told = alone._explained(error)
    assert type(told) is kind
    assert "Doe" not in str(told)


def test_costs_in_tables_have_a_heading_for_each_and_a_gap_for_what_is_not_known():
    cost = alone.Cost(1.0, 0.25, 0.5, None)
    assert list(cost.texts.values()) == ["1.00", "0.25", "0.50", ""]
    assert len(cost.texts) == len(asdict(cost))
    assert alone.Cost(1.0, 0.25, 0.5, 33.4).texts["memory, MiB"] == "33"
