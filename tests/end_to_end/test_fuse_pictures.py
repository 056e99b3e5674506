"""`fusecli fuse` and `fusecli metrics` on PNG and JPG."""

import json

import numpy as np
import pytest
from PIL import Image

from fusecli.core.luma import luma


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def scaled(path, size, target):
    with Image.open(path) as picture:
        picture.resize(size).save(target)
    return target


def test_a_grey_and_a_colored_picture_give_a_colored_one(run, pictures, tmp_path):
    output = tmp_path / "fused.png"
    outcome = run("fuse", *pictures, "-o", output)
    assert outcome.code == 0, outcome.err
    fused, moving = (pixels(path).astype(int) for path in (output, pictures[1]))
    assert fused.shape == (96, 80, 3)
    assert fused[40, 50, 0] > fused[40, 50, 2] + 40  # the spot stays orange
    black = (pixels(pictures[0]) == 0) & (moving.max(axis=2) == 0)
    assert (fused[black] <= 1).all()


def test_palette_none_gives_grey(run, pictures, tmp_path):
    run("fuse", *pictures, "-o", tmp_path / "grey.png", "--model", "max", "--palette", "none")
    assert pixels(tmp_path / "grey.png").shape == (96, 80)


def test_two_grey_pictures_stay_grey_and_max_is_max(run, pictures, tmp_path):
    a, b = tmp_path / "a.png", tmp_path / "b.png"
    first = pixels(pictures[0])
    Image.fromarray(np.ascontiguousarray(first[::-1])).save(b)
    Image.fromarray(first).save(a)
    run("fuse", a, b, "-o", tmp_path / "f.png", "--model", "max")
    assert np.array_equal(pixels(tmp_path / "f.png"), np.maximum(first, first[::-1]))


def test_unequal_sizes_are_refused_and_resize_is_named(run, pictures, tmp_path):
    small = scaled(pictures[1], (40, 48), tmp_path / "small.png")
    outcome = run("fuse", pictures[0], small, "-o", tmp_path / "f.png")
    assert outcome.code == 5
    assert "80 x 96" in outcome.err
    assert "40 x 48" in outcome.err
    assert "--resize" in outcome.err
    assert not (tmp_path / "f.png").exists()
    allowed = run("fuse", pictures[0], small, "-o", tmp_path / "f.png", "--resize", "--model", "max")
    assert allowed.code == 0
    assert "resized" in allowed.err


def test_nothing_is_overwritten_unless_asked(run, pictures, tmp_path):
    output = tmp_path / "fused.png"
    output.write_bytes(b"precious")
    refused = run("fuse", *pictures, "-o", output, "--model", "max")
    assert refused.code == 7
    assert output.read_bytes() == b"precious"
    assert run("fuse", *pictures, "-o", output, "--model", "max", "--overwrite").code == 0
    assert pixels(output).shape == (96, 80, 3)


def test_an_existing_report_stops_the_run_before_anything_is_written(run, pictures, tmp_path):
    report = tmp_path / "r.json"
    report.write_text("precious")
    outcome = run("fuse", *pictures, "-o", tmp_path / "f.png", "--model", "max", "--report", report)
    assert outcome.code == 7
    assert not (tmp_path / "f.png").exists()


@pytest.mark.parametrize(
    ("name", "code"), [("f.gif", 2), ("missing/f.png", 7), ("f", 2)], ids=["suffix", "folder", "no suffix"]
)
def test_a_place_that_cannot_be_written_is_refused_at_once(run, pictures, tmp_path, name, code):
    assert run("fuse", *pictures, "-o", tmp_path / name).code == code


def test_missing_and_broken_files_have_their_own_codes(run, pictures, tmp_path):
    broken, text = tmp_path / "broken.png", tmp_path / "text.png"
    broken.write_bytes(pictures[0].read_bytes()[:200])
    text.write_text("not an image")
    assert run("fuse", tmp_path / "none.png", pictures[1], "-o", tmp_path / "f.png").code == 3
    assert run("fuse", broken, pictures[1], "-o", tmp_path / "f.png").code == 4
    assert run("fuse", text, pictures[1], "-o", tmp_path / "f.png").code == 4


