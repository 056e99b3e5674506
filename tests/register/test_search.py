"""What a search makes of volumes that show a part of what the other shows."""

from dataclasses import replace

import numpy as np
import pytest

from fusecli.register.quality import RIVAL
from fusecli.register.scene import at
from fusecli.register.search import find, views


def part(image, start, stop, rows=slice(None), columns=slice(None)):
    """Some of the slices, and of these a window of rows and columns, where they were."""
    voxels = image.voxels[start:stop, rows, columns]
    affine = image.geometry.matrix.copy()
    affine[:3, 3] = image.geometry.points(np.array([[start, rows.start or 0, columns.start or 0]]))[0]
    return replace(image, voxels=voxels, geometry=replace(image.geometry, shape=voxels.shape, affine=affine))


def negative(image):
    return replace(image, voxels=image.voxels.max() - image.voxels)


# Of 40 slices of 4 mm.
HARD = {
    "four slices of MOVING": lambda head: (head.mri, part(head.pet, 18, 22)),
    "three quarters shared": lambda head: (part(head.mri, 0, 32), part(head.pet, 8, 40)),
    "a small field": lambda head: (head.mri, part(head.pet, 10, 30, slice(15, 35), slice(12, 30))),
    "a negative": lambda head: (negative(head.mri), head.pet),
}


@pytest.mark.parametrize("what", HARD)
def test_parts_and_negatives_are_found_within_a_millimetre(head, moved, motion, what):
    fixed, moving = HARD[what](head)
    turn = motion(14, (1, -2, 3), (10, 8, -6))
    found = find(views(fixed, moved(moving, turn)), "rigid")
    # A quarter of a voxel.
    assert np.linalg.norm(at(found.transform, head.points) - at(turn, head.points), axis=1).mean() < 1.0
    assert found.rival < RIVAL


def test_scales_are_found_where_moving_ends_inside_the_head(head, moved, motion):
    scaled = motion(6, (1, 2, -1), (4, -6, 3), scales=(1.04, 0.97, 0.93))
    slab = part(head.pet, 11, 30)  # neither the crown nor the base
    there = find(views(head.mri, moved(slab, scaled)), "affine").transform
    edges = slab.geometry.points(np.array([[0, 0, 0], [18, 0, 0]]))[:, 2]
    seen = head.points[(head.points[:, 2] > edges[0]) & (head.points[:, 2] < edges[1])]
    # Half of a voxel of either image is 2 mm.
    assert np.linalg.norm(at(there, seen) - at(scaled, seen), axis=1).mean() < 1.0


def test_a_right_place_has_no_rival_and_halves_that_do_not_meet_have_one(head, moved, motion):
    turned = moved(head.pet, motion(20, (1, 0, 2), (12, -8, 5)))
    assert find(views(head.mri, turned), "rigid").rival < RIVAL
    assert find(views(part(head.mri, 0, 13), part(head.pet, 26, 40)), "rigid").rival > RIVAL


def test_one_pair_has_one_transform_bit_for_bit(head, moved, motion):
    seen = views(head.mri, moved(head.pet, motion(9, (0, 1, 2), (3, 4, 5))))
    first, second = find(seen, "affine"), find(seen, "affine")
    assert np.array_equal(first.transform, second.transform)
    assert first.rival == second.rival
