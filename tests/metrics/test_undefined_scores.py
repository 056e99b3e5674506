"""The table "Where a definition is not defined" of docs/metrics.md, row by row."""

import numpy as np
import pytest

from fusecli.catalog import METRICS
from fusecli.metrics import score

FLAT = np.full((48, 50), 0.5)

# What is null where FIXED, but not MOVING, is constant; and the only reason that each may give.
OF_BOTH = ["SCD", "CC", "VIF", "VIFF", "EPI", "QMI", "QTE", "QNCIE"]
OF_FIXED = ["VIF_FIXED", "EPI_FIXED"]
OF_MOVING = ["VIF_MOVING", "EPI_MOVING"]


@pytest.fixture(scope="module")
def images():
    """FIXED, MOVING and FUSED that are flat nowhere."""
    return np.random.default_rng(8).random((3, *FLAT.shape))


def nulls(*images):
    """The reason of each metric that has no value; those that need larger images are left out."""
    found = score(*images)
    return {key: one.reason for key, one in found.items() if one.value is None and "too small" not in one.reason}


def test_everything_is_defined_where_nothing_is_constant(images):
    assert nulls(*images) == {}


def test_a_constant_fixed_takes_what_asks_for_it_and_the_reason_names_it(images):
    found = nulls(FLAT, *images[1:])
    assert sorted(found) == sorted(OF_BOTH + OF_FIXED)
    assert all(reason.startswith("not defined: FIXED is constant") for reason in found.values())


def test_a_constant_moving_takes_what_asks_for_it_and_the_reason_names_it(images):
    found = nulls(images[0], FLAT, images[2])
    assert sorted(found) == sorted(OF_BOTH + OF_MOVING)
    assert all(reason.startswith("not defined: MOVING is constant") for reason in found.values())


def test_two_constant_sources_take_all_that_asks_for_an_edge_or_a_detail_too(images):
    found = nulls(FLAT, FLAT, images[2])
    more = set(found) - set(OF_BOTH + OF_FIXED + OF_MOVING)
    assert more == {"QG", "QM", "QSF", "QP", "QCV"}
    assert all("Neither FIXED nor MOVING has" in found[key] or "Both" in found[key] for key in more)
    black = nulls(0 * FLAT, 0 * FLAT, images[2])
    assert set(black) - set(found) == {"QABF"}  # a frame of brightness is an edge for it


@pytest.mark.parametrize("key", ["IE", "AG", "SD", "SF", "EI", "VIF", "NABF", "CC", "EPI", "MI", "QMI", "QTE", "QP"])
def test_a_constant_fusion_scores_0(key, images):
    assert score(*images[:2], FLAT, keys=[key])[key].value == pytest.approx(0, abs=1e-12)
    assert score(*images, keys=[key])[key].value != pytest.approx(0, abs=1e-3)


def test_three_equal_images_have_no_psnr_and_everything_else(images):
    found = nulls(images[0], images[0], images[0])
    assert list(found) == ["PSNR"]
    assert "infinite" in found["PSNR"]


@pytest.mark.parametrize(
    ("key", "side"),
    {
        "SSIM": 7,
        "MEF_SSIM": 11,
        "VIF": 41,
        "VIFF": 41,
        "MS_SSIM": 161,
        "FMI_EDGE": 3,
        "EPI": 4,
        "QS": 11,
        "QP": 11,
    }.items()
    | {"QC": 7, "QY": 7, "QM": 4}.items(),
)
def test_an_image_smaller_than_a_window_is_told_which_size_is_needed(key, side):
    a, b, f = np.random.default_rng(9).random((3, side, side))
    assert score(a, b, f, keys=["IE", key])[key].value is not None
    found = score(a[1:], b[1:], f[1:], keys=["IE", key])[key]
    assert found.value is None
    assert f"at least {side} x {side} pixels" in found.reason


def test_no_metric_of_any_kind_of_constant_image_is_a_silent_nan(images):
    for one in (FLAT, 0 * FLAT, 0 * FLAT + 1):
        for k in range(3):
            chosen = [one if k == number else image for number, image in enumerate(images)]
            found = score(*chosen)
            assert set(found) == set(METRICS)
            assert all(s.value is None or np.isfinite(s.value) for s in found.values())
