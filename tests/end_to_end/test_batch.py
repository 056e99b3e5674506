"""`fusecli batch` as a user runs it: everything is tried, nothing is lost, and the same command again does the rest."""

import csv
import json
import re
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
from PIL import Image
from typer.main import get_command

from fusecli.cli.app import app
from fusecli.cli.fuse_words import COLUMNS

GLOBS = ("--fixed-glob", "CT/*.png", "--moving-glob", "PET/*.png")
SERIAL = ("--engine", "serial", "--model", "average")


@pytest.fixture
def data(tmp_path):
    """Three pairs of pictures, CT/a.png and PET/a.png to c."""
    return make(tmp_path / "data", "abc")


def make(folder, names):
    rows, columns = np.mgrid[0:32, 0:32]
    for k, name in enumerate(names):
        fixed = 100 + 80 * np.sin((rows + k) / 3) * np.cos(columns / 4)
        moving = 220 * np.exp(-((rows - 5 - k % 20) ** 2 + (columns - 16) ** 2) / 40)
        for kind, image in (("CT", fixed), ("PET", moving)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.astype(np.uint8)).save(folder / kind / f"{name}.png")
    return folder


def table(folder):
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def results(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


def test_a_folder_gives_a_result_a_record_and_a_row_for_each_pair(run, data, tmp_path):
    out = tmp_path / "out"
    outcome = run("batch", data, *GLOBS, "-o", out, *SERIAL)
    assert outcome.code == 0, outcome.err
    assert outcome.out == f"{out / 'results.csv'}\n"
    assert sorted(path.name for path in out.iterdir()) == [
        ".fusecli-batch", "a_average.png", "b_average.png", "c_average.png", "records", "results.csv", "results.jsonl",
    ]  # fmt: skip
    assert {name: row["status"] for name, row in table(out).items()} == dict.fromkeys("abc", "done")
    assert float(table(out)["a"]["SSIM"]) > 0
    rows = lines((out / "results.jsonl").read_text(encoding="utf-8"))
    assert [row["output"] for row in rows] == ["a_average.png", "b_average.png", "c_average.png"]


BAD_FUSIONS = ({"metrics": {"SSIM": 3}}, {"model": None}, {"warnings": None}, {"warnings": [1]}, [1])


@pytest.mark.parametrize("fusion", BAD_FUSIONS)
def test_records_of_another_form_stop_no_run_and_stray_files_are_no_cases(run, data, tmp_path, fusion):
    out = tmp_path / "out"
    command = ("batch", data, *GLOBS, "-o", out, *SERIAL, "--report", out / "index.html")
    assert run(*command).code == 0
    whole = results(out)
    record = out / "records" / "b_average.png.json"
    case = json.loads(record.read_text(encoding="utf-8"))["case"]
    record.write_text(json.dumps({"case": case, "fusion": fusion}), encoding="utf-8")
    (out / "records" / "stray.json").write_text('{"case": {}}', encoding="utf-8")
    assert run(*command).code in (0, 8)  # b is whole, or a file that no record speaks of
    assert run(*command, "--overwrite").code == 0
    assert sorted(table(out)) == ["a", "b", "c"]
    assert results(out) == whole


def test_a_result_is_the_one_of_the_single_command(run, data, tmp_path):
    run("batch", data, *GLOBS, "-o", tmp_path / "out", *SERIAL)
    run("fuse", data / "CT" / "a.png", data / "PET" / "a.png", "-o", tmp_path / "a.png", "--model", "average")
    assert (tmp_path / "out" / "a_average.png").read_bytes() == (tmp_path / "a.png").read_bytes()


def test_the_same_command_again_does_nothing_and_keeps_all_rows(run, data, tmp_path):
    out = tmp_path / "out"
    run("batch", data, *GLOBS, "-o", out, *SERIAL)
    before = results(out), table(out)
    again = run("batch", data, *GLOBS, "-o", out, *SERIAL, "--json")
    assert again.code == 0
    assert [row["status"] for row in lines(again.out)] == ["skipped"] * 3
    assert (results(out), table(out)) == before


def test_a_failure_is_a_row_with_reason_and_code_and_the_next_run_does_the_rest(run, data, tmp_path):
    out, moving = tmp_path / "out", data / "PET" / "b.png"
    whole = moving.read_bytes()
    moving.write_bytes(whole[:70])
    first = run("batch", data, *GLOBS, "-o", out, *SERIAL)
    assert first.code == 8
    assert "1 of 3 cases failed" in first.err
    assert (table(out)["b"]["status"], table(out)["b"]["exit_code"]) == ("failed", "4")
    assert table(out)["b"]["reason"]
    assert sorted(results(out)) == ["a_average.png", "c_average.png"]
    moving.write_bytes(whole)
    second = run("batch", data, *GLOBS, "-o", out, *SERIAL, "--json")
    assert second.code == 0
    assert {row["id"]: row["status"] for row in lines(second.out)} == {"a": "skipped", "b": "done", "c": "skipped"}
    assert len(table(out)) == 3


def test_a_row_has_options_of_its_own(run, data, tmp_path):
    manifest = data / "cases.csv"
    manifest.write_text(
        "id,fixed,moving,model,alpha,palette\n"
        "one,CT/a.png,PET/a.png,,,\ntwo,CT/a.png,PET/a.png,alpha,0,\nthree,CT/a.png,PET/a.png,max,,hot-iron\n"
    )
    assert run("batch", manifest, "-o", tmp_path / "out", *SERIAL).code == 0
    made = {path.name: np.asarray(Image.open(path)) for path in (tmp_path / "out").glob("*.png")}
    assert set(made) == {"one_average.png", "two_alpha.png", "three_max.png"}
    fixed = np.asarray(Image.open(data / "CT" / "a.png"))
    assert np.array_equal(made["two_alpha.png"], fixed)  # alpha 0 is FIXED alone
    assert not np.array_equal(made["one_average.png"], fixed)
    assert made["three_max.png"].shape == (32, 32, 3)


def test_a_wrong_option_of_a_row_stops_the_batch_before_it_begins(run, data, tmp_path):
    manifest = data / "cases.csv"
    for column, value, why in (
        ("windw", "lung", "Did you mean window"),
        ("resize", "perhaps", "neither true nor false"),
    ):
        manifest.write_text(f"fixed,moving,{column}\nCT/a.png,PET/a.png,\nCT/b.png,PET/b.png,{value}\n")
        outcome = run("batch", manifest, "-o", tmp_path / "out", *SERIAL)
        assert outcome.code == 2
        assert why in outcome.err
        assert not (tmp_path / "out").exists()


def test_every_option_of_fuse_that_is_not_about_files_is_one_of_batch_and_a_column():
    commands = get_command(app).commands
    fuse, batch = ({word for p in commands[name].params for word in p.opts} for name in ("fuse", "batch"))
    assert {word for word in fuse - batch if word.startswith("--")} == {
        "--mip", "--coverage", "--mask", "--apply", "--transform", "--check",
    }  # fmt: skip
    assert {"window", "model", "slice", "palette", "fixed_modality"} <= set(COLUMNS)
    assert not {"output", "overwrite", "report"} & set(COLUMNS)


def test_a_dry_run_prints_the_plan_and_does_nothing(run, data, tmp_path):
    out = tmp_path / "out"
    (data / "PET" / "lonely.png").write_bytes(b"")
    plan = run("batch", data, *GLOBS, "-o", out, *SERIAL, "--dry-run")
    assert plan.code == 0
    assert [line.split("\t")[-2:] for line in plan.out.splitlines()] == [[f"{k}_average.png", "to do"] for k in "abc"]
    assert "lonely.png" in plan.err
    assert not out.exists()
    run("batch", data, *GLOBS, "-o", out, *SERIAL)
    states = [row["state"] for row in lines(run("batch", data, *GLOBS, "-o", out, *SERIAL, "--dry-run", "--json").out)]
    assert states == ["done"] * 3


def test_other_options_do_not_replace_results_unless_asked(run, data, tmp_path):
    out = tmp_path / "out"
    words = ("batch", data, *GLOBS, "-o", out, "--engine", "serial", "--model", "alpha")
    run(*words)
    before = results(out)
    refused = run(*words, "--alpha", "0.2")
    assert refused.code == 8
    assert {row["exit_code"] for row in table(out).values()} == {"7"}
    assert results(out) == before
    assert run(*words).code == 0  # the first options still find their results
    assert run(*words, "--alpha", "0.2", "--overwrite").code == 0
    assert results(out) != before


def test_a_table_that_no_batch_made_stays(run, data, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "results.csv").write_text("precious")
    assert run("batch", data, *GLOBS, "-o", out, *SERIAL).code == 7
    assert [path.name for path in out.iterdir()] == ["results.csv"]
    assert (out / "results.csv").read_text() == "precious"


def test_volumes_become_dicom_when_asked(run, study, tmp_path):
    manifest = tmp_path / "cases.jsonl"
    manifest.write_text(json.dumps({"id": "p1", "fixed": str(study.ct), "moving": str(study.pet)}))
    words = ("batch", manifest, "-o", tmp_path / "out", *SERIAL, "--format", "dicom")
    assert run(*words).code == 0
    assert len(list((tmp_path / "out" / "p1_average").glob("*.dcm"))) == 6
    assert [row["status"] for row in lines(run(*words, "--json").out)] == ["skipped"]


def test_no_record_and_no_table_says_who_it_is(run, study, tmp_path):
    import pydicom

    header = pydicom.dcmread(next(study.ct.iterdir()))
    manifest = tmp_path / "cases.jsonl"
    manifest.write_text(json.dumps({"id": "p1", "fixed": str(study.ct), "moving": str(study.pet)}))
    assert run("batch", manifest, "-o", tmp_path / "out", *SERIAL, "--slice", "2").code == 0
    written = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "out").rglob("*.[jc]s*"))
    assert "sha256" in written
    assert str(header.PatientName) not in written
    assert str(header.PatientID) not in written
    assert str(tmp_path) not in written


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--engine", "spark"), "--engine spark is not known"),
        (("--format", "gif"), "--format gif is not known"),
        (("--name", "{x}"), "--name {x}"),
        (("--model", "lcr"), "--model lcr is not known"),
        (("--timeout", "5"), "--timeout has no effect"),
        (("--workers", "0"), "--workers"),
    ],
)
def test_words_that_make_no_sense_are_refused_before_anything_is_made(run, data, tmp_path, words, why):
    outcome = run("batch", data, *GLOBS, "-o", tmp_path / "out", *SERIAL, *words)
    assert outcome.code == 2
    assert why in outcome.err
    assert not (tmp_path / "out").exists()


