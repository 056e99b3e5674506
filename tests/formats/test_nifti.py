"""NIfTI: every voxel keeps its millimetre, and what a number means is told from the right place."""

import gzip
import itertools
import json
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.arrayproxy import ArrayProxy
from nibabel.orientations import axcodes2ornt

from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.history import Step, warnings_of
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.slices import SliceChoice
from fusecli.errors import ImageError, UsageError
from fusecli.formats import nifti
from fusecli.formats.nifti.hounsfield import looks_like_hu

SHARED = Path(os.environ.get("FUSECLI_SHARED", Path(__file__).parents[3] / "shared"))
SIZE = (4, 5, 6)  # along x, y, z of the patient
SPACING = (1.0, 2.0, 3.0)
ORIGIN_RAS = (-20.0, 30.0, 7.0)
MARKER_RAS = (-17.0, 34.0, 22.0)  # the rightmost, middle and topmost voxel along x, y and z
MARKER_LPS = (17.0, -34.0, 22.0)

PAIRS = (("R", "L"), ("A", "P"), ("S", "I"))
CODES = ["".join(code) for order in itertools.permutations(PAIRS) for code in itertools.product(*order)]


def with_marker(code: str) -> nib.Nifti1Image:
    """The same patient stored along `code`: one voxel of 100 at MARKER_RAS in a grid of 0."""
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = ORIGIN_RAS
    ras = nib.Nifti1Image(np.zeros(SIZE, dtype=np.float32), affine)
    turned = ras.as_reoriented(nib.orientations.ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(code)))
    data = np.zeros(turned.shape, dtype=np.float32)
    index = np.rint(np.linalg.inv(turned.affine) @ [*MARKER_RAS, 1])[:3].astype(int)
    data[tuple(index)] = 100
    return nib.Nifti1Image(data, turned.affine)


def saved(folder: Path, image, name: str = "volume.nii") -> Path:
    nib.save(image, folder / name)
    return folder / name


def grid_image(data: np.ndarray, affine: np.ndarray | None = None, **header) -> nib.Nifti1Image:
    image = nib.Nifti1Image(data, np.eye(4) if affine is None else affine)
    for key, value in header.items():
        image.header[key] = value
    return image


def test_there_are_48_orientations():
    assert len(set(CODES)) == 48


@pytest.mark.parametrize("code", CODES)
def test_every_orientation_shows_the_marker_at_its_millimetre(tmp_path, code):
    stored = with_marker(code)
    assert "".join(nib.aff2axcodes(stored.affine)) == code
    image = nifti.read(saved(tmp_path, stored))
    assert image.geometry.shape == SIZE[::-1]
    assert image.geometry.spacing_mm == SPACING[::-1]
    marker = np.argwhere(image.voxels == 100)
    np.testing.assert_allclose(image.geometry.points(marker), [MARKER_LPS], atol=1e-5)


@pytest.mark.parametrize("code", CODES)
def test_every_orientation_is_shown_as_radiology_looks_at_it(tmp_path, code):
    image = nifti.read(saved(tmp_path, with_marker(code)))
    slices, rows, columns = image.geometry.directions.T
    np.testing.assert_allclose(columns, (1, 0, 0), atol=1e-6)  # to the patient's left, which is on the right
    np.testing.assert_allclose(rows, (0, 1, 0), atol=1e-6)  # to the back, so the front is up
    np.testing.assert_allclose(slices, (0, 0, 1), atol=1e-6)  # to the head
    np.testing.assert_array_equal(np.argwhere(image.voxels == 100), [[5, 2, 0]])


@pytest.mark.parametrize("code", CODES[::7])
def test_one_slice_read_alone_is_the_slice_of_the_whole_volume(tmp_path, code):
    data = np.arange(120, dtype=np.int16).reshape(with_marker(code).shape)
    path = saved(tmp_path, nib.Nifti1Image(data, with_marker(code).affine))
    whole = nifti.read(path)
    for index in range(6):
        one = nifti.read(path, slice_choice=SliceChoice(index=index))
        np.testing.assert_array_equal(one.voxels, whole.voxels[index : index + 1])
        np.testing.assert_allclose(one.geometry.matrix, whole.geometry.slices(index, index + 1).matrix)
    assert not np.array_equal(whole.voxels[0], whole.voxels[1])


def test_a_slice_can_be_chosen_by_its_millimetre(tmp_path):
    path = saved(tmp_path, with_marker("PSR"))
    found = nifti.read(path, slice_choice=SliceChoice(position_mm=22.0))
    missed = nifti.read(path, slice_choice=SliceChoice(position_mm=19.0))
    assert found.voxels.max() == 100
    assert missed.voxels.max() == 0
    with pytest.raises(UsageError):
        nifti.read(path, slice_choice=SliceChoice(position_mm=50.0))


