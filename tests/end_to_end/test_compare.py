"""`fusecli compare`: all models on one pair, from files to table, sheet, page and JSON."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from fusecli.catalog import MODELS, QUICK_METRICS
from fusecli.models.weights import FOLDER_VARIABLE

TWO = ("--models", "max,average", "--register", "none")


@pytest.fixture
def no_weights(tmp_path, monkeypatch):
    """A folder of weights in which there are none, so that every network fails."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "manifest.toml").write_text("", encoding="utf-8")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "empty"))


def pixels_of(path):
    with Image.open(path) as picture:
        assert not picture.info
        return np.asarray(picture)


def document(outcome, code=0):
    assert outcome.code == code, outcome.err
    return json.loads(outcome.out)


def test_a_table_goes_to_stdout_and_everything_else_to_stderr(run, pictures):
    outcome = run("compare", *pictures, *TWO)
    assert outcome.code == 0, outcome.err
    rows = [line.split() for line in outcome.out.splitlines() if line.strip()]
    assert [row[0] for row in rows].count("max") == 3  # two parts of the metrics, and the cost
    assert sum(cell in QUICK_METRICS for row in rows for cell in row) == len(QUICK_METRICS)
    assert "Comparing: 2 of 2" in outcome.err
    assert "Comparing" not in outcome.out


def test_scores_are_those_of_fuse_and_metrics(run, pictures, tmp_path):
    found = document(run("compare", *pictures, *TWO, "--json"))
    fused = tmp_path / "fused.png"
    record = document(run("fuse", *pictures, "-o", fused, "--model", "max", "--register", "none", "--json"))
    assert [model["name"] for model in found["models"]] == ["max", "average"]
    own, other = (model["metrics"] for model in found["models"])
    assert own == record["metrics"]
    assert other != record["metrics"]
    assert found["windows"] == record["windows"]


def test_the_document_marks_the_best_and_says_what_each_cost(run, pictures):
    found = document(run("compare", *pictures, *TWO, "--metrics", "sd,psnr", "--json"))
    own, other = found["models"]
    assert (own["best"], other["best"]) == (["SD"], ["PSNR"])
    for model in found["models"]:
        assert model["status"] == "done"
        assert model["error"] is None
        assert model["cost"].keys() == {"load_s", "fuse_s", "processor_s", "peak_mib"}
        assert model["backend"].startswith("numpy")
    assert found["measured_slices"] == 1


def test_the_sheet_has_the_sources_and_a_picture_of_each_model(run, pictures, tmp_path):
    sheets = {}
    for words in (TWO, ("--models", "max", "--register", "none")):
        path = tmp_path / f"{len(sheets)}.png"
        assert run("compare", *pictures, *words, "-o", path).code == 0
        sheets[len(sheets)] = pixels_of(path)
    both, one = sheets.values()
    assert both.shape[1] > one.shape[1]
    fused = tmp_path / "fused.png"
    assert run("fuse", *pictures, "-o", fused, "--model", "max", "--register", "none").code == 0
    expected = np.kron(pixels_of(fused), np.ones((3, 3, 1), np.uint8))
    assert np.array_equal(one[-8 - 288 : -8, -8 - 240 : -8], expected)


def test_a_model_that_fails_is_a_row_with_its_reason_and_exit_code_8(run, pictures, tmp_path, no_weights):
    words = ("--models", "lrc,max", "--register", "none", "-o", tmp_path / "g.png", "--csv", tmp_path / "t.csv")
    outcome = run("compare", *pictures, *words, "--report", tmp_path / "r.html")
    assert outcome.code == 8
    assert "1 of 2 models failed: lrc" in outcome.err
    assert "lrc failed. There are no weights for 'lrc'." in outcome.err
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    assert rows["lrc"]["reason"] == "There are no weights for 'lrc'."
    assert float(rows["max"]["SCD"]) > 0
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "lrc: There are no weights" in page
    assert str(tmp_path) not in page
    found = document(run("compare", *pictures, "--models", "lrc,max", "--register", "none", "--json"), code=8)
    assert found["models"][0]["error"]["exit_code"] == 9
    assert found["models"][0]["metrics"] == {}
    assert found["models"][1]["error"] is None


def test_without_a_choice_all_of_the_catalog_run(run, pictures, no_weights):
    found = document(run("compare", *pictures, "--register", "none", "--metrics", "sd", "--json"), code=8)
    assert [model["name"] for model in found["models"]] == list(MODELS)
    done = [model["name"] for model in found["models"] if model["status"] == "done"]
    assert done == [name for name, info in MODELS.items() if not info.needs_weights]


