"""Real images with known motions, where they are at hand."""

from dataclasses import replace

import numpy as np
import pytest

from fusecli import formats
from fusecli.register import align
from fusecli.register.scene import at
from fusecli.register.search import find, views

CENTRE = np.array([[110.0, 128, 0]])  # of the rotated slices, as their source states


@pytest.fixture
def slices(shared):
    folder = shared / "data" / "itk-2d-registration"

    def read(name):
        return formats.read(folder / f"Brain{name}.png")

    return read


@pytest.mark.parametrize("method", ["rigid", "auto"])
@pytest.mark.parametrize(
    ("name", "shift", "degrees"),
    [
        ("ProtonDensitySliceBorder20", (0, 0), 0),
        ("ProtonDensitySliceShifted13x17y", (13, 17), 0),
        ("ProtonDensitySliceRotated10", (0, 0), 10),
    ],
)
def test_a_slice_is_found_within_a_fifth_of_a_millimetre_and_of_a_degree(slices, method, name, shift, degrees):
    found = align(slices("T1SliceBorder20"), slices(name), method=method)
    assert found.believable
    matrix = found.alignment.matrix
    assert np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])) == pytest.approx(degrees, abs=0.2)
    assert (found.alignment.points(CENTRE) - CENTRE)[0] == pytest.approx((*shift, 0), abs=0.2)


def test_the_header_of_a_pet_ct_is_trusted(shared):
    folder = shared / "data" / "petct-thorax"
    found = align(formats.read(folder / "CT"), formats.read(folder / "PT_AC"))
    assert found.alignment.is_header
    assert found.notes == ()


def test_two_contrasts_of_a_head_are_aligned_to_half_a_millimetre(shared, moved, motion):
    folder = shared / "data" / "mni-templates"
    t1, t2 = formats.read(folder / "T1.nii"), formats.read(folder / "T2.nii")
    turn = motion(27, (2, -1, 1), (25, -18, 20))
    rest = align(t1, t2, method="rigid").alignment
    found = align(t1, moved(t2, turn), method="rigid")
    points = t1.geometry.points(np.argwhere(t1.voxels > 0.4)[::200])
    expected = rest.points(points) @ turn[:3, :3].T + turn[:3, 3]
    assert found.believable
    assert np.linalg.norm(found.alignment.points(points) - expected, axis=1).mean() < 0.5


def test_a_head_and_a_chest_are_no_pair(shared):
    data = shared / "data"
    head, chest = formats.read(data / "mni-templates" / "T1.nii"), formats.read(data / "petct-thorax" / "PT_AC")
    other_frame = replace(chest, geometry=replace(chest.geometry, frame_of_reference=None))
    assert not align(head, other_frame, method="rigid").believable


def test_scales_of_a_volume_of_thick_slices_are_found_wherever_it_lies(shared, moved, motion):
    folder = shared / "data" / "mr-volumes"
    t1, pd = formats.read(folder / "chris_t1.nii.gz"), formats.read(folder / "chris_PD.nii.gz")
    points = t1.geometry.points(np.argwhere(t1.voxels > 60)[::500])
    scaled = motion(18, (2, -1, 1), (20, -10, 15), scales=(1.06, 0.95, 1.08))
    rest, found = (find(views(t1, moved(pd, matrix)), "affine").transform for matrix in (np.eye(4), scaled))
    # A tenth of the thickness of a slice of 2.4 mm, and as much again for the draw of the samples.
    assert np.linalg.norm(at(found, points) - at(scaled @ rest, points), axis=1).mean() < 0.5
