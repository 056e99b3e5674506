"""`fusecli info` as a user runs it: one series told in full, several as a table, and nobody named unasked."""

import json
import re
import shutil
import zipfile

import pydicom
import pytest


@pytest.fixture
def folder(study, tmp_path):
    """The phantom's CT and PET in one folder, with two files that are no images."""
    both = tmp_path / "visit"
    shutil.copytree(study.ct, both / "deep" / "CT")
    shutil.copytree(study.pet, both / "PT")
    (both / "notes.txt").write_text("to do")
    (both / "Thumbs.db").write_bytes(b"\x00\x01")
    return both


def test_several_series_are_a_table_and_what_is_no_image_is_counted(run, folder):
    outcome = run("info", folder)
    assert outcome.code == 0
    rows = [line.split() for line in outcome.out.splitlines() if len(line.split()) > 3]
    assert rows[0][:4] == ["number", "modality", "slices", "size"]
    assert any(row[1:3] == ["CT", "6"] and "HU" in row for row in rows)
    assert any(row[1] == "PT" and "SUV" in row and "ready" in row for row in rows)
    assert "Files set aside: 2 other" in outcome.err


def test_one_of_several_series_is_told_in_full(run, folder):
    found = json.loads(run("info", folder, "--json").out)["images"]
    for document in found:
        by_uid = run("info", folder, "--series", document["series_uid"], "--json")
        assert json.loads(by_uid.out)["images"] == [document]
        in_full = run("info", folder, "--series", document["series_uid"]).out
        assert re.search(rf"^modality +{document['modality']}$", in_full, re.MULTILINE)
    missing = run("info", folder, "--series", "4711")
    assert missing.code == 3
    assert "There are: " in missing.err


def test_a_zip_is_told_like_the_folder(run, folder, tmp_path):
    path = tmp_path / "visit.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder))
    assert json.loads(run("info", path, "--json").out) == json.loads(run("info", folder, "--json").out)


def test_info_says_what_the_headers_say_of_place_unit_and_readiness(run, study):
    (pet,) = json.loads(run("info", study.pet, "--json").out)["images"]
    assert pet["suv"]["factor_range"][0] > 0
    assert (pet["units"], pet["transfer_syntax"]) == ("SUV", "Explicit VR Little Endian")
    assert pet["tilt_degrees"] == 0
    assert pet["slice_gaps_mm"] == pytest.approx([pet["spacing_mm"][0]] * 2, abs=0.01)


def test_info_says_for_each_norm_what_is_missing(run, study):
    (pet,) = json.loads(run("info", study.pet, "--json").out)["images"]
    norms = pet["suv"]["norms"]
    assert norms["bw"] == {"factor_range": pet["suv"]["factor_range"], "missing": []}
    assert norms["bqml"]["factor_range"] == [1, 1]
    # The phantom has no height.
    for name in ("lbm", "lbmjanma", "bsa"):
        assert norms[name] == {"factor_range": None, "missing": ["PatientSize (0010,1020)"]}
    lines = run("info", study.pet).out.splitlines()
    assert any(line.startswith("suv bsa ") and line.endswith("missing PatientSize (0010,1020)") for line in lines)
    assert " ready (bw, bqml) " in run("info", study.pet.parent).out  # the table has the norms that can be had


@pytest.mark.parametrize(
    ("changes", "ready"),
    [
        ({"PatientSize": 1.75, "PatientSex": "F"}, "bw lbm lbmjanma bsa bqml"),
        ({"PatientSize": 1.75, "PatientSex": "O"}, "bw bsa bqml"),
        ({"PatientWeight": None}, "bqml"),
        ({"Units": "PROPCNTS"}, ""),
        ({"Units": "GML", "SUVType": "BW", "RadiopharmaceuticalInformationSequence": None}, "bw"),
    ],
)
def test_each_norm_is_ready_where_its_quantities_are_there(run, study, tmp_path, changes, ready):
    dataset = pydicom.dcmread(next(study.pet.iterdir()))
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    dataset.save_as(tmp_path / "pet.dcm")
    (pet,) = json.loads(run("info", tmp_path / "pet.dcm", "--json").out)["images"]
    norms = pet["suv"]["norms"]
    assert [name for name, norm in norms.items() if norm["factor_range"]] == ready.split()
    assert all(norm["missing"] for name, norm in norms.items() if name not in ready.split())


def test_the_identity_is_shown_to_the_one_who_asks_and_to_nobody_else(run, folder):
    for words in ((), ("--json",)):
        assert "PHANTOM" not in run("info", folder, *words).out
        assert "PHANTOM" in run("info", folder, "--show-identity", *words).out
    named = json.loads(run("info", folder, "--show-identity", "--json").out)["images"]
    assert set(named[0]["identity"]) == {"name", "patient_id", "birth_date", "sex", "study_date"}


def test_a_study_given_as_one_image_is_listed_with_descriptions_on_the_screen(run, folder, tmp_path):
    outcome = run("fuse", folder / "deep" / "CT", folder, "--moving-series", "4711", "-o", tmp_path / "f.png")
    assert outcome.code == 3
    assert "number" in outcome.err
    assert "description" in outcome.err
    assert not (tmp_path / "f.png").exists()