def test_choosing_one_slice_reads_little_of_a_plain_file(tmp_path, monkeypatch):
    path = saved(tmp_path, grid_image(np.zeros((64, 64, 40), dtype=np.uint8)))
    loaded = []
    original = ArrayProxy.__getitem__
    monkeypatch.setattr(ArrayProxy, "__getitem__", lambda self, key: loaded.append(out := original(self, key)) or out)
    nifti.read(path, slice_choice=SliceChoice(index=3))
    assert [part.shape for part in loaded] == [(64, 64, 1)]


def rotation(degrees: float, axis: int) -> np.ndarray:
    a, b = [n for n in range(3) if n != axis]
    matrix = np.eye(3)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix[a, a], matrix[a, b], matrix[b, a], matrix[b, b] = cosine, -sine, sine, cosine
    return matrix


@pytest.mark.parametrize("code", ["RAS", "LPS", "PSR", "ASL", "RSA"])
def test_an_oblique_volume_keeps_every_voxel_at_its_millimetre(tmp_path, code):
    straight = with_marker(code)
    tilt = np.eye(4)
    tilt[:3, :3] = rotation(20, 0) @ rotation(-15, 2)
    affine = tilt @ straight.affine
    image = nifti.read(saved(tmp_path, nib.Nifti1Image(np.asarray(straight.dataobj), affine)))
    marker = image.geometry.points(np.argwhere(image.voxels == 100))
    expected = tilt[:3, :3] @ MARKER_RAS * (-1, -1, 1)
    np.testing.assert_allclose(marker[0], expected, atol=1e-4)
    assert image.geometry.directions[0, 2] > 0.7  # columns still run mostly to the left
    assert image.geometry.directions[1, 1] > 0.7
    assert image.geometry.directions[2, 0] > 0.7


@pytest.mark.parametrize(
    ("code", "rows", "columns"),
    [("RAS", (0, 1, 0), (1, 0, 0)), ("PSR", (0, 0, -1), (0, 1, 0)), ("RSA", (0, 0, -1), (1, 0, 0))],
)
def test_a_single_slice_keeps_its_plane_and_stands_upright(tmp_path, code, rows, columns):
    volume = with_marker(code)
    marker = int(np.argwhere(np.asarray(volume.dataobj) == 100)[0][2])
    image = nifti.read(saved(tmp_path, volume.slicer[:, :, marker : marker + 1]))
    assert image.geometry.shape[0] == 1
    np.testing.assert_allclose(image.geometry.directions[:, 1], rows, atol=1e-6)
    np.testing.assert_allclose(image.geometry.directions[:, 2], columns, atol=1e-6)
    np.testing.assert_allclose(image.geometry.points(np.argwhere(image.voxels == 100)), [MARKER_LPS], atol=1e-5)


def test_the_sform_is_used_before_the_qform_and_a_difference_is_warned_of(tmp_path):
    image = with_marker("RAS")
    other = image.affine.copy()
    other[:3, 3] += 50
    image.set_qform(other, code=1)
    image.set_sform(image.affine, code=4)
    read = nifti.read(saved(tmp_path, image))
    assert read.history[0].facts["place_from"] == "sform"
    np.testing.assert_allclose(read.geometry.points(np.argwhere(read.voxels == 100)), [MARKER_LPS], atol=1e-4)
    assert "two different places" in warnings_of(read.history)[0]


def test_the_qform_is_used_where_the_sform_is_unknown(tmp_path):
    image = with_marker("LPS")
    image.set_qform(image.affine, code=1)
    image.set_sform(None, code=0)
    read = nifti.read(saved(tmp_path, image))
    assert read.history[0].facts["place_from"] == "qform"
    assert warnings_of(read.history) == ()
    np.testing.assert_allclose(read.geometry.points(np.argwhere(read.voxels == 100)), [MARKER_LPS], atol=1e-4)


@pytest.mark.parametrize(
    "broken", [np.zeros((3, 3)), np.diag([2, 2, np.nan]), np.array([[2, 2, 0], [0, 0, 0], [0, 0, 2]])]
)
def test_a_place_without_three_directions_is_refused_with_the_form_that_states_it(tmp_path, broken):
    image = grid_image(np.zeros((3, 4, 5), dtype=np.float32))
    for column, field in enumerate(("srow_x", "srow_y", "srow_z")):
        image.header[field] = [*broken[column], 0]
    image.header["sform_code"] = 1
    path = tmp_path / "flat.nii"
    with path.open("wb") as file:  # nibabel would mend the header
        header = image.header.copy()
        header["vox_offset"], header["magic"] = 352, b"n+1"
        header.write_to(file)
        file.write(bytes(352 - file.tell()) + image.get_fdata(dtype=np.float32).tobytes(order="F"))
    with pytest.raises(ImageError, match="sform does not span three directions"):
        nifti.read(path)
    sheared = np.array([[2, 1.5, 0, 0], [0, 1, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1]])
    assert nifti.read(saved(tmp_path, nib.Nifti1Image(image.get_fdata(), sheared))).geometry.is_patient


