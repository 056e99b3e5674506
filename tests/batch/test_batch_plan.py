"""From manifests, folders and BIDS names to jobs: every case is found, and what belongs to none is listed."""

import errno
import json
import os
import sys
import threading
from pathlib import Path
from zipfile import ZipFile

import pytest

from fusecli.batch.bids import match_bids
from fusecli.batch.folder import match_folder, match_studies
from fusecli.batch.manifest import parse_manifest, read_manifest
from fusecli.batch.naming import check_id, check_template
from fusecli.batch.plan import Globs, Target, find_rows, make_plan
from fusecli.batch.rows import Found, Row
from fusecli.errors import InputError, UsageError
from fusecli.settings import FuseSettings, SliceChoice

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links need a right there that few have")

OPTIONS = ("window", "model", "slice", "fixed_modality")


def parsed(text, folder=Path("data")):
    return parse_manifest(text.encode(), OPTIONS, folder=folder, name="m").rows


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def pairs_of(found, folder):
    return {row.id: (str(row.fixed.relative_to(folder)), str(row.moving.relative_to(folder))) for row in found.rows}


def row(id_="a", fixed="a.png", **options):
    return Row(id_, Path(fixed), Path("b.png"), "somewhere", options)


def settings_of(words):
    known = {"model": "max", **{key: value for key, value in words.items() if key != "slice"}}
    return FuseSettings(**known, slice_choice=SliceChoice(0) if "slice" in words else None)


def planned(*rows, **target):
    return make_plan(Found(rows), Target(Path("out"), **target), settings_of).jobs


def test_csv_tsv_and_json_lines_say_the_same():
    cells = [["id", "fixed", "moving", "window"], ["x", "a.png", "b.png", "lung"], ["y", "c.png", "d.png", ""]]
    lines = [json.dumps(dict(zip(cells[0], row, strict=True))) for row in cells[1:]]
    texts = ["\n".join(map(",".join, cells)), "\n".join(map("\t".join, cells)), "\n".join(lines)]
    first, *others = [[(r.id, r.fixed, r.moving, dict(r.options)) for r in parsed(text)] for text in texts]
    assert first == [
        ("x", Path("data/a.png"), Path("data/b.png"), {"window": "lung"}),
        ("y", Path("data/c.png"), Path("data/d.png"), {}),
    ]
    assert others == [first, first]


def test_quotes_a_byte_order_mark_and_windows_line_ends_are_understood():
    (only,) = parsed('\ufeffid,fixed,moving\r\n"x, y","a ""1"".png",b.png\r\n\r\n')
    assert (only.id, only.fixed.name) == ("x, y", 'a "1".png')


def test_semicolons_as_spreadsheets_write_them_are_understood():
    assert parsed("id;fixed;moving;window\nx;a,b.png;c.png;lung\n") == parsed(
        'id,fixed,moving,window\nx,"a,b.png",c.png,lung\n'
    )


def test_titles_are_understood_as_the_command_line_has_them():
    (only,) = parsed("ID,Fixed,MOVING,fixed-modality\nx,a,b,CT")
    assert dict(only.options) == {"fixed_modality": "CT"}


def test_json_numbers_and_truth_become_words():
    (only,) = parsed('{"fixed": "a.png", "moving": "b.png", "slice": 3, "model": null, "window": true}')
    assert dict(only.options) == {"slice": "3", "window": "true"}
    assert only.id == "a"  # after FIXED, as there is none


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("id,fixed,moving,windw\nx,a,b,lung", "Did you mean window"),
        ("id,fixed,moving,qqqq\nx,a,b,lung", "Known: id"),
        ("id,moving\nx,a", "no column 'fixed'"),
        ('[{"fixed": "a", "moving": "b"}]', "one JSON array"),
        ("id,fixed,moving\nx,a", "2 cells"),
        ("id,fixed,moving\nx,,b", "FIXED"),
        ("id,fixed,moving,id\nx,a,b,y", "twice"),
        ('id,fixed,moving\nx,"a,b', "not CSV"),
        ('{"fixed": "a", "moving": ["b"]}', "neither a text nor a number"),
        ('{"fixed": "a", "moving": "b", "windw": 1}', "Did you mean window"),
        ('{"fixed": "a"\n', "not JSON"),
        ("id,fixed,moving\n../x,a,b", "holds '/'"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_with_the_place(text, why):
    with pytest.raises(UsageError, match=why) as caught:
        parsed(text)
    assert str(caught.value).startswith("m")


@pytest.mark.parametrize("text", ["", "id,fixed,moving\n", "\n"])
def test_a_manifest_without_a_case_is_refused(text):
    with pytest.raises((InputError, UsageError)):
        parsed(text)


def test_a_manifest_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "m.csv").write_bytes(b"\xff\xfe\x00i")
    with pytest.raises(InputError, match="UTF-8"):
        read_manifest(tmp_path / "m.csv", OPTIONS)
    with pytest.raises(InputError, match="cannot be read"):
        read_manifest(tmp_path / "none.csv", OPTIONS)


