"""Which grid the result has, in which planes it is cut, and what can be had beside it."""

import json
from dataclasses import replace

import nibabel
import numpy as np
import pytest
from PIL import Image

from fusecli import formats
from fusecli.color import lookup
from fusecli.core.slices import SliceChoice
from fusecli.pipeline import fuse_to
from fusecli.pipeline.views import legend_of
from fusecli.settings import FuseSettings

QUICK = ("--model", "average")


def read_nifti(path):
    image = nibabel.load(path)
    return np.asanyarray(image.dataobj), image.affine


def fused(run, study, path, *options):
    outcome = run("fuse", study.ct, study.pet, "-o", path, *QUICK, *options)
    assert outcome.code == 0, outcome.err
    return path


def test_the_result_has_the_grid_of_fixed_unless_another_is_asked_for(run, study, tmp_path):
    ct, pet = formats.read(study.ct), formats.read(study.pet)
    for name, geometry in (("fixed", ct.geometry), ("moving", pet.geometry)):
        path = fused(run, study, tmp_path / f"{name}.nii.gz", "--grid", name, "--palette", "none")
        back = formats.read(path)
        assert back.geometry.shape == geometry.shape
        assert np.allclose(back.geometry.matrix, geometry.matrix, atol=1e-3)
    assert ct.geometry.shape != pet.geometry.shape


def test_cubes_have_the_side_that_is_asked_for_over_the_field_of_view_of_fixed(run, study, tmp_path):
    ct = formats.read(study.ct).geometry
    back = formats.read(fused(run, study, tmp_path / "f.nii.gz", "--grid", "iso:4", "--palette", "none")).geometry
    assert np.allclose(back.spacing_mm, 4)
    assert np.allclose(np.array(back.shape) * 4, np.array(ct.shape) * ct.spacing_mm, atol=2.01)
    middle = [geometry.points((np.array([geometry.shape]) - 1) / 2) for geometry in (back, ct)]
    assert np.allclose(*middle, atol=1e-3)


def test_a_lesion_is_at_the_same_place_on_every_grid(run, study, tmp_path):
    found = []
    for grid in ("fixed", "moving", "iso:3"):
        image = formats.read(fused(run, study, tmp_path / f"{grid[:3]}.nii.gz", "--grid", grid, "--palette", "none",
                                   "--window", "lung", "--alpha", "1", "--model", "alpha"))  # fmt: skip
        hot = np.argwhere(image.voxels > 0.9 * image.voxels.max())
        found.append(image.geometry.points(hot).mean(axis=0))
    assert np.abs(np.array(found) - found[0]).max() < 4.3  # FIXED's voxels are 4.27 mm wide


@pytest.mark.parametrize("grid", ["iso", "iso:0", "iso:-1", "iso:nan", "other", "iso:x"])
def test_another_word_is_no_grid(run, study, tmp_path, grid):
    outcome = run("fuse", study.ct, study.pet, "-o", tmp_path / "f.png", "--grid", grid)
    assert outcome.code == 2
    assert "is not a grid" in outcome.err


def test_a_picture_has_no_grid_but_its_own(run, pictures, tmp_path):
    outcome = run("fuse", *pictures, "-o", tmp_path / "f.png", "--grid", "iso:1", *QUICK)
    assert outcome.code == 2
    assert "where they lie in the patient" in outcome.err
    assert not (tmp_path / "f.png").exists()


def test_coronal_slices_hold_the_voxels_of_the_axial_ones(run, study, tmp_path):
    axial, axial_affine = read_nifti(fused(run, study, tmp_path / "a.nii.gz", "--palette", "none"))
    coronal, affine = read_nifti(fused(run, study, tmp_path / "c.nii.gz", "--palette", "none", "--planes", "coronal"))
    assert coronal.shape == (axial.shape[0], axial.shape[2], axial.shape[1])
    assert np.sort(coronal, axis=None) == pytest.approx(np.sort(axial, axis=None))
    index = np.array([3, 1, 40, 1])
    place = np.linalg.inv(axial_affine) @ affine @ index
    assert coronal[3, 1, 40] == axial[tuple(np.rint(place[:3]).astype(int))]


def test_pictures_of_other_planes_have_square_pixels(run, study, tmp_path):
    fused(run, study, tmp_path / "c.png", "--planes", "coronal")
    ct = formats.read(study.ct).geometry
    with Image.open(sorted((tmp_path / "c").iterdir())[0]) as picture:
        side = min(ct.spacing_mm[0], ct.spacing_mm[2])
        assert picture.height == round(ct.shape[0] * ct.spacing_mm[0] / side)
        assert picture.width == round(ct.shape[2] * ct.spacing_mm[2] / side)
    assert len(list((tmp_path / "c").iterdir())) == ct.shape[1]


