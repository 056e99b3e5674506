"""What the shipped weights answered when they were made: a change of the network, or of torch, shows here first."""

import numpy as np
import pytest

from fusecli import models
from fusecli.models.backend import openvino_is_installed

# Every 12th pixel of row 40. Other processors sum convolutions in another order, which changes about 1e-6: 1e-4 is far
# above that, and a fortieth of a grey level.
ROW_40 = (0.0, 0.0, 0.48361, 0.39848, 0.663, 0.36264, 0.53856, 0.0)
MEAN = 0.21017


@pytest.fixture(scope="module", params=["torch", "openvino"])
def fused(request):
    if request.param == "openvino" and not openvino_is_installed():
        pytest.skip("the OpenVINO backend is an extra")
    rows, columns = np.mgrid[0:72, 0:96].astype(np.float32)
    fixed = np.where(np.hypot(rows - 36, columns - 48) < 30, 0.5 + 0.3 * np.sin(rows / 4) * np.cos(columns / 5), 0)
    moving = np.exp(-((rows - 30) ** 2 + (columns - 56) ** 2) / 90)
    return models.load("lrc", device="cpu", backend=request.param)(fixed.astype(np.float32), moving.astype(np.float32))


def test_the_answer_is_that_of_the_day_the_weights_were_made(fused):
    assert fused[40, ::12] == pytest.approx(ROW_40, abs=1e-4)
    assert fused.mean() == pytest.approx(MEAN, abs=1e-4)
