"""The thorax phantom: known truth, known sides, and volumes that are what the truth says."""

import numpy as np
import pytest

from fusecli.core.geometry import same_grid
from fusecli.demo.phantom import Phantom, lesion_slice, thorax_phantom

SMALL = {"ct_shape": (6, 64, 64), "pet_shape": (6, 64, 64)}


@pytest.fixture(scope="module")
def quiet() -> Phantom:
    return thorax_phantom(ct_shape=(6, 64, 64), pet_shape=(10, 128, 128), noise=0)


@pytest.fixture(scope="module")
def noisy() -> Phantom:
    return thorax_phantom(**SMALL)


def around(x: float, y: float, z: float) -> np.ndarray:
    """27 points within 2 mm, so that one vessel or one strand of fat does not decide."""
    offsets = np.array(np.meshgrid(*[(-1.2, 0, 1.2)] * 3)).reshape(3, -1).T
    return offsets + np.array([x, y, z])


@pytest.mark.parametrize(
    ("tissue", "place", "low", "high"),
    [
        ("air beside the patient", (190, -150, -20), -1000, -1000),
        ("lung", (-85, -35, -10), -930, -780),
        ("fat under the skin of the back", (0, 123, -20), -115, -85),
        ("muscle beside the spine", (27, 104, -20), 10, 55),
        ("vertebral marrow", (9, 55, -20), 110, 300),
        ("blood in the aorta", (31, 42, -38), 30, 55),
        ("heart muscle and blood", (42, -28, -52), 35, 55),
        ("liver", (-66, 5, -85), 55, 65),
        ("air in the windpipe", (0, 8, 30), -990, -900),
    ],
)
def test_tissues_have_their_ct_numbers(quiet, tissue, place, low, high):
    hu = float(np.median(quiet.hu_at(around(*place))))
    assert low <= hu <= high, f"{tissue}: {hu:.0f} HU"


def test_the_rind_of_a_bone_is_brighter_than_its_marrow(quiet):
    across = np.array([[x, 55.0, -20.0] for x in np.arange(4, 26, 0.25)])
    hu = quiet.hu_at(across)
    assert hu.max() > 400
    assert np.median(hu[:20]) < 300


@pytest.mark.parametrize(
    ("organ", "place", "suv"),
    [
        ("liver", (-66, 5, -85), 2.2),
        ("blood pool", (31, 42, -38), 1.6),
        ("lung", (-85, -35, -10), 0.4),
        ("marrow", (9, 55, -20), 1.3),
        ("muscle", (27, 104, -20), 0.8),
        ("air", (190, -150, -20), 0.0),
    ],
)
def test_organs_have_their_uptake(quiet, organ, place, suv):
    assert float(np.median(quiet.suv_at(around(*place)))) == pytest.approx(suv, abs=0.01), organ


def test_heart_muscle_takes_up_more_than_the_blood_in_it(quiet):
    wall = quiet.suv_at(np.array([[x, -28.0, -52.0] for x in np.arange(42, 90, 0.5)]))
    assert wall.max() == pytest.approx(4.0, abs=0.01)
    assert wall[0] == pytest.approx(1.6, abs=0.01)


def test_the_heart_lies_to_the_left_and_the_liver_to_the_right(quiet):
    plane = np.array([[x, y, -52.0] for x in range(-120, 121, 3) for y in range(-100, 100, 3)])
    suv = quiet.suv_at(plane)
    assert (plane[suv > 3.5, 0] > 0).all()
    assert (suv > 3.5).sum() > 20
    liver, mirror = around(-64, 5, -60), np.array([-1, 1, 1])
    assert np.median(quiet.hu_at(liver)) > 50
    assert np.median(quiet.hu_at(liver * mirror)) < -700


def test_no_lesion_lies_on_the_left(quiet):
    assert all(lesion.centre_mm[0] < 0 for lesion in quiet.lesions)


def test_columns_grow_to_the_patients_left_and_slices_to_the_head(quiet):
    for geometry in (quiet.ct_geometry, quiet.pet_geometry):
        np.testing.assert_array_equal(geometry.directions, [[0, 0, 1], [0, 1, 0], [1, 0, 0]])


def test_a_lesion_has_its_uptake_at_its_centre_and_none_beyond_its_rim(quiet):
    for lesion in quiet.lesions:
        centre = np.array(lesion.centre_mm)
        beyond = centre + np.array([0, 0, lesion.radius_mm + 2])
        at_centre, outside = quiet.suv_at(np.array([centre, beyond]))
        assert at_centre == pytest.approx(lesion.suv, abs=1e-9)
        assert outside < 2.0


def test_a_lesion_is_soft_tissue_in_the_ct(quiet):
    centres = np.array([lesion.centre_mm for lesion in quiet.lesions])
    np.testing.assert_allclose(quiet.hu_at(centres), 42, atol=1e-9)


def test_the_brightest_pet_voxel_of_each_lesion_is_the_one_nearest_to_its_centre(quiet):
    for lesion in quiet.lesions:
        index = quiet.pet_geometry.indices(np.array([lesion.centre_mm]))[0]
        places = quiet.pet_geometry.points(np.indices(quiet.pet_bqml.shape).reshape(3, -1).T)
        near = np.linalg.norm(places - lesion.centre_mm, axis=1).reshape(quiet.pet_bqml.shape) < lesion.radius_mm
        brightest = np.unravel_index(np.where(near, quiet.pet_bqml, 0).argmax(), quiet.pet_bqml.shape)
        # Half a voxel along each axis, and a hundredth for a centre that lies midway between two.
        assert np.abs(np.array(brightest) - index).max() <= 0.51, lesion.name


