import json

import numpy as np
import pytest

from fusecli.catalog import METRICS, QUICK_METRICS
from fusecli.errors import ImageError, ShapeError, UsageError
from fusecli.metrics import Score, mean_scores, score, score_slices, score_volume, score_whole_volume, scored_slices
from fusecli.metrics.profiles import PROFILES, Profile


def volume(*slices):
    return np.stack(slices).astype(np.float32)


def quick(*images, **choice):
    return score(*images, keys=QUICK_METRICS, **choice)


def quick_volume(*images, **choice):
    return score_volume(*images, keys=QUICK_METRICS, **choice)


def values(scores):
    return {key: value.value for key, value in scores.items()}


def test_scores_come_in_the_order_asked_for_with_its_units(pair):
    scores = quick(*pair)
    assert [(key, value.unit, value.better) for key, value in scores.items()] == [
        (key, METRICS[key].unit, METRICS[key].better) for key in QUICK_METRICS
    ]


def test_a_score_goes_into_json_as_value_unit_and_direction(pair):
    document = json.loads(json.dumps({key: value.as_dict() for key, value in quick(*pair).items()}))
    assert document["IE"] == {"value": quick(*pair)["IE"].value, "unit": "bit", "better": "higher"}


def test_scores_of_two_images_are_equal_only_if_the_images_are(pair):
    fixed, moving, fused = pair
    assert quick(fixed, moving, fused) == quick(fixed.copy(), moving.copy(), fused.copy())
    assert quick(fixed, moving, fused)["IE"] != quick(fixed, moving, moving)["IE"]
    assert Score(1.0, "bit", "higher") != Score(1.0, "1", "higher")


def test_a_volume_scores_the_mean_of_its_slices(pair):
    fixed, moving, fused = pair
    scores = quick_volume(volume(fixed, moving), volume(moving, fixed), volume(fused, moving))
    first, second = values(quick(fixed, moving, fused)), values(quick(moving, fixed, moving))
    assert values(scores) == pytest.approx({key: (first[key] + second[key]) / 2 for key in QUICK_METRICS}, rel=1e-12)
    assert list(scores) == list(QUICK_METRICS)


def test_slices_in_which_a_source_is_constant_are_left_out(pair):
    fixed, moving, fused = pair
    flat = np.full_like(fixed, 0.5)
    fixed_volume, moving_volume = volume(flat, fixed, fixed), volume(moving, moving, flat)
    scores = quick_volume(fixed_volume, moving_volume, volume(fused, fused, fixed))
    assert scored_slices(fixed_volume, moving_volume) == [1]
    assert values(scores) == values(quick(fixed, moving, fused))


def test_a_slice_counts_whose_faint_source_spans_one_level(pair):
    fixed, moving, _ = pair
    faint = np.zeros_like(fixed)
    faint[0, 0] = 1 / 255
    assert scored_slices(volume(fixed, moving), volume(faint, faint * np.float32(0.9))) == [0]


def test_a_slice_of_the_fusion_may_be_constant(pair):
    fixed, moving, _ = pair
    scores = quick_volume(volume(fixed), volume(moving), volume(np.full_like(fixed, 0.5)))
    assert scores["IE"].value == scores["VIF"].value == 0


def test_a_volume_without_a_slice_to_measure_is_refused(pair):
    fixed, _, fused = pair
    with pytest.raises(ImageError, match="no slice") as error:
        quick_volume(volume(fixed, fixed), volume(fixed * 0, fixed * 0 + 1), volume(fused, fused))
    assert "2 slices" in error.value.why


def test_volumes_of_two_sizes_are_refused(pair):
    fixed, moving, fused = pair
    with pytest.raises(ShapeError, match="differ in size"):
        quick_volume(volume(fixed), volume(moving, moving), volume(fused))


def test_a_volume_of_small_slices_names_the_smallest_size_that_works(pair):
    small = [volume(image[:40]) for image in pair]
    with pytest.raises(ShapeError, match="40 x 64") as error:
        quick_volume(*small, strict=True)
    assert "41 x 41" in error.value.why


def test_all_of_a_profile_comes_in_the_order_of_the_catalog(pair):
    assert list(score(*pair, profile="vifb")) == [key for key in METRICS if key in PROFILES["vifb"].formulas]
    assert set(PROFILES["fusecli"].formulas) == set(METRICS)