def test_the_coverage_says_where_moving_has_data(run, study, tmp_path):
    half = formats.read(study.pet)
    kept = half.geometry.shape[2] // 2
    grid = replace(half.geometry, shape=(*half.geometry.shape[:2], kept))
    cut = half.stepped(half.history[0], voxels=half.voxels[:, :, :kept], geometry=grid)
    formats.write(cut, tmp_path / "pet_half.nii.gz")
    outcome = run("fuse", study.ct, tmp_path / "pet_half.nii.gz", "-o", tmp_path / "f.nii.gz", *QUICK,
                  "--coverage", tmp_path / "covered.nii.gz", "--palette", "none")  # fmt: skip
    assert outcome.code == 0, outcome.err
    covered, _ = read_nifti(tmp_path / "covered.nii.gz")
    assert set(np.unique(covered)) == {0, 1}
    assert 0.3 < covered.mean() < 0.7
    whole = fused(run, study, tmp_path / "whole.nii.gz", "--coverage", tmp_path / "all.nii.gz", "--palette", "none")
    assert whole.exists()
    assert read_nifti(tmp_path / "all.nii.gz")[0].mean() > covered.mean()


def test_the_projection_shows_the_hottest_voxel_of_the_stack(run, study, tmp_path):
    fused(
        run, study, tmp_path / "f.nii.gz", "--mip", tmp_path / "mip.nii.gz", "--suv-range", "0-5", "--palette", "none"
    )
    mip = formats.read(tmp_path / "mip.nii.gz")
    pet = formats.read(study.pet)
    assert mip.geometry.shape[0] == 1
    assert mip.voxels.max() == pytest.approx(min(1, pet.voxels.max() / 5), abs=0.1)


def test_a_color_bar_stands_beside_the_picture_and_leaves_it_alone(run, study, tmp_path):
    options = ("--slice", str(study.lesion_slice))
    with Image.open(fused(run, study, tmp_path / "with.png", *options, "--color-bar")) as picture:
        wide = np.asarray(picture)
    with Image.open(fused(run, study, tmp_path / "without.png", *options)) as picture:
        plain = np.asarray(picture)
    assert wide.shape[0] == plain.shape[0]
    assert wide.shape[1] > plain.shape[1]
    assert np.array_equal(wide[:, : plain.shape[1]], plain)
    assert wide[:, plain.shape[1] :].max() == 255


def test_the_color_bar_has_each_color_of_the_picture_at_its_brightness_and_uptake(study, tmp_path):
    settings = FuseSettings(model="average", slice_choice=SliceChoice(index=study.lesion_slice))
    done = fuse_to(tmp_path / "f.png", study.ct, study.pet, settings)
    brightness, uptake = (np.rint(image.voxels * 255).astype(int) for image in (done.fused, done.pair.moving))
    bar = legend_of(done.shown, done.pair)
    off = np.abs(bar.colors[brightness, uptake].astype(int) - done.shown.voxels).max(axis=-1)
    assert np.mean(off <= 6) > 0.99
    tissue = (done.fused.voxels > 0.2) & (done.pair.moving.voxels > 0.1)
    of_palette_alone = np.abs(lookup(done.pair.moving.voxels, "hot-iron").astype(int) - done.shown.voxels).max(axis=-1)
    assert np.mean(of_palette_alone[tissue] <= 6) < 0.2


def test_a_color_bar_without_a_palette_is_refused_and_nothing_is_written(run, study, tmp_path):
    outcome = run("fuse", study.ct, study.pet, "-o", tmp_path / "f.png", "--slice", "1", "--palette", "none",
                  "--color-bar", *QUICK)  # fmt: skip
    assert outcome.code == 2
    assert "no color bar" in outcome.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [("--grid", "iso:2"), ("--planes", "sagittal"), ("--color-bar",)])
def test_dicom_takes_the_grid_and_the_planes_of_fixed_only(run, study, tmp_path, options):
    outcome = run("fuse", study.ct, study.pet, "-o", tmp_path / "f", "--format", "dicom", *options, *QUICK)
    assert outcome.code == 2
    assert f"{options[0]} cannot be had in DICOM" in outcome.err
    assert not (tmp_path / "f").exists()


