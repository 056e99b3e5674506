"""What the metrics take, and what they refuse."""

import inspect
from importlib import import_module

import numpy as np
import pytest

from fusecli.catalog import METRICS, QUICK_METRICS
from fusecli.errors import ImageError, ShapeError
from fusecli.metrics import score, score_volume
from fusecli.metrics.kernels import grey_levels

TWELVE = ("MI", "TE", "NCIE", "G", "M", "SF", "P", "S", "C", "Y", "CV", "CB")

# The function of each metric that has one of its own, by the module it stands in.
FUNCTIONS = {
    "IE": "entropy",
    "AG": "average_gradient",
    "SD": "standard_deviation",
    "SF": "spatial_frequency",
    "EI": "edge_intensity",
    "MI": "mutual_information",
    "NMI": "normalized_mutual_information",
    "CE": "cross_entropy",
    "SCD": "scd",
    "CC": "correlation",
    "PSNR": "error.peak_signal_to_noise_ratio",
    "MSE": "error.mean_squared_error",
    "RMSE": "error.root_mean_squared_error",
    "SSIM": "ssim",
    "MS_SSIM": "ms_ssim",
    "MEF_SSIM": "mef_ssim",
    "VIF": "vif",
    "VIFF": "viff",
    "QABF": "qabf",
    "LABF": "labf",
    "NABF": "nabf",
    "EPI": "epi",
    "FMI_EDGE": "fmi",
} | {f"Q{name}": f"liu.q_{name.lower()}" for name in TWELVE}


def alone(key):
    """The metric's own function, called with as many of (fixed, moving, fused) as it takes."""
    words = FUNCTIONS[key].split(".")
    module = ".".join(words[:-1]) if words[0] == "error" else ".".join(words)
    metric = getattr(import_module(f"fusecli.metrics.{module}"), words[-1])
    count = len(inspect.signature(metric).parameters)
    return lambda *images: metric(*images[-count:])


def test_every_metric_but_parts_and_features_of_one_has_a_function():
    assert set(METRICS) - set(FUNCTIONS) == {
        *(f"{name}_{source}" for name in ("MI", "SSIM", "VIF", "EPI") for source in ("FIXED", "MOVING")),
        *(f"FMI_{feature}" for feature in ("PIXEL", "GRADIENT", "DCT", "WAVELET")),
    }


def test_float32_fractions_give_every_8_bit_level_exactly():
    picture = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(grey_levels((picture / 255).astype(np.float32)), picture)


def test_levels_between_the_whole_ones_stay_between():
    between = np.array([[0.5, 126.999], [127.001, 254.5]])
    assert grey_levels(between / 255) == pytest.approx(between, abs=1e-12)
    assert not (grey_levels(between / 255) == np.rint(between)).any()


@pytest.mark.parametrize("key", FUNCTIONS)
def test_each_metric_alone_gives_the_value_that_score_gives(key, larger):
    assert alone(key)(*larger) == score(*larger, keys=[key])[key].value


@pytest.mark.parametrize("key", FUNCTIONS)
def test_each_metric_refuses_a_volume(key, pair):
    with pytest.raises(ShapeError, match="not an image"):
        alone(key)(*(image[np.newaxis] for image in pair))


@pytest.mark.parametrize("key", FUNCTIONS)
def test_each_metric_refuses_one_row(key, pair):
    with pytest.raises(ShapeError, match="1 x 64 pixels are too small"):
        alone(key)(*(image[:1] for image in pair))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("key", FUNCTIONS)
def test_each_metric_refuses_a_pixel_that_is_not_a_number(key, bad, pair):
    fused = pair[2].copy()
    fused[5, 7] = bad
    with pytest.raises(ImageError, match="FUSED holds values that are not numbers") as error:
        alone(key)(pair[0], pair[1], fused)
    assert "1 of 4096" in error.value.why


@pytest.mark.parametrize("key", FUNCTIONS)
def test_each_metric_refuses_8_bit_numbers(key, pair):
    with pytest.raises(ImageError, match="uint8"):
        alone(key)(*((image * 255).astype(np.uint8) for image in pair))


@pytest.mark.parametrize("key", FUNCTIONS)
def test_each_metric_refuses_the_scale_0_to_255(key, pair):
    with pytest.raises(ImageError, match=r"not on the scale 0\.\.1"):
        alone(key)(*(image * 255 for image in pair))


@pytest.mark.parametrize("key", FUNCTIONS)
def test_each_metric_measures_a_fusion_that_overshoots_a_little(key, larger):
    overshooting = larger[2] * 1.2 - 0.1
    assert np.isfinite(alone(key)(larger[0], larger[1], overshooting))


@pytest.mark.parametrize("position", [0, 1, 2])
def test_images_of_two_sizes_are_refused_with_both_sizes(position, pair):
    images = list(pair)
    images[position] = images[position][:-1]
    with pytest.raises(ShapeError, match="differ in size") as error:
        score(*images)
    assert "(64, 64)" in error.value.why
    assert "(63, 64)" in error.value.why


def test_a_picture_with_color_axis_is_refused(pair):
    with pytest.raises(ShapeError, match="not an image") as error:
        score(*(np.dstack([image] * 3) for image in pair))
    assert "luma" in error.value.hint


def test_a_slice_is_not_a_volume(pair):
    with pytest.raises(ShapeError, match="not an image"):
        score_volume(*pair)


def test_measuring_changes_no_image(pair):
    images = [image.copy() for image in pair]
    for image in images:
        image.setflags(write=False)
    score(*images)
    assert all(np.array_equal(image, before) for image, before in zip(images, pair, strict=True))


def test_views_with_strides_score_as_their_copies(pair):
    padded = [np.dstack([image, image])[..., 0] for image in pair]
    assert not padded[0].flags.c_contiguous
    assert {key: value.value for key, value in score(*padded, keys=QUICK_METRICS).items()} == pytest.approx(
        {key: value.value for key, value in score(*pair, keys=QUICK_METRICS).items()}, rel=1e-12
    )
