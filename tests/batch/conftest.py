"""Small pairs on disk, jobs made of them, and worker processes in which things go wrong."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fusecli
from fusecli.batch.job import Job
from fusecli.settings import FuseSettings

# Python runs a module of this name at its start, so also in a worker: there, cases of certain ids meet with accidents.
ACCIDENTS = """
import os, signal, time

def accident(id):
    kind, folder = id.split("-")[0], os.environ["ACCIDENTS"]
    if kind == "hang":
        time.sleep(600)
    if kind == "die" or (kind == "dieonce" and not os.path.exists(os.path.join(folder, id))):
        open(os.path.join(folder, id), "a").write("x")
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "crash":
        os.kill(os.getpid(), signal.SIGABRT)
    if kind == "memory":
        raise MemoryError
    if kind == "bug":
        raise KeyError("Doe^Jane")
    if kind == "chatty":
        print("a library prints", flush=True)
    if kind == "slow":
        time.sleep(0.5)

if "SLOW_START" in os.environ:
    time.sleep(float(os.environ["SLOW_START"]))
if "ACCIDENTS" in os.environ:
    from fusecli.batch import case, fusers

    get = fusers.Fusers.get
    fusers.Fusers.get = lambda self, settings: time.sleep(4 if settings.alpha == 0.125 else 0) or get(self, settings)
    key_of = case.key_of
    case.key_of = lambda job: accident(job.id) or key_of(job)
"""


@pytest.fixture
def accidents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which cases named die-... and dieonce-... leave a mark before they do."""
    folder = tmp_path / "accidents"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(ACCIDENTS)
    monkeypatch.setenv("ACCIDENTS", str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(Path(fusecli.__file__).parents[1])]))
    return folder


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Job]:
    """A job whose pair is made for it: `job("a")`, with settings and `resume` by keyword."""

    def make(id: str = "a", *, resume: bool = True, name: str | None = None, **settings: object) -> Job:  # noqa: A002
        data = make_pairs(tmp_path / "data", [id])
        chosen = FuseSettings(**{"model": "average", **settings})
        fixed, moving = (data / kind / f"{id}.png" for kind in ("CT", "PET"))
        return Job(id, fixed, moving, tmp_path / "out", name or f"{id}_{chosen.model}.png", chosen, resume)

    (tmp_path / "out" / "records").mkdir(parents=True)
    return make


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A folder with CT/a.png and PET/a.png, up to e."""
    return make_pairs(tmp_path / "data", "abcde")


def make_pairs(folder: Path, ids: str | list[str]) -> Path:
    rows, columns = np.mgrid[0:32, 0:32]
    for name in ids:
        k = ord(name[-1]) % 13  # another image for each
        fixed = 100 + 80 * np.sin((rows + k) / 3) * np.cos(columns / 4)
        moving = 220 * np.exp(-((rows - 10 - k) ** 2 + (columns - 16) ** 2) / 40)
        for kind, image in (("CT", fixed), ("PET", moving)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.astype(np.uint8)).save(folder / kind / f"{name}.png")
    return folder
