"""Numbers and records as people read them."""

from dataclasses import replace

import pytest

from fusecli.catalog import METRICS
from fusecli.report import tables
from fusecli.report.glossary import DEFINITIONS


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5000"), (12.3456, "12.35"), (1234.5, "1234"), (123456.7, "123457"), (0.0008437, "0.0008437"),
        (-0.25, "-0.2500"), (0.0, "0"), (3, "3"), (None, "–"), (True, "yes"), (False, "no"), ("CT", "CT"),
        (float("nan"), "nan"), (9999.96, "10000"), (1e-12, "1.000e-12"),
    ],
)  # fmt: skip
def test_a_number_has_four_digits(value, text):
    assert tables.number(value) == text


def test_every_metric_has_a_definition_and_no_other_has():
    assert set(DEFINITIONS) == set(METRICS)
    assert len(set(DEFINITIONS.values())) == len(METRICS)


def test_a_score_of_a_volume_has_its_spread_and_a_direction(thorax):
    row = next(row for row in tables.metric_rows(thorax) if row.key == "NABF")
    assert (row.arrow, row.better, row.unit) == ("↓", "lower is better", "")
    assert row.spread.startswith("± ")
    assert row.definition == DEFINITIONS["NABF"]


def test_the_number_of_slices_is_told_once(thorax):
    assert tables.measured_slices(thorax) == "6"
    metrics = dict(thorax.record.metrics)
    metrics["SCD"] = {**metrics["SCD"], "slices": 4}
    assert tables.measured_slices(replace(thorax, record=replace(thorax.record, metrics=metrics))) == "4 to 6"
    single = {"IE": {"value": 1.0, "unit": "bit", "better": "higher"}}
    assert tables.measured_slices(replace(thorax, record=replace(thorax.record, metrics=single))) == ""


def test_the_folder_of_the_result_is_not_told(thorax):
    assert dict(tables.run_rows(thorax))["Output"] == "fused.nii.gz"


def test_what_a_picture_does_not_know_is_called_unknown(thorax, pictures_view):
    assert dict(tables.run_rows(pictures_view))["Voxel (slice, row, column)"] == "unknown"
    assert dict(tables.run_rows(thorax))["Voxel (slice, row, column)"] == "3.27 × 4.27 × 4.27 mm"
    assert dict(tables.run_rows(pictures_view))["Color"] == "of the source"


def test_the_steps_of_both_sources_are_told(thorax):
    fixed, moving = tables.input_tables(thorax)
    assert (fixed["role"], moving["role"]) == ("FIXED", "MOVING")
    assert [name for name, _ in moving["steps"]] == ["resample", "to unit"]
    assert "interpolation linear" in dict(moving["steps"])["resample"]