def test_only_the_metrics_that_are_asked_for_are_computed(pair, monkeypatch):
    def never(*_):
        raise AssertionError("computed")

    formulas = {"IE": lambda *_: 3.0, "SD": never}
    monkeypatch.setitem(PROFILES, "few", Profile("few", formulas))
    assert score(*pair, profile="few", keys=["IE"])["IE"].value == 3
    with pytest.raises(AssertionError, match="computed"):
        score(*pair, profile="few")


def test_a_key_or_a_profile_that_there_is_not_is_refused_with_those_that_there_are(pair):
    with pytest.raises(UsageError, match="vifb has no metric 'EPI'") as error:
        score(*pair, profile="vifb", keys=["IE", "EPI"])
    assert "RMSE" in error.value.hint
    with pytest.raises(UsageError, match="no metric profile 'matlab'") as error:
        score(*pair, profile="matlab")
    assert "linfeng" in error.value.hint


def test_a_metric_that_is_not_defined_is_none_with_its_reason_and_the_others_have_values(pair):
    fixed, _, fused = pair
    scores = score(fixed, np.full_like(fixed, 0.5), fused, keys=["IE", "SCD"])
    assert scores["SCD"].value is None
    assert scores["SCD"].reason.startswith("not defined: MOVING is constant, so what the fusion keeps of it is not")
    assert scores["SCD"].as_dict()["reason"] == scores["SCD"].reason
    assert scores["IE"].value > 0
    assert "reason" not in scores["IE"].as_dict()


def test_strict_raises_where_a_metric_is_not_defined(pair):
    fixed, _, fused = pair
    with pytest.raises(ImageError, match="MOVING is constant"):
        score(fixed, np.full_like(fixed, 0.5), fused, keys=["IE", "SCD"], strict=True)
    assert score(*pair, keys=["IE", "SCD"], strict=True) == score(*pair, keys=["IE", "SCD"])


def test_if_no_metric_is_defined_the_reason_is_an_error(pair):
    fixed, _, fused = pair
    with pytest.raises(ImageError, match="MOVING is constant"):
        score(fixed, np.full_like(fixed, 0.5), fused, keys=["SCD", "VIF", "CC"])


def test_an_image_too_small_for_one_metric_is_still_measured_by_the_others(pair):
    small = [image[:20, :20] for image in pair]
    scores = score(*small, keys=["SD", "VIF", "SSIM"])
    assert scores["VIF"].value is None
    assert "too small for VIF" in scores["VIF"].reason
    assert "at least 41 x 41 pixels" in scores["VIF"].reason
    assert scores["SSIM"].value is not None


def test_an_image_of_2_x_2_has_a_value_or_a_reason_for_every_metric():
    a, b = np.array([[0.1, 0.9], [0.4, 0.3]]), np.array([[0.2, 0.1], [0.6, 0.3]])
    scores = score(a, b, np.maximum(a, b))
    assert all((value.value is None) == bool(value.reason) for value in scores.values())
    assert scores["IE"].value == 2
    assert scores["QMI"].value is not None
    assert scores["MS_SSIM"].value is None


def test_constant_images_have_a_value_or_a_reason_for_every_metric(pair):
    flat = np.full_like(pair[0], 0.5)
    for images in ((flat, pair[1], flat), (pair[0], pair[1], flat), (flat, flat, pair[2])):
        scores = score(*images)
        assert all(value.value is None or np.isfinite(value.value) for value in scores.values())
        assert all((value.value is None) == bool(value.reason) for value in scores.values())


def test_a_toolkit_that_divides_by_zero_gives_none_and_says_so(pair):
    fixed, moving, _ = pair
    found = score(fixed, moving, fixed, profile="cddfuse", keys=["SCD", "SD"])["SCD"]
    assert found.value is None
    assert "divides by zero" in found.reason


def test_a_volume_gives_the_sample_standard_deviation_over_its_slices(pair):
    fixed, moving, fused = pair
    found = score_volume(volume(fixed, fixed), volume(moving, moving), volume(fused, moving), keys=["SD"])["SD"]
    each = [score(fixed, moving, image, keys=["SD"])["SD"].value for image in (fused, moving)]
    assert found.sd == pytest.approx(np.std(each, ddof=1))
    assert found.slices == 2
    assert found.as_dict()["sd"] == found.sd
    assert "sd" not in score_volume(*(volume(image) for image in pair), keys=["SD"])["SD"].as_dict()


