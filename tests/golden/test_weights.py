"""What the shipped weights answered when they were made: a change of the network, or of torch, shows here first."""

from pathlib import Path

import numpy as np
import pytest

from fusecli import models
from fusecli.catalog import REGISTRATION_MODEL
from fusecli.models.backend import openvino_is_installed
from fusecli.models.weights import list_weights

# Every 12th pixel of row 40, and the mean. Other processors sum convolutions in another order, which changes about
# 1e-6: 1e-4 is far above that, and a fortieth of a grey level.
GOLDEN = {
    "lrc": ((0.0, 0.0, 0.48078, 0.3933, 0.64839, 0.39097, 0.53169, 0.0), 0.21067),
    "lrc-fast": ((0.00008, 0.0, 0.47966, 0.39615, 0.63969, 0.39571, 0.53833, 0.0), 0.21207),
    "csafusion": ((0.00054, 0.0, 0.48741, 0.40077, 0.66114, 0.3584, 0.54517, 0.0), 0.21065),
    "dmfnet-small": ((0.00301, 0.00057, 0.29881, 0.19069, 0.42741, 0.28037, 0.38298, 0.00043), 0.17752),
}
RUNS = [(name, "torch") for name in GOLDEN] + [
    (n, "openvino") for n, entry in list_weights().items() if entry.converted
]


def test_all_weights_that_ship_have_an_answer_here():
    assert {*GOLDEN, REGISTRATION_MODEL.name} == set(list_weights())  # the latter in test_registration_weights.py


def test_all_weights_that_ship_have_a_card():
    cards = Path(__file__).parents[2] / "docs" / "models"
    assert all((cards / f"{name}.md").is_file() for name in list_weights())
    assert not (cards / "max.md").exists()


@pytest.mark.parametrize("name", GOLDEN)
def test_a_card_has_the_scores_of_the_manifest(name):
    told = {task: list(scores.values()) for task, scores in list_weights()[name].card["scores"]["test"].items()}
    assert len(told) == 3
    assert scores_in_card(name) == told
    assert scores_in_card("lrc") != scores_in_card("lrc-fast")


@pytest.mark.parametrize(("name", "backend"), RUNS)
def test_the_answer_is_that_of_the_day_the_weights_were_made(name, backend):
    if backend == "openvino" and not openvino_is_installed():
        pytest.skip("the OpenVINO backend is an extra")
    row, mean = GOLDEN[name]
    fused = answer(name, backend)
    assert fused[40, ::12] == pytest.approx(row, abs=1e-4)
    assert fused.mean() == pytest.approx(mean, abs=1e-4)


def scores_in_card(name):
    """The rows `| task | name | score | ... |` of the model's card."""
    text = (Path(__file__).parents[2] / "docs" / "models" / f"{name}.md").read_text(encoding="utf-8")
    rows = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return {row[0]: [float(cell) for cell in row[2:]] for row in rows if row[1:2] == [name] and "-MRI" in row[0]}


def answer(name, backend):
    rows, columns = np.mgrid[0:72, 0:96].astype(np.float32)
    fixed = np.where(np.hypot(rows - 36, columns - 48) < 30, 0.5 + 0.3 * np.sin(rows / 4) * np.cos(columns / 5), 0)
    moving = np.exp(-((rows - 30) ** 2 + (columns - 56) ** 2) / 90)
    return models.load(name, device="cpu", backend=backend)(fixed.astype(np.float32), moving.astype(np.float32))
