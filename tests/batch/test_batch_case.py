"""One case: done once, never by halves, and what stands there is told by its record."""

import json
import sys
from dataclasses import replace

import nibabel
import numpy as np
import pytest
from PIL import Image

from fusecli import pipeline
from fusecli.batch import case, making, records
from fusecli.batch.case import is_done, run_case
from fusecli.batch.digest import content_digest
from fusecli.batch.fusers import Fusers
from fusecli.batch.job import Status
from fusecli.errors import OutputError
from fusecli.settings import FuseSettings


def run(job):
    return run_case(job, Fusers(), lambda loading: None)


def record_of(job):
    return json.loads(records.record_path(job).read_text(encoding="utf-8"))


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def result(job):
    return job.folder / job.name


def left_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_case_gives_its_result_and_its_record_and_nothing_else(job):
    one = job()
    assert run(one).status is Status.DONE
    mean = (pixels(one.fixed).astype(float) + pixels(one.moving)) / 2
    assert np.abs(pixels(result(one)) - mean).max() <= 1  # black in both stays black, and 8 bits round
    assert left_in(one.folder) == ["a_average.png", "a_average.png.json"]


def test_a_case_that_is_done_is_skipped_and_its_files_are_not_touched(job):
    one = job()
    run(one)
    before = result(one).stat()
    assert is_done(one)
    assert run(one).status is Status.SKIPPED
    assert result(one).stat() == before


@pytest.mark.parametrize("role", ["fixed", "moving"])
def test_a_case_whose_input_changed_is_not_done(job, role):
    one = job()
    run(one)
    path = getattr(one, role)
    Image.fromarray(255 - pixels(path)).save(path)
    assert not is_done(one)


def test_an_input_that_was_only_touched_or_moved_leaves_the_case_done(job, tmp_path):
    one = job()
    run(one)
    moved = tmp_path / "elsewhere.png"
    one.fixed.rename(moved)
    assert is_done(replace(one, fixed=moved))


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there that few have")
def test_what_lies_behind_a_link_in_a_folder_counts_as_in_the_folder(tmp_path):
    (tmp_path / "series").mkdir()
    (tmp_path / "archive").mkdir()
    slice_ = tmp_path / "archive" / "1.dcm"
    slice_.write_bytes(b"one")
    (tmp_path / "series" / "link").symlink_to(tmp_path / "archive")
    before = content_digest(tmp_path / "series")
    assert content_digest(tmp_path / "series") == before
    slice_.write_bytes(b"two")
    assert content_digest(tmp_path / "series") != before


def test_other_options_are_another_case_and_overwriting_is_not(job):
    one = job(model="alpha")
    run(one)
    assert not is_done(replace(one, settings=replace(one.settings, alpha=0.25)))
    assert is_done(replace(one, settings=replace(one.settings, overwrite=True)))


def test_another_version_of_the_program_is_another_case(job, monkeypatch):
    one = job()
    run(one)
    monkeypatch.setattr("fusecli.batch.digest.__version__", "999")
    assert not is_done(one)


def test_other_weights_are_another_case(job, monkeypatch):
    one = job()
    before = case.key_of(one)
    assert case.key_of(one) == before
    monkeypatch.setattr(case, "_weights_sha256", lambda model: "0" * 64)
    assert case.key_of(one) != before


def test_a_result_made_by_other_options_stays_unless_overwriting_is_allowed(job):
    one = job(model="alpha")
    run(one)
    before = result(one).read_bytes()
    other = replace(one, settings=replace(one.settings, alpha=1.0))
    refused = run(other)
    assert (refused.status, refused.row["exit_code"]) == (Status.FAILED, 7)
    assert result(one).read_bytes() == before
    assert is_done(one)  # its record stayed as well
    assert run(replace(other, settings=replace(other.settings, overwrite=True))).status is Status.DONE
    assert result(one).read_bytes() != before


