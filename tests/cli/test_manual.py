"""The man page: the program's own words, in a form that man shows without a complaint."""

import shutil
import subprocess
from pathlib import Path

import pytest

from fusecli.cli.manual import manual

ROOT = Path(__file__).resolve().parents[2]


def test_the_man_page_is_the_program_s_own():
    assert (ROOT / "docs" / "fusecli.1").read_text(encoding="utf-8") == manual()


def test_the_man_page_has_every_section_and_every_command():
    text = manual()
    sections = [line.removeprefix(".SH ") for line in text.splitlines() if line.startswith(".SH ")]
    assert sections == [
        "NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES", "NOTES",
    ]  # fmt: skip
    for command in ("fuse", "batch", "models verify"):
        assert f".SS fusecli {command}\n" in text
    assert ".B 8\nA batch" in text
    assert "\\fB\\-\\-resume\\fR, \\fB\\-\\-no\\-resume\\fR" in text


def test_no_help_text_becomes_a_command_of_roff():
    known = (".TH", ".SH", ".SS", ".PP", ".TP", ".EX", ".EE", ".B ", ".I ")
    assert [line for line in manual().splitlines() if line.startswith((".", "'")) and not line.startswith(known)] == []


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_reads_the_man_page_without_a_warning():
    words = ["groff", "-man", "-Tutf8", "-ww", "-K", "utf8"]
    done = subprocess.run(words, input=manual(), capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "--study-glob" in done.stdout.replace("\x1b[1m", "").replace("\x1b[0m", "").replace("\x1b[22m", "")
