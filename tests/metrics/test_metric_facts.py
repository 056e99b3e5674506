"""Scores whose value a reader can work out by hand."""

import numpy as np
import pytest

from fusecli.errors import ImageError, ShapeError
from fusecli.metrics.average_gradient import average_gradient
from fusecli.metrics.edge_intensity import edge_intensity
from fusecli.metrics.entropy import entropy
from fusecli.metrics.fmi import _patterns, _share, fmi
from fusecli.metrics.nabf import nabf
from fusecli.metrics.qabf import qabf
from fusecli.metrics.scd import scd
from fusecli.metrics.spatial_frequency import spatial_frequency
from fusecli.metrics.ssim import ssim
from fusecli.metrics.standard_deviation import standard_deviation
from fusecli.metrics.vif import SMALLEST_SIDE, vif

SINGLE = (entropy, average_gradient, standard_deviation, spatial_frequency, edge_intensity)
PERFECT_EDGES = 0.9994 / (1 + np.exp(-7.5)) * 0.9879 / (1 + np.exp(-4.4))


def levels(array):
    return np.asarray(array, dtype=np.float64) / 255


def noise(seed, shape=(48, 48)):
    return levels(np.random.default_rng(seed).integers(0, 256, shape))


def ramp(down, right, side=32):
    row, column = np.indices((side, side))
    return levels(down * row + right * column)


@pytest.mark.parametrize("metric", SINGLE)
def test_a_flat_image_scores_zero(metric):
    assert metric(np.full((4, 5), 0.4)) == 0


@pytest.mark.parametrize("metric", SINGLE)
def test_an_image_with_a_dot_scores_more_than_zero(metric):
    image = np.full((4, 5), 0.4)
    image[1, 2] = 0.5
    assert metric(image) > 0


def test_two_levels_of_equal_share_are_one_bit():
    assert entropy(levels([[0, 0], [255, 255]])) == 1


def test_all_256_levels_of_equal_share_are_eight_bits():
    assert entropy(levels(np.arange(256).reshape(16, 16))) == 8


def test_entropy_rounds_and_clips_to_the_256_levels():
    assert entropy(levels([[-3, 0.4], [255.3, 260]])) == 1
    assert entropy(levels([[-3, 0.6], [255.3, 260]])) == 1.5


