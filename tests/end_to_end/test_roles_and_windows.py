"""What a window is judged by, which image is which, and what `metrics` accepts."""

import json

import nibabel
import numpy as np
import pytest
from PIL import Image


def saved(path, voxels, affine=None):
    """A NIfTI of (slice, row, column) voxels: columns to the left, rows to the back, slices to the head."""
    ras = np.diag([-2.0, -2.0, 3.0, 1.0]) if affine is None else affine
    nibabel.save(nibabel.Nifti1Image(np.ascontiguousarray(voxels.transpose(2, 1, 0)).astype(np.float32), ras), path)
    return path


def window(run, *words):
    outcome = run(*words, "--json")
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)["windows"]


@pytest.fixture
def mr(tmp_path):
    """An MR of 6 slices, each brighter than the one before."""
    noise = np.random.default_rng(0).uniform(0.5, 1, (6, 64, 64))
    return saved(tmp_path / "mr.nii.gz", noise * np.arange(1, 7)[:, None, None] * 100)


@pytest.fixture
def pet(tmp_path):
    """A PET without SUV whose last slice alone has a lesion."""
    voxels = np.random.default_rng(1).uniform(0, 100, (6, 64, 64))
    voxels[5, 20:40, 20:40] = 5000
    return saved(tmp_path / "pet.nii.gz", voxels)


def test_every_slice_is_shown_by_the_window_of_the_whole_series(run, mr, pet, tmp_path):
    words = ("fuse", mr, pet, "--model", "max", "-o")
    whole = window(run, *words, tmp_path / "v.nii.gz")
    for number in (0, 5):
        assert window(run, *words, tmp_path / f"{number}.png", "--slice", number) == whole


def test_a_window_is_not_judged_by_what_lies_outside_of_moving(run, mr, tmp_path):
    big = saved(tmp_path / "big_mr.nii.gz", np.random.default_rng(2).uniform(1, 2, (6, 160, 160)))
    twin = saved(tmp_path / "twin_mr.nii.gz", np.random.default_rng(3).uniform(0, 1, (6, 64, 64)))
    alone = window(run, "fuse", twin, mr, "--model", "max", "-o", tmp_path / "a.nii.gz")["moving"]
    beside = window(run, "fuse", big, mr, "--model", "max", "-o", tmp_path / "b.nii.gz")["moving"]
    assert alone == beside


def test_a_declared_modality_takes_back_what_was_told_by_the_values(run, mr, tmp_path):
    voxels = np.random.default_rng(3).normal(0, 120, (6, 64, 64))
    voxels[2, 20:30, 20:30] = 3000
    anonymous = saved(tmp_path / "x.nii.gz", voxels)
    words = ("fuse", mr, anonymous, "--model", "max", "-o", tmp_path / "f.nii.gz", "--moving-modality", "PET")
    assert window(run, *words)["moving"]["unit"] != "HU"


def test_a_tracer_given_first_is_said(run, study, tmp_path):
    swapped = run("fuse", study.pet, study.ct, "-o", tmp_path / "f.png", "--model", "max", "--slice", 12)
    assert swapped.code == 0, swapped.err
    assert "give the CT or MRI first" in swapped.err
    right = run("fuse", study.ct, study.pet, "-o", tmp_path / "g.png", "--model", "max", "--slice", 3)
    assert "give the CT or MRI first" not in right.err


def test_metrics_takes_the_slice_that_fuse_wrote_and_the_volume(run, study, tmp_path):
    words = (study.ct, study.pet, "--palette", "none", "--model", "max", "-o")
    own = json.loads(run("fuse", *words, tmp_path / "s.png", "--slice", 3, "--json").out)["metrics"]
    run("fuse", *words, tmp_path / "v.nii.gz")
    for fused in ("s.png", "v.nii.gz"):
        outcome = run("metrics", study.ct, study.pet, tmp_path / fused, "--slice", 3, "--json")
        assert outcome.code == 0, outcome.err
        assert json.loads(outcome.out)["metrics"]["VIF"]["value"] == pytest.approx(own["VIF"]["value"], rel=0.02)
    other = json.loads(run("metrics", study.ct, study.pet, tmp_path / "s.png", "--slice", 2, "--json").out)["metrics"]
    assert other["VIF"]["value"] != pytest.approx(own["VIF"]["value"], rel=0.02)


