"""A picture has no place: a large turn of it is told, and refused where its mirror image agrees about as well."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from fusecli import formats
from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.errors import AlignmentError
from fusecli.register import align, check

SHAPE = (1, 96, 80)
GREY = {"MRI": (0, 230, 40, 180, 60, 110), "PET": (0, 30, 15, 120, 30, 250)}


def picture(modality, lesion):
    """A head without a place: alike on both sides but for a lesion, and not alike before and behind."""
    rows, columns = np.indices(SHAPE[1:]) - np.array([48, 40])[:, None, None]
    tissue = np.zeros(SHAPE[1:], dtype=int)
    for name, row, column, high, wide in (
        (1, 0, 0, 40, 31),
        (2, 0, 0, 37, 28),
        (3, 1, 0, 34, 25),
        (4, -8, -7, 13, 4),
        (4, -8, 7, 13, 4),
        (5, 22, 0, 7, 14),
        *lesion,
    ):
        tissue[((rows - row) / high) ** 2 + ((columns - column) / wide) ** 2 < 1] = name
    grey = ndimage.gaussian_filter(np.array(GREY[modality], dtype=float)[tissue], 0.8 if modality == "MRI" else 2)
    grey += np.random.default_rng(len(modality) + tissue.sum() % 7).normal(0, 2, grey.shape)
    voxels = np.clip(grey, 0, 255)[np.newaxis] / 255
    return Image(voxels.astype(np.float32), Geometry(SHAPE), Modality(modality), Intensity.UNIT)


LIKE = ((5, 4, 16, 3, 3),)
UNLIKE = ((5, -8, 14, 11, 8), (4, 10, -16, 12, 5))


@pytest.fixture(scope="module", params=["auto", "rigid"])
def method(request):
    return request.param


def rearranged(image, by):
    return replace(image, voxels=np.ascontiguousarray(by(image.voxels)))


def flipped(image):
    return rearranged(image, lambda voxels: voxels[:, ::-1])


def upside_down(image):
    return rearranged(image, lambda voxels: voxels[:, ::-1, ::-1])


def test_a_flipped_picture_of_a_head_alike_on_both_sides_is_refused_as_mirrored(method):
    found = align(picture("MRI", LIKE), flipped(picture("PET", LIKE)), method=method)
    assert found.motion.angle_deg > 150
    assert not found.believable
    with pytest.raises(AlignmentError) as caught:
        check(found)
    assert caught.value.exit_code == 6
    assert "mirror image" in caught.value.why
    assert "left and right" in caught.value.why
    assert "-flip" in caught.value.hint
    assert "--accept-registration" in caught.value.hint


def test_a_turned_picture_whose_sides_differ_comes_home_and_its_turn_is_told(method):
    found = align(picture("MRI", UNLIKE), upside_down(picture("PET", UNLIKE)), method=method)
    check(found)
    assert found.believable
    assert found.motion.angle_deg == pytest.approx(180, abs=3)
    assert any("turned by 180 degrees; check left and right" in note for note in found.notes)


def test_a_small_turn_of_a_picture_is_neither_told_nor_compared_with_a_mirror_image():
    moving = picture("PET", LIKE)
    turned = rearranged(moving, lambda voxels: ndimage.rotate(voxels, 12, axes=(1, 2), reshape=False, order=1))
    found = align(picture("MRI", LIKE), turned, method="rigid")
    assert found.believable
    assert found.motion.angle_deg == pytest.approx(12, abs=1.5)
    assert found.mirrored is None
    assert found.notes == ()


def test_slices_with_places_are_not_compared_with_a_mirror_image(head, moved, motion):
    found = align(head.mri, moved(head.pet, motion(180, (0, 0, 1), (10, 0, -15))), method="rigid")
    assert found.believable
    assert found.mirrored is None
    assert found.notes == ()


def test_a_flipped_picture_ends_with_6_and_once_accepted_is_told_to_be_turned(run, tmp_path):
    formats.write(picture("MRI", LIKE), tmp_path / "mri.png")
    formats.write(flipped(picture("PET", LIKE)), tmp_path / "pet.png")
    words = ("fuse", tmp_path / "mri.png", tmp_path / "pet.png", "-o", tmp_path / "x.png", "--model", "max")
    refused = run(*words)
    assert refused.code == 6
    assert "mirror image" in refused.err
    assert not (tmp_path / "x.png").exists()
    accepted = run(*words, "--accept-registration")
    assert accepted.code == 0
    assert "check left and right" in accepted.err
    formats.write(picture("PET", LIKE), tmp_path / "unflipped.png")
    unflipped = run(*words[:2], tmp_path / "unflipped.png", "-o", tmp_path / "y.png", "--model", "max")
    assert unflipped.code == 0
    assert "left and right" not in unflipped.err


@pytest.mark.parametrize("kind", ["CT", "SPECT"])
def test_real_flipped_slices_are_refused_and_turned_ones_come_home(shared, kind):
    folder, name = shared / "data" / "harvard" / "test" / f"{kind}-MRI", {"CT": "20011.png", "SPECT": "21005.png"}[kind]
    fixed, moving = formats.read(folder / "MRI" / name), formats.read(folder / kind / name)
    mirrored, turned = align(fixed, flipped(moving)), align(fixed, upside_down(moving))
    assert any("mirror image" in reason for reason in mirrored.reasons)
    assert turned.believable
    assert turned.motion.angle_deg == pytest.approx(180, abs=3)
    assert "check left and right" in turned.notes[-1]