def test_the_float32_mean_of_two_pictures_has_the_entropy_of_halves_rounded_up():
    a, b = np.random.default_rng(3).integers(0, 256, (2, 64, 64))
    mean = (a / 255).astype(np.float32) / 2 + (b / 255).astype(np.float32) / 2
    assert entropy(mean) == entropy(levels((a + b + 1) // 2))
    assert entropy(mean) != entropy(levels((a + b) // 2))


def test_the_average_gradient_of_a_ramp_is_its_slope_by_the_root_of_two():
    assert average_gradient(ramp(down=3, right=4)) == pytest.approx(5 / np.sqrt(2))
    assert average_gradient(ramp(down=3, right=0)) == pytest.approx(3 / np.sqrt(2))


def test_half_black_and_half_white_deviates_by_half_the_scale():
    assert standard_deviation(levels([[0, 255], [0, 255]])) == pytest.approx(127.5)
    assert standard_deviation(levels([[0, 255], [0, 0]])) == pytest.approx(255 * np.sqrt(3) / 4)


def test_spatial_frequency_divides_by_the_number_of_differences():
    assert spatial_frequency(ramp(down=3, right=4)) == pytest.approx(5)
    assert spatial_frequency(levels([[0, 10], [0, 10], [0, 10]])) == pytest.approx(10)


def test_the_sobel_gradient_of_a_ramp_is_eight_times_its_slope():
    inside = edge_intensity(ramp(down=1, right=0, side=4))
    # The two border rows see only half of the difference, because the image goes on with its last value.
    assert inside == pytest.approx((4 + 8 + 8 + 4) / 4)


def test_a_diagonal_ramp_has_the_length_of_its_gradient():
    row, column = np.indices((5, 5))
    image = levels(3 * row + 4 * column)
    middle = np.hypot(3 * 8, 4 * 8)
    sides = 3 * 2 * np.hypot(3 * 4, 4 * 8) + 3 * 2 * np.hypot(3 * 8, 4 * 4)
    corners = 4 * np.hypot(3 * 4, 4 * 4)
    assert edge_intensity(image) == pytest.approx((9 * middle + sides + corners) / 25)


def test_the_sum_of_two_sources_arrives_whole_in_scd():
    fixed, moving = noise(1) / 2, noise(2) / 2
    assert scd(fixed, moving, fixed + moving) == pytest.approx(2)
    assert scd(fixed, moving, fixed + moving / 2) < 1.9


def test_a_source_brightened_by_a_constant_has_taken_nothing_from_the_other():
    fixed, moving = (noise(seed).astype(np.float32) / 2 for seed in (1, 2))
    alone = scd(fixed, moving, fixed)
    assert scd(fixed, moving, fixed + np.float32(0.3)) == pytest.approx(alone)
    difference = (fixed - moving).ravel()
    assert alone == pytest.approx(np.corrcoef(difference, fixed.ravel())[0, 1])


@pytest.mark.parametrize("metric", [scd, vif])
@pytest.mark.parametrize("constant", ["FIXED", "MOVING"])
def test_a_constant_source_is_refused_by_name(metric, constant):
    flat, varied = np.full((48, 48), 0.25), noise(1)
    sources = (flat, varied) if constant == "FIXED" else (varied, flat)
    with pytest.raises(ImageError, match=f"{constant} is constant"):
        metric(*sources, varied)


@pytest.mark.parametrize("metric", [scd, vif])
def test_a_source_with_one_pixel_of_one_level_is_enough(metric):
    dim = np.zeros((48, 48))
    dim[0, 0] = 1 / 255
    assert np.isfinite(metric(noise(1), dim, noise(2)))
    with pytest.raises(ImageError):
        metric(noise(1), dim * 0.9, noise(2))


def test_a_copy_of_a_source_keeps_all_of_its_visual_information():
    source = noise(1)
    assert vif(source, source, source) == pytest.approx(2, abs=1e-9)  # the guard of 1e-10 keeps it just below


def test_less_contrast_keeps_less_visual_information_and_more_contrast_adds_some():
    source = noise(1) / 2
    assert vif(source, source, source * 0.9) < 2 < vif(source, source, source * 1.1)


def test_a_flat_or_inverted_fusion_keeps_no_visual_information():
    source = noise(1)
    assert vif(source, source, np.full_like(source, 0.5)) == 0
    assert vif(source, source, 1 - source) == 0


def test_enlarging_what_a_source_shows_too_faintly_to_see_keeps_nothing():
    left, right = noise(1, (64, 48)), noise(2, (64, 48))
    flat = np.full_like(left, 0.5 / 255)
    source = np.hstack([left, flat + 1e-5 / 255 * right])
    assert vif(source, source, np.hstack([flat, right])) < 1e-6  # 9e-4 if it counted
    assert vif(source, source, np.hstack([left, flat])) == pytest.approx(2, abs=1e-6)


def test_vif_needs_41_pixels_on_each_side():
    side = 3
    for window in (5, 9, 17):
        side = 2 * side - 1 + (window + 1) // 2 - 1
    assert side == SMALLEST_SIDE
    image = noise(1, (41, 60))
    assert vif(image, image, image) == pytest.approx(2, abs=1e-9)
    with pytest.raises(ShapeError, match="40 x 60") as error:
        vif(image[:40], image[:40], image[:40])
    assert "41 x 41" in error.value.why


def test_a_copy_keeps_every_edge():
    source = noise(1)
    assert qabf(source, source, source) == pytest.approx(PERFECT_EDGES, rel=1e-3)
    assert qabf(source, source, np.zeros_like(source)) < 0.001


def test_equal_gradients_count_by_their_value_so_faint_copies_lose_their_edges():
    faint = np.zeros((9, 9))
    faint[3:6, 3:6] = 0.1 / 255  # Sobel gradients of 0.1 to 0.4 of a grey level
    assert qabf(faint, faint, faint) < 0.2
    assert qabf(faint * 20, faint * 20, faint * 20) > 0.97


def test_beyond_the_image_is_black_so_a_bright_frame_is_an_edge():
    white, black = np.ones((6, 6)), np.zeros((6, 6))
    assert qabf(white, black, white) == pytest.approx(PERFECT_EDGES, rel=1e-3)
    with pytest.raises(ImageError, match="has an edge"):
        qabf(black, black, white)


def test_dots_that_the_sobel_kernels_cannot_see_are_no_edges():
    dots = np.zeros((5, 5))
    dots[::2, ::2] = 1  # every neighbour on one side equals the one on the other
    with pytest.raises(ImageError, match="has an edge"):
        qabf(dots, dots, dots)
    assert qabf(dots[:4], dots[:4], dots[:4]) > 0


def test_orientations_are_compared_without_wrapping():
    # Both ramps lean 7° away from the rows, to either side: an angle of 14°, which without wrapping reads as 166°.
    steep, tilted = ramp(down=4, right=0.5), ramp(down=4, right=-0.5) + 16 / 255
    assert qabf(steep, steep, tilted) < 0.6 < 0.8 < qabf(steep.T, steep.T, tilted.T)


def test_a_rounding_error_does_not_turn_an_edge_round():
    edge = np.full((40, 40), 0.2)
    edge[20:] = 0.7
    nearly = edge + 1e-9 * np.random.default_rng(1).uniform(-1, 1, edge.shape)
    assert qabf(edge, edge, nearly) == pytest.approx(qabf(edge, edge, edge), rel=1e-6)
    leaning = edge + np.linspace(0, 0.1, 40)
    assert qabf(edge, edge, leaning) < 0.96


def test_ssim_is_the_mean_of_the_similarities_to_both_sources():
    fixed, moving = noise(1), noise(2)
    alike, other = ssim(fixed, fixed, fixed), ssim(moving, moving, fixed)
    assert alike == pytest.approx(1)
    assert ssim(fixed, moving, fixed) == pytest.approx((alike + other) / 2)
    assert other < 0.1


def test_flat_images_are_alike_by_their_brightness_alone():
    grey, dark, guard = 100.0, 50.0, (0.01 * 255) ** 2
    expected = (2 * grey * dark + guard) / (grey**2 + dark**2 + guard)
    flat = np.full((8, 9), grey) / 255
    assert ssim(flat, flat, np.full_like(flat, dark / 255)) == pytest.approx(expected)
    assert ssim(flat, flat, flat) == pytest.approx(1)


@pytest.mark.parametrize(("metric", "side"), [(ssim, 7), (fmi, 3)])
def test_an_image_smaller_than_the_window_is_refused_with_both_sizes(metric, side):
    image = noise(1, (side, 60))
    assert metric(image, image, image) == pytest.approx(1)
    with pytest.raises(ShapeError, match=f"{side - 1} x 60") as error:
        metric(*[image[:-1]] * 3)
    assert f"{side} x {side}" in error.value.why


def bar(column, side=16):
    image = np.zeros((side, side))
    image[:, column] = 1
    return image


def test_one_edge_map_tells_itself_and_one_without_edges_tells_no_edge():
    source, flat = bar(8), np.zeros((16, 16))
    assert fmi(source, source, source) == 1
    assert fmi(flat, flat, flat) == 1
    # The gradient of a bar is strongest on the columns beside it, which 5 of the 14 columns of windows can see.
    assert fmi(source, source, flat) == pytest.approx(9 / 14)


def test_fmi_is_the_mean_of_what_the_fusion_tells_of_both_sources():
    fixed, moving = bar(5), bar(9)
    assert fmi(fixed, moving, fixed) == pytest.approx((1 + fmi(moving, moving, fixed)) / 2)
    assert fmi(moving, moving, fixed) < 0.9


def test_windows_with_one_edge_each_in_two_places_tell_nothing_of_each_other():
    one, other = np.array([[0b1]]), np.array([[0b10]])
    assert _share(one, one) == 1
    assert _share(one, other) == 0


def test_two_edges_that_lie_side_by_side_are_told_by_the_closest_bond():
    # Both distributions are even over two cells, so a closest bond pairs the first and the second of each: it joins
    # them in 2 cells of 1/2. The correlation under it is 1; that of the probabilities {0, 1} and {1, 2} is 5/14.
    weight = (5 / 14) / 1
    joint = weight * np.array([[0.5, 0], [0, 0.5]]) + (1 - weight) * np.full((2, 2), 0.25)
    expected = (2 + np.sum(joint * np.log2(joint))) / 1
    assert _share(np.array([[0b011]]), np.array([[0b110]])) == pytest.approx(expected)


def test_patterns_number_the_cells_of_a_window_column_by_column():
    edges = np.zeros((3, 4), bool)
    edges[2, 1] = True
    assert _patterns(edges).tolist() == [[1 << 5, 1 << 2]]


def test_a_copy_or_a_flat_fusion_has_no_artifacts():
    fixed, moving = noise(1), noise(2)
    assert nabf(fixed, moving, fixed) == nabf(fixed, moving, np.full_like(fixed, 0.5)) == 0
    assert nabf(fixed, moving, noise(3)) > 0.05


def test_edges_where_both_sources_are_flat_are_artifacts_and_lost_edges_are_none():
    flat, source = np.full((16, 16), 0.5), bar(8)
    assert nabf(flat, flat, source) == pytest.approx(2 * 16 / 256, rel=0.01)  # 2 of 16 columns, weighted alike
    assert nabf(source, source, flat) == 0


def test_an_edge_made_stronger_counts_and_made_weaker_does_not():
    source = ramp(down=0, right=4)
    assert nabf(source, source, ramp(down=0, right=2)) == 0
    assert nabf(source, source, ramp(down=0, right=8)) > 0.2


def test_an_edge_turned_by_90_degrees_is_more_of_an_artifact_than_one_that_keeps_its_direction():
    source = ramp(down=0, right=4)
    assert nabf(source, source, ramp(down=5, right=0)) > 0.9 > nabf(source, source, ramp(down=0, right=5))


def test_an_edge_of_just_2_levels_per_pixel_weighs_by_its_strength_however_it_was_rounded():
    along, across, fused = ramp(down=0, right=2), ramp(down=2, right=0), ramp(down=0, right=5)
    rounded, fainter = across - 20.3 / 255 + 1e-16, ramp(down=1.99, right=0)
    assert nabf(along, rounded, fused) == pytest.approx(nabf(along, across, fused), rel=1e-9)
    assert nabf(along, fainter, fused) < nabf(along, across, fused) / 1.2


def test_two_ramps_of_one_slope_turned_by_180_degrees_have_one_orientation():
    up, down = ramp(down=0, right=4), ramp(down=0, right=-5) + 155 / 255
    assert nabf(up, up, down) == pytest.approx(nabf(up, up, ramp(down=0, right=5)))
