"""What the shipped weights answered when they were made: a change of the network, or of torch, shows here first."""

import numpy as np
import pytest

from fusecli import models
from fusecli.models.backend import openvino_is_installed
from fusecli.models.weights import list_weights

# Every 12th pixel of row 40, and the mean. Other processors sum convolutions in another order, which changes about
# 1e-6: 1e-4 is far above that, and a fortieth of a grey level.
GOLDEN = {
    "lrc": ((0.0, 0.0, 0.48361, 0.39848, 0.663, 0.36264, 0.53856, 0.0), 0.21017),
}


def test_all_weights_that_ship_have_an_answer_here():
    assert set(GOLDEN) == set(list_weights())


@pytest.mark.parametrize("backend", ["torch", "openvino"])
@pytest.mark.parametrize("name", GOLDEN)
def test_the_answer_is_that_of_the_day_the_weights_were_made(name, backend):
    if backend == "openvino" and not openvino_is_installed():
        pytest.skip("the OpenVINO backend is an extra")
    row, mean = GOLDEN[name]
    fused = answer(name, backend)
    assert fused[40, ::12] == pytest.approx(row, abs=1e-4)
    assert fused.mean() == pytest.approx(mean, abs=1e-4)


def answer(name, backend):
    rows, columns = np.mgrid[0:72, 0:96].astype(np.float32)
    fixed = np.where(np.hypot(rows - 36, columns - 48) < 30, 0.5 + 0.3 * np.sin(rows / 4) * np.cos(columns / 5), 0)
    moving = np.exp(-((rows - 30) ** 2 + (columns - 56) ** 2) / 90)
    return models.load(name, device="cpu", backend=backend)(fixed.astype(np.float32), moving.astype(np.float32))
