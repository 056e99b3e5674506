import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fusecli.cli.reference import reference

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    "fuse", "batch", "register", "compare", "convert", "metrics", "evaluate", "info", "demo", "train",
    "models list", "models show", "models verify", "models path",
)  # fmt: skip
HEAVY = ("torch", "SimpleITK", "numpy", "pydicom", "nibabel", "scipy", "skimage", "PIL", "pandas", "matplotlib")


@pytest.mark.parametrize("words", [["--help"], ["fuse", "--help"], ["--version"]])
def test_help_and_version_load_nothing_heavy(words):
    assert loaded_by(words, HEAVY) == "[]"


def test_fusing_with_a_baseline_loads_no_torch(tmp_path):
    rows, columns = np.mgrid[0:64, 0:64]
    Image.fromarray((rows * columns % 251).astype(np.uint8)).save(tmp_path / "a.png")
    Image.fromarray((rows + columns).astype(np.uint8)).save(tmp_path / "b.png")
    words = ["fuse", *(str(tmp_path / name) for name in ("a.png", "b.png")), "-o", str(tmp_path / "f.png")]
    words += ["--model", "max"]
    # Two pictures of one size are checked for being aligned, which is SimpleITK's part.
    assert loaded_by(words, ("torch", "pydicom", "nibabel")) == "[]"
    words += ["--overwrite", "--register", "none"]
    assert loaded_by(words, ("torch", "SimpleITK", "pydicom", "nibabel")) == "[]"


def loaded_by(words, names):
    """Which of the modules `names` a fresh interpreter has loaded after `fusecli` with these words."""
    code = (
        "import sys\nfrom fusecli.cli.app import main\n"
        f"sys.argv = ['fusecli', *{words!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print([name for name in {names!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(run, command):
    outcome = run(*command.split(), "--help")
    assert outcome.code == 0
    assert f"Example: fusecli {command.split()[0]}" in " ".join(outcome.out.split())


def test_the_command_reference_is_the_program_s_own():
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == reference()


def test_the_reference_has_every_command():
    assert all(f"## fusecli {command}\n" in reference() for command in COMMANDS)


def test_version_goes_to_stdout_and_the_notice_to_stderr(run):
    outcome = run("--version")
    assert outcome.out.startswith("fusecli 0.")
    assert "research use" in outcome.err


def test_no_command_is_a_usage_error(run):
    assert run("fuze").code == 2
