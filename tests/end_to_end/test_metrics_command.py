"""`fusecli metrics` with its choices, masks, volumes and what is not defined."""

import json

import nibabel
import numpy as np
import pytest
from PIL import Image

from fusecli.catalog import METRIC_PROFILES, METRICS, PAPER_METRICS

FEW = ("--metrics", "ie,sd,vif,scd")


@pytest.fixture
def three(pictures, tmp_path):
    """Paths of FIXED, MOVING and a fusion of both, 96 rows x 80 columns."""
    fused = tmp_path / "fused.png"
    images = [np.asarray(Image.open(path).convert("L")) for path in pictures]
    Image.fromarray(np.maximum(*images)).save(fused)
    return (*pictures, fused)


@pytest.fixture
def mask(tmp_path):
    rows, columns = np.mgrid[0:96, 0:80]
    path = tmp_path / "mask.png"
    Image.fromarray((np.hypot(rows - 40, columns - 50) < 5).astype(np.uint8) * 255).save(path)
    return path


def document(outcome):
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def test_all_metrics_come_with_value_unit_and_direction(run, three):
    found = document(run("metrics", *three, "--json"))
    assert list(found["metrics"]) == list(METRICS)
    assert found["metrics"]["VIF"].keys() == {"value", "unit", "better"}
    assert found["profile"] == "fusecli"


def test_what_is_not_defined_is_null_with_a_reason_and_a_dash_with_a_note(run, three):
    missing = document(run("metrics", *three, "--metrics", "ie,ms_ssim", "--json"))["metrics"]["MS_SSIM"]
    assert missing["value"] is None
    assert "not defined: An image of 96 x 80 pixels is too small" in missing["reason"]
    outcome = run("metrics", *three, "--metrics", "ie,ms_ssim")
    assert "MS_SSIM: not defined" in outcome.err
    assert outcome.out.split("MS_SSIM")[1].split()[0] == "-"


def test_a_constant_source_takes_only_what_depends_on_it(run, three, tmp_path):
    flat = tmp_path / "flat.png"
    Image.fromarray(np.full((96, 80), 100, np.uint8)).save(flat)
    found = document(run("metrics", three[0], flat, three[2], *FEW, "--json"))["metrics"]
    assert found["IE"]["value"] > 0
    assert found["SCD"]["value"] is found["VIF"]["value"] is None
    assert "MOVING is constant" in found["SCD"]["reason"]


def test_only_metrics_that_are_not_defined_are_an_error(run, three, tmp_path):
    flat = tmp_path / "flat.png"
    Image.fromarray(np.full((96, 80), 100, np.uint8)).save(flat)
    outcome = run("metrics", three[0], flat, three[2], "--metrics", "scd,vif")
    assert outcome.code == 4
    assert "MOVING is constant" in outcome.err


def test_a_group_of_metrics_has_its_own_order(run, three):
    assert tuple(document(run("metrics", *three, "--metrics", "paper", "--json"))["metrics"]) == PAPER_METRICS


@pytest.mark.parametrize(
    "words", [("--metrics", "IE,NONSENSE"), ("--profile", "matlab"), ("--profile", "vifb", "--metrics", "EPI")]
)
def test_a_metric_or_profile_that_there_is_not_is_a_usage_error(run, three, words):
    outcome = run("metrics", *three, *words)
    assert outcome.code == 2
    assert "IE" in outcome.err or "linfeng" in outcome.err


def test_a_profile_gives_its_own_units_and_values(run, three):
    ours, theirs = (
        document(run("metrics", *three, "--metrics", "mi", "--profile", name, "--json"))["metrics"]["MI"]
        for name in ("fusecli", "cddfuse")
    )
    assert (ours["unit"], theirs["unit"]) == ("bit", "nat")
    assert theirs["value"] == pytest.approx(ours["value"] * np.log(2))


def test_a_mask_tells_how_much_of_its_contrast_is_kept(run, three, mask):
    found = document(run("metrics", *three, *FEW, "--mask", mask, "--json"))["clinical"]
    assert found["mask"]["of_moving"] == pytest.approx(1, abs=0.2)
    assert found["mask"]["voxels"] == np.count_nonzero(np.asarray(Image.open(mask)))
    assert found["beyond_sources"]["share"] < 0.01
    assert "suv" not in found  # a picture of a PET is no measurement


def picture_of(path, value, shape=(96, 80)):
    Image.fromarray(np.full(shape, value, np.uint8)).save(path)
    return path


