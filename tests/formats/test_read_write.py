"""The door: content decides when reading, the suffix when writing, and a result is there whole or not at all."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from fusecli import formats
from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.slices import SliceChoice
from fusecli.errors import ImageError, InputError, OutputError, UsageError
from fusecli.formats import nifti, raster

AFFINE = np.array([[0, 0, 0.5, -9.0], [0, 0.8, 0, -12.0], [3, 0, 0, 40.0], [0, 0, 0, 1]])


def grey(slices: int = 1, rows: int = 4, columns: int = 5, seed: int = 0) -> Image:
    voxels = np.random.default_rng(seed).random((slices, rows, columns), dtype=np.float32)
    return Image(voxels, Geometry(voxels.shape, AFFINE), Modality.FUSED, Intensity.UNIT)


def color(slices: int = 1, rows: int = 4, columns: int = 5, seed: int = 0) -> Image:
    voxels = np.random.default_rng(seed).integers(0, 256, (slices, rows, columns, 3), dtype=np.uint8)
    return Image(voxels, Geometry(voxels.shape[:3], AFFINE), Modality.FUSED, Intensity.RGB)


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_path_may_be_a_string(tmp_path):
    image, path = grey(), str(tmp_path / "a.nii")
    assert formats.write(image, path) == tmp_path / "a.nii"
    assert np.array_equal(formats.read(path).voxels, image.voxels)
    with pytest.raises(InputError):
        formats.read(str(tmp_path / "b.nii"))


@pytest.mark.parametrize("name", ["scan.dcm", "scan.nii.gz", "scan", "scan.jpg", "scan.txt"])
def test_a_png_is_a_png_whatever_it_is_called(tmp_path, name):
    PIL.Image.new("L", (3, 2), 128).save(tmp_path / name, "PNG")
    image = formats.read(tmp_path / name)
    assert image.source.format == "PNG"
    assert image.voxels.shape == (1, 2, 3)
    assert formats.describe(tmp_path / name)[0].as_dict()["format"] == "PNG"


@pytest.mark.parametrize("name", ["scan.png", "scan.dcm", "scan"])
@pytest.mark.parametrize("stored", ["a.nii", "a.nii.gz"])
def test_a_nifti_is_a_nifti_whatever_it_is_called(tmp_path, name, stored):
    nib.save(nib.Nifti1Image(np.ones((2, 3, 4), dtype=np.int16), np.eye(4)), tmp_path / stored)
    (tmp_path / stored).rename(tmp_path / name)
    assert formats.read(tmp_path / name).source.format == "NIfTI-1"
    assert formats.describe(tmp_path / name)[0].as_dict()["format"] == "NIfTI-1"


@pytest.mark.parametrize("pillow", ["PNG", "JPEG", "BMP", "TIFF"])
def test_every_picture_format_is_known_by_content(tmp_path, pillow):
    PIL.Image.new("L", (16, 16), 128).save(tmp_path / "x.dat", pillow)
    assert formats.read(tmp_path / "x.dat").source.format == pillow


def test_a_dicom_is_a_dicom_whatever_it_is_called(tmp_path):
    path = Path(get_testdata_file("CT_small.dcm"))
    renamed = tmp_path / "picture.png"
    renamed.write_bytes(path.read_bytes())
    image = formats.read(renamed)
    assert (image.modality, image.intensity) == (Modality.CT, Intensity.HU)
    assert len(formats.describe(renamed)) == 1


def test_a_dicom_that_calls_itself_tiff_in_its_preamble_is_dicom(tmp_path):
    content = bytearray(Path(get_testdata_file("CT_small.dcm")).read_bytes())
    content[:4] = b"II*\0"
    (tmp_path / "both").write_bytes(content)
    assert formats.read(tmp_path / "both").modality is Modality.CT


def test_a_folder_is_asked_for_dicom(tmp_path):
    with pytest.raises((InputError, ImageError)):
        formats.read(tmp_path)


def test_a_missing_file_is_named_with_its_nearest_neighbour(tmp_path):
    PIL.Image.new("L", (3, 2)).save(tmp_path / "pet_slice.png")
    with pytest.raises(InputError, match="There is no file or folder") as refused:
        formats.read(tmp_path / "pet_slcie.png")
    assert refused.value.exit_code == 3
    assert str(tmp_path / "pet_slice.png") in refused.value.hint


def test_a_missing_file_without_a_near_name_suggests_nothing(tmp_path):
    PIL.Image.new("L", (3, 2)).save(tmp_path / "pet_slice.png")
    with pytest.raises(InputError) as refused:
        formats.read(tmp_path / "zzz")
    assert "pet_slice" not in refused.value.hint


def test_a_missing_folder_is_said_to_be_missing(tmp_path):
    with pytest.raises(InputError) as refused:
        formats.read(tmp_path / "nowhere" / "a.png")
    assert "nowhere" in refused.value.hint


@pytest.mark.parametrize("content", [b"hello world\n", b"\x89PNG", b"GIF89a" + bytes(300), bytes(2000)])
def test_unknown_content_is_refused_with_what_is_known(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError) as refused:
        formats.read(tmp_path / "a.png")
    assert refused.value.exit_code == 4
    for known in ("DICOM", "NIfTI", "PNG", "JPEG", "BMP", "TIFF"):
        assert known in refused.value.why


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    (tmp_path / "a.png").touch()
    with pytest.raises(ImageError, match="empty"):
        formats.read(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.png", "a.nii"])
def test_a_series_of_a_file_that_has_none_is_refused(tmp_path, name):
    formats.write(grey(), tmp_path / name)
    with pytest.raises(UsageError, match="no series") as refused:
        formats.read(tmp_path / name, series="3")
    assert "--fixed-series" in refused.value.hint
    assert "--moving-series" in refused.value.hint


def test_a_slice_choice_reaches_every_format(tmp_path):
    for name in ("a.tif", "a.nii.gz"):
        whole = formats.read(formats.write(grey(3), tmp_path / name))
        one = formats.read(tmp_path / name, slice_choice=SliceChoice(index=2))
        np.testing.assert_array_equal(one.voxels, whole.voxels[2:])


@pytest.mark.parametrize("name", ["a.png", "a.PNG", "a.tif", "a.TIFF", "a.nii", "a.nii.gz", "A.NII.GZ"])
@pytest.mark.parametrize("make", [grey, color])
def test_what_is_written_reads_back(tmp_path, name, make):
    image = make()
    written = formats.write(image, tmp_path / name)
    assert written == tmp_path / name
    back = formats.read(written)
    assert back.intensity is image.intensity
    if image.is_color or "nii" in name.lower():
        np.testing.assert_array_equal(back.voxels, image.voxels)
    else:
        np.testing.assert_allclose(back.voxels, image.voxels, atol=0.5 / 255 + 1e-6)  # half a grey level
    assert not np.allclose(back.voxels, make(seed=1).voxels)
    assert names_in(tmp_path) == [name]


SIZES = st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 40))


@settings(deadline=None)  # the disk decides how long an example takes
@given(SIZES)
def test_a_tiff_of_any_size_reads_back(tmp_path_factory, size):
    image = grey(*size)
    back = formats.read(formats.write(image, tmp_path_factory.getbasetemp() / "any.tif", overwrite=True))
    np.testing.assert_allclose(back.voxels, image.voxels, atol=0.5 / 255 + 1e-6)


@settings(deadline=None)  # the disk decides how long an example takes
@given(SIZES)
def test_a_nifti_of_any_size_keeps_every_number_at_its_millimetre(tmp_path_factory, size):
    image = grey(*size)
    back = formats.read(formats.write(image, tmp_path_factory.getbasetemp() / "any.nii", overwrite=True))
    # A volume that is one row thick comes back as one coronal slice, so places are compared and not axes.
    indices = np.argwhere(np.ones(size))
    found = np.rint(back.geometry.indices(image.geometry.points(indices))).astype(int)
    np.testing.assert_array_equal(back.voxels[tuple(found.T)], image.voxels[tuple(indices.T)])


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG"])
def test_jpeg_keeps_color_at_full_resolution_and_nearly_the_same(tmp_path, name):
    columns = np.indices((16, 16))[1]
    voxels = np.where((columns % 2 == 0)[..., np.newaxis], (220, 40, 40), (40, 40, 220))[np.newaxis]
    image = Image(voxels.astype(np.uint8), Geometry((1, 16, 16)), Modality.FUSED, Intensity.RGB)
    written = formats.write(image, tmp_path / name)
    with PIL.Image.open(written) as picture:
        assert picture.format == "JPEG"
        assert [part[1:3] for part in picture.layer] == [(1, 1)] * 3
    # With halved color resolution the red and blue columns would run into one purple.
    assert np.abs(formats.read(written).voxels.astype(int) - voxels).max() < 40


@pytest.mark.parametrize(("name", "ending"), [("fused.png", ".png"), ("fused.JPG", ".jpg")])
def test_a_volume_as_pictures_is_a_folder_with_one_file_per_slice(tmp_path, name, ending):
    image = color(3)
    written = formats.write(image, tmp_path / name)
    assert written == tmp_path / "fused"
    assert names_in(written) == [f"slice_{n:03d}{ending}" for n in range(3)]
    assert names_in(tmp_path) == ["fused"]
    if ending == ".png":
        for number in range(3):
            np.testing.assert_array_equal(
                formats.read(written / f"slice_{number:03d}.png").voxels[0], image.voxels[number]
            )


def test_slice_names_sort_when_there_are_more_than_a_thousand(tmp_path):
    written = formats.write(grey(1001, 1, 1), tmp_path / "a.png")
    assert names_in(written)[0] == "slice_0000.png"
    assert names_in(written)[-1] == "slice_1000.png"


def test_a_volume_as_tiff_is_one_file_with_a_page_per_slice(tmp_path):
    image = grey(4)
    back = formats.read(formats.write(image, tmp_path / "a.tiff"))
    assert back.voxels.shape == image.voxels.shape
    np.testing.assert_allclose(back.voxels, image.voxels, atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_pictures_carry_the_pixel_spacing_where_it_is_known(tmp_path, name):
    formats.write(grey(), tmp_path / name)
    with PIL.Image.open(tmp_path / name) as picture:
        # 0.5 mm per column and 0.8 mm per row; PNG counts whole pixels per metre.
        np.testing.assert_allclose([25.4 / float(dpi) for dpi in picture.info["dpi"]], (0.5, 0.8), rtol=1e-3)
    unplaced = Image(grey().voxels, Geometry((1, 4, 5)), Modality.OTHER, Intensity.UNIT)
    with PIL.Image.open(formats.write(unplaced, tmp_path / f"b{Path(name).suffix}")) as picture:
        assert picture.info.get("dpi", (1, 1)) == (1, 1)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_pictures_carry_no_text(tmp_path, name):
    with PIL.Image.open(formats.write(color(), tmp_path / name)) as picture:
        assert set(picture.info) <= {"dpi", "compression", "jfif", "jfif_version", "jfif_unit", "jfif_density"}
        assert not {270, 305, 306, 315} & set(picture.getexif())  # description, software, time, artist


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg"])
def test_an_image_in_hu_is_no_picture(tmp_path, name):
    image = Image(np.full((1, 2, 2), -1000.0), Geometry((1, 2, 2)), Modality.CT, Intensity.HU)
    with pytest.raises(UsageError, match="HU"):
        formats.write(image, tmp_path / name)
    assert names_in(tmp_path) == []


def test_an_image_in_hu_is_written_as_nifti(tmp_path):
    image = Image(np.full((1, 2, 2), -1000.0), Geometry((1, 2, 2), AFFINE), Modality.CT, Intensity.HU)
    back = formats.read(formats.write(image, tmp_path / "ct.nii"))
    assert back.intensity is Intensity.HU
    np.testing.assert_array_equal(back.voxels, image.voxels)


@pytest.mark.parametrize("name", ["a", "a.bmp", "a.gz", "a.dcm", ".png", ".nii.gz", "..png", "...jpg"])
def test_an_unknown_suffix_is_refused_with_the_known_ones(tmp_path, name):
    with pytest.raises(UsageError) as refused:
        formats.write(grey(), tmp_path / name)
    assert refused.value.exit_code == 2
    for suffix in (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".nii", ".nii.gz"):
        assert suffix in refused.value.why


@pytest.mark.parametrize("name", ["a.png", "a.nii.gz"])
def test_an_existing_file_is_kept_unless_overwriting_is_allowed(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists already") as refused:
        formats.write(grey(), path)
    assert refused.value.exit_code == 7
    assert path.read_bytes() == b"precious"
    formats.write(grey(), path, overwrite=True)
    assert formats.read(path).voxels.shape == (1, 4, 5)


def test_check_writable_says_beforehand_where_and_whether(tmp_path):
    assert formats.check_writable(tmp_path / "a.png") == tmp_path / "a.png"
    assert formats.check_writable(tmp_path / "a.png", slices=2) == tmp_path / "a"
    assert formats.check_writable(tmp_path / "a.nii.gz", slices=2) == tmp_path / "a.nii.gz"
    (tmp_path / "a.png").touch()
    with pytest.raises(OutputError):
        formats.check_writable(tmp_path / "a.png")
    assert formats.check_writable(tmp_path / "a.png", overwrite=True) == tmp_path / "a.png"
    assert names_in(tmp_path) == ["a.png"]


def test_a_missing_folder_is_refused_with_how_to_make_it(tmp_path):
    with pytest.raises(OutputError) as refused:
        formats.check_writable(tmp_path / "new" / "a.png")
    assert f"mkdir -p {tmp_path / 'new'}" in refused.value.hint


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "new").touch()
    with pytest.raises(OutputError, match="cannot be written") as refused:
        formats.check_writable(tmp_path / "new" / "a.png")
    assert "not a folder" in refused.value.why


def test_a_folder_without_permission_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda folder, mode: Path(folder) != tmp_path)
    with pytest.raises(OutputError) as refused:
        formats.check_writable(tmp_path / "a.png")
    assert "not permitted" in refused.value.why


def test_a_folder_is_never_replaced_by_a_file_nor_a_file_by_a_folder(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(OutputError):
        formats.check_writable(tmp_path / "a.png", overwrite=True)
    (tmp_path / "b").write_bytes(b"precious")
    with pytest.raises(OutputError):
        formats.write(grey(2), tmp_path / "b.png", overwrite=True)
    assert (tmp_path / "b").read_bytes() == b"precious"


def test_a_folder_of_slices_is_replaced_whole_when_allowed(tmp_path):
    formats.write(grey(3), tmp_path / "a.png")
    with pytest.raises(OutputError, match="exists already"):
        formats.write(grey(2), tmp_path / "a.png")
    formats.write(grey(2), tmp_path / "a.png", overwrite=True)
    assert names_in(tmp_path / "a") == ["slice_000.png", "slice_001.png"]
    assert names_in(tmp_path) == ["a"]


def test_a_folder_with_anything_else_in_it_is_not_replaced(tmp_path):
    formats.write(grey(2), tmp_path / "a.png")
    (tmp_path / "a" / "notes.txt").write_text("precious")
    with pytest.raises(OutputError, match="was not replaced"):
        formats.write(grey(2), tmp_path / "a.png", overwrite=True)
    assert (tmp_path / "a" / "notes.txt").read_text() == "precious"


@pytest.mark.parametrize(
    "name", ["slice_000.dcm", "slice_7.png", "slice_000.jpeg", "slice_000.png.bak", "Slice_000.png"]
)
def test_a_folder_with_a_file_that_no_writer_makes_is_not_replaced(tmp_path, name):
    formats.write(grey(2), tmp_path / "CTX.png")
    (tmp_path / "CTX" / name).write_bytes(b"precious")
    for attempt in (
        formats.check_writable,
        lambda path, overwrite, slices: formats.write(grey(slices), path, overwrite=overwrite),
    ):
        with pytest.raises(OutputError, match="was not replaced"):
            attempt(tmp_path / "CTX.png", overwrite=True, slices=2)
    assert names_in(tmp_path / "CTX") == sorted(["slice_000.png", "slice_001.png", name])
    assert names_in(tmp_path) == ["CTX"]


@pytest.mark.parametrize("linked", [True, False])
def test_a_folder_with_a_link_or_a_folder_called_like_a_slice_is_not_replaced(tmp_path, linked):
    formats.write(grey(2), tmp_path / "a.png")
    odd = tmp_path / "a" / "slice_002.png"
    odd.symlink_to("slice_000.png") if linked else odd.mkdir()
    with pytest.raises(OutputError, match="was not replaced"):
        formats.write(grey(2), tmp_path / "a.png", overwrite=True)
    assert names_in(tmp_path / "a") == ["slice_000.png", "slice_001.png", "slice_002.png"]


@pytest.mark.parametrize(("before", "after"), [("a.png", "a.jpg"), ("a.jpeg", "a.PNG")])
def test_slices_of_the_other_picture_format_are_replaced_too(tmp_path, before, after):
    formats.write(grey(3), tmp_path / before)
    formats.write(grey(2), tmp_path / after, overwrite=True)
    ending = Path(after).suffix.lower()
    assert names_in(tmp_path / "a") == [f"slice_000{ending}", f"slice_001{ending}"]


def test_a_folder_of_more_than_a_thousand_slices_is_replaced_too(tmp_path):
    formats.write(grey(1001, 1, 1), tmp_path / "a.png")
    formats.write(grey(2), tmp_path / "a.png", overwrite=True)
    assert len(names_in(tmp_path / "a")) == 2


@pytest.mark.parametrize(("name", "slices", "real"), [("a.png", 1, "b.png"), ("a.nii", 2, "b.nii"), ("a.png", 2, "b")])
def test_a_link_stays_and_what_it_points_at_is_replaced(tmp_path, name, slices, real):
    formats.write(grey(slices), (tmp_path / real).with_suffix(Path(name).suffix))
    link = tmp_path / ("a" if real == "b" else name)
    link.symlink_to(real)
    with pytest.raises(OutputError, match="exists already"):
        formats.write(grey(slices, seed=1), tmp_path / name)
    before = _contents(tmp_path / real)
    assert formats.write(grey(slices, seed=1), tmp_path / name, overwrite=True) == link
    assert os.readlink(link) == real
    assert _contents(tmp_path / real) != before
    assert names_in(tmp_path) == sorted([link.name, real])


def _contents(path):
    return [file.read_bytes() for file in (sorted(path.iterdir()) if path.is_dir() else [path])]


@pytest.fixture
def ct_folder(tmp_path):
    """A folder study/ct with one DICOM file."""
    folder = tmp_path / "study" / "ct"
    folder.mkdir(parents=True)
    (folder / "one.png").write_bytes(Path(get_testdata_file("CT_small.dcm")).read_bytes())
    return folder


def refuses(target, *inputs):
    try:
        formats.check_not_an_input(target, inputs)
    except UsageError:
        return True
    return False


def test_a_result_never_takes_the_place_of_an_input_file(tmp_path):
    own, other = (formats.write(grey(), tmp_path / name) for name in ("ct.png", "pet.png"))
    assert refuses(own, own, other)
    assert refuses(other, own, other)
    assert refuses(tmp_path / "x" / ".." / "pet.png", own, other)
    assert not refuses(tmp_path / "fused.png", own, other)


@pytest.mark.parametrize("make", [Path.symlink_to, Path.hardlink_to])
def test_an_input_under_another_name_is_known_again(tmp_path, make):
    source = formats.write(grey(), tmp_path / "ct.png")
    again = tmp_path / "again.png"
    make(again, source)
    assert refuses(again, source)
    assert refuses(source, again)
    assert not refuses(formats.write(grey(), tmp_path / "equal.png"), source, again)


def test_a_result_never_takes_the_place_of_a_file_of_an_input_series(tmp_path, ct_folder):
    (tmp_path / "link.png").symlink_to(ct_folder / "one.png")
    (tmp_path / "hard.png").hardlink_to(ct_folder / "one.png")
    for name in (ct_folder / "one.png", tmp_path / "link.png", tmp_path / "hard.png"):
        assert refuses(name, ct_folder)
        assert refuses(name, ct_folder.parent)
        assert not refuses(name, tmp_path / "nowhere")


def test_a_result_may_lie_in_an_input_folder_and_be_written_again(ct_folder):
    assert not refuses(ct_folder / "fused.png", ct_folder)
    formats.write(grey(), ct_folder / "fused.png")
    assert not refuses(ct_folder / "fused.png", ct_folder)


def test_a_folder_that_is_or_holds_an_input_is_no_place_for_a_result(tmp_path, ct_folder):
    (tmp_path / "link").symlink_to(ct_folder.parent)
    (tmp_path / "series").symlink_to(ct_folder)
    for folder in (ct_folder, ct_folder.parent, tmp_path, tmp_path / "link"):
        assert refuses(folder, ct_folder)
        assert refuses(folder, tmp_path / "series")
        assert refuses(folder, ct_folder / "one.png")
    assert not refuses(ct_folder.parent / "c", ct_folder)
    assert not refuses(ct_folder / "fused", ct_folder)


@pytest.mark.parametrize("name", ["a" * 300 + ".png", "a\0b.png"])
def test_a_name_that_no_file_can_have_is_no_input(tmp_path, ct_folder, name):
    assert not refuses(tmp_path / name, ct_folder)
    assert not refuses(tmp_path / "fused.png", tmp_path / name)


@pytest.mark.parametrize("name", ["a" * 300, "a" * 300 + "/b.png", "a\0b", "a\0b/c.png"])
@pytest.mark.parametrize("look", [formats.read, formats.describe])
def test_an_input_name_that_no_file_can_have_is_no_input(tmp_path, name, look):
    with pytest.raises(InputError) as refused:
        look(tmp_path / name)
    assert refused.value.exit_code == 3


@pytest.mark.parametrize("name", ["a" * 300 + ".png", "a" * 300 + "/b.nii.gz", "a\0b.png"])
@pytest.mark.parametrize("overwrite", [True, False])
def test_an_output_name_that_no_file_can_have_is_refused(tmp_path, name, overwrite):
    with pytest.raises(OutputError) as refused:
        formats.write(grey(), tmp_path / name, overwrite=overwrite)
    assert refused.value.exit_code == 7
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "slices", "writer"),
    [("a.png", 1, raster), ("a.png", 3, raster), ("a.tif", 2, raster), ("a.nii.gz", 2, nifti)],
)
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt(), RuntimeError("bug")])
def test_a_write_that_fails_half_way_leaves_what_was_there(tmp_path, monkeypatch, name, slices, writer, failure):
    target = formats.write(grey(slices), tmp_path / name)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    original = writer.write

    def write_and_fail(*words, **named):
        original(*words, **named)
        raise failure

    monkeypatch.setattr(writer, "write", write_and_fail)
    expected = OutputError if isinstance(failure, OSError) else type(failure)
    with pytest.raises(expected) as refused:
        formats.write(grey(slices, seed=1), tmp_path / name, overwrite=True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert names_in(tmp_path) == [target.name]
    if isinstance(refused.value, OutputError):
        assert "disk is full" in refused.value.why


@pytest.mark.parametrize("slices", [1, 3])
def test_a_write_that_fails_leaves_nothing_where_nothing_was(tmp_path, monkeypatch, slices):
    def save_part_and_fail(_picture, path, *_words, **_named):
        Path(path).write_bytes(b"half")
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(PIL.Image.Image, "save", save_part_and_fail)
    with pytest.raises(OutputError) as refused:
        formats.write(grey(slices), tmp_path / "a.png")
    assert "Input/output error" in refused.value.why
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.nii", "a.nii.gz"])
@pytest.mark.parametrize("slices", [1, 2])
def test_a_written_file_may_be_read_by_whom_the_umask_allows(tmp_path, name, slices):
    old = os.umask(0o027)
    try:
        written = formats.write(grey(slices), tmp_path / name)
    finally:
        os.umask(old)
    for path in (written, *written.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o750 if path.is_dir() else 0o640)


def test_a_name_as_long_as_the_file_system_allows_can_be_written(tmp_path):
    name = "n" * 251 + ".png"
    assert formats.write(grey(), tmp_path / name).exists()


def test_importing_the_door_loads_nothing_heavy():
    code = (
        "import sys, fusecli.formats; "
        "print(sorted({'numpy', 'PIL', 'nibabel', 'pydicom', 'torch', 'SimpleITK'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
