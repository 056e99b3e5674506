import os
import subprocess
import sys

import pytest


def answer(**environment):
    """What the program says to a shell that asks by these variables."""
    program = "import sys; from fusecli.cli.app import main; sys.argv = ['fusecli']; main()"
    asked = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return asked.stdout


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("bash", "complete -o default -F _fusecli_completion fusecli"),
        ("zsh", "#compdef fusecli"),
        ("fish", "complete --command fusecli"),
        ("powershell", "Register-ArgumentCompleter"),
    ],
)
def test_the_script_of_any_shell_is_printed_from_any_other(shell, line):
    assert line in answer(_FUSECLI_COMPLETE=f"source_{shell}")


@pytest.mark.parametrize(
    ("typed", "wanted", "unwanted"), [("ba", "batch", "fuse"), ("batch --res", "--resume", "--model")]
)
def test_commands_and_options_are_completed(typed, wanted, unwanted):
    offered = answer(_FUSECLI_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS=f"fusecli {typed}")
    assert wanted in offered
    assert unwanted not in offered
