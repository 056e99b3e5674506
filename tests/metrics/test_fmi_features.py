"""FMI of other features than edges: what the features are, and the information of two windows worked out literally."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fusecli.errors import ShapeError
from fusecli.metrics import fmi
from fusecli.metrics.fmi_features import _meyer_filters, feature_of
from fusecli.metrics.window_information import normalized_information

FEATURES = ("pixel", "gradient", "edge", "dct", "wavelet")
RAMP = np.indices((24, 20))[1] * 5.0
NOISE = np.random.default_rng(3).integers(0, 256, (24, 20)).astype(np.float64)
OTHER = np.random.default_rng(4).integers(0, 256, (24, 20)).astype(np.float64)


def literal_information(p, q):
    """Of one pair, over all 81 cells of the joint distribution, from its cumulative form."""
    correlation = np.corrcoef(p, q)[0, 1] if np.ptp(p) > 0 and np.ptp(q) > 0 else 0.0
    first, second = np.cumsum(p)[:, np.newaxis], np.cumsum(q)[np.newaxis]
    bond = np.minimum(first, second) if correlation >= 0 else np.maximum(first + second - 1, 0)
    cells = np.arange(9)
    spread = np.prod([np.sqrt(cells**2 @ shares - (cells @ shares) ** 2) for shares in (p, q)])
    covariance = np.sum(bond - first * second)
    weight = correlation * spread / covariance if abs(covariance) > 1e-12 else 0.0
    joint = np.diff(np.diff(weight * bond + (1 - weight) * first * second, axis=0, prepend=0), axis=1, prepend=0)
    alone = entropy(p) + entropy(q)
    return 2 * (alone - entropy(joint)) / alone


def entropy(shares):
    present = shares[np.abs(shares) > 1e-15]
    return -np.sum(present * np.log2(np.abs(present)))


@pytest.mark.parametrize("emptied", [0, 3, 6])
def test_the_staircase_gives_the_information_of_all_cells(emptied):
    rng = np.random.default_rng(emptied)
    pairs = rng.random((2, 9, 60))
    for windows in pairs:
        for column in windows.T:
            column[rng.choice(9, emptied, replace=False)] = 0
    p, q = (windows / windows.sum(axis=0) for windows in pairs)
    expected = [literal_information(p[:, n], q[:, n]) for n in range(60)]
    assert normalized_information(p, q) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert np.ptp(expected) > 0.1


def test_a_distribution_tells_nothing_of_an_even_one():
    p = np.linspace(0, 1, 9)[:, np.newaxis] / 4.5
    assert normalized_information(p, np.full((9, 1), 1 / 9)) == pytest.approx([0], abs=1e-12)
    assert normalized_information(p, p)[0] > 0.5


def test_the_gradient_is_that_along_the_rows_only():
    assert (feature_of(RAMP, "gradient") == 5).all()
    assert (feature_of(RAMP.T, "gradient") == 0).all()


def test_the_cosine_transform_keeps_the_energy():
    transformed = feature_of(NOISE, "dct")
    assert np.sum(transformed**2) == pytest.approx(np.sum(NOISE**2))
    assert transformed[0, 0] == pytest.approx(NOISE.sum() / np.sqrt(NOISE.size))


def test_the_meyer_filters_are_orthonormal_and_share_no_frequency():
    low, high = _meyer_filters()
    assert len(low) == len(high) == 102
    assert low.sum() == pytest.approx(np.sqrt(2))
    assert high.sum() == pytest.approx(0, abs=1e-5)  # what is cut off has 10⁻⁶ of the sum
    for shift in (0, 2, 4, 10):
        kept = slice(shift, None), slice(None, 102 - shift)
        assert low[kept[0]] @ low[kept[1]] == pytest.approx(float(shift == 0), abs=1e-5)
        assert high[kept[0]] @ high[kept[1]] == pytest.approx(float(shift == 0), abs=1e-5)
        assert low[kept[0]] @ high[kept[1]] == pytest.approx(0, abs=1e-5)
    assert low[1:] @ low[:-1] > 0.1


def test_a_wavelet_has_the_means_first_and_no_detail_in_a_flat_image():
    flat = feature_of(np.full((24, 20), 7.0), "wavelet")
    rows, columns = (24 + 101) // 2, (20 + 101) // 2
    assert flat.shape == (2 * rows, 2 * columns)
    assert flat[:rows, :columns] == pytest.approx(np.full((rows, columns), 14))
    assert np.abs(flat[rows:]).max() < 1e-4
    stripes = feature_of(np.where(RAMP % 10 == 0, 7.0, 0.0), "wavelet")
    assert np.abs(stripes[rows:, :columns]).max() > 3
    assert np.abs(stripes[:, columns:]).max() < 1e-4


def test_rounding_is_no_pattern_unless_asked_for():
    flat = np.full((97, 130), 128.0)
    dropped, kept = (feature_of(flat, "dct", rounding=rounding) for rounding in (False, True))
    assert np.count_nonzero(dropped) == 1
    assert np.abs(dropped - kept).max() < 1e-9
    whole = feature_of(NOISE, "wavelet", rounding=True)
    assert (whole.min(), whole.max()) == (0, 1)


@pytest.mark.parametrize("feature", FEATURES)
def test_all_of_an_image_is_told_by_itself_and_less_by_another(feature):
    assert fmi.of_levels(NOISE, NOISE, NOISE, feature=feature) == 1
    assert fmi.of_levels(NOISE, NOISE, OTHER, feature=feature) < 0.97


def test_two_flat_places_are_one_pattern_at_any_level():
    black, grey = np.zeros((24, 20)), np.full((24, 20), 90.0)
    assert fmi.of_levels(black, black, grey, feature="pixel") == 1
    assert fmi.of_levels(NOISE, NOISE, grey, feature="pixel") == pytest.approx(0, abs=1e-12)


def test_each_feature_is_another_question():
    scores = [fmi.of_levels(NOISE, OTHER, (NOISE + OTHER) / 2, feature=feature) for feature in FEATURES]
    assert min(np.diff(sorted(scores))) > 1e-3


def test_edges_are_the_feature_unless_another_is_named():
    images = (NOISE, OTHER, np.maximum(NOISE, OTHER))
    assert fmi.of_levels(*images) == fmi.of_levels(*images, feature="edge") == fmi.fmi(*(x / 255 for x in images))


@pytest.mark.parametrize("feature", FEATURES)
def test_a_window_of_three_pixels_has_to_fit(feature):
    with pytest.raises(ShapeError, match="too small for FMI"):
        fmi.of_levels(*[NOISE[:2]] * 3, feature=feature)
    assert fmi.of_levels(*[NOISE[:3, :3]] * 3, feature=feature) == 1


@pytest.mark.parametrize("width", [4, 3000])
def test_the_strips_in_which_it_is_worked_out_do_not_show(width, monkeypatch):
    images = np.random.default_rng(6).integers(0, 256, (3, 6, width)).astype(np.float64)
    whole = fmi.of_levels(*images, feature="pixel")
    monkeypatch.setattr(fmi, "WINDOWS", 1)
    assert fmi.of_levels(*images, feature="pixel") == pytest.approx(whole, rel=1e-12)


PICTURES = arrays(np.uint8, (9, 8), elements=st.integers(0, 255)).map(lambda picture: picture.astype(np.float64))


@pytest.mark.parametrize("feature", FEATURES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PICTURES, PICTURES, PICTURES)
def test_exchanging_the_sources_changes_nothing_and_the_score_is_finite(feature, fixed, moving, fused):
    score = fmi.of_levels(fixed, moving, fused, feature=feature)
    assert -0.5 < score <= 1 + 1e-9
    assert fmi.of_levels(moving, fixed, fused, feature=feature) == pytest.approx(score, rel=1e-9, abs=1e-12)
