"""What holds for any picture of the metrics that the quick ones do not include; each fact with its opposite."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fusecli.metrics import score
from fusecli.metrics.correlation import correlation
from fusecli.metrics.cross_entropy import cross_entropy
from fusecli.metrics.epi import epi
from fusecli.metrics.error import mean_squared_error, peak_signal_to_noise_ratio, root_mean_squared_error
from fusecli.metrics.kernels import grey_levels
from fusecli.metrics.labf import labf
from fusecli.metrics.mef_ssim import mef_ssim
from fusecli.metrics.ms_ssim import ms_ssim
from fusecli.metrics.mutual_information import mutual_information
from fusecli.metrics.nabf import losses, nabf
from fusecli.metrics.normalized_mutual_information import normalized_mutual_information
from fusecli.metrics.viff import viff

FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ROUNDING = {"rel": 1e-9, "abs": 1e-12}

# Whole levels with grain, so that no place is flat and no two gradients tie by construction; the seed moves the grain.
SEEDS = st.integers(0, 2**32 - 1)
TILES = arrays(np.uint8, (4, 5), elements=st.integers(0, 195))
SHAPE = (48, 50)


@st.composite
def grainy(draw):
    tiles, seed = draw(TILES), draw(SEEDS)
    grain = np.random.default_rng(seed).integers(0, 60, SHAPE)
    return (np.kron(tiles, np.ones((12, 10), np.uint8)) + grain) / 255


POINTWISE = (
    mutual_information,
    normalized_mutual_information,
    cross_entropy,
    correlation,
    mean_squared_error,
    root_mean_squared_error,
    peak_signal_to_noise_ratio,
)
LOCAL = (epi, mef_ssim, viff, labf)
BOUNDS = {
    mutual_information: (0, 16),
    normalized_mutual_information: (1, 2),
    cross_entropy: (0, 16),
    correlation: (-1, 1),
    mean_squared_error: (0, 255**2),
    root_mean_squared_error: (0, 255),
    peak_signal_to_noise_ratio: (0, np.inf),
    epi: (-1, 1),
    mef_ssim: (-1, 1),
    viff: (0, np.inf),
    labf: (0, 1),
}


@FEW
@given(grainy(), grainy(), grainy())
def test_every_value_is_within_its_bounds(fixed, moving, fused):
    assume(np.any(fixed != fused) or np.any(moving != fused))  # else PSNR is infinite
    for metric, (low, high) in BOUNDS.items():
        assert low - 1e-9 <= metric(fixed, moving, fused) <= high + 1e-9, metric.__name__


@FEW
@given(grainy(), grainy(), grainy())
def test_exchanging_the_sources_changes_nothing_but_viff(fixed, moving, fused):
    assume(np.any(fixed != fused) or np.any(moving != fused))
    for metric in (*POINTWISE, epi, mef_ssim, labf):
        assert metric(fixed, moving, fused) == pytest.approx(metric(moving, fixed, fused), **ROUNDING), metric.__name__


def test_where_both_gains_are_0_viff_counts_what_moving_shows():
    rng = np.random.default_rng(4)
    faint, strong = rng.integers(100, 110, SHAPE) / 255, rng.integers(0, 256, SHAPE) / 255
    fused = 1 - (faint + strong) / 2  # both inverted
    assert viff(faint, strong, fused) != pytest.approx(viff(strong, faint, fused), rel=1e-2)
    assert viff(faint, strong, strong) == pytest.approx(viff(strong, faint, strong), rel=1e-9)


def test_exchanging_a_source_with_the_fusion_changes_every_value(larger):
    fixed, moving, fused = larger
    for metric in (*POINTWISE, *LOCAL, ms_ssim):
        assert metric(fixed, fused, moving) != pytest.approx(metric(fixed, moving, fused), rel=1e-3), metric.__name__


@FEW
@given(grainy(), grainy(), grainy())
def test_transposing_all_images_changes_nothing_but_labf(fixed, moving, fused):
    assume(np.any(fixed != fused) or np.any(moving != fused))
    # LABF keeps the orientation of places without a gradient, as NABF does.
    for metric in (*POINTWISE, epi, mef_ssim, viff):
        turned = metric(fixed.T, moving.T, fused.T)
        assert turned == pytest.approx(metric(fixed, moving, fused), **ROUNDING), metric.__name__


def test_transposing_the_fusion_alone_changes_what_compares_places_and_no_histogram(larger):
    fixed, moving, fused = (image[:168, :168] for image in larger)
    for metric in (*POINTWISE, *LOCAL, ms_ssim):
        changes = metric(fixed, moving, fused.T) != pytest.approx(metric(fixed, moving, fused), rel=1e-6)
        assert changes == (metric is not cross_entropy), metric.__name__


@FEW
@given(grainy())
def test_the_fusion_of_an_image_with_itself_is_perfect(image):
    ideal = {correlation: 1, epi: 1, mef_ssim: 1, viff: 1, normalized_mutual_information: 2}
    for metric, best in ideal.items():
        assert metric(image, image, image) == pytest.approx(best, abs=1e-6), metric.__name__
    assert mean_squared_error(image, image, image) == root_mean_squared_error(image, image, image) == 0
    assert cross_entropy(image, image, image) == pytest.approx(0, abs=1e-12)
    assert labf(image, image, image) < 0.02  # its sigmoids end at 0.9999 and 0.9995, and an equal ratio at 0.99993


@FEW
@given(grainy(), SEEDS)
def test_a_fusion_that_is_noise_keeps_little_of_an_image(image, seed):
    noise = np.random.default_rng([seed, 1]).integers(0, 256, SHAPE) / 255  # never the stream of the grain
    assert max(metric(image, image, noise) for metric in (correlation, epi, mef_ssim)) < 0.95
    assert normalized_mutual_information(image, image, noise) < 1.99
    assert mean_squared_error(image, image, noise) > 100
    assert labf(image, image, noise) + nabf(image, image, noise) > 0.1


@FEW
@given(grainy(), grainy(), grainy())
def test_what_is_lost_what_is_made_up_and_what_is_kept_are_all_there_is(fixed, moving, fused):
    levels = [grey_levels(image) for image in (fixed, moving, fused)]
    lost, _, weight = losses(*levels)
    assert labf(fixed, moving, fused) + nabf(fixed, moving, fused) == pytest.approx(lost.sum() / weight)
    assert 0 <= lost.sum() / weight <= 1


@FEW
@given(grainy(), grainy(), SEEDS)
def test_renaming_the_levels_of_the_fusion_leaves_its_information_alone(fixed, moving, seed):
    names = np.random.default_rng(seed).permutation(256)
    renamed = names[np.rint(fixed * 255).astype(int)] / 255
    for metric in (mutual_information, normalized_mutual_information):
        assert metric(fixed, moving, renamed) == pytest.approx(metric(fixed, moving, fixed), **ROUNDING)
    merged = np.floor(fixed * 255 / 16) * 16 / 255
    assert mutual_information(fixed, fixed, merged) < mutual_information(fixed, fixed, fixed) - 0.1


@FEW
@given(grainy(), grainy(), grainy())
def test_brightness_and_contrast_of_the_fusion_leave_correlation_alone_and_not_its_error(fixed, moving, fused):
    dimmed = fused * 0.5 + 0.1
    assert correlation(fixed, moving, dimmed) == pytest.approx(correlation(fixed, moving, fused), **ROUNDING)
    assert epi(fixed, moving, dimmed) == pytest.approx(epi(fixed, moving, fused), **ROUNDING)
    assert mean_squared_error(fixed, fixed, fixed * 0.5 + 0.1) > 0
    assert mef_ssim(fixed, moving, fused * 0.8 + 0.1) == pytest.approx(mef_ssim(fixed, moving, fused * 0.8), **ROUNDING)


@FEW
@given(grainy(), grainy(), grainy())
def test_psnr_mse_and_rmse_say_one_thing_in_three_units(fixed, moving, fused):
    mse = mean_squared_error(fixed, moving, fused)
    assume(mse > 0)
    assert root_mean_squared_error(fixed, moving, fused) == pytest.approx(np.sqrt(mse))
    assert peak_signal_to_noise_ratio(fixed, moving, fused) == pytest.approx(10 * np.log10(65025 / mse))


def test_more_noise_or_blur_keeps_less(larger):
    fixed = larger[0]
    grain = np.random.default_rng(2).standard_normal(fixed.shape)
    noisy = [np.clip(fixed + sd * grain, 0, 1) for sd in (0, 0.02, 0.06, 0.15)]
    blurred = [fixed]
    for _ in range(3):
        last = np.pad(blurred[-1], 1, mode="edge")
        last = (last[:-2] + 2 * last[1:-1] + last[2:]) / 4
        blurred.append((last[:, :-2] + 2 * last[:, 1:-1] + last[:, 2:]) / 4)
    for metric in (correlation, epi, mef_ssim, ms_ssim, viff, mutual_information):
        for series in (noisy, blurred):
            falling = [metric(fixed, fixed, image) for image in series]
            assert all(np.diff(falling) < 0), (metric.__name__, falling)
    for metric in (mean_squared_error, labf):
        assert metric(fixed, fixed, blurred[3]) > metric(fixed, fixed, blurred[1]) > metric(fixed, fixed, fixed)


@FEW
@given(grainy(), grainy())
def test_a_flat_fusion_follows_nothing(fixed, moving):
    flat = np.full(SHAPE, 0.5)
    assert correlation(fixed, moving, flat) == epi(fixed, moving, flat) == 0
    assert mutual_information(fixed, moving, flat) == 0
    assert viff(fixed, moving, flat) < 1e-3  # its guards alone
    assert normalized_mutual_information(fixed, moving, flat) == pytest.approx(1)
    assert labf(fixed, moving, flat) > 0.9


@FEW
@given(grainy(), grainy(), grainy())
def test_the_parts_of_both_sources_add_up_to_the_whole(fixed, moving, fused):
    for name, parts in (("MI", 1), ("VIF", 1), ("SSIM", 2), ("EPI", 2)):
        keys = [name, f"{name}_FIXED", f"{name}_MOVING"]
        whole, of_fixed, of_moving = (found.value for found in score(fixed, moving, fused, keys=keys).values())
        assert whole == pytest.approx((of_fixed + of_moving) / parts, **ROUNDING)
