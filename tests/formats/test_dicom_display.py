"""A DICOM image comes out in display order whatever its stored orientation, and every voxel keeps its millimetre."""

from itertools import product

import numpy as np
import pytest
from pydicom import Dataset

from fusecli.core.geometry import Geometry
from fusecli.core.history import warnings_of
from fusecli.core.slices import SliceChoice, slice_positions_mm
from fusecli.formats import dicom

SHAPE = (3, 4, 6)
SPACING_MM = (2.5, 1.5)
START_MM = np.array([-20.0, 15.0, 40.0])

# In display order: where columns run, where rows run, and the way from slice to slice in mm.
PLANES = {
    "axial": ((1, 0, 0), (0, 1, 0), (0, 0, 5)),
    "coronal": ((1, 0, 0), (0, 0, -1), (0, 5, 0)),
    "sagittal": ((0, 1, 0), (0, 0, -1), (-5, 0, 0)),
    "oblique": ((0.96, 0.28, 0), (-0.224, 0.768, -0.6), (-0.84, 2.88, 4)),
    "tilted": ((1, 0, 0), (0, 0.8, -0.6), (0, 0, 5)),
    "rolled": ((0, 0.6, -0.8), (1, 0, 0), (0, -4, -3)),
}
FLIPS = [pytest.param(flips, id="".join("+-"[f < 0] for f in flips)) for flips in product((1, -1), repeat=3)]
each_plane = pytest.mark.parametrize("plane", PLANES)
each_flip = pytest.mark.parametrize("flips", FLIPS)  # of columns, rows and slices


def truth(plane: str) -> Geometry:
    column, row, step = (np.array(vector, dtype=float) for vector in PLANES[plane])
    affine = np.eye(4)
    affine[:3] = np.column_stack([step, row * SPACING_MM[0], column * SPACING_MM[1], START_MM])
    return Geometry(SHAPE, affine)


def markers(color: bool = False) -> np.ndarray:
    """Another number in every voxel, in display order."""
    if color:
        return np.arange(np.prod(SHAPE) * 3, dtype=np.uint8).reshape(*SHAPE, 3)
    return np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)


def stored(
    plane: str, flips: tuple[int, int, int], color: bool = False
) -> list[tuple[dict[str, list[float]], np.ndarray]]:
    """Position, orientation and pixels of each slice of a file whose axes are flipped against display order.

    Each pixel is looked up at the millimetre that equation C.7.6.2.1-1 of PS3.3 gives it.
    """
    grid, numbers = truth(plane), markers(color)
    column, row = flips[0] * grid.directions[:, 2], flips[1] * grid.directions[:, 1]
    first_row, first_column = (0 if flip > 0 else size - 1 for flip, size in zip(flips[1::-1], SHAPE[1:], strict=True))
    slices = []
    for k in range(SHAPE[0])[:: flips[2]]:
        position = grid.points(np.array([[k, first_row, first_column]]))[0]
        i, j = np.mgrid[: SHAPE[1], : SHAPE[2]].reshape(2, -1, 1)
        places = position + i * SPACING_MM[0] * row + j * SPACING_MM[1] * column
        indices = np.rint(grid.indices(places)).astype(int)
        pixels = numbers[tuple(indices.T)].reshape(*SHAPE[1:], *numbers.shape[3:])
        where = {"ImagePositionPatient": list(position), "ImageOrientationPatient": [*column, *row]}
        slices.append((where, pixels))
    return slices


def series_of(make, slices) -> list[Dataset]:
    return [
        make(k, pixels, InstanceNumber=k, RescaleIntercept=0, PixelSpacing=list(SPACING_MM), **where)
        for k, (where, pixels) in enumerate(slices)
    ]


def multi_frame(make, slices) -> Dataset:
    """An enhanced file with a functional group for each frame."""
    removed = dict.fromkeys(("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"))
    dataset = make(pixels=np.stack([pixels for _, pixels in slices]), RescaleIntercept=0, **removed)
    dataset.PerFrameFunctionalGroupsSequence = []
    for where, _ in slices:
        position, orientation, measures, group = (Dataset() for _ in range(4))
        position.ImagePositionPatient = where["ImagePositionPatient"]
        orientation.ImageOrientationPatient = where["ImageOrientationPatient"]
        measures.PixelSpacing = list(SPACING_MM)
        group.PlanePositionSequence, group.PlaneOrientationSequence = [position], [orientation]
        group.PixelMeasuresSequence = [measures]
        dataset.PerFrameFunctionalGroupsSequence.append(group)
    return dataset


