"""Slices that do not lie evenly: refused, or put onto an even grid with every slice that was not measured named."""

import numpy as np
import pytest

from fusecli.core.history import warnings_of
from fusecli.core.slices import SliceChoice
from fusecli.errors import ImageError, UsageError
from fusecli.formats import dicom
from fusecli.settings import ReadSettings

GAPS = ReadSettings(allow_gaps=True)


@pytest.fixture
def series_at(write_series, ct_slice):
    """Write slices at these places whose every number is 10 times the place: linear, so what lies between is known."""

    def make(places, slope=10, make_slice=ct_slice, **changes):
        return write_series(
            make_slice(z, np.full((4, 6), round(slope * z), dtype=np.int16), RescaleIntercept=0, **changes)
            for z in places
        )

    return make


def test_a_missing_slice_is_filled_linearly_and_the_measured_ones_stay(series_at):
    image = dicom.read(series_at([0, 3, 6, 12, 15]), settings=GAPS)
    np.testing.assert_array_equal(image.voxels[:, 1, 1], [0, 30, 60, 90, 120, 150])
    assert image.geometry.spacing_mm[0] == 3
    assert image.geometry.matrix[2, 3] == 0
    (warning,) = warnings_of(image.history)
    assert "1 of 6 slices were not measured" in warning
    assert "at 9.0 mm" in warning
    assert "widest gap is 6.00 mm" in warning
    assert image.history[0].facts["interpolated_slices"] == 1


def test_without_the_option_a_missing_slice_is_refused_and_the_option_named(series_at):
    with pytest.raises(ImageError, match="missing") as caught:
        dicom.read(series_at([0, 3, 6, 12, 15]))
    assert "--allow-gaps" in caught.value.hint


def test_with_the_option_an_even_series_is_the_same_as_without(series_at):
    folder = series_at([0, 3, 6, 9])
    allowed, usual = dicom.read(folder, settings=GAPS), dicom.read(folder)
    np.testing.assert_array_equal(allowed.voxels, usual.voxels)
    assert allowed.history == usual.history


def test_irregular_slices_get_a_grid_between_the_first_and_the_last(series_at):
    places = [0, 2, 5, 6, 10, 12]
    image = dicom.read(series_at(places), settings=GAPS)
    depths = image.geometry.points(np.array([[k, 0, 0] for k in range(image.geometry.shape[0])]))[:, 2]
    assert (depths[0], depths[-1]) == (0, 12)
    np.testing.assert_allclose(np.diff(depths), 2)
    np.testing.assert_allclose(image.voxels[:, 2, 2], depths * 10, atol=1e-4)
    assert "2 of 7 slices were not measured" in warnings_of(image.history)[0]


def test_no_number_is_invented_beyond_the_measured_ones(write_series, ct_slice):
    rng = np.random.default_rng(3)
    pixels = [rng.integers(-500, 500, (4, 6), dtype=np.int16) for _ in range(4)]
    folder = write_series(ct_slice(z, p) for z, p in zip((0, 3, 9, 12), pixels, strict=True))
    image = dicom.read(folder, settings=GAPS)
    np.testing.assert_allclose(image.voxels[2], (pixels[1].astype(float) + pixels[2]) / 2 - 1000, atol=1e-3)
    for k, source in zip((0, 1, 3, 4), pixels, strict=True):
        np.testing.assert_array_equal(image.voxels[k], source - 1000.0)


def test_a_chosen_slice_of_a_filled_series_is_that_of_the_whole_and_says_whether_it_was_measured(series_at, pet_slice):
    folder = series_at([0, 3, 6, 12, 15], make_slice=pet_slice, slope=10)
    whole = dicom.read(folder, settings=GAPS)
    for index in range(6):
        one = dicom.read(folder, slice_choice=SliceChoice(index=index), settings=GAPS)
        np.testing.assert_array_equal(one.voxels[0], whole.voxels[index])
        np.testing.assert_allclose(one.geometry.matrix, whole.geometry.slices(index, index + 1).matrix)
        assert any("not measured" in said for said in warnings_of(one.history)) == (index == 3)
    with pytest.raises(UsageError, match="no slice 6"):
        dicom.read(folder, slice_choice=SliceChoice(index=6), settings=GAPS)


def test_suv_is_computed_by_each_slices_own_slope_before_it_is_interpolated(write_series, pet_slice):
    ones = np.full((4, 6), 100, dtype=np.int16)
    folder = write_series(pet_slice(z, ones, RescaleSlope=slope) for z, slope in ((0, 1), (3, 2), (9, 4)))
    image = dicom.read(folder, settings=GAPS)
    np.testing.assert_allclose(image.voxels[:, 0, 0], np.array([100, 200, 300, 400]) * 0.0014, rtol=1e-6)


def test_color_is_filled_with_whole_numbers(write_series, ct_slice):
    dark, light = (np.full((4, 6, 3), (value, 0, 9), dtype=np.uint8) for value in (10, 21))
    slices = [ct_slice(z, p, Modality="OT") for z, p in ((0, dark), (3, dark), (9, light))]
    image = dicom.read(write_series(slices), settings=GAPS)
    assert image.voxels.dtype == np.uint8
    assert image.voxels[2, 0, 0].tolist() == [16, 0, 9]


