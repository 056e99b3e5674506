"""`fusecli register` as a user types it, on files."""

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from fusecli import formats
from fusecli.core.geometry import Geometry
from fusecli.core.intensity import Intensity
from fusecli.register import from_matrix, transform_file


@pytest.fixture
def files(tmp_path, head, moved, motion):
    """FIXED, MOVING turned and shifted, and the motion between them."""
    turn = motion(15, (0, 1, 2), (8, -12, 6))
    formats.write(head.mri, tmp_path / "mri.nii.gz")
    formats.write(moved(head.pet, turn), tmp_path / "pet.nii.gz")
    return tmp_path / "mri.nii.gz", tmp_path / "pet.nii.gz", turn


def test_register_writes_moving_on_fixed_s_grid_the_transform_and_a_picture(run, tmp_path, files, head):
    fixed, moving, turn = files
    out, found, check = tmp_path / "out.nii.gz", tmp_path / "found.tfm", tmp_path / "check.png"
    outcome = run("register", fixed, moving, "-o", out, "--transform", found, "--check", check, "--json")
    assert outcome.code == 0, outcome.err
    document = json.loads(outcome.out)
    verdict = document["registration"]
    assert verdict["believable"] is True
    assert verdict["motion"]["angle_deg"] == pytest.approx(15, abs=1)
    assert verdict["after"]["normalized_mutual_information"] > verdict["before"]["normalized_mutual_information"]
    assert document["transform"] == str(found)
    image = formats.read(out)
    assert image.geometry.shape == head.mri.geometry.shape
    assert image.intensity is head.pet.intensity
    # The unmoved PET, but for two interpolations' worth of blur less: the phantom is smooth over two voxels.
    inside = head.mri.voxels > 300
    assert np.corrcoef(image.voxels[inside], head.pet.voxels[inside])[0, 1] > 0.97
    assert formats.read(check).is_color
    theirs = sitk.ReadTransform(str(found))
    expected = head.points @ turn[:3, :3].T + turn[:3, 3]
    assert np.linalg.norm([theirs.TransformPoint(p) for p in head.points.tolist()] - expected, axis=1).mean() < 1


def test_a_saved_transform_applied_again_gives_the_same_file(run, tmp_path, files):
    fixed, moving, turn = files
    transform_file.write(from_matrix(turn, "rigid"), tmp_path / "known.h5")
    for name in ("once.nii", "twice.nii"):
        assert run("register", fixed, moving, "-o", tmp_path / name, "--apply", tmp_path / "known.h5").code == 0
    assert (tmp_path / "once.nii").read_bytes() == (tmp_path / "twice.nii").read_bytes()
    unmoved = run("register", fixed, moving, "-o", tmp_path / "none.nii", "--method", "none")
    assert unmoved.out.strip() == str(tmp_path / "none.nii")
    assert (tmp_path / "none.nii").read_bytes() != (tmp_path / "once.nii").read_bytes()


def test_what_is_not_believable_ends_with_6_and_writes_nothing_unless_accepted(run, tmp_path, head):
    noise = np.random.default_rng(0).permutation(head.pet.voxels.ravel()).reshape(head.pet.voxels.shape)
    formats.write(head.mri, tmp_path / "mri.nii")
    formats.write(replace(head.pet, voxels=noise), tmp_path / "noise.nii")
    before = sorted(tmp_path.iterdir())
    words = ("register", tmp_path / "mri.nii", tmp_path / "noise.nii", "-o", tmp_path / "out.nii")
    refused = run(*words, "--transform", tmp_path / "out.tfm", "--check", tmp_path / "out.png")
    assert refused.code == 6
    assert "--accept-registration" in refused.err
    assert sorted(tmp_path.iterdir()) == before
    accepted = run(*words, "--accept-registration")
    assert accepted.code == 0
    assert "The alignment is not certain" in accepted.err
    assert (tmp_path / "out.nii").exists()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--method", "sideways"), 2, "auto, none, rigid, affine, deformable"),
        (("--transform", "found.doc"), 2, ".tfm"),
        (("--apply", "missing.tfm"), 3, "missing.tfm"),
        (("--check", "check.nii"), 2, "--check check.png"),
        (("--method", "deformable", "--transform", "found.mat"), 2, "--transform found.h5"),
        (("--check", "out.png"), 2, "a name of its own"),
    ],
)
def test_a_wrong_word_is_told_and_nothing_is_written(
    run, tmp_path, monkeypatch, pictures_of_one_slice, words, code, says
):
    monkeypatch.chdir(tmp_path)
    outcome = run("register", *pictures_of_one_slice, "-o", "out.png", *words)
    assert outcome.code == code
    assert says in outcome.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ct.png", "mri.png"]


def test_an_existing_transform_stays_and_so_does_the_output(run, tmp_path, pictures_of_one_slice):
    (tmp_path / "mine.tfm").write_text("mine")
    outcome = run("register", *pictures_of_one_slice, "-o", tmp_path / "out.png", "--transform", tmp_path / "mine.tfm")
    assert outcome.code == 7
    assert (tmp_path / "mine.tfm").read_text() == "mine"
    assert not (tmp_path / "out.png").exists()


@pytest.fixture
def pictures_of_one_slice(tmp_path, head):
    """One slice of each as a picture, without a place."""
    paths = []
    for name, image in (("mri", head.mri), ("ct", head.pet)):
        voxels = image.voxels[22:23] / image.voxels.max()
        picture = replace(image, voxels=voxels, geometry=Geometry(voxels.shape), intensity=Intensity.UNIT)
        paths.append(formats.write(picture, tmp_path / f"{name}.png"))
    return paths