def test_metrics_brings_a_volume_of_another_order_onto_fixed(run, study, tmp_path):
    """A fused volume stored toward right, anterior, superior scores as the one that fusecli wrote."""
    run("fuse", study.ct, study.pet, "--palette", "none", "--model", "max", "-o", tmp_path / "v.nii.gz")
    turned = nibabel.as_closest_canonical(nibabel.load(tmp_path / "v.nii.gz"))
    nibabel.save(turned, tmp_path / "turned.nii.gz")
    scores = [
        json.loads(run("metrics", study.ct, study.pet, tmp_path / name, "--json").out)["metrics"]
        for name in ("v.nii.gz", "turned.nii.gz")
    ]
    assert scores[0]["VIF"]["value"] == pytest.approx(scores[1]["VIF"]["value"], rel=1e-6)


def test_metrics_of_numbers_without_a_scale_are_warned_of(run, mr, pet, tmp_path):
    fused = saved(tmp_path / "other.nii.gz", np.random.default_rng(4).uniform(0, 900, (6, 64, 64)))
    assert "percentiles" in run("metrics", mr, pet, fused).err


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("--alpha", 0.3), 2, "--model alpha"),
        (("--model", "max", "--resize"), 0, "--resize has no effect"),
        (("--model", "max", "--polarity", "black-hot"), 0, "--polarity has no effect"),
    ],
)
def test_an_option_without_effect_is_said(run, study, tmp_path, words, code, text):
    outcome = run("fuse", study.ct, study.pet, "-o", tmp_path / "f.png", "--slice", 3, *words)
    assert outcome.code == code
    assert text in outcome.err


def test_a_reader_that_has_gone_ends_the_program_quietly(study):
    import subprocess
    import sys

    command = f"{sys.executable} -m fusecli info {study.ct} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""


def test_a_grey_pet_keeps_its_palette_beside_a_colored_picture(run, tmp_path):
    rows, columns = np.mgrid[0:64, 0:64]
    green = np.stack([rows * 0, columns * 3, rows * 0], axis=-1).astype(np.uint8)
    Image.fromarray(green).save(tmp_path / "fixed.png")
    Image.fromarray((rows * 2 + 60).astype(np.uint8)).save(tmp_path / "a_pet.png")
    run("fuse", tmp_path / "fixed.png", tmp_path / "a_pet.png", "-o", tmp_path / "f.png", "--model", "max")
    with Image.open(tmp_path / "f.png") as picture:
        red, green, _ = np.asarray(picture)[32, 16].astype(int)
    assert red > green


def changed_pet(study, path, **tags):
    """The PET slice through the lesion, with other tags."""
    import pydicom

    dataset = pydicom.dcmread(sorted(study.pet.iterdir())[study.lesion_slice])
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)
    return path


def test_files_of_different_patients_are_refused_without_naming_them(run, study, tmp_path):
    own, other = (
        changed_pet(study, tmp_path / f"{name}.dcm", PatientID=name) for name in ("SOMEBODY", "SOMEBODY-ELSE")
    )
    same = changed_pet(study, tmp_path / "same.dcm", PatientID="SOMEBODY", SeriesNumber=77)
    for path, code in ((same, 0), (other, 5)):
        outcome = run("fuse", path, own, "-o", tmp_path / f"{code}.png", "--model", "max", "--json")
        assert outcome.code == code, outcome.err
        assert ("different patients" in outcome.err) == (code == 5)
        assert "SOMEBODY" not in outcome.err + outcome.out
    assert not (tmp_path / "5.png").exists()


