"""The record is written where it may be, as JSON or CSV, and never takes another file's place unasked."""

import csv
import json
import os
from pathlib import Path

import pytest

from fusecli.errors import OutputError, UsageError
from fusecli.report.record import RunRecord, check_report, is_page, write


def record(value: float = 0.5) -> RunRecord:
    return RunRecord(
        output=Path("fused.png"),
        model={"name": "alpha", "sha256": None},
        metrics={"qabf": {"value": value, "unit": "", "better": "higher"}},
        windows={"fixed": {"text": "lung"}},
        device="cpu",
        backend="numpy 2.4",
        timings_s={"total": 1.5},
        warnings=("one", "two"),
        inputs={},
        geometry={},
        versions={"numpy": "1"},
    )


def test_json_holds_the_whole_record(tmp_path):
    write(record(), tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8")) == record().as_dict()
    assert record().as_dict() != record(0.6).as_dict()


def test_csv_holds_one_row(tmp_path):
    write(record(), tmp_path / "r.CSV")
    with (tmp_path / "r.CSV").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["model"], row["qabf"], row["window_fixed"], row["warnings"]) == ("alpha", "0.5", "lung", "one | two")
    assert (row["device"], row["backend"]) == ("cpu", "numpy 2.4")


@pytest.mark.parametrize("name", ["r.txt", "r", ".json", "r.json.gz"])
def test_another_suffix_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="cannot be written as"):
        check_report(tmp_path / name, overwrite=True)


@pytest.mark.parametrize("name", ["r.json", "r.csv"])
def test_an_existing_report_is_kept_unless_overwriting_is_allowed(tmp_path, name):
    (tmp_path / name).write_text("precious")
    for attempt in (check_report, lambda path, overwrite: write(record(), path, overwrite=overwrite)):
        with pytest.raises(OutputError, match="exists already"):
            attempt(tmp_path / name, overwrite=False)
    assert (tmp_path / name).read_text() == "precious"
    check_report(tmp_path / name, overwrite=True)
    assert (tmp_path / name).read_text() == "precious"
    write(record(), tmp_path / name, overwrite=True)
    assert "alpha" in (tmp_path / name).read_text()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_page_may_stand_where_other_reports_may_but_a_record_alone_makes_none(tmp_path):
    check_report(tmp_path / "r.HTML", overwrite=False)
    assert is_page(tmp_path / "r.HTML")
    assert not is_page(tmp_path / "r.json")
    with pytest.raises(UsageError, match="no images"):
        write(record(), tmp_path / "r.html")
    assert not list(tmp_path.iterdir())


def test_a_folder_is_never_replaced_by_a_report(tmp_path):
    (tmp_path / "r.json").mkdir()
    with pytest.raises(OutputError):
        write(record(), tmp_path / "r.json", overwrite=True)
    assert (tmp_path / "r.json").is_dir()


def test_a_missing_folder_is_refused_with_how_to_make_it(tmp_path):
    with pytest.raises(OutputError) as refused:
        check_report(tmp_path / "new" / "r.json", overwrite=False)
    assert f"mkdir -p {tmp_path / 'new'}" in refused.value.hint


@pytest.mark.parametrize("name", ["a" * 300 + ".json", "a\0b.json"])
@pytest.mark.parametrize("overwrite", [True, False])
def test_a_name_that_no_file_can_have_is_refused(tmp_path, name, overwrite):
    with pytest.raises(OutputError) as refused:
        check_report(tmp_path / name, overwrite=overwrite)
    assert refused.value.exit_code == 7


@pytest.mark.parametrize("name", ["r.json", "r.csv"])
def test_a_report_may_be_read_by_whom_the_umask_allows(tmp_path, name):
    old = os.umask(0o027)
    try:
        write(record(), tmp_path / name)
    finally:
        os.umask(old)
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o640