def test_paths_in_a_manifest_begin_at_its_folder_and_those_of_stdin_here(tmp_path):
    (tmp_path / "m.csv").write_text("fixed,moving\na.png,/x/b.png\n")
    (only,) = read_manifest(tmp_path / "m.csv", OPTIONS).rows
    assert (only.fixed, only.moving) == (tmp_path / "a.png", Path("/x/b.png"))
    (piped,) = find_rows("-", OPTIONS, Globs(), lambda: b"fixed,moving\na.png,b.png\n").rows
    assert piped.fixed == Path("a.png")


def test_files_of_a_folder_belong_together_by_what_the_wildcards_match(tmp_path):
    touch(tmp_path, "p1_ct.nii.gz", "p1_pet.nii.gz", "p2_ct.nii.gz", "p2_pet.nii.gz", "p3_ct.nii.gz", "p4_pet.nii.gz")
    found = match_folder(tmp_path, "*_ct.nii.gz", "*_pet.nii.gz")
    assert pairs_of(found, tmp_path) == {
        "p1": ("p1_ct.nii.gz", "p1_pet.nii.gz"),
        "p2": ("p2_ct.nii.gz", "p2_pet.nii.gz"),
    }
    assert any("p3_ct" in note for note in found.notes)
    assert any("p4_pet" in note for note in found.notes)


def test_a_pattern_may_match_folders_and_several_wildcards_make_a_key(tmp_path):
    touch(tmp_path, "s1/v1/CT/1.dcm", "s1/v1/PT/1.dcm", "s1/v2/CT/1.dcm", "s1/v2/PT/1.dcm", "s1/.v3/CT/1.dcm")
    found = match_folder(tmp_path, "*/*/CT", "*/*/PT")
    assert pairs_of(found, tmp_path) == {"s1_v1": ("s1/v1/CT", "s1/v1/PT"), "s1_v2": ("s1/v2/CT", "s1/v2/PT")}
    assert found.notes == ()


def test_two_stars_match_any_depth(tmp_path):
    touch(tmp_path, "a/x/ct.png", "a/x/pet.png", "b/ct.png", "b/pet.png")
    assert set(pairs_of(match_folder(tmp_path, "**/ct.png", "**/pet.png"), tmp_path)) == {"a_x", "b"}


@needs_links
def test_folders_that_are_links_are_looked_into_but_not_in_a_circle(tmp_path):
    touch(tmp_path, "archive/p1/CT/1.dcm", "archive/p1/PT/1.dcm", "data/p2/CT/1.dcm", "data/p2/PT/1.dcm")
    (tmp_path / "data" / "p1").symlink_to(tmp_path / "archive" / "p1")
    (tmp_path / "archive" / "p1" / "back").symlink_to(tmp_path / "data")
    assert set(pairs_of(match_folder(tmp_path / "data", "*/CT", "*/PT"), tmp_path)) == {"p1", "p2"}
    assert set(pairs_of(match_folder(tmp_path / "data", "**/CT", "**/PT"), tmp_path)) == {"p1", "p2"}


@needs_links
def test_a_bids_subject_that_is_a_link_is_a_case(tmp_path):
    touch(tmp_path, "archive/sub-01_T1w.nii.gz", "archive/sub-01_pet.nii.gz", "data/README")
    (tmp_path / "data" / "sub-01").symlink_to(tmp_path / "archive")
    assert set(pairs_of(match_bids(tmp_path / "data"), tmp_path)) == {"sub-01"}


def test_a_folder_that_cannot_be_read_is_said_and_the_other_cases_are_found(tmp_path, monkeypatch):
    touch(tmp_path, "p1/CT/1.dcm", "p1/PT/1.dcm", "sub-01/sub-01_T1w.nii.gz", "sub-01/sub-01_pet.nii.gz", "p2/x")
    scan = os.scandir

    def closed(path):
        if Path(path).name == "p2":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", closed)
    by_pattern, by_bids = match_folder(tmp_path, "*/CT", "*/PT"), match_bids(tmp_path)
    assert set(pairs_of(by_pattern, tmp_path)) == {"p1"}
    assert set(pairs_of(by_bids, tmp_path)) == {"sub-01"}
    for found in (by_pattern, by_bids, match_studies(tmp_path, "*/*")):
        assert found.notes[-1:] == (f"Cannot be read, so no case is taken from there: {tmp_path / 'p2'}.",)
    with pytest.raises(InputError, match="p2 cannot be read"):
        match_folder(tmp_path / "p2", "*/CT", "*/PT")