def test_without_sform_and_qform_there_are_no_millimetres_and_the_front_is_up(tmp_path):
    data = np.zeros((4, 5, 6), dtype=np.uint8)
    data[1, 4, 5] = 9
    read = nifti.read(saved(tmp_path, nib.Nifti1Image(data, None)))
    assert not read.geometry.is_patient
    assert "code 0" in warnings_of(read.history)[0]
    np.testing.assert_array_equal(np.argwhere(read.voxels == 9), [[5, 0, 1]])


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("meter", 1000), ("micron", 0.001), ("unknown", 1)])
def test_lengths_are_turned_into_millimetres(tmp_path, unit, factor):
    image = with_marker("RAS")
    image.header.set_xyzt_units(unit)
    np.testing.assert_allclose(nifti.read(saved(tmp_path, image)).geometry.spacing_mm, np.multiply((3, 2, 1), factor))


def test_sheared_axes_are_warned_of_and_right_angles_are_not(tmp_path):
    sheared = np.eye(4)
    sheared[0, 1] = 0.2
    data = np.zeros(SIZE, dtype=np.uint8)
    tilted = nib.Nifti1Image(data, sheared)
    tilted.set_qform(None, code=0)
    assert "right angles" in warnings_of(nifti.read(saved(tmp_path, tilted)).history)[0]
    assert warnings_of(nifti.read(saved(tmp_path, nib.Nifti1Image(data, np.eye(4)))).history) == ()


def test_a_flat_affine_is_refused(tmp_path):
    path = saved(tmp_path, with_marker("RAS"))
    raw = bytearray(path.read_bytes())
    raw[312:328] = bytes(16)  # srow_z: nifti1.h
    path.write_bytes(raw)
    with pytest.raises(ImageError):
        nifti.read(path)


@pytest.mark.parametrize("code", ["int16", "uint8", "int32", "float32", "float64", "uint16", ">i2"])
def test_every_stored_type_keeps_its_numbers(tmp_path, code):
    data = np.arange(24).reshape(2, 3, 4).astype(code)
    image = nifti.read(saved(tmp_path, nib.Nifti1Image(data, np.diag([-1, -1, 1, 1]))))
    np.testing.assert_array_equal(image.voxels, data.transpose(2, 1, 0))


def test_slope_and_intercept_are_applied(tmp_path):
    path = saved(tmp_path, grid_image(np.full((2, 2, 2), 10, dtype=np.int16)))
    raw = bytearray(path.read_bytes())
    raw[112:120] = np.array([2.5, -1024], dtype="<f4").tobytes()  # scl_slope, scl_inter: nifti1.h
    path.write_bytes(raw)
    assert (nifti.read(path).voxels == -999).all()


def test_nan_becomes_the_smallest_number_with_a_warning_that_counts(tmp_path):
    data = np.array([[[np.nan, -5.0], [3.0, np.nan]]], dtype=np.float32)
    image = nifti.read(saved(tmp_path, grid_image(data)))
    assert sorted(image.voxels.ravel()) == [-5, -5, -5, 3]
    assert "2 voxels are NaN" in warnings_of(image.history)[0]


@pytest.mark.parametrize("values", [[np.nan, np.nan], [1, np.inf]])
def test_a_volume_of_nothing_but_nan_or_with_infinity_is_refused(tmp_path, values):
    with pytest.raises(ImageError, match="not numbers"):
        nifti.read(saved(tmp_path, grid_image(np.array(values, dtype=np.float32).reshape(2, 1, 1))))


@pytest.mark.parametrize("shape", [(2, 3, 4, 1), (2, 3, 4, 1, 1)])
def test_a_fourth_axis_of_one_is_dropped(tmp_path, shape):
    data = np.arange(24, dtype=np.int16).reshape(shape)
    image = nifti.read(saved(tmp_path, grid_image(data, np.diag([-1, -1, 1, 1]))))
    np.testing.assert_array_equal(image.voxels, data.reshape(2, 3, 4).transpose(2, 1, 0))


def test_a_flat_file_is_one_slice(tmp_path):
    data = np.arange(6, dtype=np.int16).reshape(2, 3)
    image = nifti.read(saved(tmp_path, grid_image(data, np.diag([-1, -1, 1, 1]))))
    np.testing.assert_array_equal(image.voxels, [data.T])


def test_several_volumes_are_refused_rather_than_guessed(tmp_path):
    path = saved(tmp_path, grid_image(np.zeros((2, 3, 4, 5), dtype=np.int16)))
    with pytest.raises(ImageError, match="several volumes") as refused:
        nifti.read(path)
    assert "2 x 3 x 4 x 5" in refused.value.why