def test_two_results_of_one_name_are_refused(run, study, tmp_path):
    same = tmp_path / "f.nii.gz"
    outcome = run("fuse", study.ct, study.pet, "-o", same, "--coverage", same, *QUICK)
    assert outcome.code == 2
    assert "one name" in outcome.err


def test_what_the_words_alone_decide_is_told_before_anything_is_read(run, study, tmp_path, monkeypatch):
    from fusecli import formats

    def unread(*paths):
        raise AssertionError("it was read")

    monkeypatch.setattr(formats, "opened_pair", unread)
    mask = tmp_path / "lesions.nii.gz"
    mask.touch()
    for words, said in (
        (("-o", tmp_path / "f.png", "--slice", "2", "--mip", tmp_path / "mip.png"), "projection needs a volume"),
        (("-o", tmp_path / "f.png", "--palette", "none", "--color-bar"), "no color bar"),
        (("-o", mask, "--apply", mask, "--overwrite"), "is an input"),
        (("-o", tmp_path / "f.nii.gz", "--coverage", mask, "--apply", mask, "--overwrite"), "is an input"),
        (
            ("-o", tmp_path / "f.nii.gz", "--transform", study.ct / "t.tfm", "--apply", study.ct / "t.tfm"),
            "is an input",
        ),
    ):
        outcome = run("fuse", study.ct, study.pet, *words, *QUICK)
        assert outcome.code == 2, (words, outcome.err)
        assert said in outcome.err
    assert run("fuse", study.ct, study.pet, "-o", tmp_path / "f.png", "--slice", "2", *QUICK).code == 1


def test_what_cannot_be_had_is_told_before_anything_is_written(run, study, tmp_path):
    for words, said in (
        (("--slice", "2", "--mip", tmp_path / "mip.png"), "projection needs a volume"),
        (("--palette", "none", "--color-bar"), "no color bar"),
        (("--check", tmp_path / "check.nii.gz"), "not the name of a picture"),
        (("--slice", "2", "--grid", "moving"), "--slice picks a slice of FIXED"),
        (("--grid", "iso:0.05"), "makes a volume of"),
    ):
        files = ("-o", tmp_path / "f.png", "--transform", tmp_path / "t.tfm")
        outcome = run("fuse", study.ct, study.pet, *files, *words, *QUICK)
        assert outcome.code == 2, (words, outcome.err)
        assert said in outcome.err
        assert list(tmp_path.iterdir()) == []


def test_a_transform_that_is_applied_is_an_input(run, study, tmp_path):
    saved = tmp_path / "t.tfm"
    run("fuse", study.ct, study.pet, "-o", tmp_path / "f.png", "--transform", saved, *QUICK)
    before = saved.read_bytes()
    words = ("--apply", saved, "--transform", saved, "--overwrite")
    outcome = run("fuse", study.ct, study.pet, "-o", tmp_path / "g.png", *words, *QUICK)
    assert outcome.code == 2
    assert saved.read_bytes() == before


def test_a_mask_drawn_as_a_picture_fits_the_fused_picture(run, study, tmp_path):
    mask = tmp_path / "mask.png"
    fused(run, study, tmp_path / "c.png", "--planes", "coronal", "--coverage", mask)
    sizes = []
    for folder in (tmp_path / "c", tmp_path / "mask"):
        with Image.open(sorted(folder.iterdir())[0]) as picture:
            sizes.append(picture.size)
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("window", [(), ("--window", "350/50")])
def test_a_slice_is_aligned_with_its_series_whatever_its_window(run, study, tmp_path, window):
    report = tmp_path / "r.json"
    fused(run, study, tmp_path / "f.png", "--slice", "2", "--report", report, *window)
    motion = json.loads(report.read_text())["registration"]["motion"]
    assert motion["angle_deg"] == pytest.approx(0, abs=0.01)
    assert motion["scale"] == pytest.approx([1, 1, 1], abs=1e-3)
    assert json.loads(report.read_text())["registration"]["size_mm"] > 50


def test_a_fused_volume_of_other_voxels_is_measured_with_a_warning(run, study, tmp_path):
    for grid, said in (("fixed", False), ("iso:6", True)):
        path = fused(run, study, tmp_path / f"{grid[:3]}.nii.gz", "--grid", grid, "--palette", "none")
        outcome = run("metrics", study.ct, study.pet, path, "--metrics", "IE")
        assert outcome.code == 0, outcome.err
        assert ("interpolated" in outcome.err) == said