def test_two_files_of_one_key_are_refused(tmp_path):
    touch(tmp_path, "x/y/ct.png", "x_y/ct.png", "x_y/pet.png")
    with pytest.raises(UsageError, match="are the FIXED of x_y"):
        match_folder(tmp_path, "**/ct.png", "**/pet.png")


@pytest.mark.parametrize(
    ("fixed", "moving", "why"),
    [
        ("ct.png", "*.png", "has no"),
        ("*/*.png", "*.png", "different numbers"),
        ("../*.png", "*.png", "leaves the folder"),
        ("/x/*.png", "*.png", "leaves the folder"),
    ],
)
def test_patterns_that_cannot_tell_cases_are_refused(tmp_path, fixed, moving, why):
    with pytest.raises(UsageError, match=why):
        match_folder(tmp_path, fixed, moving)


def test_no_pair_in_a_folder_is_said_with_the_counts(tmp_path):
    touch(tmp_path, "CT/a.png", "PET/b.png")
    with pytest.raises(InputError, match="matches 1"):
        match_folder(tmp_path, "CT/*.png", "PET/*.png")


def test_bids_pairs_are_of_one_subject_and_session(tmp_path):
    touch(
        tmp_path, "dataset_description.json", "sub-01/ses-a/anat/sub-01_ses-a_T1w.nii.gz",
        "sub-01/ses-a/pet/sub-01_ses-a_trc-FDG_pet.nii.gz", "sub-01/ses-b/anat/sub-01_ses-b_T1w.nii.gz",
        "sub-01/ses-b/pet/sub-01_ses-b_trc-FDG_pet.nii.gz", "sub-02/anat/sub-02_T1w.nii.gz",
        "sub-03/pet/sub-03_pet.nii.gz", "sub-02/pet/sub-02_pet.json", "derivatives/x/sub-02/sub-02_pet.nii.gz",
    )  # fmt: skip
    found = match_bids(tmp_path)
    assert pairs_of(found, tmp_path) == {
        f"sub-01_ses-{s}_trc-FDG": (
            f"sub-01/ses-{s}/anat/sub-01_ses-{s}_T1w.nii.gz",
            f"sub-01/ses-{s}/pet/sub-01_ses-{s}_trc-FDG_pet.nii.gz",
        )
        for s in "ab"
    }
    assert any("sub-03_pet" in note for note in found.notes)
    assert any("sub-02_T1w" in note for note in found.notes)


def test_bids_takes_the_fixed_image_that_shares_most_and_leaves_out_what_is_ambiguous(tmp_path):
    touch(
        tmp_path, "sub-1_space-T1w_pet.nii.gz", "sub-1_space-T1w_T1w.nii.gz", "sub-1_T1w.nii.gz",
        "sub-2_pet.nii.gz", "sub-2_ct.nii.gz", "sub-2_T1w.nii.gz",
    )  # fmt: skip
    found = match_bids(tmp_path)
    assert pairs_of(found, tmp_path) == {
        "sub-1_space-T1w": ("sub-1_space-T1w_T1w.nii.gz", "sub-1_space-T1w_pet.nii.gz")
    }
    assert any("several" in note and "sub-2_pet" in note for note in found.notes)
    assert "sub-2" in pairs_of(match_bids(tmp_path, ("ct",)), tmp_path)


def test_a_folder_without_bids_names_is_refused_with_the_other_ways(tmp_path):
    with pytest.raises(InputError, match="--fixed-glob"):
        match_bids(touch(tmp_path, "CT/a.png", "PET/a.png"))


def test_results_are_called_after_id_and_model_with_the_suffix_of_their_format():
    assert [job.name for job in planned(row("a"), row("b", "b.nii.gz"), row("c", "c.nii", slice="0"))] == [
        "a_max.png",
        "b_max.nii.gz",
        "c_max.png",
    ]
    assert planned(row(), format="nii.gz", template="{model}-{id}")[0].name == "max-a.nii.gz"
    assert planned(row(model="average"))[0].name == "a_average.png"


@pytest.mark.parametrize("twin", ["a", "A"])
def test_two_cases_of_one_id_are_refused_also_where_only_case_tells_them(twin):
    with pytest.raises(UsageError, match="one id"):
        planned(row("a"), row(twin))


def test_an_accent_written_in_two_ways_is_one_id():
    with pytest.raises(UsageError, match="one id"):
        planned(row("é"), row("e\u0301"))


def test_two_cases_whose_names_are_one_are_refused():
    with pytest.raises(UsageError, match="one output"):
        planned(row("aa"), row("ab"), template="{id:.1}")