def test_vectors_and_complex_numbers_are_refused(tmp_path):
    field = grid_image(np.zeros((2, 3, 4, 1, 3), dtype=np.float32))
    with pytest.raises(ImageError, match="vectors"):
        nifti.read(saved(tmp_path, field))
    with pytest.raises(ImageError, match="no plain numbers"):
        nifti.read(saved(tmp_path, grid_image(np.zeros((2, 3, 4), dtype=np.complex64))))


def test_both_ways_of_storing_color_read_the_same(tmp_path):
    color = np.random.default_rng(3).integers(0, 256, (2, 3, 4, 3), dtype=np.uint8)
    packed = color.view(np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))[..., 0]
    lps = np.diag([-1, -1, 1, 1])
    structured = nifti.read(saved(tmp_path, grid_image(packed, lps), "a.nii"))
    vector = nifti.read(saved(tmp_path, grid_image(color[:, :, :, np.newaxis], lps, intent_code=1007), "b.nii.gz"))
    for image in (structured, vector):
        assert image.intensity is Intensity.RGB
        np.testing.assert_array_equal(image.voxels, color.transpose(2, 1, 0, 3))
    one = nifti.read(tmp_path / "b.nii.gz", slice_choice=SliceChoice(index=2))
    np.testing.assert_array_equal(one.voxels, structured.voxels[2:3])


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_nifti_1_and_2_are_known_by_content(tmp_path, kind, name):
    image = with_marker("RAS")
    path = saved(tmp_path, kind(np.asarray(image.dataobj), image.affine), name).rename(tmp_path / "no_suffix")
    assert nifti.is_nifti(path)
    assert nifti.read(path).history[0].facts["format"] == ("NIfTI-1" if kind is nib.Nifti1Image else "NIfTI-2")


@pytest.mark.parametrize("name", ["a.hdr", "a.img"])
def test_either_file_of_a_pair_may_be_named(tmp_path, name):
    image = with_marker("RAS")
    nib.save(nib.Nifti1Pair(np.asarray(image.dataobj), image.affine), tmp_path / "a.img")
    read = nifti.read(tmp_path / name)
    assert nifti.is_nifti(tmp_path / name)
    np.testing.assert_allclose(read.geometry.points(np.argwhere(read.voxels == 100)), [MARKER_LPS], atol=1e-5)


def test_a_header_without_its_voxels_is_refused(tmp_path):
    image = with_marker("RAS")
    nib.save(nib.Nifti1Pair(np.asarray(image.dataobj), image.affine), tmp_path / "a.img")
    (tmp_path / "a.img").unlink()
    with pytest.raises(ImageError, match="damaged"):
        nifti.read(tmp_path / "a.hdr")


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"\x1f\x8bnot gzip", b"\0" * 600, gzip.compress(b"text")])
def test_other_content_is_not_nifti(tmp_path, content):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(content)
    assert not nifti.is_nifti(path)
    with pytest.raises(ImageError):
        nifti.read(path)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_file_cut_short_is_refused(tmp_path, name):
    noise = np.random.default_rng(4).integers(0, 255, (16, 16, 16), dtype=np.uint8)
    path = saved(tmp_path, grid_image(noise), name)
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(ImageError, match="damaged"):
        nifti.read(path)


def test_a_header_that_promises_too_much_asks_for_no_memory(tmp_path):
    path = saved(tmp_path, grid_image(np.zeros((2, 2, 2), dtype=np.uint8)))
    raw = bytearray(path.read_bytes())
    raw[40:48] = np.array([3, 32767, 32767, 32767], dtype="<i2").tobytes()
    path.write_bytes(raw)
    with pytest.raises(ImageError, match="damaged") as refused:
        nifti.read(path)
    assert "promises" in refused.value.why


def test_nibabel_logs_nothing_about_headers_it_repairs(tmp_path, caplog):
    path = saved(tmp_path, grid_image(np.zeros((2, 2, 2), dtype=np.uint8)))
    raw = bytearray(path.read_bytes())
    raw[80:84] = np.array([-1.0], dtype="<f4").tobytes()  # a negative pixdim
    path.write_bytes(raw)
    nifti.read(path)
    assert caplog.records == []
    nib.load(path)
    assert caplog.records != []


