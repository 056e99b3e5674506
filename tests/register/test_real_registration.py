"""Real images with known motions, where they are at hand."""

from dataclasses import replace

import numpy as np
import pytest

from fusecli import formats, models
from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.register import align, identity, resample
from fusecli.register.deformable import deform
from fusecli.register.scene import at
from fusecli.register.search import find, views

CENTRE = np.array([[110.0, 128, 0]])  # of the rotated slices, as their source states


@pytest.fixture
def slices(shared):
    folder = shared / "data" / "itk-2d-registration"

    def read(name):
        return formats.read(folder / f"Brain{name}.png")

    return read


@pytest.fixture
def placed_slice(shared, slices):
    """The voxels of `picture`, where the MetaImage header `name` says that they lie; without one, at the origin."""
    folder = shared / "data" / "itk-2d-registration"

    def read(name, picture):
        header = folder / f"Brain{name}.mhd"
        turn = np.eye(2)
        if header.exists():
            (words,) = (line for line in header.read_text().splitlines() if line.startswith("TransformMatrix"))
            turn = np.array(words.split("=")[1].split(), dtype=float).reshape(2, 2)
        affine = np.eye(4)
        # A row of the header is the direction of one axis: columns first, then rows.
        affine[:3, :3] = [[0, turn[1, 0], turn[0, 0]], [0, turn[1, 1], turn[0, 1]], [1, 0, 0]]
        image = slices(picture)
        return replace(image, geometry=Geometry(image.geometry.shape, affine))

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


@pytest.mark.parametrize("of_moving", ["", "DirectionPlus30", "DirectionMinus30"])
@pytest.mark.parametrize("of_fixed", ["", "DirectionPlus30", "DirectionMinus30"])
@pytest.mark.parametrize("name", ["Border20", "Shifted13x17y"])
def test_a_slice_is_found_whichever_way_its_grid_is_turned(placed_slice, name, of_fixed, of_moving):
    fixed = placed_slice(f"T1SliceBorder20{of_fixed}", "T1SliceBorder20")
    moving = placed_slice(f"ProtonDensitySlice{name}{of_moving}", f"ProtonDensitySlice{name}")
    found = align(fixed, moving, method="rigid")
    # The files differ in their direction alone, so that the truth is a shift between indices.
    rows_columns = np.array([[0, 60, 60], [0, 128, 110], [0, 200, 160]], dtype=float)
    truth = moving.geometry.points(rows_columns + ((0, 17, 13) if name.startswith("Shifted") else 0))
    ends = found.alignment.points(fixed.geometry.points(rows_columns))
    assert found.believable
    assert np.linalg.norm(ends - truth, axis=1).max() < 0.2
    turns = [np.degrees(np.arctan2(*(points[2] - points[0])[[1, 0]])) for points in (ends, truth)]
    assert turns[0] == pytest.approx(turns[1], abs=0.2)


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


@pytest.mark.parametrize(("kind", "published"), [("CT", 0.913), ("PET", 0.975)])
def test_deformed_slices_come_back_nearer_than_by_the_published_network(shared, kind, published):
    folder, modality = shared / "data" / "deformed-2d" / f"{kind}-MRI", Modality(kind)
    before, after = [], []
    for number in range(10):
        fixed, moving, truth = (
            replace(formats.read(folder / part / f"{number}.png"), modality=own)
            for part, own in (("fixed_MRI", Modality.MRI), (f"moving_{kind}", modality), (f"truth_{kind}", modality))
        )
        found = deform(fixed, moving, identity(), models.load_registration)
        restored, _ = resample(moving, onto=fixed.geometry, by=found)
        assert float(found.facts["least_jacobian"]) > 0.1
        before.append(np.corrcoef(moving.voxels.ravel(), truth.voxels.ravel())[0, 1])
        after.append(np.corrcoef(restored.voxels.ravel(), truth.voxels.ravel())[0, 1])
    assert np.mean(before) < published < np.mean(after)
    assert np.greater(after, before).all()
