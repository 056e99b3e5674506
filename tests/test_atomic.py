"""A result takes only a place that it may take, at the moment that it takes it, and leaves nothing half done."""

import errno
import io
import os
import re
from pathlib import Path

import pytest
from pydicom import Dataset, dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from fusecli.atomic import check_may_be_written, not_written, replacing
from fusecli.errors import OutputError

PAGES = re.compile(r"page_[0-9]\.txt")


def put(target, *, meanwhile=lambda: None, **named):
    """Make a new file of `target`; `meanwhile` is what others do before it is in place."""
    with replacing(target, **named) as temporary:
        temporary.write_text("new")
        meanwhile()


def put_folder(target, *, meanwhile=lambda: None, **named):
    with replacing(target, **named) as temporary:
        folder_of(temporary, "page_0.txt", text="new")
        meanwhile()


def folder_of(path, *names, text="old"):
    path.mkdir()
    for name in names:
        (path / name).write_text(text)
    return path


class FullDisk(io.BytesIO):
    """A file that has no room for more than the head of a DICOM file, and says so with this number."""

    def __init__(self, number):
        super().__init__()
        self.number = number

    def write(self, content):
        if self.tell() + len(content) > 1000:
            raise OSError(self.number, os.strerror(self.number))
        return super().write(content)


def write_dicom(file):
    """A slice of 2 kB inside of an item, which pydicom wraps an error of twice."""
    item, dataset = Dataset(), Dataset()
    item.add_new((0x7FE0, 0x0010), "OW", bytes(2000))
    dataset.IconImageSequence = [item]
    dcmwrite(file, dataset, implicit_vr=ExplicitVRLittleEndian.is_implicit_VR, little_endian=True)