@pytest.mark.parametrize(
    ("name", "modality"),
    [
        ("InputPET_ROI.nii.gz", Modality.PET),
        ("InputCT_ROI.nii.gz", Modality.CT),
        ("brain-spect.nii", Modality.SPECT),
        ("case7_nm.nii", Modality.SPECT),
        ("chris_t1.nii.gz", Modality.MRI),
        ("BrainT1Slice.nii", Modality.MRI),
        ("scan_FLAIR.nii", Modality.MRI),
        ("sub-01_space-CT_desc-suvbw_pet.nii.gz", Modality.PET),
        ("sub-01_ses-02_T1w.nii.gz", Modality.MRI),
        ("pet_on_ct.nii.gz", Modality.OTHER),
        ("project_octopus_spectrum.nii", Modality.OTHER),
        ("pt01_volume.nii", Modality.OTHER),
    ],
)
def test_the_modality_is_told_by_the_words_of_the_file_name(tmp_path, name, modality):
    image = nifti.read(saved(tmp_path, grid_image(np.ones((2, 2, 2), dtype=np.int16)), name))
    assert image.modality is modality
    told = "its file name" if modality is not Modality.OTHER else "nothing"
    assert image.history[0].facts["modality_told_by"] == told


def values_of_a_ct() -> np.ndarray:
    """Air, lung, fat and soft tissue with a scanner's noise, a padded border, and one clip of metal."""
    random = np.random.default_rng(7)
    values = np.repeat([-1000, -830, -100, 40], (3000, 800, 700, 2500)) + random.normal(0, 20, 7000)
    values = np.clip(np.rint(values), -1024, 3071)
    values[:200], values[-1] = -2000, 3071
    return values.astype(np.int16).reshape(20, 25, 14)


def values_of_a_pet(noise_bqml: float) -> np.ndarray:
    """A PET in whole Bq/ml: noise on both sides of zero, as filtered back projection makes it, and a hot body."""
    random = np.random.default_rng(8)
    values = np.repeat([0, 900, 3000], (4000, 2500, 500)) + random.normal(0, noise_bqml, 7000)
    return np.rint(values).astype(np.int16).reshape(20, 25, 14)


def values_of_a_signed_mr(low: int, high: int) -> np.ndarray:
    """A phase image or a field map: all numbers equally often."""
    return np.random.default_rng(9).integers(low, high, (20, 25, 14), dtype=np.int16)


def test_values_that_can_only_be_a_ct_are_taken_as_hu_with_a_warning(tmp_path):
    image = nifti.read(saved(tmp_path, grid_image(values_of_a_ct()), "anon.nii"))
    assert (image.modality, image.intensity) == (Modality.CT, Intensity.HU)
    (warning,) = warnings_of(image.history)
    assert "taken as CT in HU by its values (minimum -2000, maximum 3071)" in warning
    assert "--fixed-modality / --moving-modality says otherwise" in warning
    assert image.history[0].facts["unit_told_by"] == "its values"


@pytest.mark.parametrize("noise_bqml", [100, 250, 400, 700])
def test_a_pet_with_negative_noise_is_not_taken_for_a_ct(tmp_path, noise_bqml):
    values = values_of_a_pet(noise_bqml)
    assert values.min() < -200
    image = nifti.read(saved(tmp_path, grid_image(values), "anon.nii.gz"))
    assert (image.modality, image.intensity) == (Modality.OTHER, Intensity.ARBITRARY)
    assert warnings_of(image.history) == ()


@pytest.mark.parametrize(("low", "high"), [(-4096, 4096), (-3142, 3143), (-1000, 1000), (-900, 400)])
def test_an_mr_with_signed_values_is_not_taken_for_a_ct(tmp_path, low, high):
    image = nifti.read(saved(tmp_path, grid_image(values_of_a_signed_mr(low, high)), "anon.nii.gz"))
    assert (image.modality, image.intensity) == (Modality.OTHER, Intensity.ARBITRARY)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda ct: ct + 0.25, id="fractions"),
        pytest.param(lambda ct: np.maximum(ct, -200), id="no air"),
        pytest.param(lambda ct: np.minimum(ct, -300), id="no soft tissue"),
        pytest.param(lambda ct: np.where(ct == 3071, 17_872, ct), id="beyond 12 bits"),
        pytest.param(lambda ct: np.where(ct == -2000, -8000, ct), id="below any padding"),
        pytest.param(lambda ct: np.where(np.arange(ct.size).reshape(ct.shape) % 2, ct // 2, ct), id="no valley"),
    ],
)
def test_whatever_does_not_look_like_a_ct_in_every_way_is_taken_for_nothing(change):
    assert looks_like_hu(values_of_a_ct())
    assert not looks_like_hu(change(values_of_a_ct()))


@pytest.mark.parametrize(("name", "side_car"), [("anon", '{"Units": "Bq/mL"}'), ("pet", "{}"), ("t1", "{}")])
def test_what_a_side_car_or_a_name_says_goes_before_the_values(tmp_path, name, side_car):
    path = saved(tmp_path, grid_image(values_of_a_ct()), f"{name}.nii")
    (tmp_path / f"{name}.json").write_text(side_car)
    image = nifti.read(path)
    assert image.modality is not Modality.CT
    assert image.intensity is not Intensity.HU