def test_a_source_that_is_not_there_is_exit_code_3(run, tmp_path):
    assert run("batch", tmp_path / "none.csv", "-o", tmp_path / "out").code == 3
    assert run("batch", tmp_path / "none", *GLOBS, "-o", tmp_path / "out").code == 3


def test_quiet_leaves_the_path_alone(run, data, tmp_path):
    outcome = run("-q", "batch", data, *GLOBS, "-o", tmp_path / "out", *SERIAL)
    assert (outcome.out, outcome.err) == (f"{tmp_path / 'out' / 'results.csv'}\n", "")


def test_ctrl_c_ends_with_130_and_with_tables_of_what_was_done(run, data, tmp_path, monkeypatch):
    from fusecli import pipeline

    fuse_files, out = pipeline.fuse_files, tmp_path / "out"

    def second_is_interrupted(fixed, *words, **options):
        if fixed.stem == "b":
            raise KeyboardInterrupt
        return fuse_files(fixed, *words, **options)

    monkeypatch.setattr(pipeline, "fuse_files", second_is_interrupted)
    outcome = run("batch", data, *GLOBS, "-o", out, *SERIAL)
    assert outcome.code == 130
    assert "Stopped after 1 of 3" in outcome.err
    assert list(table(out)) == ["a"]
    assert list((out / ".fusecli-batch").glob("*/")) == []
    monkeypatch.undo()
    assert run("batch", data, *GLOBS, "-o", out, *SERIAL).code == 0
    assert list(table(out)) == ["a", "b", "c"]


