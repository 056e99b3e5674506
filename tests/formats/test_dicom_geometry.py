"""From positions and orientations to one affine in LPS, against geometries worked out by hand."""

import numpy as np
import pytest

from fusecli.errors import ImageError, InputError
from fusecli.formats import dicom

# A quarter turn and a tilt, in display order: columns run to the back and up, rows to the left.
OBLIQUE = [0.0, 0.8, 0.6, 1.0, 0.0, 0.0]


def test_an_oblique_series_lies_where_its_cosines_say(write_series, ct_slice):
    normal = np.cross(OBLIQUE[:3], OBLIQUE[3:])  # (0, 0.6, -0.8)
    start = np.array([12.0, -7.0, 30.0])
    folder = write_series(
        ct_slice(k, ImagePositionPatient=list(start + 4 * k * normal), ImageOrientationPatient=OBLIQUE)
        for k in (3, 1, 0, 2)
    )
    geometry = dicom.read(folder).geometry
    # Pixel (slice 2, row 3, column 5): 2 x 4 mm along the normal, 3 x 2.5 mm to the left, 5 x 1.5 mm along the row.
    expected = start + 8 * np.array([0, 0.6, -0.8]) + 7.5 * np.array([1, 0, 0]) + 7.5 * np.array([0, 0.8, 0.6])
    np.testing.assert_allclose(geometry.points(np.array([[2, 3, 5]]))[0], expected, atol=1e-9)


@pytest.mark.parametrize("cosines", [[1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1], [0, 0, -1, 1, 0, 0]])
def test_slices_ascend_along_the_normal_of_every_plane_in_display_order(write_series, ct_slice, cosines):
    normal = np.cross(cosines[:3], cosines[3:])
    folder = write_series(
        ct_slice(k, ImagePositionPatient=list(k * 2.0 * normal), ImageOrientationPatient=cosines) for k in (2, 0, 1)
    )
    geometry = dicom.read(folder).geometry
    np.testing.assert_allclose(geometry.matrix[:3, 0], 2 * normal)
    assert np.linalg.det(geometry.matrix[:3, [2, 1, 0]]) > 0


def test_the_slice_step_comes_from_positions_and_not_from_the_header(write_series, ct_slice):
    folder = write_series(ct_slice(z, SliceThickness=9, SpacingBetweenSlices=-7) for z in (0, 3, 6))
    assert dicom.read(folder).geometry.spacing_mm[0] == 3


def test_a_tilted_gantry_gives_a_sheared_grid(write_series, ct_slice):
    cosines = [1, 0, 0, 0, 0.8, -0.6]
    folder = write_series(
        ct_slice(z, ImagePositionPatient=[0, 0, z], ImageOrientationPatient=cosines) for z in (0, 5, 10)
    )
    geometry = dicom.read(folder).geometry
    np.testing.assert_allclose(geometry.matrix[:3, 0], [0, 0, 5])
    assert geometry.directions[:, 0] @ geometry.directions[:, 1] == pytest.approx(-0.6)


def test_one_slice_is_as_thick_as_it_says(write_series, ct_slice):
    assert dicom.read(write_series([ct_slice(3)])).geometry.spacing_mm == (5, 2.5, 1.5)


@pytest.mark.parametrize("thickness", [None, "", 0])
def test_one_slice_that_does_not_say_is_1_mm_thick_with_a_warning(write_series, ct_slice, thickness):
    image = dicom.read(write_series([ct_slice(3, SliceThickness=thickness)]))
    assert image.geometry.spacing_mm[0] == 1
    assert "SliceThickness (0018,0050)" in image.history[0].warnings[0]


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_without_a_plane_there_is_no_place_and_the_instance_numbers_order_the_slices(
    write_series, ct_slice, stored_ramp, keyword
):
    slices = [ct_slice(k, stored_ramp + np.int16(k), InstanceNumber=k, **{keyword: None}) for k in (12, 1, 3)]
    image = dicom.read(write_series(slices))
    assert image.geometry.affine is None
    np.testing.assert_array_equal(image.voxels[:, 0, 0] - stored_ramp[0, 0] + 1000, [1, 3, 12])
    assert keyword in image.history[0].warnings[0]


