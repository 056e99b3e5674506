"""What a killed run leaves behind is known by its name, is no result, and goes with the next run."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fusecli.atomic import replacing
from fusecli.leftovers import ASIDE, clear_leftovers, hidden_name, is_unfinished

# Another process, which begins a result and is killed in the middle of it, as by the kernel or a power cut.
BEGINS = """
import os, sys, time
from pathlib import Path
from fusecli.atomic import replacing
with replacing(Path(sys.argv[1]), overwrite=True) as temporary:
    if sys.argv[2] == "folder":
        temporary.mkdir()
        (temporary / "slice_000.png").write_bytes(b"half")
    else:
        temporary.write_bytes(b"half")
    print("begun", flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def new_process():
    """Leftovers are looked for once in a process; each test stands for one."""
    clear_leftovers.cache_clear()


def killed_while_writing(target, kind):
    process = subprocess.Popen([sys.executable, "-c", BEGINS, str(target), kind], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"begun\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def hidden(folder):
    return [path for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.skipif(os.name != "posix", reason="only there a process can be asked whether it lives")
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_run_that_was_killed_leaves_no_result_and_the_next_one_cleans_up(tmp_path, kind):
    target = tmp_path / "result"
    killed_while_writing(target, kind)
    assert not target.exists()
    (left,) = hidden(tmp_path)
    assert is_unfinished(left)
    with replacing(target) as temporary:
        temporary.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


@pytest.mark.skipif(os.name != "posix", reason="only there a process can be asked whether it lives")
def test_what_stood_before_stands_after_a_run_that_was_killed(tmp_path):
    target = tmp_path / "result"
    target.write_text("before")
    killed_while_writing(target, "file")
    assert target.read_text() == "before"


def test_what_a_living_process_or_another_machine_writes_is_left_alone(tmp_path):
    living = tmp_path / hidden_name()
    elsewhere = tmp_path / f".fusecli-{'0' * 8}{2**22:08x}-{'0' * 16}.part"
    of_old = tmp_path / f".fusecli-{'0' * 16}.part"
    for path in (living, elsewhere, of_old):
        path.write_text("half")
        assert is_unfinished(path)
    clear_leftovers(tmp_path)
    assert len(hidden(tmp_path)) == 3


def test_the_only_copy_of_an_earlier_result_is_kept_and_a_part_of_the_same_process_goes(tmp_path):
    name = hidden_name(ASIDE)
    gone = name.replace(f"{os.getpid():08x}-", f"{2**22:08x}-")  # above the largest number that a process can have
    (tmp_path / gone).write_text("earlier")
    (tmp_path / gone.replace(ASIDE, "part")).write_text("half")
    clear_leftovers(tmp_path)
    assert [path.name for path in hidden(tmp_path)] == [gone]
    assert is_unfinished(tmp_path / gone)


def test_names_are_never_given_twice_and_others_are_never_taken_for_them():
    assert hidden_name() != hidden_name()
    for name in ("result.part", ".fusecli-batch", ".fusecli-0123.part", "IM0001.dcm"):
        assert not is_unfinished(Path(name))


def test_a_folder_that_cannot_be_listed_is_no_obstacle(tmp_path):
    clear_leftovers(tmp_path / "missing")
