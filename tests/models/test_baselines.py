import numpy as np
import pytest

from fusecli import catalog, models
from fusecli.errors import ModelError, UsageError
from fusecli.models.baselines import baseline, fuse_laplacian

NAMES = [name for name, info in catalog.MODELS.items() if not info.needs_weights]
SIZES = [(32, 32), (33, 47), (64, 200), (200, 64), (101, 77), (16, 16), (15, 40)]

FIXED = np.array([[0, 0.25], [0.5, 1]], dtype=np.float32)
MOVING = np.array([[1, 0.75], [0.5, 0]], dtype=np.float32)


def test_max_is_the_brighter_of_the_two():
    assert np.array_equal(baseline("max")(FIXED, MOVING), [[1, 0.75], [0.5, 1]])


def test_average_is_the_mean_of_the_two():
    assert np.array_equal(baseline("average")(FIXED, MOVING), np.full((2, 2), 0.5))


def test_alpha_is_the_share_of_moving():
    assert np.array_equal(baseline("alpha", alpha=0)(FIXED, MOVING), FIXED)
    assert np.array_equal(baseline("alpha", alpha=1)(FIXED, MOVING), MOVING)
    assert np.array_equal(baseline("alpha", alpha=0.25)(FIXED, MOVING), [[0.25, 0.375], [0.5, 0.75]])


@pytest.mark.parametrize("alpha", [-0.01, 1.01, np.nan, np.inf])
def test_an_alpha_that_is_not_a_share_is_a_usage_error(alpha):
    with pytest.raises(UsageError) as caught:
        baseline("alpha", alpha=alpha)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(("rows", "columns"), SIZES)
def test_the_laplacian_pyramid_of_one_image_with_itself_is_that_image(image_pair, rows, columns):
    fixed, _ = image_pair(rows, columns)
    assert np.abs(fuse_laplacian(fixed, fixed) - fixed).max() < 1e-6


@pytest.mark.parametrize(("rows", "columns"), SIZES)
def test_the_laplacian_pyramid_of_two_flat_images_is_their_mean(rows, columns):
    dark, bright = (np.full((rows, columns), level, dtype=np.float32) for level in (0.2, 0.6))
    assert np.abs(fuse_laplacian(dark, bright) - 0.4).max() < 1e-6


def test_the_laplacian_pyramid_keeps_detail_that_the_average_halves():
    flat = np.full((64, 64), 0.5, dtype=np.float32)
    board = flat + 0.1 * (np.indices((64, 64)).sum(axis=0) % 2 * 2 - 1).astype(np.float32)
    fused, mean = (baseline(name)(board, flat)[8:-8, 8:-8].std() for name in ("laplacian", "average"))
    assert fused == pytest.approx(0.1, rel=0.05)
    assert mean == pytest.approx(0.05, rel=0.05)


def test_the_stronger_detail_wins_whichever_image_it_is_in(image_pair):
    fixed, moving = image_pair(64, 64)
    assert np.abs(fuse_laplacian(fixed, moving) - fuse_laplacian(moving, fixed)).max() < 1e-6


@pytest.mark.parametrize(("first", "second"), [(a, b) for i, a in enumerate(NAMES) for b in NAMES[:i]])
def test_no_two_baselines_are_the_same(image_pair, first, second):
    fixed, moving = image_pair(64, 64)
    difference = baseline(first, alpha=0.3)(fixed, moving) - baseline(second, alpha=0.3)(fixed, moving)
    assert np.abs(difference).max() > 0.05


@pytest.mark.parametrize("name", NAMES)
def test_black_and_white_noise_stays_in_0_to_1(name):
    random = np.random.default_rng(0)
    fixed, moving = (random.integers(0, 2, (64, 64)).astype(np.float32) for _ in range(2))
    fused = baseline(name)(fixed, moving)
    assert fused.min() >= 0
    assert fused.max() <= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_baseline_of_the_catalog_is_loaded_by_name_and_has_no_weights(name):
    fuser = models.load(name)
    assert (fuser.name, fuser.weights_sha256, fuser.device, tuple(fuser.notes)) == (name, None, "cpu", ())


def test_a_model_that_is_not_in_the_catalog_is_a_model_error_that_lists_them():
    with pytest.raises(ModelError, match="laplacian") as caught:
        models.load("lcr")
    assert caught.value.exit_code == 9


def test_a_baseline_that_is_not_one_is_our_own_mistake():
    with pytest.raises(ValueError, match="lrc"):
        baseline("lrc")
