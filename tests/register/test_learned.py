"""Deformation by a network: which pairs it is asked about, in which order, and what becomes of its field."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.register import align, identity
from fusecli.register.deformable import deform
from fusecli.register.deformable_field import composed, inverted, least_jacobian
from fusecli.register.learned import BRAIN_HU, is_of_its_kind
from fusecli.register.scene import scene

SHAPE = (128, 128)


def bump(pixels, shape=SHAPE):
    """A push to the right in the middle of a picture, (rows, columns, 2), of `pixels` at most."""
    rows, columns = np.indices(shape)
    field = np.zeros((*shape, 2), dtype=np.float32)
    field[..., 1] = pixels * np.exp(-((rows - shape[0] / 2) ** 2 + (columns - shape[1] / 2) ** 2) / (2 * 16**2))
    return field


class Told:
    """A network that answers with one field, and remembers what it was shown."""

    name, weights_sha256 = "told", "0" * 64

    def __init__(self, field):
        self.field, self.shown = field, []

    def __call__(self, fixed, moving):
        self.shown.append((fixed, moving))
        return self.field

    def load(self):
        return self


def head(level, *, radius=50, seed=0, shape=SHAPE):
    rows, columns = np.indices(shape)
    inside = np.hypot(rows - shape[0] / 2, (columns - shape[1] / 2) * 1.2) < radius
    texture = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 4)
    return np.where(inside, level + 2 * level * texture, 0).astype(np.float32)


def slice_of(modality, voxels, intensity=Intensity.UNIT, affine=None):
    return Image(voxels[np.newaxis], Geometry((1, *voxels.shape), affine), modality, intensity)


@pytest.fixture
def mri():
    return slice_of(Modality.MRI, head(0.5))


@pytest.fixture
def pet():
    return slice_of(Modality.PET, head(0.3, seed=1))


def points():
    """(x, y, z) of pixels all over the head."""
    rows, columns = np.mgrid[30:100:7, 30:100:7]
    return np.stack([columns.ravel(), rows.ravel(), 0 * rows.ravel()], axis=1).astype(float)


def pushed(field, at):
    """`at`, (N, 3) of (x, y, z), moved by a field on pixels."""
    columns, rows = at[:, 0].astype(int), at[:, 1].astype(int)
    return at + np.pad(field[rows, columns][:, ::-1], ((0, 0), (0, 1)))


def test_the_field_of_the_network_is_what_moves_the_points(mri, pet):
    told = Told(bump(3.0))
    found = deform(mri, pet, identity(), told.load)
    assert found.points(points()) == pytest.approx(pushed(told.field, points()), abs=1e-3)
    assert found.method.endswith("deformable")
    assert found.facts["network"] == "told"
    assert found.facts["weights_sha256"] == "0" * 64
    # Without the network the pair itself is gone by, which shows no such push.
    other = deform(mri, pet, identity())
    assert "network" not in other.facts
    assert np.abs(other.points(points()) - found.points(points())).max() > 1


def test_the_mri_is_shown_first_and_the_field_turned_back_where_it_is_moving(mri, pet):
    told = Told(bump(3.0))
    found = deform(pet, mri, identity(), told.load)
    deform(mri, pet, identity(), told.load)
    expected = [scene(image, 1.0, np.eye(4)).values for image in (mri, pet)]
    for shown in told.shown:
        assert all(np.array_equal(*both) for both in zip(shown, expected, strict=True))
    assert not np.array_equal(*expected)
    assert found.points(pushed(told.field, points())) == pytest.approx(points(), abs=0.05)


def test_a_leaning_slice_in_millimetres_is_moved_within_its_plane():
    turn = np.radians(25)
    across, down = np.array([np.cos(turn), np.sin(turn), 0]), np.array([0, 0, -1.0])
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = 5 * np.cross(across, down), 1.8 * down, 1.8 * across
    affine[:3, 3] = (-40, 12, 90)
    shape = (120, 104)
    pair = [
        slice_of(modality, head(0.5, radius=45, seed=seed, shape=shape), affine=affine)
        for seed, modality in enumerate((Modality.MRI, Modality.PET))
    ]
    told = Told(bump(3.0, shape))
    found = deform(*pair, identity(), told.load)
    indices = np.array([[0, 60, 52], [0, 60, 60], [0, 40, 30]], dtype=float)
    ends = indices + np.pad(told.field[60, [52, 60]], ((0, 1), (1, 0)))
    ends[2] = indices[2] + [0, *told.field[40, 30]]
    geometry = pair[0].geometry
    assert found.points(geometry.points(indices)) == pytest.approx(geometry.points(ends), abs=0.02)
    assert np.abs(ends - indices).max() > 2


def test_which_pairs_are_of_its_kind(mri, pet):
    assert is_of_its_kind(mri, pet)
    assert is_of_its_kind(replace(pet, modality=Modality.CT), mri)
    assert not is_of_its_kind(replace(mri, modality=Modality.CT), pet)
    assert not is_of_its_kind(mri, mri)
    assert not is_of_its_kind(mri, replace(pet, modality=Modality.OTHER))
    volume = Image(np.repeat(pet.voxels, 3, axis=0), Geometry((3, *SHAPE)), Modality.PET, Intensity.UNIT)
    assert not is_of_its_kind(mri, volume)


def refused(fixed, moving, told):
    """Why the network's answer was not taken."""
    facts = deform(fixed, moving, identity(), told.load).facts
    assert float(facts["least_jacobian"]) > 0
    assert "weights_sha256" not in facts
    return facts.get("network")


