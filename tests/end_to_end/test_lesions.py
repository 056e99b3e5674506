"""`fusecli fuse --mask`: the lesions of a mask are listed where they lie, with the uptake that they have."""

import json
import re

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from fusecli.core.geometry import Geometry

# Of LPS, which the phantom is in, to RAS, which NIfTI is in; and of (slice, row, column) to (column, row, slice).
TO_RAS, TURNED = np.diag([-1.0, -1.0, 1.0, 1.0]), np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]])


def written(path, labels: np.ndarray, geometry: Geometry):
    affine = TO_RAS @ geometry.matrix @ TURNED
    nibabel.save(nibabel.Nifti1Image(labels.astype(np.uint8).transpose(2, 1, 0), affine), path)
    return path


def spheres(study, geometry: Geometry, *, numbers=False):
    """The phantom's lesions on a grid, 1 inside, or the place of each in the phantom's list plus 3."""
    indices = np.stack(np.meshgrid(*map(np.arange, geometry.shape), indexing="ij"), axis=-1).reshape(-1, 3)
    points, labels = geometry.points(indices.astype(float)), np.zeros(geometry.shape)
    for k, lesion in enumerate(study.phantom.lesions):
        inside = np.linalg.norm(points - lesion.centre_mm, axis=1) < lesion.radius_mm
        labels[inside.reshape(geometry.shape)] = k + 3 if numbers else 1
    return labels


@pytest.fixture
def fused(run, study, tmp_path):
    """What --json says of the lesions in a mask, by default of all slices."""

    def listed(mask, *words):
        words = ("fuse", study.ct, study.pet, "-o", tmp_path / "f.nii.gz", "--model", "max", "--mask", mask, *words)
        outcome = run(*words, "--json")
        assert outcome.code == 0, outcome.err
        return json.loads(outcome.out)["lesions"]

    return listed


@pytest.mark.parametrize("role", ["ct", "pet"])
def test_a_mask_on_either_grid_gives_each_lesion_its_place_and_its_uptake(study, fused, tmp_path, role):
    grid = getattr(study.phantom, f"{role}_geometry")
    marks = spheres(study, grid, numbers=True)
    found = {lesion["label"]: lesion for lesion in fused(written(tmp_path / "mask.nii.gz", marks, grid))}
    assert found
    for label, lesion in found.items():
        truth = study.phantom.lesions[label - 3]
        points = grid.points(np.argwhere(marks == label).astype(float))
        assert lesion["centre_mm"] == pytest.approx(points.mean(axis=0), abs=max(grid.spacing_mm))
        suv = study.phantom.pet_bqml / study.phantom.bqml_per_suv
        at = study.phantom.pet_geometry.indices(study.phantom.ct_geometry.points(np.array([lesion["voxel"]])))
        nearest = suv[tuple(np.rint(at[0]).astype(int))]
        assert nearest <= lesion["uptake"]["max"] * 1.001
        assert lesion["uptake"]["max"] <= suv.max() * 1.001
        assert lesion["uptake"]["mean"] <= lesion["uptake"]["max"]
        assert lesion["uptake"]["unit"] == "SUV g/ml"
        assert np.linalg.norm(np.array(lesion["centre_mm"]) - truth.centre_mm) < truth.radius_mm


def test_the_volume_of_a_lesion_is_that_of_its_voxels(study, fused, tmp_path):
    marks, grid = np.zeros(study.phantom.ct_geometry.shape), study.phantom.ct_geometry
    marks[2:4, 40:44, 30:35] = 1
    marks[1, 60, 60] = 1
    large, small = fused(written(tmp_path / "mask.nii.gz", marks, grid))
    voxel_ml = np.prod(grid.spacing_mm) / 1000
    assert (large["voxels"], small["voxels"]) == (40, 1)
    assert large["volume_ml"] == pytest.approx(40 * voxel_ml)
    assert large["label"] is None
    assert small["voxel"] == [1, 60, 60]


