"""Which library runs the network, for every combination that matters."""

import pytest

from fusecli.errors import ModelError, UsageError
from fusecli.models import backend
from fusecli.models.backend import choose_backend


@pytest.fixture
def machine(monkeypatch):
    """Sets what there is."""

    def set_up(*, installed=True, gpu=False):
        monkeypatch.setattr(backend, "openvino_is_installed", lambda: installed)
        monkeypatch.setattr(backend, "gpu_count", lambda: int(gpu))

    return set_up


def chosen(wanted="auto", *, device="auto", converted=True):
    return choose_backend(wanted, device=device, name="lrc", converted=converted)


def test_auto_takes_openvino_on_a_machine_without_gpu(machine):
    machine()
    assert chosen() == "openvino"
    assert chosen(device="cpu") == "openvino"


def test_auto_leaves_a_gpu_to_torch_unless_the_cpu_is_asked_for(machine):
    machine(gpu=True)
    assert chosen() == "torch"
    assert chosen(device="cuda") == "torch"
    assert chosen(device="cpu") == "openvino"


def test_auto_leaves_the_word_about_a_missing_gpu_to_torch(machine):
    machine(gpu=False)
    assert chosen(device="cuda") == "torch"


def test_auto_takes_torch_where_openvino_or_its_files_are_missing(machine):
    machine(installed=False)
    assert chosen() == "torch"
    machine()
    assert chosen(converted=False) == "torch"


def test_torch_is_taken_when_asked_for(machine):
    machine()
    assert chosen("torch", device="cpu") == "torch"


def test_openvino_is_taken_when_asked_for_even_beside_a_gpu(machine):
    machine(gpu=True)
    assert chosen("openvino") == "openvino"


def test_openvino_that_is_missing_is_a_model_error_that_says_how_to_install_it(machine):
    machine(installed=False)
    with pytest.raises(ModelError, match="not installed") as caught:
        chosen("openvino")
    assert 'pip install "fusecli[openvino]"' in caught.value.hint
    assert caught.value.exit_code == 9


def test_a_network_that_is_not_converted_is_a_model_error(machine):
    machine()
    with pytest.raises(ModelError, match="'lrc' is not shipped for OpenVINO"):
        chosen("openvino", converted=False)


def test_openvino_on_cuda_is_a_usage_error(machine):
    machine(gpu=True)
    with pytest.raises(UsageError, match="cuda"):
        chosen("openvino", device="cuda")


def test_another_word_is_a_usage_error(machine):
    machine()
    with pytest.raises(UsageError, match="onnx"):
        chosen("onnx")


def test_the_command_says_how_to_install_openvino(run, machine, tmp_path):
    from PIL import Image

    machine(installed=False)
    for name, level in (("a.png", 90), ("b.png", 120)):
        Image.new("L", (40, 40), level).save(tmp_path / name)
    outcome = run("fuse", tmp_path / "a.png", tmp_path / "b.png", "-o", tmp_path / "f.png", "--backend", "openvino")
    assert outcome.code == 9
    assert "fusecli[openvino]" in outcome.err
    assert not (tmp_path / "f.png").exists()