@pytest.mark.parametrize(
    ("name", "value", "shape", "code", "text"),
    [
        ("small", 255, (20, 20), 5, "FIXED and MASK have different sizes"),
        ("empty", 0, (96, 80), 4, "The mask is empty"),
        ("full", 255, (96, 80), 4, "The mask fills its slices"),
        ("missing", None, None, 3, "missing.png"),
    ],
)
def test_a_mask_that_cannot_be_used_is_refused_before_anything_is_measured(
    run, three, tmp_path, monkeypatch, name, value, shape, code, text
):
    from fusecli import metrics

    def never(*_, **__):
        raise AssertionError("measured")

    path = tmp_path / f"{name}.png"
    if value is not None:
        picture_of(path, value, shape)
    monkeypatch.setattr(metrics, "score_slices", never)
    outcome = run("metrics", *three, *FEW, "--mask", path)
    assert outcome.code == code, outcome.err
    assert text in outcome.err


def test_every_clinical_fact_on_the_terminal_has_its_unit(run, three, mask):
    out = run("metrics", *three, *FEW, "--mask", mask).out.split("clinical")[1]
    rows = {" ".join(line.split()) for line in out.splitlines() if line.strip()}
    for ending in ("1 share", "grey level mean excess", "1 share of fixed in moving", "1 of moving", "voxel voxels"):
        assert any(row.endswith(ending) for row in rows), ending
    assert sum("grey level" in row for row in rows) == 8  # two of brightness beyond, three of noise, three of the mask


def test_a_group_that_the_profile_lacks_in_part_is_said(run, three):
    assert (
        "Warning: The profile cddfuse does not have EI."
        in run("metrics", *three, "--metrics", "paper", "--profile", "cddfuse").err
    )
    assert "does not have" not in run("metrics", *three, "--metrics", "paper").err


def nifti(path, voxels, *, affine=None):
    nibabel.save(nibabel.Nifti1Image(voxels.astype(np.float32), np.eye(4) if affine is None else affine), path)
    return path


def test_a_warning_about_one_of_the_inputs_says_which(run, volumes, tmp_path):
    images = {role: nibabel.load(path) for role, path in zip(("FIXED", "MOVING", "FUSED"), volumes, strict=True)}
    images["MASK"] = nibabel.Nifti1Image((images["FIXED"].get_fdata() > 0.4).astype(np.float32), images["FIXED"].affine)
    paths = {}
    for k, (role, image) in enumerate(images.items(), start=1):
        voxels = np.array(image.get_fdata())
        voxels[0, :k, 0] = np.nan
        paths[role] = nifti(tmp_path / f"{role}_nan.nii.gz", voxels, affine=image.affine)
    three = [paths[role] for role in ("FIXED", "MOVING", "FUSED")]
    found = document(run("metrics", *three, *FEW, "--mask", paths["MASK"], "--json"))["warnings"]
    for k, role in enumerate(images, start=1):
        assert any(text.startswith(f"{role}: {k} voxels are NaN") for text in found), (role, found)
    assert not any("NaN" in text for text in document(run("metrics", *volumes, *FEW, "--json"))["warnings"])


def test_a_warning_that_names_an_option_still_says_which_input_it_means(run, three, tmp_path):
    dark = tmp_path / "dark.png"
    Image.fromarray(np.asarray(Image.open(three[2])).astype(np.uint16) * 16).save(dark)
    (warning,) = document(run("metrics", *three[:2], dark, *FEW, "--register", "none", "--json"))["warnings"]
    assert warning.startswith("FUSED: The picture has 16 bits")


@pytest.mark.parametrize("profile", METRIC_PROFILES)
def test_a_picture_one_pixel_wide_is_too_small_in_every_profile(run, tmp_path, profile):
    thin = picture_of(tmp_path / "thin.png", 90, (40, 1))
    outcome = run("metrics", thin, thin, thin, "--profile", profile)
    assert outcome.code == 4
    assert "Images of 40 x 1 pixels are too small to be measured." in outcome.err


@pytest.mark.parametrize("profile", METRIC_PROFILES)
@pytest.mark.parametrize("shape", [(2, 2), (60, 3)])
def test_the_smallest_and_constant_pictures_have_a_number_or_a_reason_in_every_profile(run, tmp_path, profile, shape):
    grain = np.random.default_rng(5).integers(0, 256, (3, *shape)).astype(np.uint8)
    paths = [tmp_path / f"{k}.png" for k in range(3)]
    for path, pixels in zip(paths, grain, strict=True):
        Image.fromarray(pixels).save(path)
    for words in (paths, [*paths[:2], picture_of(tmp_path / "flat.png", 90, shape)]):
        outcome = run("metrics", *words, "--profile", profile, "--json")
        assert "NaN" not in outcome.out
        if outcome.code:
            assert outcome.code == 4
            assert "Error" in outcome.err
        else:
            scores = json.loads(outcome.out)["metrics"].values()
            assert all((score["value"] is None) == ("reason" in score) for score in scores)


