"""Our definitions against libraries that have the same one; pictures without black, and halves where they matter."""

import numpy as np
import pytest
from scipy import ndimage, stats
from skimage import metrics as skimage_metrics
from skimage.measure import shannon_entropy

from fusecli.metrics import score
from fusecli.metrics.profiles import PROFILES

# Both work in float64 and add in another order.
SAME = {"rel": 1e-10}


@pytest.fixture(scope="module")
def levels():
    """FIXED, MOVING and FUSED as whole grey levels."""
    rng = np.random.default_rng(21)
    smooth = ndimage.gaussian_filter(rng.normal(0, 1, (2, 180, 171)), (0, 3, 3))
    fixed, moving = (np.rint(128 + 100 * image / np.abs(image).max()) for image in smooth)
    return fixed, moving, np.maximum(fixed, moving)


@pytest.fixture(scope="module")
def ours(levels):
    return {key: one.value for key, one in score(*(image / 255 for image in levels)).items()}


def mean_of_both(function, levels):
    fixed, moving, fused = levels
    return (function(fixed, fused) + function(moving, fused)) / 2


def histogram_edges(count=256):
    return np.arange(count + 1) - 0.5


def test_entropy_is_that_of_scipy_and_of_scikit_image(levels, ours):
    counts = np.histogram(levels[2], histogram_edges())[0]
    assert ours["IE"] == pytest.approx(stats.entropy(counts, base=2), **SAME)
    assert ours["IE"] == pytest.approx(shannon_entropy(levels[2].astype(np.uint8)), **SAME)


def test_ssim_is_that_of_scikit_image_with_either_window(levels, ours):
    def similarity(source, fused, **choice):
        return skimage_metrics.structural_similarity(source, fused, data_range=255, **choice)

    paper = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    assert ours["SSIM"] == pytest.approx(mean_of_both(similarity, levels), **SAME)
    gaussian = PROFILES["vifb"].formulas["SSIM"](*levels) / 2  # which adds both sources
    assert gaussian == pytest.approx(mean_of_both(lambda s, f: similarity(s, f, **paper), levels), **SAME)
    assert gaussian != pytest.approx(ours["SSIM"], rel=1e-3)


def test_errors_are_those_of_scikit_image(levels, ours):
    mse = mean_of_both(skimage_metrics.mean_squared_error, levels)
    assert ours["MSE"] == pytest.approx(mse, **SAME)
    alike = skimage_metrics.peak_signal_noise_ratio(np.zeros((2, 2)), np.full((2, 2), mse**0.5), data_range=255)
    assert ours["PSNR"] == pytest.approx(alike, **SAME)


def test_normalized_mutual_information_is_that_of_scikit_image(levels, ours):
    def ratio(source, fused):
        # Its bins lie between the extremes of each image, so both have all of the scale in a corner.
        first, second = (np.append(image.ravel(), [0, 255]) for image in (source, fused))
        return skimage_metrics.normalized_mutual_information(first, second, bins=256)

    cornered = [np.append(image.ravel(), [0, 255])[:, np.newaxis] for image in levels]
    wide = [np.hstack([image, image]) / 255 for image in cornered]
    assert score(*wide, keys=["NMI"])["NMI"].value == pytest.approx(mean_of_both(ratio, levels), **SAME)
    assert ours["NMI"] == pytest.approx(mean_of_both(ratio, levels), rel=1e-2)


def test_mutual_information_is_the_relative_entropy_of_scipy(levels, ours):
    def information(source, fused):
        joint = np.histogram2d(source.ravel(), fused.ravel(), bins=[histogram_edges()] * 2)[0]
        apart = np.outer(joint.sum(axis=1), joint.sum(axis=0))
        return stats.entropy(joint.ravel(), apart.ravel(), base=2)

    assert ours["MI"] == pytest.approx(2 * mean_of_both(information, levels), **SAME)


def test_cross_entropy_is_the_relative_entropy_of_scipy(levels, ours):
    def apart(source, fused):
        counts = (np.histogram(image, histogram_edges())[0] + 0.5 for image in (source, fused))
        return stats.entropy(*counts, base=2)

    assert ours["CE"] == pytest.approx(mean_of_both(apart, levels), **SAME)


def test_correlations_are_those_of_scipy(levels, ours):
    def correlation(first, second):
        return stats.pearsonr(first.ravel(), second.ravel()).statistic

    def detail(image):
        return ndimage.laplace(image)[1:-1, 1:-1]

    fixed, moving, fused = levels
    assert ours["CC"] == pytest.approx(mean_of_both(correlation, levels), **SAME)
    assert ours["SCD"] == pytest.approx(correlation(fused - moving, fixed) + correlation(fused - fixed, moving), **SAME)
    assert ours["EPI"] == pytest.approx(mean_of_both(lambda s, f: correlation(detail(s), detail(f)), levels), **SAME)


def test_edge_intensity_is_the_mean_of_scipys_sobel_gradient(levels, ours):
    across, down = (ndimage.sobel(levels[2], axis=axis, mode="nearest") for axis in (1, 0))
    assert ours["EI"] == pytest.approx(np.hypot(across, down).mean(), **SAME)


@pytest.mark.parametrize("key", ["IE", "SSIM", "MSE", "NMI", "MI", "CE", "CC", "SCD", "EPI", "EI"])
def test_one_other_pixel_would_be_seen(key, levels, ours):
    fixed, moving, fused = levels
    changed = fused.copy()
    changed[90, 80] = 255 - changed[90, 80] // 2
    assert score(fixed / 255, moving / 255, changed / 255, keys=[key])[key].value != pytest.approx(ours[key], rel=1e-9)