@pytest.mark.parametrize(("radius", "cells"), [(18, "cells from its middle"), (200, "cells from its middle")])
def test_a_head_that_is_too_small_or_too_large_is_not_shown(mri, pet, radius, cells):
    told = Told(bump(3.0))
    pair = [replace(image, voxels=head(0.5, radius=radius)[np.newaxis]) for image in (mri, pet)]
    assert cells in refused(*pair, told)
    assert told.shown == []


def test_pixels_that_are_not_square_are_not_shown(mri, pet):
    affine = np.diag([5.0, 1.4, 2.4, 1])[[2, 1, 0, 3]][:, [0, 1, 2, 3]]
    pair = [replace(image, geometry=Geometry((1, *SHAPE), affine)) for image in (mri, pet)]
    told = Told(bump(3.0))
    assert "not square" in refused(*pair, told)
    assert told.shown == []


def test_a_pair_of_another_kind_is_not_shown_nor_spoken_of(mri, pet):
    told = Told(bump(3.0))
    assert refused(replace(mri, modality=Modality.CT), pet, told) is None
    assert told.shown == []


@pytest.mark.parametrize("field", [bump(60.0), -bump(60.0), bump(0.0) + np.float32(40)])
def test_a_field_that_folds_or_moves_too_far_is_not_taken(mri, pet, field):
    told = Told(field)
    assert "nearly folds, or moves too far" in refused(mri, pet, told)
    assert len(told.shown) == 1


def test_a_field_without_an_inverse_is_not_taken_where_the_mri_is_moving(mri, pet):
    rows, columns = np.indices(SHAPE) - 64.0
    near = np.exp(-(rows**2 + columns**2) / (2 * 16**2))
    stretch = np.stack([1.1 * rows * near, 1.1 * columns * near], axis=-1).astype(np.float32)
    assert least_jacobian(stretch) > 0
    assert "inverted" in refused(pet, mri, Told(stretch))
    assert deform(mri, pet, identity(), Told(stretch).load).facts["network"] == "told"


def test_hounsfield_units_are_shown_as_a_window_of_the_brain_shows_them(mri):
    hu = np.where(head(1.0) > 0, 35.0, -1000).astype(np.float32)
    hu[60:64, 60:64] = 900
    told = Told(bump(0.0))
    deform(mri, slice_of(Modality.CT, hu, Intensity.HU), identity(), told.load)
    _, shown = told.shown[0]
    low, high = BRAIN_HU
    assert shown[80, 64] == pytest.approx((35 - low) / (high - low), abs=0.01)
    assert shown[62, 62] == 1
    assert shown[2, 2] == 0


def test_the_history_says_which_of_the_two_it_was(mri, pet):
    by_network = align(mri, pet, method="deformable", network=Told(bump(1.0)).load)
    assert by_network.step.facts["network"] == "told"
    assert by_network.notes == ()
    folding = align(mri, pet, method="deformable", network=Told(bump(60.0)).load)
    assert folding.step.facts["network"].startswith("not used")
    assert any("network was not used" in note for note in folding.step.warnings)
    by_search = align(mri, pet, method="demons", network=Told(bump(1.0)).load)
    assert "network" not in by_search.step.facts
    assert by_search.notes == ()


def test_pictures_that_do_not_say_what_they_show_come_with_a_hint(mri, pet):
    told = Told(bump(1.0))
    unknown = [replace(image, modality=Modality.OTHER) for image in (mri, pet)]
    found = align(*unknown, method="deformable", network=told.load)
    assert told.shown == []
    assert any("--fixed-modality" in note for note in found.notes)


def test_the_inverse_of_a_field_leads_back():
    field = bump(8.0)
    assert np.abs(composed(field, inverted(field))).max() < 0.02
    assert np.abs(composed(field, field)).max() > 8