@pytest.mark.parametrize("role", ["FUSED", "MASK"])
def test_an_image_elsewhere_in_the_patient_is_called_by_its_role(run, volumes, tmp_path, role):
    far = np.diag([1.0, 1.0, 3.0, 1.0])
    far[:3, 3] = 5000
    away = nifti(tmp_path / "away.nii.gz", nibabel.load(volumes[2]).get_fdata(), affine=far)
    words = (volumes[0], volumes[1], away) if role == "FUSED" else (*volumes, "--mask", away)
    outcome = run("metrics", *words, *FEW)
    assert outcome.code == 5
    assert f"{role} spans" in outcome.err
    assert "MOVING" not in outcome.err


def test_the_foreground_leaves_the_black_around_a_head_out(run, three):
    whole, inside = (document(run("metrics", *three, *FEW, *more, "--json")) for more in ((), ("--foreground",)))
    assert not whole["clinical"]["foreground"]["applied"]
    assert inside["clinical"]["foreground"]["applied"]
    assert inside["metrics"]["IE"]["value"] > whole["metrics"]["IE"]["value"] + 1


@pytest.fixture
def volumes(three, tmp_path):
    """The same as volumes of three slices, of which the last two differ from the first."""
    paths = []
    for path in three:
        image = np.asarray(Image.open(path).convert("L")).astype(np.float32) / 255
        voxels = np.stack([image, np.roll(image, 5, axis=1) * 0.9, image[::-1]], axis=-1)
        paths.append(tmp_path / f"{path.stem}.nii.gz")
        nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1.0, 1.0, 3.0, 1.0])), paths[-1])
    return paths


def test_a_volume_has_its_slices_their_mean_and_sd_and_the_whole(run, volumes):
    found = document(run("metrics", *volumes, "--metrics", "sd,scd,vif", "--json"))
    each = [entry["metrics"]["VIF"]["value"] for entry in found["slices"]]
    assert [entry["slice"] for entry in found["slices"]] == [0, 1, 2]
    assert found["metrics"]["VIF"]["value"] == pytest.approx(np.mean(each))
    assert found["metrics"]["VIF"]["sd"] == pytest.approx(np.std(each, ddof=1))
    assert set(found["whole_volume"]) == {"SD", "SCD"}


def test_per_slice_shows_a_row_for_every_slice(run, volumes):
    brief, long = (run("metrics", *volumes, *FEW, *more).out for more in ((), ("--per-slice",)))
    assert "slice" not in brief
    assert "SD" in brief
    assert len(long.splitlines()) >= len(brief.splitlines()) + 3


def test_a_pet_in_suv_is_described_inside_the_mask_before_and_after(run, study, tmp_path):
    number = str(study.lesion_slice)
    ct, pet = study.ct, study.pet
    fused = tmp_path / "fused.png"
    assert run("fuse", ct, pet, "--slice", number, "-o", fused, "--palette", "none", "--model", "max").code == 0
    shape = np.asarray(Image.open(fused)).shape
    inside = np.zeros(shape, np.uint8)
    inside[shape[0] // 3 : shape[0] // 2, shape[1] // 3 : shape[1] // 2] = 1
    Image.fromarray(inside).save(tmp_path / "mask.png")
    found = document(
        run("metrics", ct, pet, fused, "--slice", number, *FEW, "--mask", tmp_path / "mask.png", "--json")
    )["clinical"]["suv"]
    assert found["unit"] == "g/ml"
    assert found["before"]["mean"] == pytest.approx(found["after"]["mean"], rel=0.25)
    assert found["after"]["max"] >= found["after"]["mean"] > 0
    assert found["read_from_fused"]["mean"] > 0


def test_metrics_align_as_fuse_does_or_by_its_transform(run, study, tmp_path):
    pair, fused, saved = (study.ct, study.pet), tmp_path / "fused.nii.gz", tmp_path / "found.tfm"
    words = ("--model", "max", "--palette", "none", "--register", "rigid", "--accept-registration")
    outcome = run("fuse", *pair, "-o", fused, *words, "--transform", saved, "--json")
    assert outcome.code == 0, outcome.err
    own = json.loads(outcome.out)["metrics"]["SCD"]["value"]
    found = []
    for words in (("--apply", saved), ("--register", "rigid"), ("--register", "none")):
        options = ("--metrics", "SCD", "--json", "--accept-registration", *words)
        measured = run("metrics", *pair, fused, *options)
        assert measured.code == 0, measured.err
        found.append(json.loads(measured.out)["metrics"]["SCD"]["value"])
    applied, searched, stated = found
    assert applied == pytest.approx(own, abs=2e-3)
    assert searched == pytest.approx(own, abs=2e-3)
    assert abs(stated - own) > 1e-4