def test_where_all_models_fail_the_error_is_theirs_and_nothing_is_written(run, pictures, tmp_path, no_weights):
    outcome = run("compare", *pictures, "--models", "lrc,lrc-fast", "--register", "none", "-o", tmp_path / "g.png")
    assert outcome.code == 9
    assert outcome.out == ""
    assert not (tmp_path / "g.png").exists()


def test_a_picture_too_small_to_fuse_is_refused_as_by_fuse(run, tmp_path):
    small, other = tmp_path / "small.png", tmp_path / "other.png"
    for path, step in ((small, 1), (other, 3)):
        Image.fromarray(np.arange(0, 400 * step, step, dtype=np.uint16).astype(np.uint8).reshape(20, 20)).save(path)
    outcome = run("compare", small, other, "--models", "max,average", "--register", "none")
    assert outcome.code == 4
    assert "too small to fuse" in outcome.err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--models", "lcr"), "Did you mean lrc"),
        (("--models", "Max,average"), "Did you mean max"),
        (("--models", "zzz"), ", ".join(MODELS)),
        (("--models", " , "), "names no model"),
        (("--metrics", "NONSENSE"), "IE"),
        (("--show", "middle"), "--show 45mm"),
        (("--device", "abacus"), "--device abacus is not known"),
        (("-o", "grid.nii.gz"), "not the name of a picture"),
        (("--report", "r.json"), "Name it .html"),
        (("--csv", "t.json"), "Name it .csv"),
    ],
)
def test_words_that_make_no_sense_are_usage_errors_that_say_what_to_type(run, pictures, words, text):
    outcome = run("compare", *pictures, *words)
    assert outcome.code == 2
    assert text in outcome.err
    assert "Comparing" not in outcome.err


def test_an_existing_file_is_refused_before_the_long_work(run, pictures, tmp_path):
    path = tmp_path / "g.png"
    path.write_text("mine", encoding="utf-8")
    outcome = run("compare", *pictures, *TWO, "-o", path)
    assert outcome.code == 7
    assert "Comparing" not in outcome.err
    assert path.read_text(encoding="utf-8") == "mine"
    assert run("compare", *pictures, *TWO, "-o", path, "--overwrite").code == 0
    assert pixels_of(path).shape[2] == 3


def test_a_model_named_twice_runs_once(run, pictures):
    found = document(run("compare", *pictures, "--models", "max,max", "--register", "none", "--json"))
    assert [model["name"] for model in found["models"]] == ["max"]
    assert found["models"][0]["best"] == []


def test_a_study_is_measured_in_all_slices_and_shown_in_the_chosen_one(run, study, tmp_path):
    words = (study.ct.parent, "--models", "max,average", "--register", "none", "--metrics", "scd,vif", "--json")
    middle = document(run("compare", *words, "-o", tmp_path / "middle.png"))
    chosen = document(run("compare", *words, "-o", tmp_path / "chosen.png", "--show", study.lesion_slice))
    assert middle["geometry"]["shape"] == [6, 96, 96]
    assert middle["measured_slices"] > 1
    assert (middle["shown_slice"], chosen["shown_slice"]) == (3, study.lesion_slice)
    assert middle["models"][0]["metrics"] == chosen["models"][0]["metrics"]
    one = document(run("compare", *words, "--slice", study.lesion_slice))
    assert one["measured_slices"] == 1
    assert one["models"][0]["metrics"]["SCD"] != middle["models"][0]["metrics"]["SCD"]


def test_a_slice_to_show_that_is_not_there_is_refused_before_anything_is_fused(run, study):
    outcome = run("compare", study.ct, study.pet, *TWO, "--show", 99)
    assert outcome.code == 2
    assert "There is no slice 99" in outcome.err
    assert "--show" in outcome.err
    assert "--slice" not in outcome.err
    assert "Comparing" not in outcome.err


def test_no_file_and_no_word_says_whose_the_images_are(run, study, tmp_path):
    files = {name: tmp_path / name for name in ("t.csv", "r.html", "g.png")}
    words = ("--csv", files["t.csv"], "--report", files["r.html"], "-o", files["g.png"])
    outcome = run("compare", study.ct, study.pet, *TWO, "--slice", study.lesion_slice, *words)
    assert outcome.code == 0, outcome.err
    contents = [outcome.out, outcome.err, *(path.read_bytes().decode("latin-1") for path in files.values())]
    assert not any("PHANTOM" in text for text in contents)
