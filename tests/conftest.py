"""What every test may use: the program in this process, a small phantom on disk, and the real data where it is."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def shipped_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment names: tests are about the weights of this checkout."""
    monkeypatch.delenv("FUSECLI_WEIGHTS", raising=False)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run `fusecli` with the given words in this process."""
    from fusecli.cli.app import main

    def run_command(*words: object) -> Outcome:
        monkeypatch.setattr("sys.argv", ["fusecli", *map(str, words)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run_command


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with data/ and peers/: real images and other programs' answers, which are not part of the project."""
    folder = Path(os.environ.get("FUSECLI_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"real data are not here: {folder / 'data'} (set FUSECLI_SHARED to the folder that holds data/)")
    return folder


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Run torch on one thread: at the sizes of tests others only wait, and sums would depend on their number."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