def tree(folder):
    """Every file below a folder with its text, every empty folder, and every link with where it points."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_file():
            found[name] = path.read_text()
        elif not any(path.iterdir()):
            found[name] = None
    return found


def no_hard_links(monkeypatch, number=errno.EPERM):
    def link(_source, _target):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", link)


def test_a_file_stands_whole_and_alone_when_the_block_ends(tmp_path):
    put(tmp_path / "a")
    assert tree(tmp_path) == {"a": "new"}


def test_while_it_is_made_the_result_stands_beside_the_target_under_a_hidden_name_of_its_own(tmp_path):
    target = tmp_path / "a"
    with replacing(target, overwrite=True) as one, replacing(target, overwrite=True) as other:
        assert one.parent == tmp_path
        assert one.name.startswith(".")
        assert one != other
        one.write_text("1")
        other.write_text("2")
        assert not target.exists()
    assert tree(tmp_path) == {"a": "1"}


@pytest.mark.parametrize("hard_links", [True, False])
def test_a_file_that_appears_while_another_is_made_is_kept(tmp_path, monkeypatch, hard_links):
    if not hard_links:
        no_hard_links(monkeypatch)
    with pytest.raises(OutputError, match="exists already"):
        put(tmp_path / "a", meanwhile=lambda: (tmp_path / "a").write_text("theirs"))
    assert tree(tmp_path) == {"a": "theirs"}


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_is_put_in_place_where_there_are_no_hard_links(tmp_path, monkeypatch, number):
    no_hard_links(monkeypatch, number)
    put(tmp_path / "a")
    assert tree(tmp_path) == {"a": "new"}


def test_a_file_that_appears_is_replaced_when_that_is_allowed(tmp_path):
    put(tmp_path / "a", overwrite=True, meanwhile=lambda: (tmp_path / "a").write_text("theirs"))
    assert tree(tmp_path) == {"a": "new"}


@pytest.mark.parametrize("names", [("page_0.txt",), ("notes",)])
def test_a_folder_that_appears_while_another_is_made_is_kept(tmp_path, names):
    with pytest.raises(OutputError, match="exists already"):
        put_folder(tmp_path / "a", folder_of=PAGES, meanwhile=lambda: folder_of(tmp_path / "a", *names))
    assert tree(tmp_path) == {f"a/{name}": "old" for name in names}


def test_a_file_that_appears_where_a_folder_was_to_stand_is_kept(tmp_path):
    with pytest.raises(OutputError, match="exists already"):
        put_folder(tmp_path / "a", folder_of=PAGES, meanwhile=lambda: (tmp_path / "a").write_text("theirs"))
    assert tree(tmp_path) == {"a": "theirs"}


@pytest.mark.parametrize("destination", ["there", "nowhere"])
def test_a_link_that_appears_is_kept_and_so_is_what_it_points_at(tmp_path, destination):
    (tmp_path / "there").write_text("theirs")
    with pytest.raises(OutputError, match="exists already"):
        put(tmp_path / "a", meanwhile=lambda: (tmp_path / "a").symlink_to(destination))
    assert tree(tmp_path) == {"a": destination, "there": "theirs"}


@pytest.mark.parametrize("destination", ["there", "nowhere"])
def test_a_link_that_stands_already_is_not_written_through_unless_overwriting(tmp_path, destination):
    (tmp_path / "there").write_text("theirs")
    (tmp_path / "a").symlink_to(destination)
    with pytest.raises(OutputError, match="exists already"):
        put(tmp_path / "a")
    assert tree(tmp_path) == {"a": destination, "there": "theirs"}


def test_a_folder_of_such_files_is_replaced_whole_when_allowed(tmp_path):
    folder_of(tmp_path / "a", "page_0.txt", "page_1.txt")
    put_folder(tmp_path / "a", overwrite=True, folder_of=PAGES)
    assert tree(tmp_path) == {"a/page_0.txt": "new"}


@pytest.mark.parametrize("pattern", [PAGES, None])
def test_a_folder_into_which_something_else_came_in_the_meantime_is_not_replaced(tmp_path, pattern):
    folder_of(tmp_path / "a", "page_0.txt")
    come = (tmp_path / "a" / "notes").write_text
    with pytest.raises(OutputError, match=f"{tmp_path / 'a'} was not replaced"):
        put_folder(tmp_path / "a", overwrite=True, folder_of=pattern, meanwhile=lambda: come("precious"))
    assert tree(tmp_path) == {"a/notes": "precious", "a/page_0.txt": "old"}


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_folder_is_never_replaced_by_a_file(tmp_path, overwrite):
    folder_of(tmp_path / "a")
    with pytest.raises(OutputError):
        put(tmp_path / "a", overwrite=overwrite)
    assert tree(tmp_path) == {"a": None}


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_file_is_never_replaced_by_a_folder(tmp_path, overwrite):
    (tmp_path / "a").write_text("old")
    with pytest.raises(OutputError):
        put_folder(tmp_path / "a", overwrite=overwrite, folder_of=PAGES)
    assert tree(tmp_path) == {"a": "old"}


@pytest.mark.parametrize("failure", [PermissionError(errno.EACCES, "Permission denied"), KeyboardInterrupt()])
def test_a_folder_that_cannot_be_replaced_is_put_back(tmp_path, monkeypatch, failure):
    folder_of(tmp_path / "a", "page_1.txt")
    rename, calls = os.rename, []

    def fail_on_the_second(source, onto):
        calls.append(source)
        if len(calls) == 2:
            raise failure
        rename(source, onto)

    monkeypatch.setattr(os, "rename", fail_on_the_second)
    with pytest.raises(OutputError if isinstance(failure, OSError) else KeyboardInterrupt):
        put_folder(tmp_path / "a", overwrite=True, folder_of=PAGES)
    assert tree(tmp_path) == {"a/page_1.txt": "old"}


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt(), RuntimeError("bug")])
@pytest.mark.parametrize("overwrite", [True, False])
def test_a_block_that_fails_leaves_nothing_behind(tmp_path, failure, overwrite):
    def fail():
        raise failure

    for use in (put, put_folder):
        with pytest.raises(OutputError if isinstance(failure, OSError) else type(failure)):
            use(tmp_path / "a", overwrite=overwrite, meanwhile=fail)
    assert tree(tmp_path) == {}


def test_a_link_to_a_file_stays_and_its_destination_is_replaced(tmp_path):
    folder_of(tmp_path / "far", "real")
    (tmp_path / "a").symlink_to("far/real")
    put(tmp_path / "a", overwrite=True)
    assert tree(tmp_path) == {"a": "far/real", "far/real": "new"}


def test_a_link_to_a_folder_stays_and_its_destination_is_replaced(tmp_path):
    folder_of(tmp_path / "real", "page_0.txt", "page_1.txt")
    (tmp_path / "a").symlink_to("real")
    put_folder(tmp_path / "a", overwrite=True, folder_of=PAGES)
    assert tree(tmp_path) == {"a": "real", "real/page_0.txt": "new"}


def test_a_link_that_points_at_nothing_gets_its_destination_when_overwriting(tmp_path):
    (tmp_path / "a").symlink_to("b")
    check_may_be_written(tmp_path / "a", overwrite=True)
    put(tmp_path / "a", overwrite=True)
    assert tree(tmp_path) == {"a": "b", "b": "new"}


def test_a_link_into_a_folder_that_is_missing_is_refused_beforehand(tmp_path):
    (tmp_path / "a").symlink_to("missing/b")
    with pytest.raises(OutputError) as refused:
        check_may_be_written(tmp_path / "a", overwrite=True)
    assert str(tmp_path / "missing") in refused.value.why


@pytest.mark.parametrize("destination", ["there", "nowhere", "a"])
def test_a_link_stands_in_the_way_unless_overwriting_is_allowed(tmp_path, destination):
    (tmp_path / "there").write_text("theirs")
    (tmp_path / "a").symlink_to(destination)
    with pytest.raises(OutputError, match="exists already"):
        check_may_be_written(tmp_path / "a")
    check_may_be_written(tmp_path / "a", overwrite=True)


def test_a_place_where_nothing_stands_may_be_written(tmp_path):
    check_may_be_written(tmp_path / "a")
    check_may_be_written(tmp_path / "a", folder_of=PAGES)
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("name", ["notes", "page_0.txt.bak", "xpage_0.txt", "page_٣.txt"])
def test_a_folder_with_a_file_of_another_name_may_not_be_replaced(tmp_path, name):
    folder_of(tmp_path / "a", "page_0.txt")
    check_may_be_written(tmp_path / "a", overwrite=True, folder_of=PAGES)
    (tmp_path / "a" / name).touch()
    with pytest.raises(OutputError, match="was not replaced"):
        check_may_be_written(tmp_path / "a", overwrite=True, folder_of=PAGES)


def test_a_folder_with_a_link_or_a_folder_of_such_a_name_may_not_be_replaced(tmp_path):
    folder_of(tmp_path / "a", "page_0.txt")
    folder_of(tmp_path / "b")
    (tmp_path / "a" / "page_1.txt").symlink_to("page_0.txt")
    (tmp_path / "b" / "page_1.txt").mkdir()
    for name in ("a", "b"):
        with pytest.raises(OutputError, match="was not replaced"):
            check_may_be_written(tmp_path / name, overwrite=True, folder_of=PAGES)


def test_something_that_is_neither_file_nor_folder_is_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "a")
    for pattern in (PAGES, None):
        with pytest.raises(OutputError, match="cannot be written"):
            check_may_be_written(tmp_path / "a", overwrite=True, folder_of=pattern)


@pytest.mark.parametrize("use", [check_may_be_written, put])
@pytest.mark.parametrize("overwrite", [True, False])
def test_a_name_too_long_for_the_file_system_is_said_to_be(tmp_path, use, overwrite):
    for target in (tmp_path / ("a" * 300), tmp_path / ("a" * 300) / "b"):
        with pytest.raises(OutputError) as refused:
            use(target, overwrite=overwrite)
        assert refused.value.exit_code == 7
        assert "too long" in refused.value.why
    use(tmp_path / ("a" * 255), overwrite=overwrite)


@pytest.mark.parametrize("name", ["a\0b", "a\0b/c"])
def test_a_name_with_a_nul_is_refused_and_shown_without_it(tmp_path, name):
    for overwrite in (True, False):
        with pytest.raises(OutputError, match="cannot be written") as refused:
            check_may_be_written(tmp_path / name, overwrite=overwrite)
        assert "\0" not in str(refused.value)


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
@pytest.mark.parametrize("hard_links", [True, False])
def test_a_result_may_be_read_by_whom_the_umask_allows(tmp_path, monkeypatch, mask, mode, hard_links):
    if not hard_links:
        no_hard_links(monkeypatch)
    old = os.umask(mask)
    try:
        put(tmp_path / "a")
        put_folder(tmp_path / "b", folder_of=PAGES)
    finally:
        os.umask(old)
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode
    assert (tmp_path / "b" / "page_0.txt").stat().st_mode & 0o777 == mode
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o777 & ~mask


def test_a_relative_name_is_taken_from_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_may_be_written(Path("a"))
    put(Path("a"))
    assert tree(tmp_path) == {"a": "new"}


@pytest.mark.parametrize(
    ("number", "why"), [(errno.ENOSPC, "The disk is full."), (errno.EACCES, "Writing there is not permitted.")]
)
def test_what_the_disk_said_is_told_and_not_what_pydicom_made_of_it(tmp_path, number, why):
    with pytest.raises(OutputError) as caught, replacing(tmp_path / "a.dcm"):
        write_dicom(FullDisk(number))
    assert caught.value.why == why
    assert "Traceback" not in str(caught.value)


def test_an_error_without_a_number_is_told_in_the_words_it_began_with(tmp_path):
    wrapped = OSError("many\nlines")
    wrapped.__cause__ = OSError("the cable is out")
    assert not_written(tmp_path / "a", wrapped).why == "the cable is out."
    assert not_written(tmp_path / "a", OSError("alone")).why == "alone."


def test_an_error_with_a_number_is_told_whatever_came_before_it(tmp_path):
    later = OSError(errno.EROFS, "Read-only")
    later.__context__ = OSError(errno.ENOSPC, "No space left")
    assert not_written(tmp_path / "a", later).why == "Writing there is not permitted."
