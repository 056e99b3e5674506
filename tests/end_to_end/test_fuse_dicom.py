"""`fusecli fuse` on the phantom: CT and PET on other grids, with a truth to compare with."""

import csv
import json
import shutil

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image

METRICS = ["IE", "AG", "SD", "SF", "SCD", "VIF", "QABF", "EI", "SSIM", "FMI_EDGE", "NABF"]


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_one_slice_of_two_series_becomes_a_color_picture(run, study, tmp_path):
    output = tmp_path / "fused.png"
    outcome = run("fuse", study.ct, study.pet, "-o", output, "--slice", study.lesion_slice)
    assert outcome.code == 0, outcome.err
    assert outcome.out == f"{output}\n"
    assert pixels(output).shape == (96, 96, 3)


def test_the_json_document_has_the_keys_that_scripts_rely_on(run, study, tmp_path):
    outcome = run("fuse", study.ct, study.pet, "-o", tmp_path / "f.png", "--slice", study.lesion_slice, "--json")
    document = json.loads(outcome.out)
    for key in ("output", "model", "metrics", "windows", "device", "timings_s", "warnings", "version"):
        assert key in document
    assert list(document["metrics"]) == METRICS
    assert all(set(score) == {"value", "unit", "better"} for score in document["metrics"].values())
    assert set(document["model"]) == {"name", "sha256"}
    assert len(document["model"]["sha256"]) == 64
    assert document["windows"]["moving"]["unit"] == "SUV"


def test_the_main_lesion_is_hot_where_the_truth_says(run, study, tmp_path):
    output = tmp_path / "fused.png"
    run("fuse", study.ct, study.pet, "-o", output, "--slice", study.lesion_slice)
    lesion = max(study.phantom.lesions, key=lambda one: one.radius_mm)
    _, row, column = np.rint(study.phantom.ct_geometry.indices(np.array([lesion.centre_mm]))[0]).astype(int)
    rgb = pixels(output).astype(float)
    luma = rgb @ (0.299, 0.587, 0.114)
    assert luma[row, column] > 230
    mirrored = luma[row, rgb.shape[1] - 1 - column]
    assert luma[row, column] > mirrored + 50  # a left-right swap would put it there


def test_what_is_black_in_both_sources_is_black_in_the_fusion(run, study, tmp_path):
    words = ("--slice", study.lesion_slice, "--window", "mediastinum", "--palette", "none")
    looks = {"fused": (), "ct": ("--model", "alpha", "--alpha", 0), "pet": ("--model", "alpha", "--alpha", 1)}
    for name, more in looks.items():
        run("fuse", study.ct, study.pet, "-o", tmp_path / f"{name}.nii.gz", *words, *more)
    fused, ct, pet = (nibabel.load(tmp_path / f"{name}.nii.gz").get_fdata() for name in ("fused", "ct", "pet"))
    black = (ct == 0) & (pet == 0)
    assert black.mean() > 0.1
    assert (fused[black] == 0).all()
    assert fused[~black].mean() > 0.1


def test_a_volume_becomes_nifti_on_the_grid_of_the_ct(run, study, tmp_path):
    output = tmp_path / "fused.nii.gz"
    outcome = run("fuse", study.ct, study.pet, "-o", output, "--model", "max", "--palette", "none")
    assert outcome.code == 0, outcome.err
    volume = nibabel.load(output)
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine
    corner = study.phantom.ct_geometry.points(np.array([[0.0, 0.0, 0.0]]))[0]
    assert volume.shape == (96, 96, 6)
    assert np.allclose(lps @ (0, 0, 0, 1), [*corner, 1], atol=1e-3)


def test_a_volume_becomes_a_folder_of_pictures(run, study, tmp_path):
    outcome = run("fuse", study.ct, study.pet, "-o", tmp_path / "fused.png", "--model", "max")
    assert outcome.out == f"{tmp_path / 'fused'}\n"
    assert sorted(path.name for path in (tmp_path / "fused").iterdir()) == [f"slice_{k:03d}.png" for k in range(6)]