@pytest.mark.parametrize(
    ("name", "lowest", "intensity"),
    [
        ("ct.nii", -1000, Intensity.HU),
        ("ct.nii", 0, Intensity.ARBITRARY),
        ("ct_hu.nii", 0, Intensity.HU),
        ("pet.nii", 0, Intensity.ARBITRARY),
        ("pet_suv.nii", 0, Intensity.SUV),
        ("ct_suv_shaped.nii", 0, Intensity.ARBITRARY),
        ("t1.nii", 0, Intensity.ARBITRARY),
    ],
)
def test_the_unit_is_only_what_name_and_values_support(tmp_path, name, lowest, intensity):
    image = nifti.read(saved(tmp_path, grid_image(np.array([[[lowest, 40]]], dtype=np.int16)), name))
    assert image.intensity is intensity


def test_guessing_a_unit_or_refusing_to_is_a_warning(tmp_path):
    flat = grid_image(np.array([[[0, 40]]], dtype=np.int16))
    assert "not taken as HU" in warnings_of(nifti.read(saved(tmp_path, flat, "ct.nii")).history)[0]
    assert "SUV by the file name" in warnings_of(nifti.read(saved(tmp_path, flat, "pet_suv.nii")).history)[0]
    assert "HU by the file name" in warnings_of(nifti.read(saved(tmp_path, flat, "ct_hu.nii")).history)[0]
    assert warnings_of(nifti.read(saved(tmp_path, flat, "t1.nii")).history) == ()


@pytest.mark.parametrize(
    ("units", "intensity"), [("Bq/mL", Intensity.BQML), ("SUV", Intensity.SUV), ("parsec", Intensity.ARBITRARY)]
)
def test_a_side_car_names_the_unit(tmp_path, units, intensity):
    path = saved(tmp_path, grid_image(np.ones((2, 2, 2), dtype=np.int16)), "sub-01_pet.nii.gz")
    (tmp_path / "sub-01_pet.json").write_text(json.dumps({"Units": units}))
    image = nifti.read(path)
    assert image.intensity is intensity
    assert image.modality is Modality.PET


def test_a_side_car_names_the_modality_before_the_file_name_does(tmp_path):
    path = saved(tmp_path, grid_image(np.ones((2, 2, 2), dtype=np.int16)), "ct.nii")
    (tmp_path / "ct.json").write_text('{"Modality": "MR"}')
    image = nifti.read(path)
    assert image.modality is Modality.MRI
    assert image.history[0].facts["modality_told_by"] == "its side-car"


@pytest.mark.parametrize("content", ["{", "[1, 2]", '{"Modality": ["MR"], "Units": 3}'])
def test_a_side_car_that_makes_no_sense_is_left_aside(tmp_path, content):
    path = saved(tmp_path, grid_image(np.ones((2, 2, 2), dtype=np.int16)), "ct.nii")
    (tmp_path / "ct.json").write_text(content)
    assert nifti.read(path).modality is Modality.CT


def test_neither_file_name_nor_side_car_text_reaches_the_history(tmp_path):
    path = saved(tmp_path, grid_image(np.ones((2, 2, 2), dtype=np.int16)), "Doe_Jane_pet_suv.nii")
    (tmp_path / "Doe_Jane_pet_suv.json").write_text('{"PatientName": "Doe^Jane", "Units": "SUV"}')
    image = nifti.read(path)
    assert "Doe" not in f"{image.history}{image.source}"


OBLIQUE = np.array([[-1.2, 0.3, 2.0, 5.0], [0.4, 1.1, -3.0, -7.0], [2.5, 0.1, 0.2, 40.0], [0, 0, 0, 1]])


@pytest.fixture
def volume() -> Image:
    affine = np.array([[0, 0, 0.8, -90.0], [0, 0.9, 0, -120.0], [2.5, 0, 0, 33.0], [0, 0, 0, 1]])
    voxels = np.random.default_rng(5).normal(size=(3, 4, 5)).astype(np.float32)
    return Image(voxels, Geometry((3, 4, 5), affine), Modality.PET, Intensity.SUV, history=(Step("read"),))


@pytest.mark.parametrize("packed", [True, False])
def test_a_written_volume_reads_back_the_same_numbers_in_the_same_place(tmp_path, volume, packed):
    path = tmp_path / "pet_suv.nii"
    nifti.write(volume, path, packed=packed)
    back = nifti.read(path)
    np.testing.assert_array_equal(back.voxels, volume.voxels)
    np.testing.assert_allclose(back.geometry.matrix, volume.geometry.matrix, atol=1e-5)
    assert not np.array_equal(back.voxels, volume.voxels + 1)


