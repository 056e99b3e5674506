"""Known motions of a phantom head are found again, the same on every run; what does not belong together is refused."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.errors import AlignmentError, PairError
from fusecli.register import align, check, is_unframed, judge, placed, resample
from fusecli.register.alignment import Alignment, from_matrix, identity


def error_mm(alignment, matrix, points):
    """Mean distance between where an alignment and a known motion take points."""
    expected = points @ matrix[:3, :3].T + matrix[:3, 3]
    return float(np.linalg.norm(alignment.points(points) - expected, axis=1).mean())


@pytest.fixture(scope="module")
def turn(motion):
    return motion(22, (1, 2, -1), (14, -20, 9))


@pytest.fixture(scope="module")
def rigid(head, moved, turn):
    return align(head.mri, moved(head.pet, turn), method="rigid")


def test_a_known_turn_and_shift_is_found_to_a_quarter_of_a_voxel(head, rigid, turn):
    assert error_mm(rigid.alignment, turn, head.points) < 1.0  # voxels are 4 mm
    assert error_mm(identity(), turn, head.points) > 20


def test_two_runs_give_the_same_transform_bit_for_bit(head, moved, turn, rigid):
    again = align(head.mri, moved(head.pet, turn), method="rigid")
    assert np.array_equal(again.alignment.matrix, rigid.alignment.matrix)
    assert again.as_dict() == rigid.as_dict()


def test_a_found_alignment_is_believable_and_says_how_far_it_moved(head, rigid):
    check(rigid)
    assert rigid.believable
    assert rigid.motion.angle_deg == pytest.approx(22, abs=0.5)
    assert rigid.motion.scale == pytest.approx((1, 1, 1))
    assert rigid.inconsistency_mm < 2
    assert rigid.after.normalized_mutual_information > rigid.before.normalized_mutual_information
    assert rigid.after.gradient_correlation > rigid.before.gradient_correlation
    assert rigid.after.foreground_overlap > rigid.before.foreground_overlap
    assert rigid.step.facts["method"] == "rigid"
    assert rigid.step.warnings == ()


def test_scales_are_found_where_they_may_change(head, moved, motion):
    matrix = motion(12, (0, 1, 1), (5, 8, -11), scales=(1.08, 0.93, 1.04))
    found = align(head.mri, moved(head.pet, matrix), method="affine")
    assert found.believable
    assert error_mm(found.alignment, matrix, head.points) < 1.0


@pytest.mark.parametrize(("axis", "degrees"), [((0, 0, 1), 180), ((1, 0, 0), 90), ((1, 1, 1), 120)])
def test_a_head_that_lies_the_other_way_round_finds_home(head, moved, motion, axis, degrees):
    matrix = motion(degrees, axis, (10, 0, -15))
    found = align(head.mri, moved(head.pet, matrix), method="rigid")
    assert found.believable
    assert error_mm(found.alignment, matrix, head.points) < 1.0


def mirrored_storage(image):
    """The same places, columns counted from the other side."""
    affine = image.geometry.matrix @ np.diag([1.0, 1, -1, 1])
    affine[:3, 3] = image.geometry.points(np.array([[0, 0, image.geometry.shape[2] - 1]]))[0]
    return replace(image, voxels=image.voxels[:, :, ::-1], geometry=replace(image.geometry, affine=affine))


def tilted_gantry(image):
    """The same head, each slice of which begins a quarter of its height further back."""
    shear = np.eye(4)
    shear[1, 2] = 0.25
    onto = replace(image.geometry, affine=shear @ image.geometry.matrix)
    return resample(image, onto=onto)[0]


@pytest.mark.parametrize("stored", [mirrored_storage, tilted_gantry])
def test_how_voxels_are_stored_makes_no_difference(head, moved, turn, stored):
    found = align(head.mri, moved(stored(head.pet), turn), method="rigid")
    assert np.linalg.det(found.alignment.matrix[:3, :3]) == pytest.approx(1)
    assert error_mm(found.alignment, turn, head.points) < 1.0


def slice_of(image, index, affine=None, frame=None):
    voxels = image.voxels[index : index + 1]
    return replace(image, voxels=voxels, geometry=Geometry(voxels.shape, affine, frame))


@pytest.mark.parametrize("where", ["a picture", "an oblique slice"])
def test_single_slices_are_aligned_within_their_plane(head, motion, where):
    shift = motion(9, (0, 0, 1), (6, -4, 0), centre=(20, 25, 0))
    fixed = slice_of(head.mri, 22)
    if where == "a picture":
        rows, columns = np.indices(fixed.geometry.shape[1:])
        points = np.column_stack([columns.ravel(), rows.ravel(), 0 * rows.ravel()])
        there = np.linalg.inv(shift)
        source = points @ there[:3, :3].T + there[:3, 3]
        voxels = ndimage.map_coordinates(head.pet.voxels[22], source[:, [1, 0]].T, order=1).reshape(
            fixed.geometry.shape
        )
        moving = Image(voxels, fixed.geometry, Modality.PET, Intensity.SUV)
        truth = shift
    else:
        tilt = motion(35, (1, 1, 0), (3, 4, 5))
        place = tilt @ np.array([[0, 0, 4, 0], [0, 4, 0, 0], [4.0, 0, 0, 0], [0, 0, 0, 1]])
        fixed = slice_of(head.mri, 22, place)
        truth = tilt @ motion(9, (0, 0, 1), (24, -16, 0), centre=(80, 100, 0)) @ np.linalg.inv(tilt)
        moving = slice_of(head.pet, 22, truth @ place)
    found = align(fixed, moving, method="rigid")
    inside = np.argwhere(fixed.voxels[0] > 100)
    points = from_grid(fixed.geometry, inside)
    assert found.believable
    assert error_mm(found.alignment, truth, points) < 0.15 * (1 if where == "a picture" else 4)  # of a pixel


def enlarged(image, factor):
    """A slice with so many times the pixels along each side, as a picture."""
    voxels = ndimage.zoom(image.voxels[22:23], (1, factor, factor), order=1, grid_mode=True, mode="nearest")
    return replace(image, voxels=voxels, geometry=Geometry(voxels.shape))


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_picture_of_other_pixels_is_found_where_scales_may_change(head, factor):
    fixed, moving = enlarged(head.mri, 3), enlarged(head.pet, 3 * factor)
    found = align(fixed, moving, method="affine")
    points = from_grid(fixed.geometry, np.argwhere(fixed.voxels[0] > 100))
    truth = np.diag([factor, factor, 1, 1])
    truth[:2, 3] = (factor - 1) / 2
    assert found.believable
    assert error_mm(found.alignment, truth, points) < factor  # a third of a pixel of the phantom
    assert np.linalg.det(align(fixed, moving, method="rigid").alignment.matrix) == pytest.approx(1)


def from_grid(geometry, rows_and_columns):
    return placed(geometry).points(np.pad(rows_and_columns, ((0, 0), (1, 0))))


def test_one_frame_of_reference_is_trusted(head):
    fixed, moving = (
        replace(i, geometry=replace(i.geometry, frame_of_reference="2.25.1")) for i in (head.mri, head.pet)
    )
    found = align(fixed, moving)
    assert found.alignment.is_header
    assert np.array_equal(found.alignment.matrix, np.eye(4))
    assert found.inconsistency_mm is None  # confirmed without a search
    assert found.notes == ()


def test_a_frame_of_reference_that_the_images_contradict_is_corrected_with_a_note(head, moved, turn):
    fixed, moving = (
        replace(image, geometry=replace(image.geometry, frame_of_reference="2.25.1"))
        for image in (head.mri, moved(head.pet, turn))
    )
    found = align(fixed, moving)
    assert not found.alignment.is_header
    assert error_mm(found.alignment, turn, head.points) < 1.0
    assert "wrong by" in found.notes[0]
    assert found.step.warnings == found.notes


def test_another_frame_of_reference_is_searched_for(head, moved, motion):
    small = motion(3, (0, 1, 0), (2, 1, -2))
    fixed = replace(head.mri, geometry=replace(head.mri.geometry, frame_of_reference="2.25.1"))
    other = moved(head.pet, small)
    found = align(fixed, replace(other, geometry=replace(other.geometry, frame_of_reference="2.25.2")))
    assert found.alignment.method == "rigid"
    assert error_mm(found.alignment, small, head.points) < 1.0


def noise(image, seed=0):
    voxels = np.random.default_rng(seed).permutation(image.voxels.ravel()).reshape(image.voxels.shape)
    return replace(image, voxels=voxels)


def without_a_slice(image):
    """Another grid at the same place: two of one grid are trusted."""
    last = image.geometry.shape[0]
    return replace(image, voxels=image.voxels[1:], geometry=image.geometry.slices(1, last))


def upper_and_lower(head):
    cut = head.pet.geometry.slices(26, 40)
    return replace(head.mri, voxels=head.mri.voxels[:13], geometry=head.mri.geometry.slices(0, 13)), replace(
        head.pet, voxels=head.pet.voxels[26:], geometry=cut
    )


@pytest.mark.parametrize("what", ["noise", "parts that do not meet", "nothing at all"])
def test_what_does_not_belong_together_is_refused_with_its_reasons(head, what):
    fixed, moving = head.mri, noise(head.pet)
    if what == "parts that do not meet":
        fixed, moving = upper_and_lower(head)
    elif what == "nothing at all":
        moving = replace(head.pet, voxels=np.zeros_like(head.pet.voxels))
    found = align(fixed, moving, method="rigid")
    assert not found.believable
    with pytest.raises(AlignmentError) as caught:
        check(found)
    assert caught.value.exit_code == 6
    assert found.reasons[0] in caught.value.why
    assert "--accept-registration" in caught.value.hint
    assert found.reasons[0] in found.step.warnings[0]


@pytest.mark.parametrize("frame", ["2.25.1", None])
def test_positions_are_never_refused_and_that_the_images_do_not_confirm_them_is_told(head, frame):
    fixed, moving = (
        replace(image, geometry=replace(image.geometry, frame_of_reference=frame))
        for image in (head.mri, without_a_slice(noise(head.pet)))
    )
    found = align(fixed, moving)
    check(found)
    assert found.alignment.is_header
    assert any("neither confirm nor deny" in note for note in found.notes)
    assert found.step.warnings == found.notes


def test_pictures_of_one_size_that_are_no_pair_are_told_not_to_confirm_that_they_lie_on_each_other(head):
    fixed, moving = slice_of(head.mri, 22), slice_of(head.pet, 22)
    alone, with_noise = align(fixed, moving), align(fixed, noise(moving, 1))
    assert alone.alignment.is_header
    assert alone.notes == ()
    assert with_noise.alignment.is_header
    assert "neither confirm nor deny" in with_noise.notes[0]
    verdicts = [found.verdict for found in (alone, with_noise, align(fixed, noise(moving, 1), method="rigid"))]
    assert verdicts == ["believable", "not confirmed", "not believable"]


def test_positions_without_a_frame_of_reference_stay_where_the_images_agree_with_them(head):
    found = align(head.mri, without_a_slice(head.pet))
    assert is_unframed(head.mri, head.pet)
    assert found.alignment.is_header
    assert found.notes == ()


def test_positions_without_a_frame_of_reference_give_way_where_the_images_lie_elsewhere(head, moved, turn):
    found = align(head.mri, moved(head.pet, turn))
    assert not found.alignment.is_header
    assert "aligned by its content" in found.notes[0]


def test_none_takes_what_the_files_say_and_tells_that_the_images_do_not_confirm_it(head, moved, turn):
    contradicted, confirmed = (align(head.mri, pet, method="none") for pet in (moved(head.pet, turn), head.pet))
    assert contradicted.alignment.is_header
    assert "neither confirm nor deny" in contradicted.notes[0]
    assert confirmed.notes == ()


def test_a_slice_and_a_volume_are_not_searched_for(head):
    with pytest.raises(PairError, match="One slice"):
        align(slice_of(head.mri, 22, head.mri.geometry.slices(22, 23).matrix), head.pet, method="rigid")


def test_a_slice_of_the_same_frame_of_reference_is_trusted_in_a_volume(head):
    place = head.mri.geometry.slices(22, 23).matrix
    volume = replace(head.pet, geometry=replace(head.pet.geometry, frame_of_reference="2.25.1"))
    own = slice_of(head.mri, 22, place, "2.25.1")
    found, with_noise = align(own, volume), align(own, noise(volume))
    assert found.alignment.is_header
    assert found.notes == ()
    assert with_noise.alignment.is_header
    assert "neither confirm nor deny" in with_noise.notes[0]


def test_a_saved_alignment_is_judged_like_a_found_one(head, moved, turn, rigid):
    right = judge(head.mri, moved(head.pet, turn), from_matrix(turn, "file"))
    wrong = judge(head.mri, moved(head.pet, turn), from_matrix(np.eye(4), "file"))
    assert right.believable
    assert right.after.normalized_mutual_information == pytest.approx(
        rigid.after.normalized_mutual_information, abs=0.01
    )
    assert not wrong.believable


def folding(grid):
    """A displacement field over `grid` that turns a slab around within a few voxels."""
    turned_back = -1.5 * np.clip(np.arange(grid.shape[0]) - 15, 0, 8) * grid.spacing_mm[0]
    vectors = np.zeros((*grid.shape, 3))
    vectors[..., 2] = turned_back[:, np.newaxis, np.newaxis]
    return field_over(grid, vectors)


def bending(grid):
    """The same way, and gently."""
    vectors = np.zeros((*grid.shape, 3))
    vectors[..., 2] = 3 * np.sin(np.arange(grid.shape[0]) / 6)[:, np.newaxis, np.newaxis]
    return field_over(grid, vectors)


def field_over(grid, vectors):
    image = sitk.GetImageFromArray(vectors, isVector=True)
    image.SetSpacing(grid.spacing_mm[::-1])
    image.SetOrigin(grid.matrix[:3, 3].tolist())
    return Alignment(sitk.DisplacementFieldTransform(image), "file")


def test_a_saved_mirror_image_is_not_believable(head):
    mirror, turned = from_matrix(np.diag([-1.0, 1, 1, 1]), "file"), from_matrix(np.eye(4), "file")
    assert any("-1.00" in reason and "mirror" in reason for reason in judge(head.mri, head.pet, mirror).reasons)
    assert judge(head.mri, head.pet, turned).believable


def test_a_saved_mirror_image_of_a_slice_is_not_believable(head):
    fixed, moving = slice_of(head.mri, 22), slice_of(head.pet, 22)
    flipped = np.diag([-1.0, 1, -1, 1])  # half a turn about y in space, and in the plane a mirror
    flipped[0, 3] = fixed.voxels.shape[2] - 1
    assert any("mirror" in reason for reason in judge(fixed, moving, from_matrix(flipped, "file")).reasons)
    assert judge(fixed, moving, from_matrix(np.eye(4), "file")).believable


def test_a_saved_field_that_folds_is_not_believable(head):
    grid = head.mri.geometry
    assert any("folds" in reason for reason in judge(head.mri, head.pet, folding(grid)).reasons)
    assert not any("folds" in reason for reason in judge(head.mri, head.pet, bending(grid)).reasons)


def test_an_unknown_method_is_our_own_mistake(head):
    with pytest.raises(ValueError, match="sideways"):
        align(head.mri, head.pet, method="sideways")


def test_a_deformation_begins_where_auto_ends_and_is_judged_too(head):
    fixed, moving = slice_of(head.mri, 22), slice_of(head.pet, 22)
    found = align(fixed, moving, method="deformable")
    assert found.alignment.method == "header, deformable"
    assert found.alignment.matrix is None
    assert not found.alignment.is_header
    assert found.alignment.facts["least_jacobian"] > 0
    # The slices lie on each other already: there is little to bend.
    assert found.motion.mean_mm < 1.5
    assert found.believable


def test_a_deformation_of_what_does_not_belong_together_is_refused_before_it_is_searched_for(head):
    pair = ((head.mri, "2.25.1"), (noise(head.pet), "2.25.2"))
    framed = [replace(image, geometry=replace(image.geometry, frame_of_reference=frame)) for image, frame in pair]
    found = align(*framed, method="deformable")
    assert not found.believable
    assert found.alignment.method == "rigid"
