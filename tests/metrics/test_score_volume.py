import json

import numpy as np
import pytest

from fusecli.catalog import METRICS
from fusecli.errors import ImageError, ShapeError
from fusecli.metrics import Score, score, score_volume, scored_slices


def volume(*slices):
    return np.stack(slices).astype(np.float32)


def values(scores):
    return {key: value.value for key, value in scores.items()}


def test_scores_come_in_the_order_of_the_catalog_with_its_units(pair):
    scores = score(*pair)
    assert [(key, value.unit, value.better) for key, value in scores.items()] == [
        (key, info.unit, info.better) for key, info in METRICS.items()
    ]


def test_a_score_goes_into_json_as_value_unit_and_direction(pair):
    document = json.loads(json.dumps({key: value.as_dict() for key, value in score(*pair).items()}))
    assert document["IE"] == {"value": score(*pair)["IE"].value, "unit": "bit", "better": "higher"}


def test_scores_of_two_images_are_equal_only_if_the_images_are(pair):
    fixed, moving, fused = pair
    assert score(fixed, moving, fused) == score(fixed.copy(), moving.copy(), fused.copy())
    assert score(fixed, moving, fused)["IE"] != score(fixed, moving, moving)["IE"]
    assert Score(1.0, "bit", "higher") != Score(1.0, "1", "higher")


def test_a_volume_scores_the_mean_of_its_slices(pair):
    fixed, moving, fused = pair
    scores = score_volume(volume(fixed, moving), volume(moving, fixed), volume(fused, moving))
    first, second = values(score(fixed, moving, fused)), values(score(moving, fixed, moving))
    assert values(scores) == pytest.approx({key: (first[key] + second[key]) / 2 for key in METRICS}, rel=1e-12)
    assert list(scores) == list(METRICS)


def test_slices_in_which_a_source_is_constant_are_left_out(pair):
    fixed, moving, fused = pair
    flat = np.full_like(fixed, 0.5)
    fixed_volume, moving_volume = volume(flat, fixed, fixed), volume(moving, moving, flat)
    scores = score_volume(fixed_volume, moving_volume, volume(fused, fused, fixed))
    assert scored_slices(fixed_volume, moving_volume) == [1]
    assert values(scores) == values(score(fixed, moving, fused))


def test_a_slice_counts_whose_faint_source_spans_one_level(pair):
    fixed, moving, _ = pair
    faint = np.zeros_like(fixed)
    faint[0, 0] = 1 / 255
    assert scored_slices(volume(fixed, moving), volume(faint, faint * np.float32(0.9))) == [0]


def test_a_slice_of_the_fusion_may_be_constant(pair):
    fixed, moving, _ = pair
    scores = score_volume(volume(fixed), volume(moving), volume(np.full_like(fixed, 0.5)))
    assert scores["IE"].value == scores["VIF"].value == 0


def test_a_volume_without_a_slice_to_measure_is_refused(pair):
    fixed, _, fused = pair
    with pytest.raises(ImageError, match="no slice") as error:
        score_volume(volume(fixed, fixed), volume(fixed * 0, fixed * 0 + 1), volume(fused, fused))
    assert "2 slices" in error.value.why


def test_volumes_of_two_sizes_are_refused(pair):
    fixed, moving, fused = pair
    with pytest.raises(ShapeError, match="differ in size"):
        score_volume(volume(fixed), volume(moving, moving), volume(fused))


def test_a_volume_of_small_slices_names_the_smallest_size_that_works(pair):
    small = [volume(image[:40]) for image in pair]
    with pytest.raises(ShapeError, match="40 x 64") as error:
        score_volume(*small)
    assert "41 x 41" in error.value.why
