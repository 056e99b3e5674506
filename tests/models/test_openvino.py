"""The OpenVINO backend: the answers of torch without torch, files that are checked, memory, and nothing reported."""

import hashlib
import json
import os
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

from fusecli import models
from fusecli.errors import MemoryLimitError, ModelError
from fusecli.models import network as networks
from fusecli.models.backend import openvino_is_installed
from fusecli.models.network import NetworkFuser
from fusecli.models.openvino import OpenVinoFuser, silent_openvino
from fusecli.models.openvino_export import convert, export, listed
from fusecli.models.weights import find_converted, find_weights, list_weights, verify_converted

pytestmark = pytest.mark.skipif(not openvino_is_installed(), reason="the OpenVINO backend is an extra")

CONVERTED = [name for name, weights in list_weights().items() if weights.converted]
SIZES = [(32, 32), (33, 257), (256, 256), pytest.param((512, 512), marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def both():
    return {
        name: [models.load(name, device="cpu", backend=backend) for backend in ("torch", "openvino")]
        for name in CONVERTED
    }


def difference(fusers, pair):
    by_torch, by_openvino = (fuser(*pair) for fuser in fusers)
    return np.abs(by_torch - by_openvino).max()


def test_the_network_ships_for_openvino():
    assert "lrc" in CONVERTED


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", CONVERTED)
def test_what_ships_gives_the_answer_of_torch(both, image_pair, name, size):
    # float32 sums in another order: about 1e-6. A bf16 CPU kernel would be off by more than 1e-3.
    assert difference(both[name], image_pair(*size)) < 1e-4


@pytest.fixture
def three_threads(monkeypatch):
    monkeypatch.setattr("fusecli.models.openvino.thread_count", lambda: 3)


def test_slices_side_by_side_are_those_one_by_one_in_their_order(three_threads, image_pair):
    shares = np.array([1, 0.7, 0.4, 0.9], dtype=np.float32)[:, np.newaxis, np.newaxis]
    stacks = [shares * image for image in image_pair(48, 60)]
    fuser = models.load("lrc-fast", backend="openvino")
    assert fuser.slices_at_once(48, 60) == 3
    fused = fuser.fuse_slices(*stacks)
    alone = np.stack([fuser(fixed, moving) for fixed, moving in zip(*stacks, strict=True)])
    assert np.abs(fused - alone).max() < 1e-5
    assert all(np.abs(fused[k] - alone[0]).max() > 0.05 for k in (1, 2, 3))


@pytest.mark.parametrize(("side", "count"), [(256, 3), (512, 3), (700, 2), (1024, 1)])
def test_fewer_slices_go_side_by_side_the_larger_they_are(three_threads, small_file, side, count):
    assert OpenVinoFuser(small_file, name="lrc", weights_sha256=None).slices_at_once(side, side) == count


def test_a_worker_with_one_thread_takes_slices_one_by_one(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert models.load("lrc-fast", backend="openvino").slices_at_once(64, 64) == 1


@pytest.mark.parametrize("name", CONVERTED)
def test_black_images_give_the_answer_of_torch(both, name):
    black = np.zeros((64, 65), dtype=np.float32)
    assert difference(both[name], (black, black)) < 1e-4


@pytest.mark.parametrize("name", CONVERTED)
def test_it_says_who_computed_and_by_which_weights(both, name):
    by_torch, by_openvino = both[name]
    assert by_openvino.backend.startswith("openvino 20")
    assert by_torch.backend.startswith("torch ")
    assert by_openvino.weights_sha256 == by_torch.weights_sha256
    assert (by_openvino.name, by_openvino.device, list(by_openvino.notes)) == (name, "cpu", [])


@pytest.fixture
def folder(tmp_path, monkeypatch, make_lrc):
    """A weights folder with a small random network, published as `lrc`, for torch only."""
    monkeypatch.setitem(networks.ARCHITECTURES, "tiny", make_lrc)
    monkeypatch.setenv("FUSECLI_WEIGHTS", str(tmp_path))
    save_file(make_lrc(seed=3).state_dict(), tmp_path / "lrc.safetensors")
    publish(tmp_path)
    return tmp_path


def publish(folder):
    sha256 = hashlib.sha256((folder / "lrc.safetensors").read_bytes()).hexdigest()
    entry = f'[lrc]\nfile = "lrc.safetensors"\nsha256 = "{sha256}"\narchitecture = "tiny"\n'
    (folder / "manifest.toml").write_text(f"# kept\n\n{entry}\n[lrc.scores]\nQABF = 1\n", encoding="utf-8")


def test_an_exported_network_is_listed_checked_and_run(folder, image_pair):
    pair = image_pair(37, 52)
    assert find_weights("lrc").converted is None
    export(find_weights("lrc"))
    expected = models.load("lrc", device="cpu", backend="torch")(*pair)
    assert np.abs(models.load("lrc", backend="openvino")(*pair) - expected).max() < 1e-5
    text = (folder / "manifest.toml").read_text(encoding="utf-8")
    assert text.startswith("# kept\n")
    assert tomllib.loads(text)["lrc"]["scores"] == {"QABF": 1}


def test_an_export_of_other_weights_takes_the_place_of_the_first(folder, make_lrc, image_pair):
    export(find_weights("lrc"))
    pair = image_pair(37, 52)
    before = models.load("lrc", backend="openvino")(*pair)
    save_file(make_lrc(seed=4).state_dict(), folder / "lrc.safetensors")
    publish(folder)
    export(find_weights("lrc"))
    assert np.abs(models.load("lrc", backend="openvino")(*pair) - before).max() > 1e-3


def test_an_entry_is_replaced_where_it_stands_and_only_that_of_its_name():
    manifest = "[a]\nx = 1\n\n[a.openvino]\nold = 1\n\n[a-fast]\nx = 2\n\n[a-fast.openvino]\nold = 2\n"
    text = listed(manifest, "a", "[a.openvino]\nnew = 1")
    assert tomllib.loads(text) == {
        "a": {"x": 1, "openvino": {"new": 1}},
        "a-fast": {"x": 2, "openvino": {"old": 2}},
    }
    assert text.index("new") < text.index("[a-fast]")


def refused(match):
    for attempt in (lambda: find_converted("lrc"), lambda: verify_converted(list_weights()["lrc"])):
        with pytest.raises(ModelError, match=match) as caught:
            attempt()
    return caught.value


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_one_changed_byte_is_a_model_error(folder, run, suffix):
    export(find_weights("lrc"))
    assert run("models", "verify").code == 0
    path = folder / f"lrc.openvino{suffix}"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    refused("not the ones that were published")
    assert run("models", "verify").code == 9


def test_a_missing_file_is_a_model_error(folder):
    export(find_weights("lrc"))
    (folder / "lrc.openvino.bin").unlink()
    refused("missing")


def test_files_made_from_other_weights_are_refused(folder, make_lrc):
    export(find_weights("lrc"))
    old = find_weights("lrc").sha256
    save_file(make_lrc(seed=4).state_dict(), folder / "lrc.safetensors")
    manifest = (folder / "manifest.toml").read_text(encoding="utf-8")
    new = hashlib.sha256((folder / "lrc.safetensors").read_bytes()).hexdigest()
    (folder / "manifest.toml").write_text(manifest.replace(old, new, 1), encoding="utf-8")
    assert "openvino_export lrc" in refused("other weights").hint


@pytest.fixture(scope="module")
def small_file(tmp_path_factory, small_lrc):
    path = tmp_path_factory.mktemp("openvino") / "small.xml"
    silent_openvino().save_model(convert(small_lrc), path, compress_to_fp16=False)
    return path


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (65, 257)])
def test_a_random_network_gives_the_answer_of_torch(small_file, small_lrc, image_pair, size):
    by_torch = NetworkFuser(small_lrc, name="lrc", weights_sha256=None, device="cpu")
    by_openvino = OpenVinoFuser(small_file, name="lrc", weights_sha256=None)
    assert difference((by_torch, by_openvino), image_pair(*size)) < 1e-5


def small_memory(fuser, limit, words):
    """The fuser, on a machine where tiles above `limit` pixels a side do not fit."""
    request = fuser._core.compile_model(fuser._model, "CPU").create_infer_request()

    class Hungry:
        usable = True
        attempts = 0

        def start_async(self, images):
            Hungry.attempts += 1
            self.usable = self.usable and max(images[0].shape) <= limit  # as OpenVINO: once failed, always failed
            if self.usable:
                request.start_async(images)

        def wait(self):
            if not self.usable:
                raise RuntimeError(words)
            request.wait()

        def get_output_tensor(self):
            return request.get_output_tensor()

    compiled = type("Compiled", (), {"create_infer_request": lambda _: Hungry()})
    fuser._core = type("Core", (), {"compile_model": lambda *_: compiled()})()
    return Hungry


ALLOCATION = "[CPU] Reorder node with name 'x' Check 'ptr' failed\nFailed to allocate 67108864 bytes of memory\n"


def test_tiles_are_halved_when_memory_runs_out(small_file, image_pair):
    pair = image_pair(520, 300)
    fuser, whole = (OpenVinoFuser(small_file, name="lrc", weights_sha256=None) for _ in range(2))
    small_memory(fuser, 300, ALLOCATION)
    fused = fuser(*pair)
    assert fused.shape == (520, 300)
    assert fuser.notes == ["Memory ran out; going on in tiles of 260 x 260 pixels."]
    assert np.abs(fused - whole(*pair)).mean() < 0.1


def test_slices_go_one_by_one_when_memory_runs_out_for_several(three_threads, small_file, image_pair):
    stacks = [np.stack([image, image]) for image in image_pair(40, 40)]
    fuser, roomy = (OpenVinoFuser(small_file, name="lrc", weights_sha256=None) for _ in range(2))
    small_memory(fuser, 10, ALLOCATION)
    with pytest.raises(MemoryLimitError):
        fuser.fuse_slices(*stacks)
    assert fuser.notes == ["Memory ran out; going on with 1 slice(s) at once."]
    assert roomy.fuse_slices(*stacks).shape == (2, 40, 40)


def test_an_image_that_does_not_fit_in_the_smallest_tile_is_a_memory_limit(small_file, image_pair):
    fuser = OpenVinoFuser(small_file, name="lrc", weights_sha256=None)
    small_memory(fuser, 100, "std::bad_alloc")
    with pytest.raises(MemoryLimitError, match="256 x 256"):
        fuser(*image_pair(300, 300))


def test_any_other_error_passes_through(small_file, image_pair):
    fuser = OpenVinoFuser(small_file, name="lrc", weights_sha256=None)
    hungry = small_memory(fuser, 100, "Incompatible shapes")
    with pytest.raises(RuntimeError, match="Incompatible"):
        fuser(*image_pair(300, 300))
    assert hungry.attempts == 1


FUSE = """
import sys
sys.argv = ["fusecli", "-q", "fuse", "a.png", "b.png", "-o", "fused.png", "--json", "--backend", sys.argv[1]]
from fusecli.cli.app import main
try:
    main()
finally:
    print("modules:", *sys.modules, file=sys.stderr)
"""


def fused_in_a_fresh_process(folder, backend):
    """The record of a fusion of two pictures, and the modules that it loaded; HOME is `folder`."""
    random = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        Image.fromarray(random.integers(0, 256, (40, 50), dtype=np.uint8)).save(folder / name)
    words = [sys.executable, "-c", FUSE, backend]
    environment = os.environ | {"HOME": str(folder), "LOCALAPPDATA": str(folder)}
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), set(done.stderr.splitlines()[-1].split()[1:])


def test_a_fusion_by_openvino_loads_no_torch_and_reports_to_nobody(tmp_path):
    record, modules = fused_in_a_fresh_process(tmp_path, "openvino")
    assert record["backend"].startswith("openvino 20")
    assert "openvino" in modules
    assert "torch" not in modules
    assert [name for name in modules if name.startswith(("openvino_telemetry.", "urllib.request"))] == []
    # Where a client number would be kept.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png", "fused.png"]


def test_a_fusion_by_torch_loads_no_openvino(tmp_path):
    record, modules = fused_in_a_fresh_process(tmp_path, "torch")
    assert record["backend"].startswith("torch ")
    assert "torch" in modules
    assert "openvino" not in modules
