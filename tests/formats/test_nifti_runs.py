"""A NIfTI is read in runs of its last axis: every voxel comes out at its millimetre, whatever the axes are."""

from itertools import permutations, product

import nibabel
import numpy as np
import pytest

from fusecli import formats
from fusecli.core import scratch
from fusecli.core.slices import SliceChoice

TURNS = [(order, signs) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)]
SHAPE = (11, 10, 2 * scratch.SLAB + 3)


def stored(order, signs, path):
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (row, sign) in enumerate(zip(order, signs, strict=True)):
        affine[row, axis] = sign * (1.5 + axis)
    affine[:3, 3] = (-7, 12, 30)
    values = np.random.default_rng(0).integers(-1000, 1000, SHAPE).astype(np.int16)
    image = nibabel.Nifti1Image(values, affine)
    image.header.set_slope_inter(0.5, -3)
    nibabel.save(image, path)
    return nibabel.load(path)


def looked_up(image, original):
    """What the original file has at the millimetres of every voxel."""
    indices = np.indices(image.geometry.shape).reshape(3, -1).T
    ras = image.geometry.points(indices) * (-1, -1, 1)
    own = np.rint(nibabel.affines.apply_affine(np.linalg.inv(original.affine), ras)).astype(int)
    return original.get_fdata()[tuple(own.T)].reshape(image.geometry.shape)


@pytest.mark.parametrize(("order", "signs"), TURNS)
def test_every_voxel_keeps_its_millimetre(tmp_path, monkeypatch, order, signs):
    monkeypatch.setattr(scratch, "LARGE_BYTES", 4096)
    original = stored(order, signs, tmp_path / "x.nii")
    image = formats.read(tmp_path / "x.nii")
    assert scratch.is_in_file(image.voxels)
    assert np.array_equal(image.voxels, looked_up(image, original).astype(np.float32))


@pytest.mark.parametrize(("order", "signs"), TURNS[::5])
@pytest.mark.parametrize("index", [0, 9])
def test_one_slice_is_that_of_the_volume(tmp_path, order, signs, index):
    stored(order, signs, tmp_path / "x.nii.gz")
    whole = formats.read(tmp_path / "x.nii.gz")
    one = formats.read(tmp_path / "x.nii.gz", slice_choice=SliceChoice(index=index))
    assert np.array_equal(one.voxels[0], whole.voxels[index])
    assert not np.array_equal(one.voxels[0], whole.voxels[index + 1 if index == 0 else 0])


def test_nan_is_replaced_by_the_smallest_number_of_all_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "LARGE_BYTES", 4096)
    values = np.random.default_rng(0).random(SHAPE, dtype=np.float32)
    values[3, 4, 0], values[5, 5, 18] = np.nan, -8
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "x.nii")
    image = formats.read(tmp_path / "x.nii")
    assert (image.voxels == -8).sum() == 2
    assert "1 voxels are NaN" in image.history[0].warnings[-1]