def test_the_hottest_voxel_is_the_pet_s_own_and_not_an_interpolated_one(study, fused, tmp_path):
    grid, suv = study.phantom.pet_geometry, study.phantom.pet_bqml / study.phantom.bqml_per_suv
    hottest = np.unravel_index(suv.argmax(), suv.shape)
    marks = np.zeros(grid.shape)
    marks[tuple(slice(max(index - 2, 0), index + 3) for index in hottest)] = 1
    (lesion,) = fused(written(tmp_path / "mask.nii.gz", marks, grid))
    assert lesion["uptake"]["max"] == pytest.approx(suv.max(), rel=1e-3)  # 16 bits of the file


def test_maximum_keeps_the_contrast_of_a_hot_lesion(study, fused, tmp_path):
    grid = study.phantom.ct_geometry
    mask = written(tmp_path / "mask.nii.gz", spheres(study, grid), grid)
    (largest, *_) = fused(mask)
    assert largest["contrast"]["of_moving"] > 0.3
    assert largest["contrast"]["moving"] > 0
    (alone, *_) = fused(mask, "--overwrite", "--slice", str(study.lesion_slice), "-o", str(tmp_path / "f.png"))
    assert alone["voxels"] < largest["voxels"]
    assert alone["voxel"][0] == 0


def test_the_page_has_a_row_and_a_button_for_each_lesion(run, study, tmp_path):
    grid, page = study.phantom.ct_geometry, tmp_path / "r.html"
    mask = written(tmp_path / "mask.nii.gz", spheres(study, grid, numbers=True), grid)
    words = ("fuse", study.ct, study.pet, "-o", tmp_path / "f.nii.gz", "--model", "max")
    assert run(*words, "--mask", mask, "--report", page).code == 0
    text = page.read_text(encoding="utf-8")
    assert "PET max (SUV g/ml)" in text
    assert len(re.findall(r'data-voxel="\d+ \d+ \d+"', text)) == len(np.unique(spheres(study, grid, numbers=True))) - 1
    assert run(*words, "--overwrite", "--report", page).code == 0
    assert "h-lesions" not in page.read_text(encoding="utf-8")


def test_a_mask_of_pictures_lists_pixels_and_no_millimetres(run, pictures, tmp_path):
    marks = np.zeros((96, 80), dtype=np.uint8)
    marks[38:43, 48:53] = 200
    Image.fromarray(marks).save(tmp_path / "mask.png")
    words = ("fuse", *pictures, "-o", tmp_path / "f.png", "--model", "max", "--mask", tmp_path / "mask.png")
    outcome = run(*words, "--json", "--report", tmp_path / "r.html")
    (lesion,) = json.loads(outcome.out)["lesions"]
    assert (lesion["voxels"], lesion["voxel"]) == (25, [0, 40, 50])
    assert lesion["centre_mm"] is lesion["volume_ml"] is lesion["uptake"] is None
    assert '<th scope="col" class="number">Voxels</th>' in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_many_regions_are_cut_and_said(study, run, tmp_path):
    marks = np.zeros(study.phantom.ct_geometry.shape)
    marks[::2, ::6, ::6] = 1
    mask = written(tmp_path / "mask.nii.gz", marks, study.phantom.ct_geometry)
    words = ("fuse", study.ct, study.pet, "-o", tmp_path / "f.nii.gz", "--model", "max", "--mask", mask, "--json")
    outcome = run(*words)
    assert len(json.loads(outcome.out)["lesions"]) == 100
    assert f"The mask has {int(marks.sum())} regions; the 100 largest are listed." in outcome.err


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("empty", 4, "The mask is empty"),
        ("labels", 4, "The mask has 120 labels"),
        ("far", 5, "MASK spans"),
        ("small", 5, "FIXED and MASK have different sizes"),
        ("missing", 3, "missing"),
        ("text", 4, "text"),
    ],
)
def test_a_mask_that_cannot_be_used_is_refused_before_anything_is_fused(
    run, study, tmp_path, monkeypatch, name, code, text
):
    from fusecli import fusion

    monkeypatch.setattr(fusion, "fuse", None)
    shape, grid, path = study.phantom.ct_geometry.shape, study.phantom.ct_geometry, tmp_path / f"{name}.nii.gz"
    if name == "empty":
        written(path, np.zeros(shape), grid)
    elif name == "labels":
        written(path, np.arange(np.prod(shape)).reshape(shape) % 121, grid)
    elif name == "far":
        written(path, np.ones(shape), Geometry(shape, moved(grid.matrix)))
    elif name == "small":
        path = tmp_path / "small.png"
        Image.fromarray(np.full((5, 5), 255, np.uint8)).save(path)
    elif name == "text":
        path.write_text("no image")
    outcome = run("fuse", study.ct, study.pet, "-o", tmp_path / "f.nii.gz", "--model", "max", "--mask", path, "--json")
    assert (outcome.code, text in outcome.err) == (code, True), outcome.err
    assert not (tmp_path / "f.nii.gz").exists()


