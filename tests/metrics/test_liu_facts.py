"""The metrics of Liu et al.: values that a reader can work out by hand, and what holds for any picture."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fusecli.errors import ImageError, ShapeError
from fusecli.metrics.liu.contrast_sensitivity import cycles_per_degree, filtered
from fusecli.metrics.liu.phase_congruency import phase_congruency
from fusecli.metrics.liu.q_c import of_levels as c_of_levels
from fusecli.metrics.liu.q_c import q_c
from fusecli.metrics.liu.q_cb import of_levels as cb_of_levels
from fusecli.metrics.liu.q_cb import q_cb
from fusecli.metrics.liu.q_cv import of_levels as cv_of_levels
from fusecli.metrics.liu.q_cv import q_cv
from fusecli.metrics.liu.q_g import q_g
from fusecli.metrics.liu.q_m import q_m
from fusecli.metrics.liu.q_mi import q_mi
from fusecli.metrics.liu.q_ncie import q_ncie
from fusecli.metrics.liu.q_p import q_p
from fusecli.metrics.liu.q_s import of_levels as s_of_levels
from fusecli.metrics.liu.q_s import q_s
from fusecli.metrics.liu.q_sf import q_sf
from fusecli.metrics.liu.q_te import NAVA, q_te
from fusecli.metrics.liu.q_y import q_y

TWELVE = (q_mi, q_te, q_ncie, q_g, q_m, q_sf, q_p, q_s, q_c, q_y, q_cv, q_cb)
ALL_KEPT = 1 / (1 + np.exp(-5.0)) ** 2  # both sigmoids of Q_G at 1


def levels(array):
    return np.asarray(array, dtype=np.float64) / 255


def noise(seed, shape=(48, 48), top=256):
    return levels(np.random.default_rng(seed).integers(0, top, shape))


HALVES = levels(np.repeat([[0, 255]], 32, axis=0).repeat(16, axis=1))
ACROSS = HALVES.T


def test_a_copy_of_one_source_tells_all_of_it_and_nothing_of_an_independent_one():
    assert q_mi(HALVES, ACROSS, HALVES) == pytest.approx(1)
    assert q_mi(HALVES, HALVES, HALVES) == pytest.approx(2)
    assert q_mi(HALVES, ACROSS, np.full_like(HALVES, 0.5)) == 0


def test_renaming_the_levels_changes_no_information():
    source = noise(1)
    assert q_mi(source, HALVES_48, 1 - source) == pytest.approx(q_mi(source, HALVES_48, source))
    assert q_mi(source, HALVES_48, source // 0.5 / 2) < q_mi(source, HALVES_48, source) - 0.1


HALVES_48 = levels(np.repeat([[0, 255]], 48, axis=0).repeat(24, axis=1))


def test_tsallis_information_of_two_equal_levels():
    shared = (1 - 2 * 0.5**NAVA * 0.25 ** (1 - NAVA)) / (1 - NAVA)
    held = (1 - 2 * 0.5**NAVA) / (NAVA - 1)
    assert q_te(HALVES, ACROSS, HALVES) == pytest.approx(shared / (2 * held))
    assert q_te(HALVES, ACROSS, np.full_like(HALVES, 0.5)) == pytest.approx(0, abs=1e-12)


def test_three_independent_images_have_the_least_correlation():
    apart = np.where(HALVES == ACROSS, 1.0, 0.0)
    assert q_ncie(HALVES, ACROSS, apart) == pytest.approx(1 - np.log(3) / np.log(256))
    assert q_ncie(HALVES, ACROSS, HALVES) > 1 - np.log(3) / np.log(256) + 1e-4


def test_half_the_gradient_everywhere_is_kept_by_half():
    source = noise(1)
    assert q_g(source, source, source) == pytest.approx(ALL_KEPT)
    assert q_g(source, source, source / 2) == pytest.approx(0.5 * np.sqrt(ALL_KEPT), rel=1e-6)


def test_a_black_surround_does_not_change_the_share_of_gradients_kept():
    fixed, moving, fused = (np.pad(noise(seed), 2) for seed in (1, 2, 3))
    wide = [np.pad(image, 40) for image in (fixed, moving, fused)]
    assert q_g(*wide) == pytest.approx(q_g(fixed, moving, fused), abs=1e-6)
    assert q_s(*wide) > q_s(fixed, moving, fused) + 0.1


def test_a_checkerboard_wiped_out_keeps_its_two_empty_bands():
    board = levels(2 * (np.indices((16, 16)).sum(axis=0) % 2))
    assert q_m(board, board, np.zeros((16, 16))) == pytest.approx((2 + np.exp(-2)) / 3)
    assert q_m(board, board, board) == 1


def test_a_veil_over_all_pixels_leaves_the_details_as_they_are():
    source = noise(1, top=200)
    assert q_m(source, source, source + 50 / 255) == pytest.approx(1)
    assert q_m(source, source, source * 0.9) < 0.5


def test_spatial_frequency_is_measured_against_the_larger_differences():
    source = noise(1) / 2
    assert q_sf(source, source / 2, source) == pytest.approx(0)
    assert q_sf(source, source / 2, 2 * source) == pytest.approx(1)
    assert q_sf(source, source / 2, np.full_like(source, 0.3)) == -1


def test_the_diagonals_weigh_the_root_of_a_half():
    dot, line = np.zeros((5, 5)), np.zeros((5, 5))
    dot[2, 2], line[2] = 1, 1
    # Squared differences: of the dot 2 in each of four directions; of the line 10 down and 8 on either diagonal.
    expected = np.sqrt((2 + 2 + 0.5**0.5 * 4) / (10 + 0.5**0.5 * 16)) - 1
    assert q_sf(line, line, dot) == pytest.approx(expected)


def test_where_only_one_source_varies_similarity_to_it_alone_counts():
    source, flat = noise(1), np.full((48, 48), 0.5)
    assert q_s(source, flat, source) == pytest.approx(1)
    assert q_s(source, flat, flat) < 0.2
    assert s_of_levels(255 * source, 255 * flat, 255 * source, weighted=True) == pytest.approx(1)


def test_a_share_beyond_1_counts_as_1():
    source = noise(1)
    opposite = 0.75 - source / 2
    assert q_c(source, opposite, source) == pytest.approx(1)
    assert q_c(source, source / 2, source) < 0.99
    # The toolkit's form sets such a place to 1 whatever the similarity there.
    images = [255 * image for image in (source, opposite, source / 2)]
    assert c_of_levels(*images, clip_the_result=True) == pytest.approx(1)
    assert c_of_levels(*images) < 0.99


def test_where_sources_differ_the_better_one_counts_and_where_they_agree_both():
    one, other = noise(1), noise(2)
    assert q_y(one, other, one) == pytest.approx(1)
    nearly = np.clip(one + noise(3) / 20, 0, 1)
    assert q_y(one, nearly, one) < 1 - 1e-5


@pytest.mark.parametrize("shape", [(48, 32), (50, 37)])
def test_a_veil_over_all_pixels_is_seen_with_the_gain_of_no_frequency(shape):
    source = noise(1, shape, top=200)
    veil = 10 / 255
    assert q_cv(source, source, source + veil) == pytest.approx((2.6 * 0.0192 * 10) ** 2)
    assert q_cv(source, source, source) == 0


def test_regions_without_edges_do_not_count():
    source = np.zeros((64, 64))
    source[8:24, 8:24] = 0.5
    near, far = source.copy(), source.copy()
    near[10:20, 10:20] += 0.2
    far[44:54, 44:54] += 0.2
    assert q_cv(source, source, far) < 0.2 * q_cv(source, source, near)


def test_a_stretch_hides_a_loss_of_contrast():
    source = np.pad(255 * noise(1), 1)
    source[0, 0], source[0, 1] = 0, 255
    faded = source / 5
    assert cv_of_levels(source, source, faded, stretch=True) < 0.01 * cv_of_levels(source, source, faded)


def test_contrast_has_no_scale_but_a_place():
    source = noise(1, top=200) + 0.2
    assert q_cb(source, source, source / 2) == pytest.approx(1)
    patched = source.copy()
    patched[10:30, 10:30] = source.mean()
    assert q_cb(source, source, patched) < 0.9


def test_black_surroundings_are_equal_and_not_a_comparison_of_rounding():
    images = [np.pad(255 * noise(seed, (16, 16)), 100) for seed in (1, 2, 3)]
    assert cb_of_levels(*images) > 0.8
    assert cb_of_levels(*images, black=0.0) < cb_of_levels(*images) - 0.05


def test_a_frequency_is_counted_in_cycles_over_the_field_of_view():
    frequency = cycles_per_degree((8, 6), field_degrees=2)
    assert frequency.shape == (8, 4)
    assert frequency[0, 3] == pytest.approx(1.5)
    assert frequency[-1, 0] == pytest.approx(0.5)
    assert frequency[3, 2] == pytest.approx(np.hypot(1.5, 1))


def test_a_gain_of_one_changes_nothing_and_of_the_mean_alone_leaves_the_mean():
    image = 255 * noise(1, (9, 7))
    assert filtered(image, np.ones((9, 4))) == pytest.approx(image)
    only_mean = np.zeros((9, 4))
    only_mean[0, 0] = 1
    assert filtered(image, only_mean) == pytest.approx(np.full((9, 7), image.mean()))


def test_phases_agree_at_a_step_and_nowhere_in_a_flat_image():
    step = np.zeros((64, 64))
    step[:, 32:] = 100
    found, flat = phase_congruency([step, np.full((64, 64), 128.0)])
    assert found.congruency[20:44, 31:33].min() > 0.6
    assert found.congruency[20:44, 10:20].max() < 0.1
    assert flat.congruency.max() < 1e-6
    assert found.edges[32, 32] > found.corners[32, 32] > found.edges[32, 15]


@pytest.mark.parametrize("shape", [(64, 64), (63, 50)])
def test_phase_congruency_does_not_see_contrast_but_the_shape(shape):
    source = 255 * noise(1, shape)
    whole, half = phase_congruency([source, source / 2])
    assert half.congruency == pytest.approx(whole.congruency, abs=1e-4)
    other = phase_congruency([255 * noise(2, shape)])[0]
    assert np.abs(other.congruency - whole.congruency).max() > 0.1


def test_features_of_a_source_dimmed_by_half_are_kept_and_of_a_constant_fusion_none():
    source = noise(1)
    assert q_p(source, source, source / 2) > 0.99
    assert q_p(source, source, noise(2)) < 0.5
    assert q_p(source, source, np.full((48, 48), 0.5)) == 0


@pytest.mark.parametrize("metric", [q_mi, q_te, q_ncie])
def test_information_of_a_constant_source_is_refused_by_name(metric):
    flat, varied = np.full((48, 48), 0.25), noise(1)
    with pytest.raises(ImageError, match="MOVING is constant"):
        metric(varied, flat, varied)
    assert np.isfinite(metric(varied, noise(2), flat))


@pytest.mark.parametrize("metric", [q_g, q_m, q_sf, q_p, q_cv])
def test_sources_that_show_nothing_are_refused(metric):
    flat, varied = np.full((48, 48), 0.25), noise(1)
    with pytest.raises(ImageError, match="FIXED"):
        metric(flat, flat, varied)
    assert np.isfinite(metric(flat, varied, flat))


@pytest.mark.parametrize("metric", [q_s, q_c, q_y, q_cb])
def test_three_flat_images_that_are_one_are_alike_and_two_that_are_not_less(metric):
    flat = np.full((48, 48), 0.25)
    assert metric(flat, flat, flat) == pytest.approx(1)
    assert metric(flat, flat, noise(1)) < 0.9


@pytest.mark.parametrize(("metric", "side"), [(q_s, 11), (q_p, 11), (q_c, 7), (q_y, 7), (q_m, 4)])
def test_an_image_smaller_than_the_window_is_refused(metric, side):
    small = noise(1, (side - 1, 48))
    with pytest.raises(ShapeError, match="too small for Q_"):
        metric(small, small, small)
    whole = noise(1, (side, 48))
    assert metric(whole, whole, whole) == pytest.approx(1)


@pytest.mark.parametrize("metric", TWELVE)
def test_a_number_that_is_not_one_is_refused(metric):
    image = noise(1)
    broken = image.copy()
    broken[3, 4] = np.nan
    with pytest.raises(ImageError, match="FUSED holds values that are not numbers"):
        metric(image, image, broken)


MOSAICS = arrays(np.uint8, (3, 4), elements=st.integers(0, 255)).map(
    lambda tiles: np.kron(tiles, np.ones((5, 4), np.uint8)) / 255
)
SOURCES = MOSAICS.filter(lambda image: np.ptp(image) > 0)
# Flat nowhere, so that no comparison of two equal sums is left to rounding.
GRAIN = np.random.default_rng(5).integers(0, 56, (15, 16)) / 255
GRAINY = MOSAICS.map(lambda image: image * (200 / 255) + GRAIN)
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LIMITS = {
    q_mi: (0, 2),
    q_te: (-1e-9, np.inf),
    q_ncie: (1 - np.log(3) / np.log(256) - 1e-12, 1),
    q_g: (0, ALL_KEPT),
    q_m: (0, 1),
    q_sf: (-1, np.inf),
    q_s: (-1, 1),
    q_c: (-1, 1),
    q_y: (-1, 1),
    q_cv: (0, np.inf),
    q_cb: (0, 1),
}


@pytest.mark.parametrize("metric", LIMITS)
@FEW
@given(SOURCES, SOURCES, MOSAICS)
def test_a_score_lies_within_its_bounds(metric, fixed, moving, fused):
    low, high = LIMITS[metric]
    assert low <= metric(fixed, moving, fused) <= high + 1e-9


@pytest.mark.parametrize("metric", TWELVE)
@FEW
@given(GRAINY, GRAINY, GRAINY)
def test_exchanging_the_sources_changes_nothing(metric, fixed, moving, fused):
    assert metric(fixed, moving, fused) == pytest.approx(metric(moving, fixed, fused), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("metric", [metric for metric in TWELVE if metric is not q_ncie])
def test_exchanging_a_source_with_the_fusion_changes_all_but_q_ncie(metric, pair):
    fixed, moving, fused = pair
    assert metric(fixed, fused, moving) != pytest.approx(metric(fixed, moving, fused), rel=1e-3)
    assert q_ncie(fixed, fused, moving) == pytest.approx(q_ncie(fixed, moving, fused), rel=1e-12)


TURNED = [metric for metric in TWELVE if metric not in (q_g, q_p)]


@pytest.mark.parametrize("metric", TURNED)
@FEW
@given(GRAINY, GRAINY, GRAINY)
def test_transposing_all_images_changes_nothing(metric, fixed, moving, fused):
    before, after = metric(fixed, moving, fused), metric(fixed.T, moving.T, fused.T)
    assert after == pytest.approx(before, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("metric", TWELVE)
def test_transposing_the_fusion_alone_changes_what_it_keeps(metric, pair):
    fixed, moving, fused = pair
    if metric is q_sf:
        assert metric(fixed, moving, fused.T) == pytest.approx(metric(fixed, moving, fused))
    else:
        assert metric(fixed, moving, fused.T) != pytest.approx(metric(fixed, moving, fused), rel=1e-3)


@FEW
@given(GRAINY)
def test_the_fusion_of_an_image_with_itself_keeps_all_of_it(image):
    found = {metric.__name__: metric(image, image, image) for metric in TWELVE if metric not in (q_te, q_ncie)}
    best = {
        "q_mi": 2,
        "q_g": ALL_KEPT,
        "q_m": 1,
        "q_sf": 0,
        "q_p": 1,
        "q_s": 1,
        "q_c": 1,
        "q_y": 1,
        "q_cv": 0,
        "q_cb": 1,
    }
    assert found == pytest.approx(best, abs=1e-9)


@FEW
@given(GRAINY, GRAINY)
def test_a_fusion_that_is_not_the_source_keeps_less(image, fused):
    assume(np.abs(image - fused).max() > 0.2)
    assert max(metric(image, image, fused) for metric in (q_s, q_c, q_y)) < 0.9999
    assert q_cv(image, image, fused) > 0


def test_a_flat_bright_place_beside_black_is_all_the_variance_for_a_toolkit_and_half_here():
    black, bright = np.zeros((16, 16)), np.full((16, 16), 100.0)
    to_black = (0.01 * 255) ** 2 / (100.0**2 + (0.01 * 255) ** 2)
    assert s_of_levels(black, bright, bright) == pytest.approx((1 + to_black) / 2)
    assert s_of_levels(black, bright, bright, rounding=1e-16) == pytest.approx(1)
    assert s_of_levels(black, black, bright, rounding=1e-16) == pytest.approx(to_black)


def test_halves_of_a_float32_average_are_rounded_up_as_in_every_histogram():
    a, b = np.random.default_rng(3).integers(0, 256, (2, 64, 64))
    mean = (a / 255).astype(np.float32) / 2 + (b / 255).astype(np.float32) / 2
    up, down = ((a + b + more) // 2 / 255 for more in (1, 0))
    assert q_mi(a / 255, b / 255, mean) == pytest.approx(q_mi(a / 255, b / 255, up), rel=1e-12)
    assert q_mi(a / 255, b / 255, mean) != pytest.approx(q_mi(a / 255, b / 255, down), rel=1e-6)
