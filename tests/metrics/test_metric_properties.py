"""What holds of the quick metrics for any picture; the others have a file of their own.

The pictures are mosaics, so that many places are flat and many gradients equal.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fusecli.catalog import QUICK_METRICS
from fusecli.metrics import score

MOSAICS = arrays(np.uint8, (4, 5), elements=st.integers(0, 255)).map(
    lambda tiles: np.kron(tiles, np.ones((12, 10), np.uint8)) / 255
)
SOURCES = MOSAICS.filter(lambda image: np.ptp(image) > 0)
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# Where a source is flat but for the tail of a window, the variance of 1e-9 that VIF divides by is mostly rounding;
# so what adds in another order is compared on pictures that are flat nowhere.
GRAIN = np.random.default_rng(5).integers(0, 56, (48, 50)) / 255
GRAINY = MOSAICS.map(lambda image: image * (200 / 255) + GRAIN)
ROUNDING = {"rel": 1e-9, "abs": 1e-12}


def values(fixed, moving, fused):
    return {key: value.value for key, value in score(fixed, moving, fused, keys=QUICK_METRICS, strict=True).items()}


def without(keys, scores):
    return {key: value for key, value in scores.items() if key not in keys.split()}


@FEW
@given(SOURCES, SOURCES, MOSAICS)
def test_every_score_is_finite_and_within_its_bounds(fixed, moving, fused):
    scores = values(fixed, moving, fused)
    assert list(scores) == list(QUICK_METRICS)
    assert np.isfinite(list(scores.values())).all()
    assert min(without("SCD SSIM FMI_EDGE", scores).values()) >= 0
    assert scores["IE"] <= 8
    assert scores["SD"] <= 127.5 + 1e-9
    assert scores["SF"] <= 255 * np.sqrt(2)
    assert abs(scores["SCD"]) <= 2 + 1e-9
    assert scores["QABF"] <= 0.9754
    assert scores["EI"] <= 255 * 4 * np.sqrt(2)
    assert abs(scores["SSIM"]) <= 1 + 1e-9
    assert scores["NABF"] <= 1


@FEW
@given(SOURCES, SOURCES, MOSAICS)
def test_exchanging_the_sources_changes_nothing(fixed, moving, fused):
    assert values(fixed, moving, fused) == pytest.approx(values(moving, fixed, fused), **ROUNDING)


def test_exchanging_a_source_with_the_fusion_changes_every_score(pair):
    fixed, moving, fused = pair
    before, after = values(fixed, moving, fused), values(fixed, fused, moving)
    assert all(before[key] != pytest.approx(after[key], rel=1e-3) for key in QUICK_METRICS)


@FEW
@given(GRAINY, GRAINY, GRAINY)
def test_transposing_all_images_changes_nothing_but_qabf_fmi_and_nabf(fixed, moving, fused):
    before, after = values(fixed, moving, fused), values(fixed.T, moving.T, fused.T)
    assert without("QABF FMI_EDGE NABF", before) == pytest.approx(without("QABF FMI_EDGE NABF", after), **ROUNDING)


@FEW
@given(GRAINY, GRAINY, GRAINY)
def test_turning_all_images_upside_down_changes_nothing_but_vif_and_fmi(fixed, moving, fused):
    before, after = values(fixed, moving, fused), values(*(image[::-1, ::-1] for image in (fixed, moving, fused)))
    assert without("VIF FMI_EDGE", before) == pytest.approx(without("VIF FMI_EDGE", after), **ROUNDING)


def test_transposing_the_fusion_alone_changes_what_it_keeps(pair):
    fixed, moving, fused = pair
    before, after = values(fixed, moving, fused), values(fixed, moving, fused.T)
    assert all(after[key] < before[key] - 0.01 for key in ("SCD", "VIF", "QABF", "SSIM", "FMI_EDGE"))
    assert after["NABF"] > before["NABF"] + 0.01
    assert all(after[key] == pytest.approx(before[key], **ROUNDING) for key in ("IE", "AG", "SD", "SF", "EI"))


@FEW
@given(SOURCES)
def test_the_fusion_of_an_image_with_itself_keeps_all_of_it(image):
    scores = values(image, image, image)
    assert scores["VIF"] == pytest.approx(2, abs=1e-6)  # the guard of 1e-10 against a variance that can be near 1e-4
    assert 0.9748 < scores["QABF"] < 0.9754
    assert scores["SCD"] == 0
    assert scores["SSIM"] == pytest.approx(1, abs=1e-12)
    assert scores["FMI_EDGE"] == pytest.approx(1, abs=1e-12)
    assert scores["NABF"] == 0


@FEW
@given(SOURCES, MOSAICS)
def test_a_fusion_that_is_not_the_source_keeps_less(image, fused):
    assume(np.abs(image - fused).max() > 0.2)
    scores = values(image, image, fused)
    assert scores["VIF"] != pytest.approx(2, abs=1e-3)
    assert scores["QABF"] < 0.974
    assert scores["SSIM"] < 0.9999


@FEW
@given(SOURCES, SOURCES, MOSAICS)
def test_float32_images_of_8_bit_pictures_score_exactly_as_float64(fixed, moving, fused):
    assert values(fixed, moving, fused) == values(*(image.astype(np.float32) for image in (fixed, moving, fused)))