def test_rounded_positions_are_one_spacing(write_series, ct_slice):
    folder = write_series(ct_slice(z) for z in (0, 3.27, 6.56, 9.83))
    assert dicom.read(folder).geometry.spacing_mm[0] == pytest.approx(9.83 / 3)


@pytest.mark.parametrize("places", [(0, 3, 6, 12), (0, 3, 9, 12, 15)])
def test_a_missing_slice_is_named_by_its_neighbours(write_series, ct_slice, places):
    with pytest.raises(ImageError, match="Slices are missing") as caught:
        dicom.read(write_series(ct_slice(z) for z in places))
    assert "6.00 mm between" in caught.value.why
    assert caught.value.why.count(".dcm") == 2
    assert caught.value.exit_code == 4


def test_uneven_slices_are_refused(write_series, ct_slice):
    with pytest.raises(ImageError, match="not evenly spaced"):
        dicom.read(write_series(ct_slice(z) for z in (0, 3, 6, 9.2)))


def test_two_slices_at_one_place_are_refused_by_name(write_series, ct_slice):
    with pytest.raises(ImageError, match="same place") as caught:
        dicom.read(write_series([ct_slice(0), ct_slice(5), ct_slice(5, SOPInstanceUID="2.25.77"), ct_slice(10)]))
    assert "007.dcm and 014.dcm" in caught.value.why


def test_slices_that_drift_sideways_are_refused(write_series, ct_slice):
    folder = write_series(ct_slice(z, ImagePositionPatient=[x, 0, z]) for z, x in ((0, 0), (5, 0), (10, 2), (15, 2)))
    with pytest.raises(ImageError, match="straight line"):
        dicom.read(folder)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, "coronal (014.dcm)"),
        ({"ImageOrientationPatient": [0.8, 0.6, 0, -0.6, 0.8, 0]}, "row 0.800 0.600 0.000 column -0.600 0.800 0.000"),
        ({"PixelSpacing": [2.5, 1.6]}, "pixels of 2.5 x 1.6 mm (014.dcm)"),
        ({"FrameOfReferenceUID": "2.25.8"}, "frame of reference ending in 2.25.8 (014.dcm)"),
        ({"pixels": np.zeros((4, 5), dtype=np.int16)}, "4 x 5 (014.dcm)"),
    ],
)
def test_slices_of_different_kinds_are_parts_of_which_one_is_to_be_chosen(write_series, ct_slice, changes, what):
    folder = write_series([ct_slice(0), ct_slice(5), ct_slice(10, **changes)])
    with pytest.raises(InputError, match="holds 2 images") as caught:
        dicom.read(folder)
    assert what in caught.value.why
    shapes = sorted(dicom.read(folder, series=f"3:{part}").geometry.shape[0] for part in (1, 2))
    assert shapes == [1, 2]


def test_slices_without_a_place_are_a_part_of_their_own(write_series, ct_slice):
    folder = write_series([ct_slice(0), ct_slice(5), ct_slice(10, ImagePositionPatient=None)])
    with pytest.raises(InputError, match="holds 2 images") as caught:
        dicom.read(folder)
    assert "without a place (014.dcm)" in caught.value.why
    assert [dicom.read(folder, series=name).geometry.is_patient for name in ("3:1", "3:2")] == [True, False]


@pytest.mark.parametrize("cosines", [[1, 0, 0, 1, 0, 0], [2, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0]])
def test_an_orientation_that_is_none_is_refused(write_series, ct_slice, cosines):
    with pytest.raises(ImageError, match="orientation"):
        dicom.read(write_series([ct_slice(0, ImageOrientationPatient=cosines)]))


def test_pixels_without_size_are_refused(write_series, ct_slice):
    with pytest.raises(ImageError, match="no size"):
        dicom.read(write_series([ct_slice(0, PixelSpacing=[0, 1])]))
