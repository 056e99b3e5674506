"""The configurations of the LRC topology: each runs in both forms, and each is a network of its own."""

from dataclasses import replace

import pytest
import torch

from fusecli.models.lrc import LRC, parameter_count
from fusecli.models.lrc_config import ABLATIONS, FAST, LRCConfig

CONFIGS = {"lrc": LRCConfig(), "lrc-fast": FAST, **ABLATIONS}


def images(rows=40, columns=36, batch=2):
    generator = torch.Generator().manual_seed(4)
    return torch.rand(2, batch, 1, rows, columns, generator=generator)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_fast_form_of_every_configuration_is_its_literal_form(make_lrc, name):
    network = make_lrc(CONFIGS[name])
    with torch.inference_mode():
        fast, literal = network(*images()), network.forward_literal(*images())
    assert fast.shape == (2, 1, 40, 36)
    assert (fast - literal).abs().max() < 1e-5
    assert literal.std() > 1e-3


def test_every_step_of_the_ablation_adds_parameters():
    steps = ["lrc-base", "lrc-dense", "lrc-cmfem", "lrc-lcfm-last"]
    counts = [parameter_count(LRC(config)) for config in [*(ABLATIONS[name] for name in steps), LRCConfig()]]
    assert counts == sorted(set(counts))


@pytest.mark.parametrize(
    ("config", "gated"),
    [
        (LRCConfig(), (True,) * 5),
        (ABLATIONS["lrc-base"], (False,)),
        (ABLATIONS["lrc-cmfem"], (False,) * 5),
        (ABLATIONS["lrc-lcfm-last"], (False, False, False, False, True)),
    ],
)
def test_a_configuration_says_which_layers_have_an_lcfm(config, gated):
    assert config.fused_layers == gated


def test_the_base_has_neither_dense_connections_nor_multi_scale_gates(make_lrc):
    base = make_lrc(ABLATIONS["lrc-base"])
    assert {block.embed.in_channels for block in base.fixed_encoder.blocks} == {1, 16}
    assert not any("axial" in name or "attention" in name for name, _ in base.named_parameters())
    full = make_lrc(LRCConfig())
    assert {block.embed.in_channels for block in full.fixed_encoder.blocks} == {1, 16, 32, 48}
    assert any("axial" in name for name, _ in full.named_parameters())


def test_a_gate_that_looks_at_averaged_features_is_another_gate_with_the_same_weights(make_lrc):
    weights = make_lrc(replace(FAST, gate_stride=1)).state_dict()
    answers = []
    for stride in (1, 4):
        network = make_lrc(replace(FAST, gate_stride=stride))
        network.load_state_dict(weights)
        with torch.inference_mode():
            answers.append(network(*images(64, 64)))
    difference = (answers[0] - answers[1]).abs().max()
    assert 1e-6 < difference < 0.1
