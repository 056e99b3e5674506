"""DM-FNet: the noise, the U-Net and the fusion, each against a plain computation, and the whole on any size."""

from dataclasses import replace

import pytest
import torch

from fusecli.errors import ModelError
from fusecli.models.dmfnet import DMFNet, ModalityAttention
from fusecli.models.dmfnet_config import SMALL, DMFNetConfig
from fusecli.models.dmfnet_noise import kept, laid, noised
from fusecli.models.dmfnet_unet import DiffusionUNet, FeatureUNet, SelfAttention, padded
from fusecli.models.lrc import parameter_count
from fusecli.models.network import NetworkFuser, build, build_diffusion

TINY = DMFNetConfig(
    channels=4,
    multipliers=(1, 1, 2),
    attention=(2,),
    norm_groups=2,
    dropout=0.0,
    steps=100,
    read_after=1,
    noise_side=16,
    head=4,
    squeeze=2,
)
DEEP = replace(TINY, read_after=3)


def awake(network, by=0.2, seed=0):
    """A network in which no layer is 0, as some are before training."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(by * torch.randn(weight.shape, generator=generator))
    return network.eval()


def unet(config=TINY, schedule="cosine"):
    torch.manual_seed(0)
    return awake(DiffusionUNet(config, kept(schedule, config.steps)))


def dmfnet(config=TINY):
    torch.manual_seed(0)
    network = awake(DMFNet(config))
    network.take_unet(unet(config).state_dict())
    return network


def images(rows, columns, batch=1, seed=4):
    return torch.rand(2, batch, 1, rows, columns, generator=torch.Generator().manual_seed(seed))


def run(network, *inputs):
    with torch.inference_mode():
        return network(*inputs)


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_a_schedule_goes_from_nearly_all_to_nearly_nothing_and_never_back(schedule):
    left = kept(schedule, 2000)
    assert left.shape == (2000,)
    assert (left.diff() < 0).all()
    assert left[0] > 0.9999
    assert 0 < left[-1] < 1e-4


def test_the_schedules_are_those_of_their_papers():
    # Nichol and Dhariwal, eq. 17, at half of the steps: cos^2(0.508 / 1.008 * pi / 2) / cos^2(0.008 / 1.008 * pi / 2).
    assert kept("cosine", 2000)[999].item() == pytest.approx(0.49384, abs=1e-4)
    # The product of 1 - beta with betas evenly from 1e-6 to 1e-2 is about exp(-sum of betas).
    assert kept("linear", 2000)[-1].item() == pytest.approx(torch.tensor(-10.0).exp().item(), rel=0.05)
    assert kept("linear", 500)[-1].item() == pytest.approx(kept("linear", 2000)[-1].item(), rel=0.2)


def test_an_unknown_schedule_is_our_mistake():
    with pytest.raises(ValueError, match="quadratic"):
        kept("quadratic", 10)


def test_an_image_with_noise_has_the_variance_that_the_schedule_says():
    noise = torch.randn((2, 1, 200, 200), generator=torch.Generator().manual_seed(0))
    black = noised(torch.zeros(2, 1, 200, 200), noise, torch.tensor([0.99, 0.36]))
    assert black.mean(dim=(1, 2, 3)).tolist() == pytest.approx([-(0.99**0.5), -0.6], abs=0.02)
    assert black.var(dim=(1, 2, 3)).tolist() == pytest.approx([0.01, 0.64], rel=0.02)
    assert torch.equal(noised(torch.ones(1, 1, 2, 2), noise[:1, :, :2, :2], torch.ones(1)), torch.ones(1, 1, 2, 2))


def test_noise_repeats_from_the_upper_left_corner_on_whatever_the_size():
    field = torch.arange(16.0).view(1, 1, 4, 4)
    wide = laid(field, 6, 9)
    assert wide.shape == (1, 1, 6, 9)
    assert torch.equal(wide[..., :4, 4:8], field)
    assert torch.equal(wide[..., 4:, :4], field[..., :2, :])
    assert torch.equal(wide[..., :3, :5], laid(field, 3, 5))


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (7, 12), (16, 16), (33, 18)])
def test_any_size_comes_back_from_the_unet_and_from_the_whole(rows, columns):
    fixed, moving = images(rows, columns, batch=2)
    noise = run(unet(), fixed, torch.tensor([3, 90]))
    fused = run(dmfnet(), fixed, moving)
    for answer in (noise, fused):
        assert answer.shape == (2, 1, rows, columns)
        assert torch.isfinite(answer).all()


@pytest.mark.parametrize("config", [TINY, DEEP])
def test_the_unet_run_as_deep_as_needed_has_the_features_of_the_whole_one(config):
    whole, needed = unet(config), FeatureUNet(config).eval()
    state = whole.state_dict()
    needed.load_state_dict({name: state[name] for name in needed.state_dict()})
    noisy, step = images(16, 24, batch=2)[0], torch.tensor([2, 50])
    with torch.inference_mode():
        ours, levels = needed.features(noisy, step), whole._climb(noisy, step)
    assert [level.shape[1:] for level in ours] == [(8, 4, 6), (4, 8, 12), (4, 16, 24)]
    assert all(torch.equal(one, level[config.read_after - 1]) for one, level in zip(ours, levels, strict=True))
    assert parameter_count(needed) < parameter_count(whole)


def test_features_after_another_block_are_others():
    noisy, step = images(16, 16)[0], torch.tensor([2])
    with torch.inference_mode():
        levels = unet(DEEP)._climb(noisy, step)
    assert [len(level) for level in levels] == [3, 3, 3]
    assert all((level[0] - level[2]).abs().max() > 1e-2 for level in levels)


def test_the_features_of_all_steps_and_both_images_are_those_of_one_at_a_time():
    network, pair = dmfnet(), images(16, 16, batch=2)
    with torch.inference_mode():
        together = network.features(torch.cat(list(pair)))
        for i, image in enumerate(torch.cat(list(pair))):
            for s, step in enumerate(network.config.read_at):
                noisy = noised(image[None], laid(network.noise[s : s + 1], 16, 16), network.kept[s])
                alone = network.unet.features(noisy, torch.tensor([step]))
                for level, one in zip(together, alone, strict=True):
                    part = level[i, s * one.shape[1] : (s + 1) * one.shape[1]]
                    assert torch.allclose(part, one[0], rtol=1e-4, atol=1e-4)  # the order of float32 sums


def test_the_step_and_the_place_of_the_noise_tell_in_the_features():
    network, (image, _) = dmfnet(), images(16, 16)
    with torch.inference_mode():
        level = network.features(image)[-1]
        first, second, _ = level.chunk(3, dim=1)
        network.noise.copy_(network.noise.roll(1, dims=3))
        moved = network.features(image)[-1]
    assert (first - second).abs().max() > 1e-2
    assert (level - moved).abs().max() > 1e-3


def test_both_images_count_and_each_in_its_own_way():
    network, (fixed, moving) = dmfnet(), images(24, 24)
    fused = run(network, fixed, moving)
    for changed in (run(network, 1 - fixed, moving), run(network, fixed, 1 - moving), run(network, moving, fixed)):
        assert (changed - fused).abs().max() > 1e-3


def test_an_image_fuses_alike_alone_and_in_a_batch():
    network, (fixed, moving) = dmfnet(), images(24, 40, batch=3)
    alone = torch.cat([run(network, fixed[i : i + 1], moving[i : i + 1]) for i in range(3)])
    assert (run(network, fixed, moving) - alone).abs().max() < 1e-4  # the order of float32 sums
    assert (alone[0] - alone[1]).abs().max() > 1e-3


def test_a_weight_per_pixel_shares_out_two_maps_and_their_sum_is_added():
    torch.manual_seed(1)
    attention, (x, y) = awake(ModalityAttention(TINY)), torch.randn(2, 3, 4, 9, 8)
    weight = (run(attention, x, y) - x - 2 * y) / (x - y)
    certain = (x - y).abs() > 0.1
    assert 0 <= weight[certain].min() < weight[certain].max() <= 1 + 1e-4
    assert weight[certain].std() > 0.01
    assert torch.allclose(run(attention, x, x), 3 * x, atol=1e-5)


def test_self_attention_lets_every_pixel_see_every_other():
    torch.manual_seed(1)
    layer, x = awake(SelfAttention(4, TINY)), torch.randn(1, 4, 5, 6)
    changed = x.clone()
    changed[..., 0, 0] += torch.tensor([1.0, -1.0, 1.0, -1.0])
    assert ((run(layer, x) - run(layer, changed))[..., 4, 5]).abs().max() > 1e-5


def test_padding_repeats_the_border_up_to_a_multiple():
    x = torch.arange(6.0).view(1, 1, 2, 3)
    grown = padded(x, 4)
    assert grown.shape == (1, 1, 4, 4)
    assert grown[0, 0, :, 3].tolist() == [2, 5, 5, 5]
    assert padded(grown, 4).shape == grown.shape


def test_the_unet_of_the_first_stage_is_taken_over_with_its_schedule():
    network, first = DMFNet(TINY), unet(schedule="linear")
    before = network.unet.entry.weight.clone()
    network.take_unet(first.state_dict())
    assert torch.equal(network.unet.entry.weight, first.entry.weight)
    assert not torch.equal(before, first.entry.weight)
    assert torch.equal(network.kept, first.kept[[4, 9, 19]])
    with pytest.raises(RuntimeError, match="size mismatch"):
        network.take_unet(unet(replace(TINY, channels=8)).state_dict())


def test_the_unet_is_frozen_and_in_evaluation_mode_while_the_rest_is_trained():
    network = DMFNet(replace(TINY, dropout=0.5)).train()
    assert not network.unet.training
    assert network.fusion.training
    network(*images(16, 16)).sum().backward()
    assert {name.split(".")[0] for name, part in network.named_parameters() if part.grad is not None} == {"fusion"}


def test_noise_and_schedule_are_part_of_the_weights():
    network, other = dmfnet(), DMFNet(TINY)
    with torch.no_grad():
        network.noise.add_(0.5)
    other.load_state_dict(network.state_dict())
    pair = images(16, 16)
    assert torch.equal(run(other.eval(), *pair), run(network, *pair))
    assert not torch.equal(run(dmfnet(), *pair), run(network, *pair))


def test_the_published_size_is_a_configuration_and_the_small_one_the_same_topology():
    with torch.device("meta"):
        published = DiffusionUNet(DMFNetConfig(), torch.zeros(2000))
    small = build_diffusion("dmfnet-small", "cosine")
    assert len(published.up) == len(small.up) == 5
    assert [len(level.blocks) for level in published.up] == [len(level.blocks) for level in small.up] == [3] * 5
    assert parameter_count(published) > 15 * parameter_count(small)
    assert build("dmfnet-small").config == SMALL


def test_a_network_without_a_diffusion_stage_is_refused():
    with pytest.raises(ModelError, match="no diffusion stage"):
        build_diffusion("lrc", "cosine")


def test_a_wide_image_in_tiles_is_nearly_the_image_in_one_pass():
    # Noise begins anew in every tile, and each has its own statistics.
    fixed, moving = (part[0, 0].numpy() for part in smooth_images(64, 500))
    torch.manual_seed(0)
    network = awake(DMFNet(TINY), by=0.02)
    whole, tiled = (NetworkFuser(network, name="dmfnet", weights_sha256=None, device="cpu") for _ in range(2))
    tiled._tile = 384
    difference = abs(tiled(fixed, moving) - whole(fixed, moving))
    assert whole(fixed, moving).std() > 0.01
    assert 0 < difference.max() < 0.05


def smooth_images(rows, columns):
    row, column = torch.meshgrid(torch.arange(float(rows)), torch.arange(float(columns)), indexing="ij")
    fixed = 0.5 + 0.4 * torch.sin(row / 9) * torch.cos(column / 11)
    moving = 0.5 + 0.4 * torch.cos(row / 7 + column / 17)
    return fixed[None, None], moving[None, None]