def test_another_program_finds_the_written_volume_in_scanner_space_and_mm(tmp_path, volume):
    nifti.write(volume, tmp_path / "a.nii", packed=False)
    header = nib.load(tmp_path / "a.nii").header
    assert (int(header["sform_code"]), int(header["qform_code"])) == (1, 1)
    np.testing.assert_allclose(header.get_qform(), header.get_sform(), atol=1e-4)
    assert header.get_xyzt_units()[0] == "mm"
    first_in_ras = header.get_sform() @ (0, 0, 0, 1)
    np.testing.assert_allclose(first_in_ras[:3], (90, 120, 33), atol=1e-4)


def test_axes_that_are_not_at_right_angles_are_written_without_a_qform(tmp_path):
    affine = np.linalg.inv(OBLIQUE) @ np.diag([9, 7, 5, 1])
    image = Image(np.zeros((2, 3, 4)), Geometry((2, 3, 4), affine), Modality.MRI, Intensity.ARBITRARY)
    nifti.write(image, tmp_path / "a.nii", packed=False)
    header = nib.load(tmp_path / "a.nii").header
    assert (int(header["sform_code"]), int(header["qform_code"])) == (1, 0)
    corners = np.array([[0, 0, 0], [1, 2, 3]])
    expected = image.geometry.points(corners) * (-1, -1, 1)
    np.testing.assert_allclose((header.get_sform() @ np.c_[corners[:, ::-1], [1, 1]].T).T[:, :3], expected, atol=1e-4)