@pytest.mark.parametrize("written_as", ["png", "dicom"])
def test_an_issuer_of_the_patient_id_that_one_file_lacks_is_no_other_patient(run, study, tmp_path, written_as):
    plain, issued, elsewhere = (
        changed_pet(study, tmp_path / f"{k}.dcm", **tags)
        for k, tags in enumerate(({}, {"IssuerOfPatientID": "CLINIC"}, {"IssuerOfPatientID": "PRACTICE"}))
    )
    for moving, code in ((plain, 0), (elsewhere, 5)):
        output = (f"{code}.png",) if written_as == "png" else (f"{code}", "--format", "dicom")
        outcome = run("fuse", issued, moving, "--model", "max", "-o", tmp_path / output[0], *output[1:])
        assert outcome.code == code, outcome.err
        assert ("different patients" in outcome.err) == (code == 5)


def test_force_pair_fuses_different_patients_with_a_warning(run, study, tmp_path):
    own, other = (
        changed_pet(study, tmp_path / f"{name}.dcm", PatientID=name) for name in ("SOMEBODY", "SOMEBODY-ELSE")
    )
    outcome = run("fuse", other, own, "-o", tmp_path / "f.png", "--model", "max", "--json", "--force-pair")
    assert outcome.code == 0
    assert "--force-pair" in outcome.err
    assert "SOMEBODY" not in outcome.err + outcome.out


def test_a_left_and_a_right_side_are_refused_and_equal_sides_are_not(run, study, tmp_path):
    left, right = (changed_pet(study, tmp_path / f"{side}.dcm", Laterality=side) for side in "LR")
    other = changed_pet(study, tmp_path / "other.dcm", Laterality="L", SeriesNumber=77)
    assert run("fuse", left, other, "-o", tmp_path / "f.png", "--model", "max").code == 0
    outcome = run("fuse", left, right, "-o", tmp_path / "g.png", "--model", "max")
    assert outcome.code == 5
    assert "FIXED shows the left side, and MOVING the right" in outcome.err


def test_metrics_take_voxels_of_0_to_1_as_they_are(run, mr, pet, tmp_path):
    image = np.random.default_rng(4).uniform(0, 1, (6, 64, 64))
    found = []
    for name, factor in (("full", 1.0), ("half", 0.5)):
        fused = saved(tmp_path / f"{name}.nii.gz", factor * image)
        outcome = run("metrics", mr, pet, fused, "--metrics", "sd", "--json")
        assert "FUSED is not a picture" not in outcome.err
        found.append(json.loads(outcome.out)["metrics"]["SD"]["value"])
    assert found[1] == pytest.approx(found[0] / 2, rel=1e-3)


def test_a_fused_volume_that_lacks_a_slice_is_refused(run, mr, pet, tmp_path):
    image = np.random.default_rng(4).uniform(0, 1, (6, 64, 64))
    whole, part = saved(tmp_path / "whole.nii.gz", image), saved(tmp_path / "part.nii.gz", image[:5])
    assert run("metrics", mr, pet, whole, "--metrics", "ie").code == 0
    outcome = run("metrics", mr, pet, part, "--metrics", "ie")
    assert outcome.code == 5
    assert "FUSED covers 83% of FIXED" in outcome.err


@pytest.mark.parametrize("words", [("--suv-norm", "lbm"), ("--suv-weight", "70")])
def test_suv_options_without_a_pet_in_dicom_are_said_to_have_no_effect(run, mr, pet, tmp_path, words):
    outcome = run("fuse", mr, pet, "-o", tmp_path / "f.png", "--model", "max", *words)
    assert outcome.code == 0, outcome.err
    assert outcome.err.count("--suv options have no effect") == 1


def test_suv_options_count_for_the_pet_wherever_it_stands(run, study, tmp_path):
    found = {}
    for name, words in (("plain", ()), ("heavy", ("--suv-weight", "200"))):
        outcome = run("fuse", study.pet, study.ct, "-o", tmp_path / f"{name}.nii", "--model", "max", "--json", *words)
        assert outcome.code == 0, outcome.err
        assert "no effect" not in outcome.err
        steps = json.loads(outcome.out)["inputs"]["fixed"]["history"]
        found[name] = steps[0]["suv_factor_max"]
    assert found["heavy"] > found["plain"]