def test_a_slice_is_found_by_its_place_in_the_patient(run, study, tmp_path):
    z = study.phantom.ct_geometry.points(np.array([[study.lesion_slice, 0, 0]], dtype=float))[0][2]
    run("fuse", study.ct, study.pet, "-o", tmp_path / "n.png", "--model", "max", "--slice", study.lesion_slice)
    run("fuse", study.ct, study.pet, "-o", tmp_path / "mm.png", "--model", "max", f"--slice={z:.2f}mm")
    run("fuse", study.ct, study.pet, "-o", tmp_path / "other.png", "--model", "max", "--slice", 0)
    pictures = {name: (tmp_path / f"{name}.png").read_bytes() for name in ("n", "mm", "other")}
    assert pictures["n"] == pictures["mm"]
    assert pictures["n"] != pictures["other"]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("--slice", "99"), 2, "numbered 0 to 5"),
        (("--slice", "9000mm"), 2, "The slices lie between"),
        (("--slice", "middle"), 2, "--slice 45mm"),
        (("--window", "wide"), 2, "mediastinum"),
        (("--suv-range", "5-0"), 2, "--suv-range 0-5"),
        (("--palette", "rainbow"), 2, "hot-iron"),
        (("--model", "magic"), 2, "laplacian"),
        (("--device", "tpu"), 2, "cuda"),
    ],
)
def test_a_wrong_word_is_refused_with_what_would_work(run, study, tmp_path, words, code, text):
    outcome = run("fuse", study.ct, study.pet, "-o", tmp_path / "f.png", "--model", "max", *words)
    assert outcome.code == code
    assert text in outcome.err
    assert not list(tmp_path.iterdir())


def test_single_slices_at_other_places_are_not_a_pair(run, study, tmp_path):
    first, last = sorted(study.ct.iterdir())[0], sorted(study.pet.iterdir())[-1]
    outcome = run("fuse", first, last, "-o", tmp_path / "f.png", "--model", "max")
    assert outcome.code == 5
    assert "do not overlap" in outcome.err


def test_reports_hold_the_run_and_nothing_of_the_patient(run, study, tmp_path):
    for name in ("r.json", "r.csv"):
        words = ("fuse", study.ct, study.pet, "-o", tmp_path / f"{name}.png", "--slice", 2, "--report", tmp_path / name)
        outcome = run(*words, "--model", "max")
        assert outcome.code == 0
        text = (tmp_path / name).read_text() + outcome.err
        assert "PHANTOM" not in text
    row = next(csv.DictReader((tmp_path / "r.csv").read_text().splitlines()))
    document = json.loads((tmp_path / "r.json").read_text())
    assert float(row["VIF"]) == pytest.approx(document["metrics"]["VIF"]["value"])
    assert document["geometry"]["spacing_mm"][0] > 0


def test_the_same_command_gives_the_same_bytes(run, study, tmp_path):
    for name in ("a.png", "b.png"):
        run("fuse", study.ct, study.pet, "-o", tmp_path / name, "--slice", study.lesion_slice)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_info_says_what_a_folder_holds_and_not_whose_it_is(run, study):
    outcome = run("info", study.pet, "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["images"][0]["modality"] in ("PT", "PET")
    assert "PHANTOM" not in outcome.out + run("info", study.pet).out


def test_info_of_a_study_lists_both_series(run, study):
    assert len(json.loads(run("info", study.ct.parent, "--json").out)["images"]) == 2


def test_one_study_with_a_ct_and_a_pet_needs_no_second_word(run, study, tmp_path):
    apart = run("fuse", study.ct, study.pet, "-o", tmp_path / "apart.nii", "--model", "max")
    for name, words in (("one", (study.ct.parent,)), ("both", (study.ct.parent, study.pet))):
        outcome = run("fuse", *words, "-o", tmp_path / f"{name}.nii", "--model", "max")
        assert outcome.code == apart.code == 0, outcome.err
        assert (tmp_path / f"{name}.nii").read_bytes() == (tmp_path / "apart.nii").read_bytes()


def test_a_zip_of_a_study_is_fused_like_its_folder(run, study, tmp_path):
    packed = shutil.make_archive(str(tmp_path / "study"), "zip", study.ct.parent)
    for name, source in (("folder", study.ct.parent), ("zip", packed)):
        outcome = run("fuse", source, "-o", tmp_path / name, "--format", "dicom", "--model", "max")
        assert outcome.code == 0, outcome.err
    folder, unpacked = ([file.read_bytes() for file in sorted((tmp_path / n).iterdir())] for n in ("folder", "zip"))
    assert folder == unpacked


def test_a_folder_with_two_series_that_could_be_meant_is_listed_and_refused(run, study, tmp_path):
    both = tmp_path / "both"
    for number, copy in ((1, "a"), (2, "b")):
        (both / copy).mkdir(parents=True)
        for file in sorted(study.ct.iterdir()):
            dataset = pydicom.dcmread(file)
            dataset.SeriesInstanceUID, dataset.SeriesNumber = f"2.25.{number}", number
            dataset.SOPInstanceUID = f"2.25.{number}{int(dataset.InstanceNumber):04d}"
            dataset.save_as(both / copy / file.name)
    outcome = run("fuse", both, study.pet, "-o", tmp_path / "f.png")
    assert outcome.code == 3
    assert "--fixed-series" in outcome.err