def test_a_tilted_stack_with_a_gap_keeps_its_shear(write_series, ct_slice):
    cosines = [1, 0, 0, 0, 0.8, -0.6]
    folder = write_series(
        ct_slice(z, ImagePositionPatient=[0, 0, z], ImageOrientationPatient=cosines) for z in (0, 5, 10, 20)
    )
    geometry = dicom.read(folder, settings=GAPS).geometry
    np.testing.assert_allclose(geometry.matrix[:3, 0], [0, 0, 5], atol=1e-9)
    assert geometry.shape[0] == 5


def test_slices_that_leave_the_line_are_refused_with_the_option_too(write_series, ct_slice):
    places = ((0, 0), (5, 0), (15, 4), (20, 4))
    folder = write_series(ct_slice(z, ImagePositionPatient=[x, 0, z]) for z, x in places)
    with pytest.raises(ImageError, match="straight line"):
        dicom.read(folder, settings=GAPS)


@pytest.mark.parametrize(
    "places",
    [
        np.cumsum([0] + [3.27, 3.29] * 10),
        np.round(np.arange(40) * 1.25, 1),  # gaps of 1.2 and 1.3 mm
        np.round(np.arange(90) * 0.625, 2),
        [0, 3.27, 6.56, 9.83],
    ],
)
def test_places_that_are_even_but_for_rounding_are_one_spacing(series_at, places):
    image = dicom.read(series_at(places, slope=1))
    assert image.geometry.shape[0] == len(places)
    assert image.geometry.spacing_mm[0] == pytest.approx((places[-1] - places[0]) / (len(places) - 1))
    assert warnings_of(image.history) == ()


@pytest.mark.parametrize("places", [[0, 3, 6, 9.2], [0, 1.25, 2.5, 3.9, 5.0], [0, 3, 3.2, 6]])
def test_places_that_are_off_by_more_than_rounding_are_no_spacing(series_at, places):
    with pytest.raises(ImageError, match=r"evenly spaced|missing"):
        dicom.read(series_at(places))


def test_spacings_that_grow_little_by_little_are_no_spacing(series_at):
    gaps = 3 + 0.001 * np.arange(90)
    with pytest.raises(ImageError, match="evenly spaced"):
        dicom.read(series_at(np.round(np.cumsum(gaps), 3), slope=1))


def test_info_tells_the_gaps_of_a_series_and_whether_it_leans(series_at, write_series, ct_slice):
    (uneven,) = dicom.describe(series_at([0, 3, 6, 12]))
    assert uneven.slice_gaps_mm == (3, 6)
    assert uneven.spacing_mm is None
    assert "missing" in uneven.problems[0]
    tilted = [
        ct_slice(z, ImagePositionPatient=[0, 0, z], ImageOrientationPatient=[1, 0, 0, 0, 0.8, -0.6]) for z in (0, 5, 10)
    ]
    (leaning,) = dicom.describe(write_series(tilted, "tilted"))
    assert leaning.tilt_degrees == pytest.approx(36.87, abs=0.01)
    (upright,) = dicom.describe(write_series([ct_slice(z) for z in (0, 5)], "upright"))
    assert upright.tilt_degrees == 0


def test_slices_much_farther_apart_than_they_are_thick_are_warned_of(write_series, ct_slice):
    far = dicom.read(write_series([ct_slice(z, SliceThickness=3) for z in (0, 30, 60)], "far"))
    near = dicom.read(write_series([ct_slice(z, SliceThickness=3) for z in (0, 6, 12)], "near"))
    assert "3 mm thick, and up to 30.00 mm apart" in warnings_of(far.history)[0]
    assert warnings_of(near.history) == ()


@pytest.mark.parametrize("places", [[0, 0.02, 5, 5.02, 10, 10.02], [0, 5, 100]])
def test_a_grid_of_mostly_invented_slices_is_refused(series_at, places):
    with pytest.raises(ImageError, match="too unevenly"):
        dicom.read(series_at(places), settings=GAPS)


@pytest.mark.parametrize("spacing_mm", [0.2, 0.04, 0.005])
def test_a_missing_slice_is_seen_however_small_the_voxels_are(write_series, ct_slice, spacing_mm):
    def microscopic(k):
        place = [0, 0, f"{k * spacing_mm:.4f}"]
        changes = {"ImagePositionPatient": place, "PixelSpacing": [spacing_mm] * 2, "SliceThickness": spacing_mm}
        return ct_slice(float(k), **changes)

    whole = dicom.read(write_series([microscopic(k) for k in range(6)], "whole"))
    assert whole.geometry.spacing_mm == pytest.approx((spacing_mm,) * 3)
    with pytest.raises(ImageError, match="Slices are missing"):
        dicom.read(write_series([microscopic(k) for k in (0, 1, 3, 4, 5)], "gap"))