def test_a_mask_that_nothing_lists_is_a_usage_error(run, study, tmp_path):
    words = ("fuse", study.ct, study.pet, "-o", tmp_path / "f.nii.gz", "--mask", study.ct)
    assert run(*words).code == 2
    assert run(*words, "--report", tmp_path / "r.csv").code == 2


def test_a_result_never_takes_the_place_of_the_mask(run, study, tmp_path):
    mask = written(tmp_path / "mask.nii.gz", spheres(study, study.phantom.ct_geometry), study.phantom.ct_geometry)
    before = mask.read_bytes()
    words = ("fuse", study.ct, study.pet, "--mask", mask, "--overwrite", "--json", "--model", "max")
    assert run(*words, "-o", mask).code == 2
    assert run(*words, "-o", tmp_path / "f.nii.gz", "--mip", mask).code == 2
    assert mask.read_bytes() == before


def moved(matrix):
    """An affine half a kilometre farther up."""
    far = matrix.copy()
    far[2, 3] += 5000
    return far


@pytest.mark.parametrize("grid", ["fixed", "moving"])
@pytest.mark.parametrize("drawn_on", ["fixed", "moving"])
def test_a_mask_goes_wherever_the_image_went_that_it_was_drawn_on(run, tmp_path, drawn_on, grid):
    """One image twice, of which one file says that it lies 6 mm farther right, and an alignment that undoes this."""
    noise, marks, elsewhere = np.random.default_rng(3).uniform(0.1, 1, (40, 36, 10)), np.zeros((40, 36, 10)), np.eye(4)
    marks[20, 12, 5] = 1
    elsewhere[0, 3] = 6.0
    affines = {"fixed": np.eye(4), "moving": elsewhere}
    for name, voxels, affine in (*((n, noise, a) for n, a in affines.items()), ("mask", marks, affines[drawn_on])):
        nibabel.save(nibabel.Nifti1Image(voxels.astype(np.float32), affine), tmp_path / f"{name}.nii.gz")
    # To the right is the negative x of LPS.
    sitk.WriteTransform(sitk.TranslationTransform(3, (-6.0, 0.0, 0.0)), str(tmp_path / "found.tfm"))
    images = [tmp_path / f"{name}.nii.gz" for name in ("fixed", "moving")]
    words = ("--fixed-modality", "MRI", "--moving-modality", "PET", "--apply", tmp_path / "found.tfm", "--grid", grid)
    output = ("-o", tmp_path / "f.nii.gz", "--model", "max", "--mask", tmp_path / "mask.nii.gz", "--json")
    outcome = run("fuse", *images, *words, *output)
    assert outcome.code == 0, outcome.err
    (lesion,) = json.loads(outcome.out)["lesions"]
    assert lesion["voxel"] == [5, 35 - 12, 39 - 20]  # as it is read, rows run to the back and columns to the left
    assert lesion["uptake"]["max"] == pytest.approx(noise[20, 12, 5], rel=1e-5)