def test_metrics_of_a_written_picture_are_those_of_the_run(run, pictures, tmp_path):
    output = tmp_path / "fused.png"
    own = json.loads(run("fuse", *pictures, "-o", output, "--json", "--palette", "none").out)["metrics"]
    again = json.loads(run("metrics", *pictures, output, "--metrics", "quick", "--json").out)["metrics"]
    assert list(own) == list(again)
    for name in own:
        assert again[name]["value"] == pytest.approx(own[name]["value"], rel=0.02, abs=0.001)  # 8 bits were written


def test_metrics_of_a_color_picture_are_those_of_its_luma(run, pictures, tmp_path):
    color, grey = tmp_path / "color.png", tmp_path / "grey.png"
    run("fuse", *pictures, "-o", color, "--model", "max")
    Image.fromarray(np.rint(luma(pixels(color)) * 255).astype(np.uint8)).save(grey)
    scores = [json.loads(run("metrics", *pictures, path, "--json").out)["metrics"] for path in (color, grey)]
    assert scores[0] == scores[1]


def test_metrics_of_another_size_are_refused(run, pictures, tmp_path):
    other = scaled(pictures[0], (64, 64), tmp_path / "other.png")
    assert run("metrics", *pictures, other).code == 5


def test_a_black_hot_picture_is_turned_round_and_said(run, pictures, tmp_path):
    black_hot = tmp_path / "pet.png"
    uptake = np.rint(luma(pixels(pictures[1])) * 255).astype(np.uint8)
    Image.fromarray(255 - uptake).save(black_hot)
    outcome = run("fuse", pictures[0], black_hot, "-o", tmp_path / "f.png", "--model", "max", "--palette", "none")
    expected = np.maximum(pixels(pictures[0]), uptake)
    assert "black-hot" in outcome.err
    assert np.abs(pixels(tmp_path / "f.png").astype(int) - expected).max() <= 1
    kept = run(
        "fuse", pictures[0], black_hot, "-o", tmp_path / "g.png", "--model", "max", "--palette", "none",
        "--polarity", "white-hot",
    )  # fmt: skip
    assert "black-hot" not in kept.err
    assert pixels(tmp_path / "g.png")[0, 0] == 255


def test_quiet_leaves_the_path_alone(run, pictures, tmp_path):
    outcome = run("-q", "fuse", *pictures, "-o", tmp_path / "f.png", "--model", "max", "--register", "none")
    assert outcome.out == f"{tmp_path / 'f.png'}\n"
    assert outcome.err == ""


def test_our_own_bug_is_one_line_with_a_log_and_no_traceback(run, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr("fusecli.pipeline.fuse_to", lambda *a, **k: 1 / 0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    outcome = run("fuse", *pictures, "-o", tmp_path / "f.png")
    assert outcome.code == 1
    (log,) = tmp_path.glob("fusecli-error-*.log")
    assert str(log) in outcome.err
    assert "ZeroDivisionError" in log.read_text(encoding="utf-8")
    assert "Traceback" not in outcome.err
    assert outcome.err.count("\n") == 1
    assert "Traceback" in run("--debug", "fuse", *pictures, "-o", tmp_path / "f.png").err


def test_ctrl_c_ends_with_130(run, pictures, tmp_path, monkeypatch):
    def interrupt(*_words, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("fusecli.pipeline.fuse_to", interrupt)
    assert run("fuse", *pictures, "-o", tmp_path / "f.png").code == 130


def test_the_output_is_never_one_of_the_inputs(run, pictures, tmp_path):
    before = pictures[0].read_bytes()
    outcome = run("fuse", *pictures, "-o", pictures[0], "--model", "max", "--overwrite")
    assert outcome.code == 2
    assert pictures[0].read_bytes() == before
    link = tmp_path / "link.png"
    link.symlink_to(pictures[1])
    assert run("fuse", *pictures, "-o", link, "--model", "max", "--overwrite").code == 2


def test_nothing_is_left_when_scoring_is_interrupted(run, pictures, tmp_path, monkeypatch):
    def interrupt(*_words, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("fusecli.metrics.score_volume", interrupt)
    outcome = run("fuse", *pictures, "-o", tmp_path / "f.png", "--model", "max")
    assert outcome.code == 130
    assert "Interrupted" in outcome.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mri.png", "pet.png"]