@pytest.mark.parametrize(
    "id_", ["a/b", "..", ".hidden", "-rf", "a\nb", "con", "NUL.x", "x" * 201, " a", "a.", "=1+1", "@x", "a\u200b"]
)
def test_an_id_that_some_system_cannot_have_as_a_name_is_refused(id_):
    with pytest.raises(UsageError, match="cannot be an id"):
        check_id(id_, where="m, line 2")


@pytest.mark.parametrize("id_", ["a", "sub-01_ses-2", "1.2.840.1", "Müller 3", "x" * 200])
def test_an_id_that_every_system_can_have_is_taken(id_):
    assert check_id(id_, where="") == id_


@pytest.mark.parametrize("template", ["{model}", "{idd}", "{id", "{id}/{model}", "{}", "{0}", "{id.x}", "fused"])
def test_a_template_that_cannot_be_filled_or_tells_no_cases_apart_is_refused(template):
    with pytest.raises(UsageError, match="--name"):
        check_template(template)


def test_settings_are_shared_by_rows_of_the_same_words():
    a, b, c = planned(row("a"), row("b"), row("c", model="average"))
    assert a.settings is b.settings
    assert a.settings != c.settings


def test_a_wrong_option_of_a_row_is_told_with_its_place():
    def refuse(words):
        raise UsageError("--window x is not known.", hint="h")

    with pytest.raises(UsageError, match="somewhere: --window x"):
        make_plan(Found((row(window="x"),)), Target(Path("out")), refuse)


def test_a_result_that_would_replace_an_input_of_any_case_is_refused(tmp_path):
    rows = (row("a", str(tmp_path / "b_max.png")), row("b"))
    with pytest.raises(UsageError, match="place of an input"):
        make_plan(Found(rows), Target(tmp_path), settings_of)


def test_results_inside_of_an_input_folder_are_refused(tmp_path):
    with pytest.raises(UsageError, match="lies in an input folder"):
        make_plan(Found((row("a", str(tmp_path / "CT")),)), Target(tmp_path / "CT" / "out"), settings_of)


@pytest.mark.parametrize(
    ("source", "globs", "why"),
    [
        ("-", Globs("*a", "*b"), "for a folder"),
        (".", Globs("*a"), "go together"),
        (".", Globs("*a", "*b", study="*"), "stands alone"),
        (".", Globs(study="x"), "has no \\*"),
        (".", Globs(bids_fixed="pet"), "--bids-fixed"),
    ],
)
def test_patterns_where_they_mean_nothing_are_refused(source, globs, why):
    with pytest.raises(UsageError, match=why):
        find_rows(source, OPTIONS, globs, bytes)


@pytest.mark.skipif(sys.platform == "win32", reason="a named pipe of POSIX")
def test_paths_in_a_manifest_from_a_pipe_begin_here(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("fixed,moving\na.png,b.png\n",))
    writer.start()
    (only,) = read_manifest(pipe, OPTIONS).rows
    writer.join()
    assert only.fixed == Path("a.png")


@pytest.fixture
def studies(tmp_path):
    """A folder of studies: p1 is a folder, p2.zip a ZIP, and note.txt neither."""
    folder = tmp_path / "archive"
    (folder / "p1").mkdir(parents=True)
    with ZipFile(folder / "p2.zip", "w") as packed:
        packed.writestr("a", "b")
    (folder / "note.txt").write_text("not a study")
    return folder


def test_each_folder_or_zip_that_a_pattern_matches_is_a_study(studies):
    found = find_rows(str(studies), OPTIONS, Globs(study="*"), bytes)
    assert {row.id: (row.fixed.name, row.moving) for row in found.rows} == {"p1": ("p1", None), "p2": ("p2.zip", None)}
    assert found.notes == ("Neither a folder nor a ZIP: note.txt.",)


def test_a_pattern_that_matches_no_study_is_said(studies):
    with pytest.raises(InputError, match="no study"):
        find_rows(str(studies), OPTIONS, Globs(study="*.txt"), bytes)


def test_a_row_without_moving_is_a_study_and_a_single_file_is_none(studies):
    manifest = studies / "m.csv"
    manifest.write_text("fixed,moving\np1,\np2.zip,\n")
    plan = make_plan(read_manifest(manifest, OPTIONS), Target(studies.parent / "out"), settings_of)
    assert [(job.id, job.moving, job.inputs) for job in plan.jobs] == [
        ("p1", None, (studies / "p1",)),
        ("p2", None, (studies / "p2.zip",)),
    ]
    manifest.write_text("fixed\np1\nnote.txt\n")
    with pytest.raises(UsageError, match=r"m\.csv, line 3 does not say what MOVING is"):
        make_plan(read_manifest(manifest, OPTIONS), Target(studies.parent / "out"), settings_of)
