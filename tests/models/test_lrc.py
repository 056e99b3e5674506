"""LRC: both forms are one function, every part is alive, and each part is what its equation says."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from fusecli.models.lrc import LCFM, LRC, STRIP_ROWS, CorrelationGate, parameter_count
from fusecli.models.lrc_config import LRCConfig

# The full topology (four blocks, five layers, four kernels, five decoder layers) at a tenth of the work.
SMALL = LRCConfig(channels=8, correlation_cells=6, attention_cells=5, decoder=(16, 12, 8, 8))
SIZES = [(32, 32), (37, 53), (128, 96), (96, 128)]


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(3)
    return LRC(SMALL).eval()


def pictures(rows, columns, batch=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.rand(batch, 1, rows, columns, generator=generator) for _ in range(2))


def run(network, *images):
    with torch.inference_mode():
        return network(*images)


# Zhou et al. 2025 report parameters, in thousands, for three T; the default must come within 5 % of each.
@pytest.mark.parametrize(("cells", "thousands"), [(8, 515.9), (16, 556.8), (32, 720.4)])
def test_the_size_is_the_papers_for_every_number_of_cells(cells, thousands):
    count = parameter_count(LRC(replace(LRCConfig(), correlation_cells=cells)))
    assert count == pytest.approx(thousands * 1000, rel=0.05)


def test_the_default_is_the_papers_setting():
    assert LRCConfig().correlation_cells == 16
    assert LRCConfig().kernels == (3, 5, 7, 9)
    assert LRCConfig().layers == 5
    assert len(LRC().decoder.convs) == 5


def test_two_branches_have_weights_of_their_own(small):
    shared = {id(p) for p in small.fixed_encoder.parameters()} & {id(p) for p in small.moving_encoder.parameters()}
    assert not shared


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("rows", "columns"), SIZES)
def test_the_fast_form_is_the_literal_form(make_lrc, seed, rows, columns):
    network = make_lrc(SMALL, seed)
    images = pictures(rows, columns, seed=seed)
    with torch.inference_mode():
        difference = (network(*images) - network.forward_literal(*images)).abs().max()
    assert difference < 1e-5  # float32 sums in another order; outputs are about 1


def test_the_fast_form_of_the_full_network_is_the_literal_form_in_the_memory_order_it_runs_in(make_lrc):
    network = make_lrc(LRCConfig())
    images = pictures(33, 47)
    with torch.inference_mode():
        literal = network.forward_literal(*images)
        fast = network.to(memory_format=torch.channels_last)(*images)
    assert (fast - literal).abs().max() < 1e-5
    assert literal.std() > 1e-3  # two constants would agree as well


@pytest.mark.parametrize(("rows", "columns"), SIZES)
def test_the_output_has_the_size_of_the_input(small, rows, columns):
    assert run(small, *pictures(rows, columns)).shape == (2, 1, rows, columns)


def test_a_batch_of_two_is_two_single_runs(small):
    fixed, moving = pictures(40, 36)
    together = run(small, fixed, moving)
    alone = torch.cat([run(small, fixed[i : i + 1], moving[i : i + 1]) for i in range(2)])
    assert (together - alone).abs().max() < 1e-6
    assert (together[0] - together[1]).abs().max() > 1e-3


def test_the_same_input_gives_the_same_output(small):
    images = pictures(37, 53)
    assert torch.equal(run(small, *images), run(small, *images))


def test_another_image_on_either_side_gives_another_output(small):
    fixed, moving = pictures(32, 32)
    other, _ = pictures(32, 32, seed=9)
    fused = run(small, fixed, moving)
    assert (run(small, other, moving) - fused).abs().max() > 1e-3
    assert (run(small, fixed, other) - fused).abs().max() > 1e-3


def test_fixed_and_moving_are_not_interchangeable(small):
    fixed, moving = pictures(32, 32)
    assert (run(small, moving, fixed) - run(small, fixed, moving)).abs().max() > 1e-3


def test_swapping_the_branches_changes_the_result(small):
    images = pictures(32, 32)
    before = run(small, *images)
    small.fixed_encoder, small.moving_encoder = small.moving_encoder, small.fixed_encoder
    after = run(small, *images)
    small.fixed_encoder, small.moving_encoder = small.moving_encoder, small.fixed_encoder
    assert (after - before).abs().max() > 1e-3
    assert torch.equal(run(small, *images), before)


PARTS = [
    *(f"{side}_encoder.blocks.{i}.{part}" for side in ("fixed", "moving") for i in range(4)
      for part in ("embed", "axial.convs.0", "axial.convs.1", "axial.convs.2", "axial.convs.3", "axial.norm_rows",
                   "axial.norm_columns", "attention.query", "attention.key", "attention.value")),
    *(f"{side}_encoder.last" for side in ("fixed", "moving")),
    *(f"fusion.{i}.{side}_gate.{conv}" for i in range(5) for side in ("fixed", "moving") for conv in ("mix", "smooth")),
    *(f"decoder.convs.{i}" for i in range(5)),
]  # fmt: skip


def test_the_list_of_parts_is_the_whole_network(small):
    covered = [name for name, _ in small.named_parameters() if any(name.startswith(f"{part}.") for part in PARTS)]
    assert covered == [name for name, _ in small.named_parameters()]


@pytest.mark.parametrize("part", PARTS)
def test_no_part_is_dead(part):
    # In float64, because the query of a channel attention may move the output by a ten-millionth.
    torch.manual_seed(3)
    network = LRC(replace(SMALL, channels=8)).double().eval()
    images = tuple(image.double() for image in pictures(32, 32, batch=1))
    before = run(network, *images)
    with torch.no_grad():
        for parameter in network.get_submodule(part).parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    assert (run(network, *images) - before).abs().max() > 1e-9


def test_gradients_reach_every_parameter():
    torch.manual_seed(0)
    network = LRC(SMALL).double()
    images = tuple(image.double() for image in pictures(32, 32))
    (network(*images) - images[0]).abs().mean().backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().max() > 1e-15]
    assert without == []
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


def test_gradients_stay_finite_on_black_images():
    torch.manual_seed(0)
    network = LRC(SMALL)
    black = torch.zeros(1, 1, 32, 32)
    network(black, black).abs().mean().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_flat_image_gives_finite_numbers(small, value):
    flat = torch.full((1, 1, 32, 32), value)
    assert torch.isfinite(run(small, flat, flat)).all()


def cosine(a, b):
    """Eq. 9 with the length of either vector kept from 0."""
    return float(a @ b) / (max(float(a.norm()), 1e-6) * max(float(b.norm()), 1e-6))


@pytest.mark.parametrize("form", ["forward", "forward_literal"])
def test_the_correlation_gate_is_cosine_similarity_pixel_by_pixel_and_place_by_place(form, block_means):
    torch.manual_seed(1)
    gate = CorrelationGate(LRCConfig(channels=4, correlation_cells=2)).double()
    x = torch.randn(1, 4, 6, 4, dtype=torch.float64)
    x[0, :, 2, 3] = 0  # a pixel without direction correlates with nothing
    places = block_means(x[0], 2).flatten(1)
    maps = torch.zeros(4, 6, 4, dtype=torch.float64)
    for t in range(4):
        for i in range(6):
            for j in range(4):
                maps[t, i, j] = cosine(x[0, :, i, j], places[:, t])
    smoothed = F.conv2d(gate.mix(maps[None]), gate.smooth.weight, gate.smooth.bias, padding=1)
    expected = torch.sigmoid(smoothed).mean(dim=(2, 3))
    assert (getattr(gate, form)(x) - expected).abs().max() < 1e-12


def test_the_correlation_gate_does_not_see_how_bright_the_features_are_but_where_they_point():
    torch.manual_seed(1)
    gate = CorrelationGate(LRCConfig(channels=4, correlation_cells=2)).double()
    x = torch.randn(1, 4, 8, 8, dtype=torch.float64)
    assert (gate(7 * x) - gate(x)).abs().max() < 1e-12
    one_channel_brighter = x * torch.tensor([3, 1, 1, 1.0], dtype=torch.float64)[:, None, None]
    assert (gate(one_channel_brighter) - gate(x)).abs().max() > 1e-4


def test_the_gates_of_both_branches_are_added_and_shared():
    torch.manual_seed(1)
    lcfm = LCFM(LRCConfig(channels=4, correlation_cells=2)).double()
    fixed, moving = torch.randn(2, 1, 4, 8, 8, dtype=torch.float64)
    gate = lcfm.fixed_gate(fixed) + lcfm.moving_gate(moving)
    plain_fixed, plain_moving, gated_fixed, gated_moving = lcfm(fixed, moving).chunk(4, dim=1)
    assert torch.equal(plain_fixed, fixed)
    assert torch.equal(plain_moving, moving)
    assert torch.allclose(gated_fixed, fixed * gate[:, :, None, None], atol=1e-12)
    assert torch.allclose(gated_moving, moving * gate[:, :, None, None], atol=1e-12)
    assert torch.equal(lcfm.gate(fixed, moving), gate)
    assert (lcfm.gate(moving, fixed) - gate).abs().max() > 1e-4


@pytest.mark.parametrize("rows", [STRIP_ROWS - 1, STRIP_ROWS, STRIP_ROWS + 1, 2 * STRIP_ROWS + 5])
def test_decoding_in_strips_is_decoding_the_whole(small, rows):
    images = pictures(rows, 40)
    with torch.inference_mode():
        in_strips = small(*images)
        literal = small.forward_literal(*images)
    whole = small(*images).detach()  # training decodes the whole, for a strip more would be computed twice
    assert (in_strips - whole).abs().max() < 1e-6
    assert (in_strips - literal).abs().max() < 1e-5


def test_the_decoder_sees_less_than_a_strip_reaches_beyond_its_rows(small):
    assert len(small.decoder.convs) < STRIP_ROWS
    assert all(conv.kernel_size == (3, 3) for conv in small.decoder.convs)
