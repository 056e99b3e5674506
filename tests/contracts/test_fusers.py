"""One contract for everything that fuses: a new model is one new line in FUSERS."""

import atexit
import re
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import numpy as np
import pytest
import torch

from fusecli.models.backend import openvino_is_installed
from fusecli.models.baselines import baseline
from fusecli.models.csafusion import CSAFusion
from fusecli.models.csafusion_config import CSAFusionConfig
from fusecli.models.dmfnet import DMFNet
from fusecli.models.dmfnet_config import DMFNetConfig
from fusecli.models.lrc import LRC
from fusecli.models.lrc_config import LRCConfig
from fusecli.models.network import NetworkFuser
from fusecli.models.openvino import OpenVinoFuser, silent_openvino
from fusecli.models.openvino_export import convert


def random_lrc():
    torch.manual_seed(0)
    return LRC(LRCConfig(channels=8, decoder=(16, 8), correlation_cells=8))


def random_csafusion():
    torch.manual_seed(0)
    return CSAFusion(CSAFusionConfig(channels=8, head_width=4))


def random_dmfnet():
    torch.manual_seed(0)
    network = DMFNet(
        DMFNetConfig(channels=8, multipliers=(1, 2, 2), attention=(2,), norm_groups=2, read_after=1, head=8)
    )
    # As before training, every block of the U-Net would be its shortcut, and the image near 0.
    for weight in network.parameters():
        weight.data.add_(0.05 * torch.randn(weight.shape))
    network.fusion.out[1].bias.data.fill_(0.3)
    return network


def by_torch(make_module, name):
    return NetworkFuser(make_module(), name=name, weights_sha256="0" * 64, device="cpu")


@cache
def converted(make_module):
    if not openvino_is_installed():
        pytest.skip("the OpenVINO backend is an extra")
    folder = Path(mkdtemp(prefix="fusecli-contract-"))
    atexit.register(rmtree, folder)
    silent_openvino().save_model(convert(make_module()), folder / "network.xml", compress_to_fp16=False)
    return folder / "network.xml"


def by_openvino(make_module, name):
    return OpenVinoFuser(converted(make_module), name=name, weights_sha256="0" * 64)


FUSERS = {
    "max": lambda: baseline("max"),
    "average": lambda: baseline("average"),
    "laplacian": lambda: baseline("laplacian"),
    "alpha": lambda: baseline("alpha", alpha=0.3),
    "lrc": lambda: by_torch(random_lrc, "lrc"),
    "lrc by openvino": lambda: by_openvino(random_lrc, "lrc"),
    "csafusion": lambda: by_torch(random_csafusion, "csafusion"),
    "csafusion by openvino": lambda: by_openvino(random_csafusion, "csafusion"),
    "dmfnet": lambda: by_torch(random_dmfnet, "dmfnet"),
    "dmfnet by openvino": lambda: by_openvino(random_dmfnet, "dmfnet"),
}
SIZES = [(32, 32), (33, 47), (64, 200), (200, 64)]


@pytest.fixture(params=FUSERS)
def fuser(request):
    return FUSERS[request.param]()


def pair(rows, columns, seed=0):
    random = np.random.default_rng(seed)
    return tuple(random.random((rows, columns), dtype=np.float32) for _ in range(2))


@pytest.mark.parametrize(("rows", "columns"), SIZES)
def test_any_size_comes_back_as_float32_of_that_size_in_0_to_1(fuser, rows, columns):
    fused = fuser(*pair(rows, columns))
    assert isinstance(fused, np.ndarray)
    assert fused.dtype == np.float32
    assert fused.shape == (rows, columns)
    assert np.isfinite(fused).all()
    assert fused.min() >= 0
    assert fused.max() <= 1


def test_the_result_depends_on_both_images(fuser):
    fixed, moving = pair(33, 47)
    other, _ = pair(33, 47, seed=5)
    fused = fuser(fixed, moving)
    assert np.abs(fuser(other, moving) - fused).max() > 1e-3
    assert np.abs(fuser(fixed, other) - fused).max() > 1e-3


def test_the_same_input_gives_the_same_output_again_and_in_between(fuser):
    images, others = pair(33, 47), pair(64, 40, seed=5)
    first = fuser(*images)
    fuser(*others)
    assert np.array_equal(fuser(*images), first)


def test_a_second_fuser_of_the_same_kind_gives_the_same_output(request, fuser):
    other = FUSERS[request.node.callspec.params["fuser"]]()
    images = pair(33, 47)
    assert np.array_equal(fuser(*images), other(*images))


def test_the_inputs_are_not_touched(fuser):
    images = pair(33, 47)
    copies = [image.copy() for image in images]
    fuser(*images)
    assert all(np.array_equal(image, copy) for image, copy in zip(images, copies, strict=True))
    assert all(image.flags.writeable for image in images)


def test_read_only_and_strided_arrays_are_taken(fuser):
    images = pair(33, 47)
    strided = tuple(np.repeat(image, 2, axis=1)[:, ::2] for image in images)
    for image in (*images, *strided):
        image.setflags(write=False)
    assert np.array_equal(fuser(*strided), fuser(*images))


def test_the_result_is_not_a_view_of_an_input(fuser):
    fixed, moving = pair(33, 47)
    fused = fuser(fixed, moving)
    assert not np.may_share_memory(fused, fixed)
    assert not np.may_share_memory(fused, moving)


@pytest.mark.parametrize(("low", "high"), [(0, 0), (1, 1), (0, 1)])
def test_flat_images_give_numbers_in_0_to_1(fuser, low, high):
    fused = fuser(np.full((32, 40), low, dtype=np.float32), np.full((32, 40), high, dtype=np.float32))
    assert np.isfinite(fused).all()
    assert fused.min() >= 0
    assert fused.max() <= 1


def test_a_fuser_says_what_it_is(fuser):
    assert fuser.name in FUSERS
    assert re.fullmatch(r"(numpy|torch|openvino) \d+\.\d+.*", fuser.backend)
    assert fuser.weights_sha256 is None or len(fuser.weights_sha256) == 64
    assert fuser.device == "cpu"
    assert list(fuser.notes) == []
