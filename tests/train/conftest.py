import numpy as np
import pytest
import torch
from PIL import Image as Picture

from fusecli.models.lrc import LRC
from fusecli.models.lrc_config import LRCConfig
from fusecli.settings.training import LossSettings, TrainSettings
from fusecli.train.datasets import TrainingPair
from fusecli.train.loop import train
from fusecli.train.objective import Fusion

SMALL = TrainSettings(
    epochs=2, batch=2, crop=32, learning_rate=5e-3, patience=10, ema=0.5, loss=LossSettings(intensity="max")
)


@pytest.fixture(scope="module", autouse=True)
def steady_sums(one_thread):
    """Every test in this folder runs torch on one thread."""


@pytest.fixture
def make_network():
    return tiny_network


@pytest.fixture
def make_pairs():
    return pairs_of


@pytest.fixture
def save_picture():
    return save


@pytest.fixture
def small():
    """Settings of a run that takes a second."""
    return SMALL


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tiny.safetensors"


@pytest.fixture
def score():
    return closeness


@pytest.fixture
def scripted():
    """A score by its values, known beforehand: one per call."""
    return score_by_call


@pytest.fixture
def run(path):
    """Epochs of a run, as they are drawn."""

    def start(settings=SMALL, *, to=path, seed=0, score=closeness, pairs=6, network=None, **options):
        tasks = options.pop("tasks", {"a": pairs_of(pairs - 2), "b": pairs_of(2, seed=9)})
        validation = options.pop("validation", {"a": pairs_of(1, seed=5)})
        network = network or tiny_network(seed)
        objective = options.pop("objective", None) or Fusion(settings, score, "closeness")
        return train(network, tasks, validation, objective=objective, weights_path=to, settings=settings, **options)

    return start


@pytest.fixture
def checkpoint():
    """What stands in the checkpoint beside some weights."""
    return lambda path: torch.load(path.with_name(path.name + ".checkpoint"), weights_only=True)


@pytest.fixture
def equal():
    return states_are_equal


def score_by_call(*values):
    rest = iter(values)
    return lambda fixed, moving, fused: next(rest)


def closeness(fixed, moving, fused):
    """A cheap stand-in for Q^AB/F: minus the distance to the brighter source."""
    return -float(np.abs(np.maximum(fixed, moving) - fused).mean())


def states_are_equal(a, b):
    """Whether two nested states hold the same numbers."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(states_are_equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(states_are_equal(x, y) for x, y in zip(a, b, strict=True))
    return a == b


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
