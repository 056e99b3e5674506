"""`fusecli metrics` with its choices, masks, volumes and what is not defined."""

import json

import nibabel
import numpy as np
import pytest
from PIL import Image

from fusecli.catalog import METRICS, PAPER_METRICS

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


def test_a_mask_of_another_size_is_refused(run, three, tmp_path):
    Image.fromarray(np.full((20, 20), 255, np.uint8)).save(tmp_path / "small.png")
    outcome = run("metrics", *three, *FEW, "--mask", tmp_path / "small.png")
    assert outcome.code == 5
    assert "MASK" in outcome.err


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
