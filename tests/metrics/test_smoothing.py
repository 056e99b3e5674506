"""Smoothing in blocks and measuring in strips: neither may show in a value."""

import numpy as np
import pytest
from scipy import ndimage

from fusecli.metrics import kernels, qabf, vif, viff
from fusecli.metrics.edge_intensity import of_levels as edge_intensity
from fusecli.metrics.kernels import gaussian_window, smooth, strips
from fusecli.metrics.local_moments import covariance, local

LOPSIDED = np.array([0.1, 0.2, 0.7])


def grain(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.float64)


@pytest.mark.parametrize("window", [gaussian_window(3, 0.6), gaussian_window(17, 3.4), LOPSIDED])
@pytest.mark.parametrize("shape", [(17, 17), (48, 49), (80, 81), (20, 600), (600, 20)])
def test_smoothing_is_that_of_scipy_inside_the_image(shape, window):
    image, around = grain(*shape), len(window) // 2
    expected = ndimage.correlate1d(ndimage.correlate1d(image, window, axis=0), window, axis=1)
    inside = expected[around : shape[0] - around, around : shape[1] - around]
    assert smooth(image, window) == pytest.approx(inside, rel=1e-12)


def test_a_lopsided_window_is_not_turned_round():
    dot = np.zeros((5, 5))
    dot[2, 2] = 1
    assert smooth(dot, LOPSIDED) == pytest.approx(np.outer(LOPSIDED[::-1], LOPSIDED[::-1]))
    assert smooth(dot, LOPSIDED) != pytest.approx(np.outer(LOPSIDED, LOPSIDED))


def test_smoothing_whole_levels_with_whole_weights_is_exact():
    image = grain(60, 70)
    box = np.ones(11)
    assert np.array_equal(smooth(image, box), np.rint(smooth(image, box)))
    assert smooth(image, box)[0, 0] == image[:11, :11].sum()


def test_local_moments_are_those_of_the_weighted_patch():
    a, b, window = grain(20, 23), grain(20, 23, seed=1), gaussian_window(7, 1.5)
    weights = np.outer(window, window)
    first, second = local(a, window), local(b, window)
    patch_a, patch_b = a[3:10, 5:12], b[3:10, 5:12]
    mean_a, mean_b = (np.average(patch, weights=weights) for patch in (patch_a, patch_b))
    assert first.mean[3, 5] == pytest.approx(mean_a)
    assert first.variance[3, 5] == pytest.approx(np.average((patch_a - mean_a) ** 2, weights=weights))
    shared = np.average((patch_a - mean_a) * (patch_b - mean_b), weights=weights)
    assert covariance(first, second)[3, 5] == pytest.approx(shared)


@pytest.mark.parametrize("side", [3, 17])
@pytest.mark.parametrize("rows", [17, 40, 41, 100])
def test_strips_have_every_place_of_the_window_once(rows, side, monkeypatch):
    monkeypatch.setattr(kernels, "STRIP", 1)
    found = list(strips((rows, 50), side))
    places = [top for strip in found for top in range(strip.start, strip.stop - side + 1)]
    assert places == list(range(rows - side + 1))
    assert len(found) > 1 or rows - side + 1 <= 2 * side


@pytest.mark.parametrize("metric", [vif.of_levels, viff.of_levels, qabf.of_levels, lambda a, b, f: edge_intensity(f)])
def test_the_strips_in_which_a_metric_is_worked_out_do_not_show(metric, monkeypatch):
    images = [grain(130, 97, seed=seed) for seed in range(3)]
    whole = metric(*images)
    monkeypatch.setattr(kernels, "STRIP", 1)
    assert metric(*images) == pytest.approx(whole, rel=1e-12)
    images[2][-20:] = 0
    assert metric(*images) != pytest.approx(whole, rel=1e-6)