def test_a_file_that_no_batch_made_stays(job):
    one = job()
    result(one).write_bytes(b"precious")
    outcome = run(one)
    assert outcome.row["exit_code"] == 7
    assert result(one).read_bytes() == b"precious"
    assert run(one).row["exit_code"] == 7  # the record of the failure does not make it ours


@pytest.mark.parametrize("damage", ["truncated", "gone", "empty"])
def test_a_result_that_is_not_whole_is_made_again(job, damage):
    one = job()
    run(one)
    whole = result(one).read_bytes()
    if damage == "gone":
        result(one).unlink()
    else:
        result(one).write_bytes(b"" if damage == "empty" else whole[:-5])
    assert not is_done(one)
    assert run(one).status is Status.DONE
    assert result(one).read_bytes() == whole


@pytest.mark.parametrize("text", ["", "{", "[]", '{"case": 1}', '{"case": {}}'])
def test_a_broken_record_is_none(job, text):
    one = job()
    run(one)
    result(one).unlink()
    records.record_path(one).write_text(text)
    assert run(one).status is Status.DONE
    assert is_done(one)


def test_a_case_cut_off_between_its_record_and_its_result_is_made_again(job, monkeypatch):
    one = job()
    with monkeypatch.context() as cut:
        cut.setattr(making, "_put_in_place", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(one)
    assert record_of(one)["case"]["status"] == "done"
    assert not result(one).exists()
    assert not is_done(one)
    assert run(one).status is Status.DONE
    assert is_done(one)


def test_a_case_that_another_worker_finished_meanwhile_is_done(job, monkeypatch):
    one, fuse_files = job(), pipeline.fuse_files
    own_run = {"nested": False}

    def overtaken(*words, **options):
        if not own_run["nested"]:
            own_run["nested"] = True
            assert run(one).status is Status.DONE
        return fuse_files(*words, **options)

    monkeypatch.setattr(pipeline, "fuse_files", overtaken)
    assert run(one).status is Status.DONE
    assert is_done(one)
    assert left_in(one.folder) == ["a_average.png", "a_average.png.json"]


def test_a_failure_has_its_reason_its_exit_code_and_a_record(job):
    one = job()
    one.moving.write_bytes(one.moving.read_bytes()[:60])
    outcome = run(one)
    assert (outcome.status, outcome.row["exit_code"]) == (Status.FAILED, 4)
    assert outcome.row["reason"]
    assert record_of(one)["case"]["exit_code"] == 4
    assert left_in(one.folder) == ["a_average.png.json"]
    assert run(one).status is Status.FAILED  # and it was tried again


def test_an_input_that_is_not_there_is_exit_code_3(job):
    one = job()
    one.fixed.unlink()
    assert run(one).row["exit_code"] == 3


def test_of_a_bug_only_its_kind_is_told(job, monkeypatch):
    def bug(*_words, **_options):
        raise KeyError("Doe^Jane")

    monkeypatch.setattr("fusecli.pipeline.fuse_files", bug)
    outcome = run(job())
    assert outcome.row["exit_code"] == 1
    assert "KeyError" in outcome.row["reason"]
    assert "Doe" not in json.dumps(outcome.row)


def test_a_result_never_takes_the_place_of_an_input(job):
    one = job(overwrite=True)
    same = replace(one, folder=one.fixed.parent, name=one.fixed.name)
    (same.folder / "records").mkdir()
    before = one.fixed.read_bytes()
    assert run(same).row["exit_code"] == 2
    assert one.fixed.read_bytes() == before


def test_a_full_disk_is_told_of_the_result_and_not_of_the_workshop(job, monkeypatch):
    def full(fixed, moving, output, *_words, **_options):
        raise OutputError(f"{output} could not be written.", why="The disk is full.")

    monkeypatch.setattr("fusecli.pipeline.fuse_files", full)
    one = job()
    outcome = run(one)
    assert outcome.row["exit_code"] == 7
    assert str(result(one)) in outcome.row["reason"]
    assert making.WORKSHOP not in outcome.row["reason"]
    assert outcome.is_recorded


def test_a_record_that_cannot_be_written_is_said(job):
    one = job()
    records.record_path(one).parent.rmdir()
    assert not run(one).is_recorded


def test_a_folder_that_is_taken_away_in_mid_case_is_not_made_again(job, monkeypatch, tmp_path):
    one = job()
    monkeypatch.setattr(making, "_check_page", lambda *_: one.folder.rename(tmp_path / "elsewhere"))
    outcome = run(one)
    assert outcome.row["exit_code"] == 7
    assert not outcome.is_recorded
    assert not one.folder.exists()


def test_a_record_names_no_path(job):
    one = job()
    run(one)
    text = records.record_path(one).read_text(encoding="utf-8")
    assert str(one.fixed.parent) not in text
    assert str(one.folder) not in text


def test_a_model_is_loaded_once_and_anew_when_it_had_to_give_way(monkeypatch):
    class Fuser:
        notes: list[str] = []  # noqa: RUF012

    made = []
    monkeypatch.setattr("fusecli.models.load", lambda *_, **__: made.append(Fuser()) or made[-1])
    fusers, settings = Fusers(), FuseSettings(model="alpha")
    first = fusers.get(settings)
    assert fusers.get(settings) is first
    assert fusers.get(replace(settings, alpha=0.1)) is not first
    first.notes = ["going on in tiles"]
    assert fusers.get(settings) is not first
    assert len(made) == 3


def test_a_volume_as_pictures_is_a_folder_that_is_told_by_all_of_its_files(tmp_path, job):
    one = job(name="v.png", window="auto")
    rng = np.random.default_rng(1)
    paths = [tmp_path / f"{name}.nii.gz" for name in ("mr", "pet")]
    for path in paths:
        nibabel.Nifti1Image(rng.uniform(0, 9, (34, 33, 3)).astype(np.float32), np.eye(4)).to_filename(path)
    volume = replace(one, fixed=paths[0], moving=paths[1])
    assert run(volume).status is Status.DONE, run(volume).row
    folder = volume.folder / "v"
    assert len(list(folder.iterdir())) == 3
    assert is_done(volume)
    (folder / "slice_001.png").unlink()
    assert not is_done(volume)
    assert run(volume).status is Status.DONE
    assert len(list(folder.iterdir())) == 3


def page(job):
    return records.page_path(job)


def test_a_case_has_a_page_only_where_it_is_asked_for(job):
    plain, paged = job("a"), replace(job("b"), page=True)
    assert run(plain).row["report"] == ""
    assert run(paged).row["report"] == "reports/b_average.png.html"
    assert not page(plain).exists()
    assert "b_average.png" in page(paged).read_text(encoding="utf-8")


def test_a_done_case_that_lacks_its_page_is_made_again_as_it_was(job):
    one = job()
    run(one)
    before = result(one).read_bytes()
    paged = replace(one, page=True)
    assert is_done(one)
    assert not is_done(paged)
    assert run(paged).status is Status.DONE
    assert result(one).read_bytes() == before
    assert run(paged).status is Status.SKIPPED
    assert run(one).row["report"] == "reports/a_average.png.html"  # skipped, and the page stays


def test_a_page_of_what_stood_there_before_goes_with_it(job):
    one = replace(job(model="alpha"), page=True)
    run(one)
    other = replace(one, page=False, settings=replace(one.settings, alpha=1.0, overwrite=True))
    assert run(other).row["report"] == ""
    assert not page(one).exists()


def test_a_page_that_fusecli_did_not_write_stays(job):
    one = replace(job(), page=True)
    page(one).parent.mkdir()
    page(one).write_text("precious")
    assert run(one).row["exit_code"] == 7
    assert page(one).read_text() == "precious"
    assert not result(one).exists()
    assert run(replace(one, page=False)).status is Status.DONE
    assert page(one).read_text() == "precious"


def test_a_page_whose_folder_cannot_be_made_is_a_failure_of_the_output(job):
    one = replace(job(), page=True)
    page(one).parent.write_text("a file")
    outcome = run(one)
    assert outcome.row["exit_code"] == 7
    assert "reports could not be made" in outcome.row["reason"]