def assert_displayed(image, plane: str, color: bool = False) -> None:
    np.testing.assert_array_equal(image.voxels, markers(color))
    np.testing.assert_allclose(image.geometry.matrix, truth(plane).matrix, atol=1e-9)


@each_plane
@each_flip
def test_a_series_comes_out_in_display_order(write_series, ct_slice, plane, flips):
    assert_displayed(dicom.read(write_series(series_of(ct_slice, stored(plane, flips)))), plane)


@each_plane
@each_flip
def test_a_multi_frame_file_comes_out_in_display_order(tmp_path, write, ct_slice, plane, flips):
    assert_displayed(dicom.read(write(tmp_path / "m.dcm", multi_frame(ct_slice, stored(plane, flips)))), plane)


@each_plane
@each_flip
def test_a_color_series_comes_out_in_display_order(write_series, ct_slice, plane, flips):
    slices = series_of(ct_slice, stored(plane, flips, color=True))
    assert_displayed(dicom.read(write_series(slices)), plane, color=True)


@each_plane
@each_flip
def test_a_single_slice_comes_out_in_display_order_at_its_place(write_series, ct_slice, plane, flips):
    image = dicom.read(write_series(series_of(ct_slice, stored(plane, flips)[:1])))
    index = 0 if flips[2] > 0 else SHAPE[0] - 1
    np.testing.assert_array_equal(image.voxels[0], markers()[index])
    np.testing.assert_allclose(
        image.geometry.matrix[:, 1:], truth(plane).slices(index, index + 1).matrix[:, 1:], atol=1e-9
    )


@each_plane
@each_flip
def test_a_slice_has_one_number_and_one_position_for_read_and_describe(write_series, ct_slice, plane, flips):
    folder = write_series(series_of(ct_slice, stored(plane, flips)))
    positions = slice_positions_mm(truth(plane))
    for k in range(SHAPE[0]):
        for choice in (SliceChoice(index=k), SliceChoice(position_mm=float(positions[k]))):
            one = dicom.read(folder, slice_choice=choice)
            np.testing.assert_array_equal(one.voxels[0], markers()[k])
            np.testing.assert_allclose(one.geometry.matrix, truth(plane).slices(k, k + 1).matrix, atol=1e-9)
    assert dicom.describe(folder)[0].positions_mm == pytest.approx((positions[0], positions[-1]))


@pytest.mark.parametrize(
    ("flips", "turned"),
    [
        ((1, 1, 1), None),
        ((1, 1, -1), None),
        ((-1, 1, 1), "columns"),
        ((1, -1, 1), "rows"),
        ((-1, -1, 1), "columns, rows"),
    ],
)
def test_history_says_which_axes_were_flipped_and_nothing_when_none_was(write_series, ct_slice, flips, turned):
    image = dicom.read(write_series(series_of(ct_slice, stored("axial", flips))))
    assert image.history[0].facts.get("turned") == turned
    assert ("turned" in image.history[0].facts) == (turned is not None)


def test_an_axis_half_way_between_two_patient_axes_is_not_turned_by_rounding(write_series, ct_slice):
    half_way = [[0.70711, -0.7071, 0, 0, 0, -1], [0.7071, -0.70711, 0, 0, 0, -1]]
    for k, cosines in enumerate(half_way):
        image = dicom.read(write_series([ct_slice(ImageOrientationPatient=cosines)], f"series {k}"))
        assert "turned" not in image.history[0].facts


def test_an_image_without_a_place_is_not_turned(write_series, ct_slice, stored_ramp):
    changes = {"ImageOrientationPatient": [-1, 0, 0, 0, -1, 0], "ImagePositionPatient": None}
    image = dicom.read(write_series([ct_slice(**changes)]))
    np.testing.assert_array_equal(image.voxels[0], stored_ramp - 1000.0)
    assert "turned" not in image.history[0].facts


def test_a_sheared_grid_is_warned_of_by_read_and_describe(write_series, ct_slice):
    straight, sheared = (
        write_series(series_of(ct_slice, stored(plane, (1, 1, 1))), plane) for plane in ("oblique", "tilted")
    )
    for folder, expected in ((straight, False), (sheared, True)):
        for said in (warnings_of(dicom.read(folder).history), dicom.describe(folder)[0].problems):
            assert any("sheared" in warning for warning in said) == expected


def test_rounded_positions_are_no_shear(write_series, ct_slice):
    folder = write_series(ct_slice(z, ImagePositionPatient=[x, 0, z]) for z, x in ((0, 0), (1, 0.005), (2, 0.01)))
    assert warnings_of(dicom.read(folder).history) == ()