def test_color_is_written_as_rgb24_and_reads_back(tmp_path, volume):
    color = np.random.default_rng(6).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    image = Image(color, volume.geometry, Modality.FUSED, Intensity.RGB)
    nifti.write(image, tmp_path / "a.nii.gz", packed=True)
    assert int(nib.load(tmp_path / "a.nii.gz").header["datatype"]) == 128
    back = nifti.read(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(back.voxels, color)
    np.testing.assert_allclose(back.geometry.matrix, volume.geometry.matrix, atol=1e-5)


def test_simpleitk_reads_color_and_place_of_what_we_wrote(tmp_path, volume):
    sitk = pytest.importorskip("SimpleITK")
    color = np.random.default_rng(6).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    nifti.write(Image(color, volume.geometry, Modality.FUSED, Intensity.RGB), tmp_path / "a.nii.gz", packed=True)
    read = sitk.ReadImage(str(tmp_path / "a.nii.gz"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read), color)
    expected = volume.geometry.points(np.array([[2, 1, 3]]))[0]
    np.testing.assert_allclose(read.TransformIndexToPhysicalPoint((3, 1, 2)), expected, atol=1e-4)


def test_simpleitk_and_we_read_the_same_place(tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    path = saved(tmp_path, with_marker("PIL"))
    index = np.argwhere(sitk.GetArrayFromImage(sitk.ReadImage(str(path))) == 100)[0]
    theirs = sitk.ReadImage(str(path)).TransformIndexToPhysicalPoint([int(n) for n in index[::-1]])
    ours = nifti.read(path)
    np.testing.assert_allclose(ours.geometry.points(np.argwhere(ours.voxels == 100))[0], theirs, atol=1e-4)


def test_a_picture_is_written_without_a_place_and_reads_back_upright(tmp_path):
    unit = np.linspace(0, 1, 12, dtype=np.float32).reshape(1, 3, 4)
    picture = Image(unit, Geometry((1, 3, 4)), Modality.OTHER, Intensity.UNIT)
    nifti.write(picture, tmp_path / "a.nii", packed=False)
    header = nib.load(tmp_path / "a.nii").header
    assert (int(header["sform_code"]), int(header["qform_code"])) == (0, 0)
    back = nifti.read(tmp_path / "a.nii")
    np.testing.assert_array_equal(back.voxels, unit)
    assert not back.geometry.is_patient


def test_a_unit_image_is_known_again_and_another_is_not_taken_for_one(tmp_path, volume):
    unit = Image(np.abs(np.tanh(volume.voxels)), volume.geometry, Modality.FUSED, Intensity.UNIT)
    nifti.write(unit, tmp_path / "fused.nii.gz", packed=True)
    assert nifti.read(tmp_path / "fused.nii.gz").intensity is Intensity.UNIT
    saved(tmp_path, grid_image(np.array([[[0, 1]]], dtype=np.int16)), "other.nii")
    assert nifti.read(tmp_path / "other.nii").intensity is Intensity.ARBITRARY


def test_equal_images_are_equal_files_without_name_or_time(tmp_path, volume):
    for name in ("one.nii.gz", "two.nii.gz"):
        nifti.write(volume, tmp_path / name, packed=True)
    first = (tmp_path / "one.nii.gz").read_bytes()
    assert first == (tmp_path / "two.nii.gz").read_bytes()
    assert b"one.nii" not in first
    assert first[3:8] == bytes(5)  # flags: no name; and the time: RFC 1952, 2.3
    other = Image(volume.voxels + 1, volume.geometry, Modality.PET, Intensity.SUV)
    nifti.write(other, tmp_path / "two.nii.gz", packed=True)
    assert first != (tmp_path / "two.nii.gz").read_bytes()


def test_the_source_is_the_digest_of_the_file(tmp_path, volume):
    nifti.write(volume, tmp_path / "a.nii", packed=False)
    nifti.write(volume, tmp_path / "b.nii", packed=False)
    nifti.write(volume, tmp_path / "c.nii", packed=True)
    a, b, c = (nifti.read(tmp_path / f"{name}.nii").source for name in "abc")
    assert a == b
    assert a != c


def test_describe_tells_the_stored_axes_and_numbers(tmp_path):
    (info,) = nifti.describe(saved(tmp_path, with_marker("PSR"), "brain_t1.nii"))
    assert info.as_dict() == {
        "format": "NIfTI-1",
        "size": (5, 6, 4),
        "dtype": "float32",
        "spacing_mm": (2.0, 3.0, 1.0),
        "orientation": "PSR",
        "units": "unknown",
        "sform_code": 2,
        "qform_code": 0,
        "modality": "MRI",
        "intensity": "ARBITRARY",
        "unit": None,
        "value_range": (0.0, 100.0),
        "problems": (),
    }


def test_describe_says_what_reading_would_warn_of(tmp_path):
    (guessed,) = nifti.describe(saved(tmp_path, grid_image(values_of_a_ct()), "anon.nii"))
    (unplaced,) = nifti.describe(saved(tmp_path, nib.Nifti1Image(np.zeros((2, 3, 4, 5), dtype=np.int16), None)))
    assert "taken as CT in HU by its values" in guessed.problems[0]
    assert "code 0" in unplaced.problems[0]


def test_describe_also_tells_of_a_file_that_cannot_be_fused(tmp_path):
    (info,) = nifti.describe(saved(tmp_path, grid_image(np.zeros((2, 3, 4, 5), dtype=np.int16))))
    assert info.size == (2, 3, 4, 5)
    assert info.value_range is None
    assert any("several volumes" in problem for problem in info.problems)


def test_a_real_spect_stored_from_right_to_left_shows_the_same_head_as_the_mri():
    folder = SHARED / "data" / "mni-templates"
    if not (folder / "SPECT.nii").exists():
        pytest.skip("no mni-templates beside the checkout (FUSECLI_SHARED)")
    spect, mri = nifti.read(folder / "SPECT.nii"), nifti.read(folder / "T1.nii")
    np.testing.assert_allclose(spect.geometry.matrix, mri.geometry.matrix, atol=1e-3)
    stored = [np.asarray(nib.load(folder / name).dataobj, dtype=float) for name in ("SPECT.nii", "T1.nii")]
    assert nib.aff2axcodes(nib.load(folder / "SPECT.nii").affine) != nib.aff2axcodes(nib.load(folder / "T1.nii").affine)
    straight = np.corrcoef(spect.voxels.ravel(), mri.voxels.ravel())[0, 1]
    as_stored = np.corrcoef(stored[0].ravel(), stored[1].ravel())[0, 1]
    assert straight > as_stored  # the head is nearly symmetric, so the difference is small but has a sign


@pytest.mark.parametrize(
    ("name", "modality", "intensity"),
    [
        ("InputCT_ROI", Modality.CT, Intensity.HU),
        ("InputPET_SUV_ROI", Modality.PET, Intensity.SUV),
        ("InputPET_ROI", Modality.PET, Intensity.ARBITRARY),
    ],
)
def test_a_real_pet_ct_is_read_as_what_it_is(name, modality, intensity):
    paths = sorted((SHARED / "data" / "petct-roi-nifti").glob(f"*/{name}.nii.gz"))
    if not paths:
        pytest.skip("no petct-roi-nifti beside the checkout (FUSECLI_SHARED)")
    for path in paths:
        image = nifti.read(path)
        assert (image.modality, image.intensity) == (modality, intensity)
        assert image.geometry.spacing_mm == pytest.approx((1, 1, 1))
        assert looks_like_hu(image.voxels) is (modality is Modality.CT)


def test_real_mr_volumes_of_one_head_lie_over_each_other():
    folder = SHARED / "data" / "mr-volumes"
    if not (folder / "chris_t1.nii.gz").exists():
        pytest.skip("no mr-volumes beside the checkout (FUSECLI_SHARED)")
    t1, pd = nifti.read(folder / "chris_t1.nii.gz"), nifti.read(folder / "chris_PD.nii.gz")
    centres = [image.geometry.points(np.argwhere(image.voxels > 60)).mean(axis=0) for image in (t1, pd)]
    # The PD covers less of the neck, which moves its centre by some centimetres along z only.
    np.testing.assert_allclose(centres[0][:2], centres[1][:2], atol=10)
