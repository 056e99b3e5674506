"""The encoder of LRC: dense connections in both forms, and CMFEM's gates as their equations say."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fusecli.models.lrc_config import LRCConfig
from fusecli.models.lrc_encoder import AxialGate, ChannelAttention, Encoder

SMALL = LRCConfig(channels=8, correlation_cells=6, attention_cells=5, decoder=(16, 12, 8, 8))


@pytest.fixture
def image():
    return torch.rand(2, 1, 37, 53, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def encoder(**changes):
    torch.manual_seed(3)
    return Encoder(replace(SMALL, **changes)).double().eval()


@pytest.mark.parametrize("changes", [{}, {"dense": False}, {"multi_scale": False}], ids=str)
def test_the_fast_form_is_the_literal_form(image, changes):
    some = encoder(**changes)
    with torch.inference_mode():
        pairs = list(zip(some(image), some.forward_literal(image), strict=True))
    assert len(pairs) == (SMALL.layers if some.dense else 1)
    assert max((fast - literal).abs().max() for fast, literal in pairs) < 1e-10
    assert min(literal.abs().max() for _, literal in pairs) > 0.01


def test_the_last_layer_sees_every_block(image):
    some = encoder()
    layers = some.forward_literal(image)
    assert [layer.shape for layer in layers] == [(2, SMALL.channels, 37, 53)] * SMALL.layers
    expected = torch.tanh(some.last(torch.cat(layers[:-1], dim=1)))
    assert torch.equal(layers[-1], expected)


def test_channel_attention_is_softmax_of_query_times_key_over_the_root_of_their_length(block_means):
    torch.manual_seed(2)
    attention = ChannelAttention(LRCConfig(channels=4, attention_cells=2)).double()
    x = torch.randn(1, 4, 6, 4, dtype=torch.float64)
    small = block_means(x[0], 2).flatten(1).numpy()  # (C, 4)
    query, key, value = (
        layer.weight.detach().numpy().reshape(4, 1) * small + layer.bias.detach().numpy()[:, None]
        for layer in (attention.query, attention.key, attention.value)
    )
    weights = np.zeros(4)
    for c in range(4):
        scores = np.array([query[c] @ key[d] / np.sqrt(4) for d in range(4)])
        shares = np.exp(scores) / np.exp(scores).sum()
        weights[c] = 1 / (1 + np.exp(-np.mean(sum(shares[d] * value[d] for d in range(4)))))
    with torch.inference_mode():
        assert attention(x).flatten().numpy() == pytest.approx(weights, abs=1e-12)


@pytest.fixture
def axial():
    torch.manual_seed(4)
    gate = AxialGate(LRCConfig(channels=8)).double()
    with torch.no_grad():
        for norm in (gate.norm_rows, gate.norm_columns):
            norm.weight.add_(0.5 * torch.randn(8))
            norm.bias.add_(0.5 * torch.randn(8))
    return gate


@pytest.fixture
def features():
    return torch.randn(1, 8, 10, 14, dtype=torch.float64, generator=torch.Generator().manual_seed(5))


def test_transposing_the_input_and_swapping_the_norms_transposes_the_axial_gate(axial, features):
    straight = axial(features)
    axial.norm_rows, axial.norm_columns = axial.norm_columns, axial.norm_rows
    turned = axial(features.transpose(2, 3)).transpose(2, 3)
    assert (turned - straight).abs().max() < 1e-12


def test_transposing_without_swapping_the_norms_does_not(axial, features):
    assert (axial(features.transpose(2, 3)).transpose(2, 3) - axial(features)).abs().max() > 1e-3


def test_the_axial_gate_is_one_factor_per_row_times_one_per_column(axial, features):
    factor = (axial(features) / features)[0, 3]
    assert torch.linalg.matrix_rank(factor, tol=1e-9) == 1
    assert factor.min() > 0
    assert factor.max() < 1


def test_the_axial_gate_is_what_its_equations_say(axial, features):
    gates = []
    for sequence, norm in ((features.mean(dim=3), axial.norm_rows), (features.mean(dim=2), axial.norm_columns)):
        scaled = torch.zeros_like(sequence)
        for channel in range(8):
            conv, own = axial.convs[channel // 2], channel % 2
            kernel, half = conv.weight[own, 0], conv.weight.shape[-1] // 2
            padded = F.pad(sequence[0, channel], (half, half))
            for i in range(sequence.shape[-1]):
                scaled[0, channel, i] = padded[i : i + len(kernel)] @ kernel + conv.bias[own]
        gates.append(torch.sigmoid(norm(scaled)))
    expected = features * gates[0][..., None] * gates[1][:, :, None, :]
    assert (axial(features) - expected).abs().max() < 1e-12


@pytest.mark.parametrize(("group", "kernel"), list(enumerate((3, 5, 7, 9))))
def test_each_group_of_channels_looks_as_far_as_its_kernel(axial, group, kernel):
    assert axial.convs[group].weight.shape == (2, 1, kernel)
