"""The transform as a value: points, inverses, compositions and files, against SimpleITK itself."""

import numpy as np
import pytest
import SimpleITK as sitk

from fusecli.core.geometry import Geometry
from fusecli.errors import AlignmentError, ImageError, InputError, OutputError, UsageError
from fusecli.register import Alignment, from_matrix, identity, placed, transform_file

POINTS = np.random.default_rng(0).uniform(20, 80, (40, 3))
SUFFIXES = (".tfm", ".txt", ".mat", ".h5", ".hdf5")


@pytest.fixture
def affine():
    matrix = np.eye(4)
    matrix[:3, :3] += 0.1 * np.random.default_rng(1).normal(size=(3, 3))
    matrix[:3, 3] = (3, -20, 7)
    return from_matrix(matrix, "affine")


@pytest.fixture
def spline():
    """A B-spline that moves points in a cube of 100 mm by some millimetres."""
    transform = sitk.BSplineTransformInitializer(sitk.Image([50, 50, 50], sitk.sitkFloat32), [5, 5, 5])
    transform = sitk.BSplineTransform(transform)
    transform.SetTransformDomainPhysicalDimensions([100.0, 100.0, 100.0])
    random = np.random.default_rng(2)
    transform.SetParameters(random.normal(0, 3, len(transform.GetParameters())).tolist())
    return Alignment(transform, "deformable")


@pytest.fixture
def field(spline):
    size, spacing = [51, 51, 51], [2.0, 2.0, 2.0]
    image = sitk.TransformToDisplacementField(spline.transform, sitk.sitkVectorFloat64, size, (0, 0, 0), spacing)
    return Alignment(sitk.DisplacementFieldTransform(image), "deformable")


def test_an_alignment_takes_points_as_simpleitk_does(affine, spline):
    for alignment in (affine, spline):
        expected = [alignment.transform.TransformPoint(point) for point in POINTS.tolist()]
        assert np.abs(alignment.points(POINTS) - expected).max() < 1e-9
        assert np.abs(alignment.points(POINTS) - POINTS).max() > 1


def test_the_matrix_of_every_linear_transform_is_known():
    turned = sitk.VersorRigid3DTransform((0, 0, 1), 0.3, (1, 2, 3), (4, 5, 6))
    queue = sitk.CompositeTransform([turned, sitk.TranslationTransform(3, (7, 8, 9))])
    for transform in (turned, queue, sitk.Similarity3DTransform(1.2, (1, 0, 0), 0.4)):
        alignment = Alignment(transform, "rigid")
        assert alignment.matrix is not None
        expected = [transform.TransformPoint(point) for point in POINTS.tolist()]
        assert np.abs(alignment.points(POINTS) - expected).max() < 1e-9


def test_what_bends_has_no_matrix(spline, field):
    assert spline.matrix is None
    assert field.matrix is None


def test_the_inverse_of_an_affine_is_exact(affine):
    assert np.abs(affine.inverse().points(affine.points(POINTS)) - POINTS).max() < 1e-9


@pytest.mark.parametrize("bends", ["spline", "field"])
def test_the_inverse_of_what_bends_comes_back_to_a_twentieth_of_a_millimetre(bends, request):
    alignment = request.getfixturevalue(bends)
    back = alignment.inverse().points(alignment.points(POINTS))
    # The field is sampled every 2 mm and interpolated linearly between: that is what is left of the error.
    assert np.linalg.norm(back - POINTS, axis=1).max() < 0.06
    assert np.linalg.norm(alignment.points(POINTS) - POINTS, axis=1).max() > 2


def test_a_composition_applies_its_first_part_first(affine, spline):
    shift = np.eye(4)
    shift[0, 3] = 5
    second = from_matrix(shift, "rigid")
    for first in (affine, spline):
        assert np.abs(first.then(second).points(POINTS) - second.points(first.points(POINTS))).max() < 1e-9
    assert np.abs(affine.then(second).points(POINTS) - second.then(affine).points(POINTS)).max() > 0.1


def test_the_inverse_of_a_composition_undoes_its_last_part_first(affine, spline):
    both = spline.then(affine)
    assert np.linalg.norm(both.inverse().points(both.points(POINTS)) - POINTS, axis=1).max() < 0.06


def test_a_flat_transform_has_no_inverse():
    with pytest.raises(AlignmentError, match="cannot be inverted"):
        from_matrix(np.diag([1.0, 1, 0, 1]), "affine").inverse()


def test_a_transform_of_two_coordinates_is_refused():
    with pytest.raises(ValueError, match="three coordinates"):
        Alignment(sitk.Euler2DTransform(), "rigid")


def test_a_picture_is_measured_in_pixels():
    geometry = placed(Geometry((1, 4, 6)))
    assert np.array_equal(geometry.points(np.array([[0, 2, 5]])), [[5, 2, 0]])
    known = Geometry((1, 4, 6), np.diag([2.0, 3, 4, 1]))
    assert placed(known) is known


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", ["affine", "field"])
def test_a_saved_alignment_is_read_by_simpleitk_and_by_us(tmp_path, request, name, suffix):
    alignment = request.getfixturevalue(name)
    path = tmp_path / f"found{suffix}"
    transform_file.write(alignment, path)
    theirs = sitk.ReadTransform(str(path))
    expected = alignment.points(POINTS)
    assert np.abs([theirs.TransformPoint(point) for point in POINTS.tolist()] - expected).max() < 1e-9
    ours = transform_file.read(path)
    assert np.abs(ours.points(POINTS) - expected).max() < 1e-9
    assert len(ours.facts["transform_sha256"]) == 64
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".tfm", ".h5"])
def test_a_transform_of_two_parts_is_saved_with_both(tmp_path, affine, spline, suffix):
    both = spline.then(affine)
    transform_file.write(both, tmp_path / f"both{suffix}")
    assert np.abs(transform_file.read(tmp_path / f"both{suffix}").points(POINTS) - both.points(POINTS)).max() < 1e-9


def test_a_matlab_file_cannot_hold_two_parts_and_nothing_is_left(tmp_path, affine, spline):
    with pytest.raises(OutputError, match=r"two\.mat") as caught:
        transform_file.write(spline.then(affine), tmp_path / "two.mat")
    assert ".h5" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_saved_transform_is_not_overwritten_unless_asked(tmp_path):
    path = tmp_path / "found.tfm"
    path.write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        transform_file.write(identity(), path)
    assert path.read_text() == "mine"
    transform_file.write(identity(), path, overwrite=True)
    assert np.array_equal(transform_file.read(path).matrix, np.eye(4))


def test_an_unknown_suffix_names_the_known_ones(tmp_path):
    with pytest.raises(UsageError) as caught:
        transform_file.write(identity(), tmp_path / "found.xyz")
    assert ".tfm" in caught.value.hint


def test_what_is_no_transform_is_told(tmp_path):
    with pytest.raises(InputError):
        transform_file.read(tmp_path / "none.tfm")
    (tmp_path / "text.tfm").write_text("not a transform")
    with pytest.raises(ImageError, match="not a transform"):
        transform_file.read(tmp_path / "text.tfm")
    transform_file.write(from_matrix(np.diag([1.0, 1, 0, 1]), "affine"), tmp_path / "pressed.tfm")
    with pytest.raises(ImageError, match="flat"):
        transform_file.read(tmp_path / "pressed.tfm")
    sitk.WriteTransform(sitk.Euler2DTransform(), str(tmp_path / "flat.tfm"))
    with pytest.raises(ImageError, match="2 coordinates"):
        transform_file.read(tmp_path / "flat.tfm")
