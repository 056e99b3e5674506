"""The files of a comparison: refused before the long work, and whole."""

import csv
import io

import pytest

from fusecli.comparing.comparison import Entry
from fusecli.comparing.outputs import Outputs, as_csv, check, write
from fusecli.comparing.page import page_of
from fusecli.errors import ModelError, OutputError, UsageError


@pytest.mark.parametrize(
    "names", [{"sheet": "grid.nii.gz"}, {"sheet": "grid.bmp"}, {"table": "t.txt"}, {"page": "r.pdf"}]
)
def test_a_suffix_that_says_another_format_is_refused(tmp_path, names):
    with pytest.raises(UsageError):
        check(Outputs(**{what: tmp_path / name for what, name in names.items()}), [])


@pytest.mark.parametrize("name", ["grid.bmp", "grid.nii.gz", "grid", ".png"])
def test_what_is_said_of_a_sheet_s_name_holds_for_this_command(tmp_path, name):
    with pytest.raises(UsageError, match="not the name of a picture") as caught:
        check(Outputs(sheet=tmp_path / name), [])
    assert "--format" not in str(caught.value.hint)


def test_names_that_say_what_is_written_are_not_refused(tmp_path):
    outputs = Outputs(tmp_path / "grid.png", tmp_path / "t.csv", tmp_path / "r.html")
    check(outputs, [tmp_path])
    assert list(outputs.named) == ["sheet", "table", "page"]
    assert Outputs().named == {}


@pytest.mark.parametrize("what", ["sheet", "table", "page"])
def test_a_file_that_exists_is_replaced_only_when_asked(tmp_path, what):
    path = tmp_path / {"sheet": "a.png", "table": "a.csv", "page": "a.html"}[what]
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="exists already"):
        check(Outputs(**{what: path}), [])
    check(Outputs(**{what: path}, overwrite=True), [])


def test_an_input_is_never_replaced(tmp_path):
    source = tmp_path / "mri.png"
    source.write_bytes(b"x")
    with pytest.raises(UsageError, match="is an input"):
        check(Outputs(sheet=source, overwrite=True), [source])


def test_the_table_has_a_line_for_each_model_also_for_one_that_failed(make_comparison, make_entry):
    failed = Entry("lrc", {}, error=ModelError("The weights are gone.", why="Nobody knows."))
    rows = list(csv.DictReader(io.StringIO(as_csv(make_comparison(make_entry("max", SCD=1 / 3, VIF=None), failed)))))
    assert [row["model"] for row in rows] == ["max", "lrc"]
    assert float(rows[0]["SCD"]) == 1 / 3
    assert rows[0]["VIF"] == rows[1]["SCD"] == ""
    assert (rows[0]["status"], rows[1]["status"]) == ("done", "failed")
    assert rows[1]["reason"] == "The weights are gone."


def test_what_is_not_asked_for_is_not_written(tmp_path, make_comparison, make_entry):
    found = make_comparison(make_entry("max", SCD=1.0))
    write(found, Outputs())
    assert list(tmp_path.iterdir()) == []
    write(found, Outputs(sheet=tmp_path / "g.png", table=tmp_path / "t.csv", page=tmp_path / "r.html"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["g.png", "r.html", "t.csv"]


def test_the_words_of_the_page_have_no_marks_that_a_page_would_show_as_they_are(make_comparison, make_entry):
    page = page_of(make_comparison(make_entry("max", SCD=1.0)))
    assert "fusecli fuse" in page.cost_note
    assert "`" not in page.cost_note + page.measured + page.where
