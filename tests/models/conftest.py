import numpy as np
import pytest
import torch

from fusecli.models.lrc import LRC
from fusecli.models.lrc_config import LRCConfig

TINY = LRCConfig(channels=4, blocks=2, decoder=(8,), correlation_cells=4, attention_cells=3)


@pytest.fixture(scope="module", autouse=True)
def steady_sums(one_thread):
    """Every test in this folder runs torch on one thread."""


@pytest.fixture
def tiny():
    return random_lrc(TINY)


@pytest.fixture
def make_lrc():
    return random_lrc


@pytest.fixture(scope="module")
def small_lrc():
    """A network that several tests of a file share, and none changes."""
    return random_lrc()


@pytest.fixture
def image_pair():
    """FIXED and MOVING by size, (row, column), unlike each other."""
    return grey_pair


@pytest.fixture
def block_means():
    """The means of (channel, row, column) in so many cells along each side, which divide both evenly."""

    def means(x, cells):
        channels, rows, columns = x.shape
        return x.reshape(channels, cells, rows // cells, cells, columns // cells).mean(dim=(2, 4))

    return means


def random_lrc(config=TINY, seed=0):
    """A network whose every weight is random: biases and norms too, which start at 0 and 1 by default."""
    torch.manual_seed(seed)
    network = LRC(config).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "norm" in name or name.endswith("bias"):
                parameter.add_(0.2 * torch.randn_like(parameter))
    return network


def grey_pair(rows, columns, seed=0):
    random = np.random.default_rng(seed)
    row, column = np.mgrid[:rows, :columns]
    waves = 0.5 + 0.4 * np.sin(row / 5) * np.cos(column / 7)
    disc = (row - rows / 2) ** 2 + (column - columns / 3) ** 2 < (min(rows, columns) / 3) ** 2
    noise = random.uniform(0, 0.1, (2, rows, columns))
    return (0.9 * waves + noise[0]).astype(np.float32).clip(0, 1), (0.8 * disc + noise[1]).astype(np.float32)
