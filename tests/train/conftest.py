import numpy as np
import pytest
import torch
from PIL import Image as Picture

from fusecli.models.lrc import LRC, LRCConfig
from fusecli.train.datasets import TrainingPair


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Other threads would only wait for each other at these sizes, and sums would depend on their number."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def make_network():
    return tiny_network


@pytest.fixture
def make_pairs():
    return pairs_of


@pytest.fixture
def save_picture():
    return save


def tiny_network(seed=0):
    torch.manual_seed(seed)
    return LRC(LRCConfig(channels=4, blocks=2, decoder=(8,), correlation_cells=4, attention_cells=3))


def pairs_of(count, side=32, seed=0):
    """Pairs of soft random blobs, FIXED unlike MOVING."""
    random = np.random.default_rng(seed)
    return [TrainingPair(f"pair {i}", blob(side, random), blob(side, random)) for i in range(count)]


def blob(side, random):
    row, column = np.mgrid[:side, :side] / side
    centre, width = random.uniform(0.3, 0.7, 2), random.uniform(0.1, 0.3)
    distance = (row - centre[0]) ** 2 + (column - centre[1]) ** 2
    return np.exp(-distance / width**2).astype(np.float32)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.fromarray(np.asarray(pixels, dtype=np.uint8)).save(path)