def test_the_blurred_tumour_keeps_its_uptake_but_the_small_nodule_does_not(quiet):
    suv = {}
    for lesion in quiet.lesions:
        k, j, i = np.rint(quiet.pet_geometry.indices(np.array([lesion.centre_mm]))[0]).astype(int)
        suv[lesion.name] = quiet.pet_bqml[k, j, i] / quiet.bqml_per_suv
    # A falling profile loses 3 sigma^2 x 0.3 / radius^2 to the blur, 2 % at 14 mm; the voxel's own size adds about 1 %.
    assert suv["right hilar tumour"] == pytest.approx(12.0, rel=0.05)
    assert 3.0 < suv["right lung nodule"] < 5.6


def test_without_noise_a_ct_voxel_is_the_truth_at_its_centre(quiet):
    # All at once and scattered, while the volume is drawn tile by tile: what a tile skips must not be in it.
    index = np.random.default_rng(0).integers((0, 0, 0), quiet.ct_hu.shape, (4000, 3))
    expected = quiet.hu_at(quiet.ct_geometry.points(index))
    np.testing.assert_allclose(quiet.ct_hu[tuple(index.T)], expected, atol=1e-6)


def test_ct_and_pet_share_a_frame_of_reference_but_not_a_grid(quiet, noisy):
    ct, pet = noisy.ct_geometry, noisy.pet_geometry
    assert ct.frame_of_reference == pet.frame_of_reference
    assert ct.shape == pet.shape
    assert not same_grid(ct, pet)
    assert pet.matrix[2, 3] - ct.matrix[2, 3] == pytest.approx(0.02)
    assert pet.spacing_mm[0] == ct.spacing_mm[0]


def test_the_pet_sees_a_larger_field_than_the_ct(noisy):
    corners = noisy.ct_geometry.points(np.array([[0, 0, 0], [0, 63, 63]]))
    inside = noisy.pet_geometry.indices(corners)[:, 1:]
    assert (inside > 0).all()
    assert (inside < 63).all()


def test_ct_noise_is_gaussian_of_12_hu_and_alike_in_neighbours(noisy, quiet):
    air = noisy.ct_hu[:, :8, :] - quiet.ct_hu[:, :8, :]
    # 3072 voxels: the standard error of their standard deviation is about 0.2 HU.
    assert air.std() == pytest.approx(12, abs=1)
    assert np.corrcoef(air[:, :, :-1].ravel(), air[:, :, 1:].ravel())[0, 1] > 0.1
    assert np.ptp(quiet.ct_hu[:, :8, :]) == 0


def test_pet_noise_grows_with_the_signal_and_never_goes_below_zero():
    still, restless = thorax_phantom(**SMALL, noise=0), thorax_phantom(**SMALL, noise=1)
    change = (restless.pet_bqml - still.pet_bqml) / still.bqml_per_suv
    suv = still.pet_bqml / still.bqml_per_suv
    assert restless.pet_bqml.min() >= 0
    assert change[suv > 1.2].std() > 1.3 * change[(suv > 0.2) & (suv < 0.6)].std() > 0


def test_one_seed_gives_one_patient_and_another_seed_another(noisy):
    again, other = thorax_phantom(42, **SMALL), thorax_phantom(43, **SMALL)
    np.testing.assert_array_equal(noisy.ct_hu, again.ct_hu)
    np.testing.assert_array_equal(noisy.pet_bqml, again.pet_bqml)
    assert noisy.ct_geometry.frame_of_reference == again.ct_geometry.frame_of_reference
    assert noisy.ct_geometry.frame_of_reference != other.ct_geometry.frame_of_reference
    assert noisy.ct_geometry.frame_of_reference != thorax_phantom(42, **SMALL, noise=0).ct_geometry.frame_of_reference
    # Not the noise alone: other vessels, other outlines.
    points = noisy.ct_geometry.points(np.indices((6, 64, 64)).reshape(3, -1).T)
    assert (np.abs(noisy.hu_at(points) - other.hu_at(points)) > 50).mean() > 0.02


def test_uptake_is_scaled_by_the_dose_that_is_left_per_gram(quiet):
    # One hour after 370 MBq in 75 kg: 370e6 x 2^(-3600/6586.2) / 75000.
    assert quiet.bqml_per_suv == pytest.approx(3377.52, rel=1e-5)


def test_the_lesion_slice_is_the_one_nearest_to_the_tumour(quiet):
    tumour_z = quiet.lesions[0].centre_mm[2]
    slices_z = quiet.ct_geometry.points(np.array([[k, 0, 0] for k in range(6)]))[:, 2]
    assert lesion_slice(quiet) == np.abs(slices_z - tumour_z).argmin()


def test_the_volumes_cannot_be_changed(noisy):
    with pytest.raises(ValueError, match="read-only"):
        noisy.ct_hu[0, 0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        noisy.pet_bqml[0, 0, 0] = 1
