"""The program on real images, where they are there; a sample of them, since each takes a second or more."""

import json

import numpy as np
import pytest
from PIL import Image

from fusecli.catalog import QUICK_METRICS
from fusecli.core.luma import luma
from fusecli.core.slices import SliceChoice
from fusecli.formats import read

pytestmark = pytest.mark.slow


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


@pytest.mark.parametrize(("task", "moving", "name"), [
    ("PET-MRI", "PET", "25082"), ("SPECT-MRI", "SPECT", None), ("CT-MRI", "CT", "20017"),
])  # fmt: skip
def test_brain_pairs_keep_color_and_black(run, shared, tmp_path, task, moving, name):
    folder = shared / "data" / "harvard" / "test" / task
    name = name or sorted(path.stem for path in (folder / moving).iterdir())[0]
    sources = [folder / kind / f"{name}.png" for kind in ("MRI", moving)]
    outcome = run("fuse", *sources, "-o", tmp_path / "f.png", "--json")
    assert outcome.code == 0, outcome.err
    fused, fixed, second = pixels(tmp_path / "f.png"), pixels(sources[0]), pixels(sources[1])
    assert (fused.ndim == 3) == (moving != "CT")
    brightness = luma(fused) if fused.ndim == 3 else fused / 255
    both_black = (fixed == 0) & ((second.max(axis=2) if second.ndim == 3 else second) == 0)
    assert (brightness[both_black] <= 1 / 255).mean() >= 0.999
    assert set(json.loads(outcome.out)["metrics"]) == set(QUICK_METRICS)


def test_the_hottest_place_of_a_real_thorax_is_hot_in_the_fusion(run, shared, tmp_path):
    study = shared / "data" / "petct-thorax"
    ct, pet = read(study / "CT", slice_choice=SliceChoice(index=0)), read(study / "PT_AC")
    hottest = np.unravel_index(int(pet.voxels.argmax()), pet.voxels.shape)
    place = pet.geometry.points(np.array([hottest], dtype=float))[0]
    outcome = run("fuse", study / "CT", study / "PT_AC", "-o", tmp_path / "f.png", f"--slice={place[2]}mm", "--json")
    assert outcome.code == 0, outcome.err
    document = json.loads(outcome.out)
    affine = np.array(document["geometry"]["affine_lps"])
    assert affine[2, 3] == pytest.approx(place[2], abs=3.3)
    _, row, column = np.rint(np.linalg.solve(affine, [*place, 1])[:3]).astype(int)
    around = luma(pixels(tmp_path / "f.png")[row - 2 : row + 3, column - 2 : column + 3])
    assert around.max() > 0.9
    assert document["windows"]["moving"]["unit"] == "SUV"
    assert "ACRIN" not in outcome.out + outcome.err  # the patient's ID begins so
    assert ct.geometry.shape == (1, 512, 512)


def test_a_ct_and_a_pet_slice_file_make_a_picture(run, shared, tmp_path):
    study = shared / "data" / "petct-thorax"
    words = (study / "CT" / "0060.dcm", study / "PT_AC" / "0060.dcm", "-o", tmp_path / "f.png", "--model", "max")
    assert run("fuse", *words).code == 0
    assert (pixels(tmp_path / "f.png")[:20, :20] == 0).all()


def test_slices_far_apart_are_not_a_pair(run, shared, tmp_path):
    study = shared / "data" / "petct-thorax"
    words = (study / "CT" / "0010.dcm", study / "PT_AC" / "0090.dcm", "-o", tmp_path / "f.png", "--model", "max")
    assert run("fuse", *words).code == 5


def test_lung_pictures_are_turned_white_hot_and_colored(run, shared, tmp_path):
    folder = shared / "data" / "petct-lung-jpg"
    words = (folder / "z077_CT_mediastinal.jpg", folder / "z077_PET.jpg", "-o", tmp_path / "f.png", "--model", "max")
    outcome = run("fuse", *words)
    assert outcome.code == 0
    assert "black-hot" in outcome.err
    assert pixels(tmp_path / "f.png").ndim == 3


def test_a_nifti_region_is_known_by_its_names(run, shared, tmp_path):
    folder = shared / "data" / "petct-roi-nifti" / "A-IA0002109-1-0x0"
    words = ("-o", tmp_path / "f.png", "--model", "max", "--slice", 24, "--json")
    outcome = run("fuse", folder / "InputCT_ROI.nii.gz", folder / "InputPET_SUV_ROI.nii.gz", *words)
    assert outcome.code == 0, outcome.err
    windows = json.loads(outcome.out)["windows"]
    assert (windows["fixed"]["unit"], windows["moving"]["unit"]) == ("HU", "SUV")


@pytest.mark.parametrize("number", range(56))
def test_odd_files_give_a_result_or_a_clear_error(run, shared, tmp_path, number):
    folder = shared / "data" / "odd-dicom"
    paths = sorted(folder.glob("single/*")) + sorted(folder.glob("series_*"))
    if number >= len(paths):
        pytest.skip(f"there are {len(paths)} odd files and series")
    path = paths[number]
    info = run("info", path)
    assert info.code in (0, 3, 4), info.err
    picture, output = tmp_path / "picture.png", tmp_path / "f.png"
    Image.fromarray(np.arange(4096, dtype=np.uint16).astype(np.uint8).reshape(64, 64)).save(picture)
    fused = run("fuse", path, picture, "-o", output, "--model", "max", "--resize", "--slice", 0)
    assert fused.code in (0, 3, 4, 5), fused.err
    assert "Traceback" not in info.err + fused.err
    assert (fused.code == 0) == (len([*tmp_path.iterdir()]) > 1)
