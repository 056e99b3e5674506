"""A ZIP is unpacked where it may be, as far as it may be, and nothing of it stays."""

import os
import stat
import tempfile
import zipfile

import pytest

from fusecli.errors import ImageError, InputError
from fusecli.formats import archive


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder in which temporary folders are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def packed(tmp_path):
    """A ZIP of these names and contents."""

    def make(members, name="study.zip", compression=zipfile.ZIP_DEFLATED):
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", compression) as file:
            for member, content in members:
                file.writestr(member, content)
        return path

    return make


def files_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_every_member_is_unpacked_under_its_own_name(packed, temporary):
    path = packed([("a/b/one.dcm", b"1"), ("a/c/one.dcm", b"2"), ("two", b"3"), ("a/empty/", b"")])
    with archive.unpacked(path) as folder:
        assert [(file.name, file.read_bytes()) for file in files_in(folder)] == [
            ("one.dcm", b"1"), ("one.dcm", b"2"), ("two", b"3"),
        ]  # fmt: skip
        assert folder.name == "study.zip"
        assert stat.S_IMODE(os.stat(folder.parent).st_mode) == 0o700
    assert list(temporary.iterdir()) == []


def test_nothing_stays_when_the_work_on_it_fails(packed, temporary):
    with pytest.raises(KeyboardInterrupt), archive.unpacked(packed([("a", b"1")])):
        raise KeyboardInterrupt
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["../../escaped", "/escaped", "..\\..\\escaped", "C:\\escaped", "a/../../escaped", "x" * 300, "con\0trol", ".."],
)
def test_no_member_lands_outside(packed, temporary, tmp_path, name):
    before = set(tmp_path.rglob("*"))
    path = packed([(name, b"1"), ("good", b"2")])
    with archive.unpacked(path) as folder:
        assert len(files_in(folder)) == 2
        new = {file for file in tmp_path.rglob("*") if file not in before and file != path}
        assert all(file.is_relative_to(temporary) for file in new)


def test_two_members_of_one_name_are_both_there(packed, temporary):
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = packed([("one", b"1"), ("one", b"2")])
    with archive.unpacked(path) as folder:
        assert [file.read_bytes() for file in files_in(folder)] == [b"1", b"2"]


def test_links_and_leftovers_of_killed_runs_are_passed_over(packed, temporary):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = packed([(link, b"/etc/passwd"), (".fusecli-0123456789abcdef.part/IM0001.dcm", b"1"), ("one", b"2")])
    with archive.unpacked(path) as folder:
        assert [file.name for file in files_in(folder)] == ["one"]


def test_other_paths_stay_as_they_are(tmp_path, temporary):
    for path in (tmp_path, tmp_path / "missing"):
        with archive.unpacked(path) as place:
            assert place == path


def test_a_bomb_is_refused_before_it_is_unpacked(packed, temporary, monkeypatch):
    monkeypatch.setattr(archive, "RATIO_COUNTS_FROM", 2**20)
    small, large = packed([("a", bytes(2**19))], "small.zip"), packed([("a", bytes(2**22))], "large.zip")
    with archive.unpacked(small) as folder:
        assert len(files_in(folder)) == 1
    with pytest.raises(InputError, match="larger than any study"), archive.unpacked(large):
        pass
    assert list(temporary.iterdir()) == []


def test_too_many_members_and_too_little_room_are_refused(packed, temporary, monkeypatch):
    path = packed([("a", b"1"), ("b", b"2")])
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1}))
    with pytest.raises(InputError, match="no room") as caught, archive.unpacked(path):
        pass
    assert "TMPDIR" in caught.value.hint
    monkeypatch.setattr(archive, "MOST_MEMBERS", 1)
    with pytest.raises(InputError, match="larger than any study"), archive.unpacked(path):
        pass


def test_a_zip_that_declares_less_than_it_holds_is_refused_and_fills_nothing(packed, temporary):
    path = packed([("a", bytes(2**20))])
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = content.index(mark) + offset
        content[place : place + 4] = (100).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(ImageError, match="broken"), archive.unpacked(path):
        pass


def test_an_encrypted_zip_is_refused_with_what_to_do(packed, temporary):
    path = packed([("a", b"1" * 50)])
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(ImageError, match="cannot be unpacked") as caught, archive.unpacked(path):
        pass
    assert "encrypted" in caught.value.why
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_usual_compression_is_unpacked(packed, temporary, compression):
    with archive.unpacked(packed([("a", b"12" * 900)], compression=compression)) as folder:
        assert files_in(folder)[0].read_bytes() == b"12" * 900


def test_a_damaged_member_is_refused(packed, temporary):
    path = packed([("a", os.urandom(4000))], compression=zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[2000] ^= 255
    path.write_bytes(content)
    with pytest.raises(ImageError, match="broken"), archive.unpacked(path):
        pass
