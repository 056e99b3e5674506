import subprocess
import sys
from pathlib import Path

import pytest

from fusecli.cli import console, options
from fusecli.cli.score_table import score_table
from fusecli.errors import UsageError
from fusecli.settings import SliceChoice


@pytest.fixture(autouse=True)
def default_manner():
    console.configure(quiet=False, debug=False)
    yield
    console.configure(quiet=False, debug=False)


def test_progress_in_a_pipe_is_a_line_every_tenth(capsys):
    with console.progress("Fusing slices") as progress:
        for done in range(1, 41):
            progress(done, 40)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Fusing slices: 4 of 40"
    assert len(lines) == 10


def test_progress_of_one_step_says_nothing(capsys):
    with console.progress("Fusing slices") as progress:
        progress(1, 1)
    assert capsys.readouterr().err == ""


def test_quiet_silences_remarks_and_progress_but_no_warning(capsys):
    console.configure(quiet=True, debug=False)
    with console.progress("Fusing slices") as progress:
        progress(10, 10)
    console.say("a remark")
    console.warn(["a warning"])
    assert capsys.readouterr().err == "Warning: a warning\n"


def test_a_slice_is_a_number_or_a_position():
    assert options.parse_slice("12") == SliceChoice(index=12)
    assert options.parse_slice("-12.5mm") == SliceChoice(position_mm=-12.5)
    with pytest.raises(UsageError):
        options.parse_slice("12cm")


def test_a_range_has_two_numbers_in_order():
    assert options.parse_range("0-7.5") == (0.0, 7.5)
    for wrong in ("5", "7-7", "a-b", "-1-5"):
        with pytest.raises(UsageError):
            options.parse_range(wrong)


def test_a_position_is_a_finite_number():
    for wrong in ("nanmm", "infmm", "mm"):
        with pytest.raises(UsageError):
            options.parse_slice(wrong)


def test_an_empty_file_name_is_not_the_current_folder(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = run("fuse", "", "b.png", "-o", "f.png")
    assert outcome.code == 2
    assert "empty" in outcome.err


def test_numbers_are_never_cut_on_a_narrow_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("rich.console.Console.is_terminal", True)
    score_table({"VIF": {"value": 123.4567, "unit": "grey level", "better": "higher"}})
    assert "123.4567" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_stdout_is_an_output_error():
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m fusecli models list > /dev/full"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7
    assert "stdout" in done.stderr
