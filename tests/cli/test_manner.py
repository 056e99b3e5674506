import numpy as np
import typer.main
from PIL import Image

from fusecli.cli import console
from fusecli.cli.app import app
from fusecli.cli.reference import leaves, reference


def test_every_command_takes_quiet_and_debug_after_its_name():
    for path, command in leaves("fusecli", typer.main.get_command(app)):
        words = {word for parameter in command.params for word in parameter.opts}
        assert {"--quiet", "-q", "--debug"} <= words, path


def test_quiet_is_understood_after_a_command_as_before_it(run, tmp_path):
    rows, columns = np.mgrid[0:64, 0:64]
    picture, other, fused = (tmp_path / name for name in ("a.png", "b.png", "f.png"))
    Image.fromarray((rows * columns % 251).astype(np.uint8)).save(picture)
    Image.fromarray((rows + columns).astype(np.uint8)).save(other)
    words = ("fuse", picture, other, "-o", fused, "--model", "max", "--register", "none", "--overwrite")
    assert "Fused with max" in run(*words).err
    for quiet in (("-q", *words), (*words, "-q"), (*words, "--quiet")):
        outcome = run(*quiet)
        assert (outcome.code, outcome.out) == (0, f"{fused}\n")
        assert "Fused with max" not in outcome.err


def test_quiet_in_a_configuration_file_is_heeded(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fusecli.toml").write_text("[models.list]\nquiet = true\n")
    assert run("models", "list").code == 0
    assert console.is_quiet()


def test_debug_after_a_command_shows_the_traceback(run, tmp_path):
    missing = ("info", tmp_path / "nothing")
    assert "Traceback" not in run(*missing).err
    assert "Traceback" in run(*missing, "--debug").err


def test_the_reference_tells_what_every_command_takes_once():
    assert reference().count("--debug") == 2  # in a sentence, and in the table of the program
