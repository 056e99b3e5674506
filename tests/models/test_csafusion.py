"""CSAFusion: each part against a plain computation of the same thing, and the whole on any size."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fusecli.models.adaptive_convolution import AdaptiveConvolution
from fusecli.models.csafusion import ChannelAttention, CSAFusion, DecoderStage, EncoderLevel, SpatialAttention, halved
from fusecli.models.csafusion_config import ABLATIONS, FROZEN, CSAFusionConfig
from fusecli.models.lrc import parameter_count
from fusecli.models.network import NetworkFuser, build

TINY = CSAFusionConfig(channels=8, head_width=4)


def random_network(config=TINY, seed=0):
    """A network whose statistics are no longer 0 and 1, as they are before training."""
    torch.manual_seed(seed)
    network = CSAFusion(config).train()
    with torch.no_grad():
        for _ in range(3):
            network(*images(32, 32, batch=4))
    return network.eval()


def images(rows, columns, batch=1, seed=4):
    return torch.rand(2, batch, 1, rows, columns, generator=torch.Generator().manual_seed(seed))


def run(network, *pair):
    with torch.inference_mode():
        return network(*pair)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (5, 3), (16, 16), (33, 47), (64, 21)])
def test_any_size_comes_back(rows, columns):
    fused = run(random_network(), *images(rows, columns, batch=2))
    assert fused.shape == (2, 1, rows, columns)
    assert torch.isfinite(fused).all()


def test_both_images_count_and_each_in_its_own_way():
    network, (fixed, moving) = random_network(), images(24, 24)
    fused = run(network, fixed, moving)
    for changed in (run(network, 1 - fixed, moving), run(network, fixed, 1 - moving), run(network, moving, fixed)):
        assert (changed - fused).abs().max() > 1e-3


def test_an_image_fuses_alike_alone_and_in_a_batch():
    network, (fixed, moving) = random_network(), images(24, 40, batch=3)
    alone = torch.cat([run(network, fixed[i : i + 1], moving[i : i + 1]) for i in range(3)])
    assert (run(network, fixed, moving) - alone).abs().max() < 1e-5  # the order of float32 sums
    assert (alone[0] - alone[1]).abs().max() > 1e-3


def test_the_fast_form_of_the_adaptive_convolution_is_the_unfolded_one():
    torch.manual_seed(1)
    layer, x = AdaptiveConvolution(5, 7, code=4), torch.randn(3, 5, 11, 13)
    fast, literal = layer(x), layer.forward_literal(x)
    assert fast.shape == literal.shape == (3, 7, 11, 13)
    assert (fast - literal).abs().max() < 1e-5  # the order of float32 sums over 45 products
    assert literal.std() > 0.1
    for weight, other in zip(gradients(layer, fast), gradients(layer, literal), strict=True):
        assert torch.allclose(weight, other, rtol=1e-4, atol=1e-3 * float(weight.abs().max()))


def gradients(layer, answer):
    return torch.autograd.grad(answer.square().sum(), list(layer.parameters()))


def test_the_kernels_adapt_to_each_image():
    torch.manual_seed(1)
    layer, x = AdaptiveConvolution(4, 4, code=4), torch.randn(2, 4, 9, 9)
    gates = layer.gate(x)
    assert gates.shape == (2, 4, 4, 9)
    assert 0 < gates.min() < gates.max() < 1
    assert (gates[0] - gates[1]).abs().max() > 1e-3
    frozen = F.conv2d(x[1:], layer.weight * gates[0].unflatten(2, (3, 3)), padding=1)
    assert (layer(x)[1:] - frozen).abs().max() > 1e-3


def test_the_adaptive_convolution_stands_on_the_first_level_alone():
    places = [name for name, part in CSAFusion(TINY).named_modules() if isinstance(part, AdaptiveConvolution)]
    assert places == ["encoder.0.branches.0.first.0"]


def test_one_two_and_three_blocks_stand_side_by_side():
    assert [len(level.branches) for level in CSAFusion(TINY).encoder] == [1, 2, 3]


def test_every_branch_of_a_level_counts():
    torch.manual_seed(2)
    level, x = EncoderLevel(4, 8, 3, lambda i, o: nn.Conv2d(i, o, 3, padding=1)).eval(), torch.randn(1, 4, 6, 6)
    whole = level(x)
    for branch in level.branches:
        scale = branch.second[1].weight.detach().clone()
        branch.second[1].weight.data.zero_()
        assert (level(x) - whole).abs().max() > 1e-3
        branch.second[1].weight.data.copy_(scale)


def test_the_decoder_reads_the_skipped_features_and_those_from_below():
    torch.manual_seed(3)
    stage, below, skip = DecoderStage(16, 8, TINY).eval(), torch.randn(1, 16, 5, 4), torch.randn(1, 8, 9, 8)
    fused = stage(below, skip)
    assert fused.shape == (1, 8, 9, 8)
    assert (stage(-below, skip) - fused).abs().max() > 1e-3
    assert (stage(below, -skip) - fused).abs().max() > 1e-3


def test_narrowing_before_interpolation_is_interpolation_before_narrowing():
    torch.manual_seed(3)
    narrow, x = nn.Conv2d(6, 3, kernel_size=1), torch.randn(1, 6, 4, 5)
    first = F.interpolate(narrow(x), size=(9, 10), mode="bilinear", align_corners=False)
    last = narrow(F.interpolate(x, size=(9, 10), mode="bilinear", align_corners=False))
    assert torch.allclose(first, last, atol=1e-6)


def test_a_last_odd_row_stands_for_itself_when_an_image_is_halved():
    x = torch.arange(15.0).view(1, 1, 3, 5)
    assert halved(x).flatten().tolist() == [6, 8, 9, 11, 13, 14]


def test_channel_attention_scales_whole_channels_and_spatial_attention_whole_pixels():
    torch.manual_seed(5)
    x = torch.rand(1, 8, 6, 6) + 0.5
    by_channel = (ChannelAttention(8, squeeze=4)(x) / x)[0]
    assert torch.allclose(by_channel, by_channel[:, :1, :1].expand_as(by_channel), atol=1e-5)
    assert by_channel[:, 0, 0].std() > 1e-3
    by_pixel = (SpatialAttention()(x) / x)[0]
    assert torch.allclose(by_pixel, by_pixel[:1].expand_as(by_pixel), atol=1e-5)
    assert by_pixel[0].std() > 1e-3


def test_frozen_statistics_stand_still_in_training_and_others_move():
    for config, moves in ((TINY, True), (FROZEN, False)):
        torch.manual_seed(6)
        network = CSAFusion(config).train()
        norm = network.inc[0][1]
        before = norm.running_mean.clone()
        network(*images(16, 16, batch=2))
        assert torch.equal(norm.running_mean, before) != moves
        assert network.training


def test_the_frozen_network_has_the_same_weights():
    network = random_network(CSAFusionConfig())
    frozen = CSAFusion(FROZEN)
    frozen.load_state_dict(network.state_dict())
    pair = images(16, 24)
    assert torch.equal(run(frozen.eval(), *pair), run(network, *pair))
    training = network.train()
    assert not torch.equal(run(training, *pair), run(frozen.train(), *pair))


@pytest.mark.parametrize("name", ABLATIONS)
def test_every_ablation_is_a_smaller_network_that_runs(name):
    network = build(name).eval()
    assert parameter_count(network) < parameter_count(CSAFusion())
    assert run(network, *images(17, 23)).shape == (1, 1, 17, 23)


def test_each_ablation_leaves_out_what_it_says():
    parts = {name: {type(part).__name__ for part in build(name).modules()} for name in ABLATIONS}
    without = {name: {"AdaptiveConvolution", "SwinPair"} - found for name, found in parts.items()}
    assert without == {
        "csafusion-plain-convolution": {"AdaptiveConvolution"},
        "csafusion-one-branch": set(),
        "csafusion-no-swin": {"SwinPair"},
    }
    assert [len(level.branches) for level in build("csafusion-one-branch").encoder] == [1, 1, 1]


def test_a_wide_image_in_tiles_is_nearly_the_image_in_one_pass():
    network = random_network()
    fixed, moving = (part[0, 0].numpy() for part in smooth_images(96, 640))
    whole, tiled = (fuser(network) for _ in range(2))
    tiled._tile = 384
    difference = abs(tiled(fixed, moving) - whole(fixed, moving))
    assert 0 < difference.max() < 0.05


def fuser(network):
    return NetworkFuser(network, name="csafusion", weights_sha256=None, device="cpu")


def smooth_images(rows, columns):
    row, column = torch.meshgrid(torch.arange(float(rows)), torch.arange(float(columns)), indexing="ij")
    fixed, moving = (
        0.5 + 0.4 * torch.sin(row / 9) * torch.cos(column / 11),
        0.5 + 0.4 * torch.cos(row / 7 + column / 17),
    )
    return fixed[None, None], moving[None, None]