def test_a_slice_where_a_metric_is_not_defined_does_not_count_in_its_mean(pair):
    fixed, moving, fused = pair
    both = volume(fixed, fixed), volume(fixed, moving), volume(fixed, fused)
    found = score_volume(*both, keys=["SD", "PSNR"])
    assert found["PSNR"].value == score(fixed, moving, fused, keys=["PSNR"])["PSNR"].value
    assert (found["PSNR"].slices, found["SD"].slices) == (1, 2)


def test_slices_are_given_by_their_index_and_progress_is_told(pair):
    fixed, moving, fused = pair
    flat = np.zeros_like(fixed)
    heard = []
    slices = score_slices(
        volume(flat, fixed, fixed),
        volume(flat, moving, moving),
        volume(flat, fused, moving),
        keys=["SD"],
        progress=lambda done, total: heard.append((done, total)),
    )
    assert list(slices) == [1, 2]
    assert slices[1] == score(fixed, moving, fused, keys=["SD"]) != slices[2]
    assert heard == [(1, 2), (2, 2)]


def test_anywhere_measures_slices_whose_source_is_constant_only_if_there_is_no_other(pair):
    fixed, moving, fused = pair
    flat = np.full_like(fixed, 0.5)
    images = volume(fixed, fixed), volume(flat, flat), volume(fused, fused)
    slices = score_slices(*images, keys=["IE", "SCD"], anywhere=True)
    assert [scores["SCD"].value for scores in slices.values()] == [None, None]
    mixed = volume(fixed, fixed), volume(flat, moving), volume(fused, fused)
    assert list(score_slices(*mixed, keys=["IE"], anywhere=True)) == [1]


def test_the_whole_volume_is_measured_by_all_its_voxels_at_once(pair):
    fixed, moving, fused = pair
    images = volume(fixed, moving), volume(moving, fixed), volume(fused, fixed)
    whole = score_whole_volume(*images)
    assert whole["SD"].value == pytest.approx(np.std(images[2]) * 255)
    assert whole["SD"].value != pytest.approx(score_volume(*images, keys=["SD"])["SD"].value)
    assert set(whole) == {key for key, info in METRICS.items() if info.pointwise}


def test_metrics_that_look_at_neighbours_are_not_pointwise(pair):
    """Shuffling the pixels of all three alike changes nothing for a pointwise metric, and every other one."""
    order = np.random.default_rng(3).permutation(pair[0].size)
    shuffled = [image.ravel()[order].reshape(image.shape) for image in pair]
    before, after = score(*pair), score(*shuffled)
    for key, info in METRICS.items():
        if before[key].value is not None:
            same = after[key].value == pytest.approx(before[key].value, rel=1e-9)
            assert same == info.pointwise, key


def test_a_foreground_restricts_pointwise_metrics_to_it_and_the_others_to_its_box(pair):
    fixed, moving, fused = pair
    inside = np.zeros(fixed.shape, bool)
    inside[4:50, 8:60] = True
    inside[20:30, 20:30] = False
    found = score_slices(volume(fixed), volume(moving), volume(fused), keys=["SD", "SF"], foreground=inside[np.newaxis])
    assert found[0]["SD"].value == pytest.approx(np.std(fused[inside]) * 255, rel=1e-6)
    boxed = score(fixed[4:50, 8:60], moving[4:50, 8:60], fused[4:50, 8:60], keys=["SF"])
    assert found[0]["SF"] == boxed["SF"]
    assert found[0]["SD"] != score(fixed, moving, fused, keys=["SD"])["SD"]


def test_a_slice_without_a_value_leaves_the_volume_the_others(pair):
    fixed, moving, fused = (np.stack([image, image]) for image in pair)
    head = np.zeros(fixed.shape, bool)
    head[0], head[1, :30, :30] = True, True
    found = mean_scores(score_slices(fixed, moving, fused, keys=["VIF"], foreground=head))["VIF"]
    assert found.value == pytest.approx(score(*pair, keys=["VIF"])["VIF"].value)
    with pytest.raises(ShapeError, match="too small for VIF"):
        score_slices(fixed[1:], moving[1:], fused[1:], keys=["VIF"], foreground=head[1:])


def test_the_evaluator_of_cddfuse_gives_no_value_to_what_is_too_small_and_1_to_what_shows_nothing():
    noise = np.random.default_rng(0).random((3, 40, 40))
    assert score(*noise, profile="cddfuse", keys=["VIF", "IE"])["VIF"].value is None
    black, *others = np.random.default_rng(0).random((3, 64, 64))
    assert score(0 * black, *others, profile="cddfuse", keys=["VIF_FIXED"])["VIF_FIXED"].value == 1