def started(data, out, *words, deaf_to=None):
    command = [sys.executable, "-m", "fusecli", "batch", data, *GLOBS, "-o", out, "--model", "average", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # A shell lets what it starts in the background ignore Ctrl-C, and so does whatever that starts.
    listening = partial(_listening, deaf_to)
    return subprocess.Popen([*map(str, command)], text=True, preexec_fn=listening, **pipes)


def _listening(deaf_to):
    for sign in (signal.SIGINT, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN if sign is deaf_to else signal.SIG_DFL)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_killing_the_whole_run_loses_nothing_and_leaves_no_worker_and_no_half_file(run, tmp_path):
    data, out = make(tmp_path / "data", [f"{k:03}" for k in range(60)]), tmp_path / "out"
    with started(data, out, "--workers", "2", "--json") as process:
        assert process.stdout is not None
        process.stdout.readline()
        workers = children_of(process.pid)
        process.kill()
    assert len(workers) == 2
    wait_for(lambda: not any(is_alive(pid) for pid in workers))
    cut_off = set(results(out))
    assert 0 < len(cut_off) < 60
    for content in results(out).values():
        assert content.endswith(b"IEND\xaeB`\x82")  # the end of every whole PNG
    assert not (out / "results.csv").exists()
    rest = run("batch", data, *GLOBS, "-o", out, "--model", "average", "--engine", "serial", "--json")
    assert rest.code == 0, rest.err
    states = {row["output"]: row["status"] for row in lines(rest.out)}
    assert {name for name, state in states.items() if state == "skipped"} == cut_off
    assert len(table(out)) == len(results(out)) == 60
    assert [path.name for path in (out / ".fusecli-batch").iterdir()] == ["lock"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(("sign", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_stops_clean(tmp_path, sign, code):
    data, out = make(tmp_path / "data", [f"{k:03}" for k in range(60)]), tmp_path / "out"
    with started(data, out, "--workers", "1", "--json") as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        (worker,) = children_of(process.pid)
        process.send_signal(getattr(signal, sign))
        _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in err
    assert not is_alive(worker)
    assert first["id"] in table(out)
    assert set(table(out)) == {name.split("_")[0] for name in results(out)}


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_two_runs_in_one_folder_do_not_meet(run, tmp_path):
    data, out = make(tmp_path / "data", [f"{k:03}" for k in range(60)]), tmp_path / "out"
    with started(data, out, "--workers", "1", "--json") as process:
        assert process.stdout is not None
        process.stdout.readline()
        second = run("batch", data, *GLOBS, "-o", out, *SERIAL)
        process.terminate()
        process.communicate(timeout=30)
    assert second.code == 7
    assert "Another batch is at work" in second.err


def test_stdin_and_stdout_are_pipes(data, tmp_path):
    manifest = "id\tfixed\tmoving\n" + "".join(f"{k}\tCT/{k}.png\tPET/{k}.png\n" for k in "abc")
    words = ["batch", "-", "-o", str(tmp_path / "out"), *SERIAL, "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "fusecli", *words], input=manifest, capture_output=True, text=True, cwd=data, check=True
    )
    assert [row["id"] for row in lines(done.stdout)] == ["a", "b", "c"]


def children_of(pid):
    listed = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True, check=False)
    return [int(line) for line in listed.stdout.split()]


def is_alive(pid):
    state = subprocess.run(["ps", "-p", str(pid), "-o", "stat="], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def wait_for(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_page_shows_every_case_with_its_picture_or_its_reason(run, data, tmp_path):
    (data / "PET" / "b.png").write_bytes(b"no picture")
    page = tmp_path / "index.html"
    outcome = run("batch", data, *GLOBS, "-o", tmp_path / "out", *SERIAL, "--report", page)
    assert outcome.code == 8
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/png;base64,") == 2
    assert table(tmp_path / "out")["b"]["reason"].split(" is ")[-1].rstrip(".") in text
    (data / "PET" / "b.png").write_bytes((data / "PET" / "a.png").read_bytes())
    assert run("batch", data, *GLOBS, "-o", tmp_path / "out", *SERIAL, "--report", page).code == 0
    assert page.read_text(encoding="utf-8").count("data:image/png;base64,") == 3


@pytest.mark.parametrize(("name", "code"), [("index.json", 2), ("there.html", 7)])
def test_a_page_that_cannot_be_written_is_told_before_anything_is_made(run, data, tmp_path, name, code):
    (tmp_path / "there.html").write_text("mine")
    outcome = run("batch", data, *GLOBS, "-o", tmp_path / "out", *SERIAL, "--report", tmp_path / name)
    assert outcome.code == code
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "there.html").read_text() == "mine"


def test_a_page_may_lie_in_the_folder_that_the_batch_makes(run, data, tmp_path):
    page = tmp_path / "out" / "index.html"
    outcome = run("batch", data, *GLOBS, "-o", tmp_path / "out", *SERIAL, "--report", page)
    assert outcome.code == 0, outcome.err
    assert page.is_file()
    assert run("batch", data, *GLOBS, "-o", tmp_path / "b", *SERIAL, "--report", tmp_path / "no" / "p.html").code == 7


def test_the_page_of_a_batch_links_to_the_pages_of_its_cases(run, data, tmp_path):
    (data / "PET" / "b.png").write_bytes(b"no picture")
    index = tmp_path / "pages" / "index.html"
    index.parent.mkdir()
    words = ("batch", data, *GLOBS, "-o", tmp_path / "out", *SERIAL, "--report", index)
    assert run(*words, "--case-reports").code == 8
    links = re.findall(r'<a href="([^"]+)"', index.read_text(encoding="utf-8"))
    assert links == [f"./../out/reports/{name}_average.png.html" for name in "ac"]
    assert all((index.parent / link).is_file() for link in links)
    (index.parent / links[0]).unlink()
    assert run(*words).code == 8
    assert re.findall(r'<a href="([^"]+)"', index.read_text(encoding="utf-8")) == links[1:]


def test_a_study_is_a_case_by_itself(run, study, tmp_path):
    manifest = tmp_path / "cases.csv"
    manifest.write_text(f"id,fixed,moving\nwhole,{study.ct.parent},\npair,{study.ct},{study.pet}\n")
    assert run("batch", manifest, "-o", tmp_path / "out", *SERIAL, "--slice", "2").code == 0
    made = results(tmp_path / "out")
    assert made["whole_average.png"] == made["pair_average.png"]
    planned = run("batch", study.ct.parents[1], "--study-glob", "*", "-o", tmp_path / "o", *SERIAL, "--dry-run")
    assert planned.out == f"study\t{study.ct.parent}\t\tstudy_average.nii.gz\tto do\n"


@pytest.mark.skipif(sys.platform == "win32", reason="streams are closed as POSIX shells do")
@pytest.mark.parametrize(("closed", "code"), [((2,), 0), ((0, 2), 0), ((1,), 7), ((0, 1, 2), 7)])
def test_streams_that_are_closed_cost_no_result(data, tmp_path, closed, code):
    words = ["batch", ".", *GLOBS, "-o", str(tmp_path / "out"), "--model", "average", "--workers", "1"]
    redirections = " ".join(f"{number}>&-" for number in closed)
    shell = ["sh", "-c", f'exec "$@" {redirections}', "sh", sys.executable, "-m", "fusecli", *words]
    done = subprocess.run(shell, cwd=data, capture_output=True, check=False)
    assert done.returncode == code
    assert set(table(tmp_path / "out")) == set("abc")
    assert all(content.startswith(b"\x89PNG") for content in results(tmp_path / "out").values())


def test_a_table_from_a_closed_stdin_is_exit_code_3(run, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    outcome = run("batch", "-", "-o", tmp_path / "out", *SERIAL)
    assert outcome.code == 3
    assert "stdin" in outcome.err


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_reader_that_leaves_early_does_not_make_an_unfinished_batch_a_success(run, tmp_path):
    data, out = make(tmp_path / "data", [f"{k:03}" for k in range(30)]), tmp_path / "out"
    with started(data, out, "--engine", "serial", "--json") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
    assert process.returncode == 141
    assert "Traceback" not in err
    assert 0 < len(table(out)) < 30
    assert run("batch", data, *GLOBS, "-o", out, *SERIAL).code == 0
    assert len(table(out)) == 30


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_nohup_lets_a_batch_go_on(tmp_path):
    data, out = make(tmp_path / "data", "abc"), tmp_path / "out"
    with started(data, out, "--engine", "serial", "--json", deaf_to=signal.SIGHUP) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert set(table(out)) == set("abc")


@pytest.mark.skipif(sys.platform == "win32", reason="an open folder cannot be removed there")
def test_a_folder_that_is_removed_in_mid_run_is_an_output_that_cannot_be_written(tmp_path):
    data, out = make(tmp_path / "data", [f"{k:03}" for k in range(60)]), tmp_path / "out"
    with started(data, out, "--workers", "1", "--json") as process:
        assert process.stdout is not None
        process.stdout.readline()
        out.rename(tmp_path / "elsewhere")
        _, err = process.communicate(timeout=60)
    assert process.returncode == 7, err
    assert "bug" not in err
    assert not out.exists()
