"""The page of a batch has every case, says why some failed, and marks what stands apart."""

import base64
import re

import pytest

from fusecli.errors import OutputError
from fusecli.report import index

PNG = b"\x89PNG thumbnail"
EVIL = '</script><img src=x onerror="document.title=1">'


def case(number, **changes):
    row = {
        "id": f"case-{number}", "status": "done", "reason": None, "exit_code": 0, "output": f"case-{number}.png",
        "metrics": {"SCD": 1.0 + number / 1000, "NABF": 0.001}, "thumbnail": PNG, "report": f"case-{number}.html",
    }  # fmt: skip
    return {**row, **changes}


ROWS = [case(n) for n in range(8)]
FAILED = {"id": "case-x", "status": "failed", "reason": "The PET does not line up with the CT.", "exit_code": 6}


def body_rows(text):
    return re.findall(r"<tr data-status.*?</tr>", text, re.S)


def test_every_case_is_a_row_with_its_scores_and_its_page():
    text = index.to_html(ROWS)
    assert len(body_rows(text)) == 8
    assert 'href="./case-3.html"' in text
    assert "1.003" in body_rows(text)[3]
    assert base64.b64encode(PNG).decode() in text


def test_a_failure_has_its_reason_and_its_exit_code():
    row = body_rows(index.to_html([*ROWS, FAILED]))[-1]
    for words in ("failed, exit code 6", "The PET does not line up", "–"):
        assert words in row
    assert "exit code" not in body_rows(index.to_html(ROWS))[0]


def test_a_case_that_was_skipped_is_no_failure():
    skipped = body_rows(index.to_html([case(0, status="skipped")]))[0]
    assert 'class="status good"' in skipped
    assert 'class="status bad"' in body_rows(index.to_html([FAILED]))[0]
    assert 'class="status bad"' in body_rows(index.to_html([case(0, status="killed", exit_code=137)]))[0]


def test_a_value_that_stands_apart_is_marked_and_no_other():
    rows = [*ROWS, case(8, metrics={"SCD": 0.2, "NABF": 0.001})]
    text = index.to_html(rows)
    assert "data-outlier" in body_rows(text)[8]
    assert len(re.findall(r'class="number outlier"', text)) == 1
    assert "data-outlier" not in "".join(body_rows(index.to_html(ROWS)))


def test_numbers_that_are_not_finite_are_not_measured():
    text = index.to_html([case(0, metrics={"SCD": float("nan")}), case(1, metrics={"SCD": float("inf")})])
    assert "nan" not in "".join(body_rows(text))
    assert body_rows(text)[0].count("–") == 1


@pytest.mark.parametrize("place", ["id", "status", "reason", "output", "report"])
def test_what_comes_from_files_is_text_and_never_part_of_the_page(place):
    text = index.to_html([case(0, **{place: EVIL})])
    assert "<img src=x" not in text
    assert text.count("</script>") == 1
    assert "onerror" in text


def test_a_metric_with_a_wild_name_is_text_too():
    text = index.to_html([case(0, metrics={EVIL: 1.0})])
    assert "<img src=x" not in text


@pytest.mark.parametrize(
    ("report", "link"),
    [("a b/c#1.html", "./a%20b/c%231.html"), ("javascript:alert(1)", "./javascript%3Aalert%281%29"),
     ("//elsewhere.example/x", ".///elsewhere.example/x")],
)  # fmt: skip
def test_a_link_leads_to_a_file_beside_the_page_and_nowhere_else(report, link):
    assert f'href="{link}"' in index.to_html([case(0, report=report)])


def test_past_the_limit_plain_cases_are_left_out_and_the_page_says_so(monkeypatch):
    monkeypatch.setattr(index, "MOST_ROWS", 4)
    rows = [*ROWS[:6], FAILED, case(7, metrics={"SCD": 99.0, "NABF": 0.001})]
    text = index.to_html(rows)
    assert [re.search(r"case-\w", row).group() for row in body_rows(text)] == ["case-0", "case-1", "case-x", "case-7"]
    assert "4 cases without failure or outlier are left out" in text
    assert "are left out" not in index.to_html(rows[:3])


def test_too_many_pictures_are_left_out_and_the_page_says_so(monkeypatch):
    monkeypatch.setattr(index, "MOST_PICTURE_BYTES", 20)
    assert "The pictures are left out" in index.to_html(ROWS)
    assert "data:image/png" not in index.to_html(ROWS)
    assert "data:image/png" in index.to_html(ROWS[:1])


def test_a_batch_of_nothing_has_a_page_too():
    assert "0 cases" in index.to_html([])


def test_the_page_is_written_whole_and_replaces_nothing_unasked(tmp_path):
    index.write(ROWS, tmp_path / "index.html", title="Study 7")
    first = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "Study 7" in first
    with pytest.raises(OutputError, match="exists already"):
        index.write([], tmp_path / "index.html")
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == first
    index.write([], tmp_path / "index.html", overwrite=True)
    assert (tmp_path / "index.html").read_text(encoding="utf-8") != first
