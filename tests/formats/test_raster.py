"""Pictures: what every stored kind of pixel becomes, and what is refused."""

import contextlib
import io
import os
import struct
import zlib
from pathlib import Path
from unittest import mock

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusecli.catalog import Modality
from fusecli.core.history import warnings_of
from fusecli.core.intensity import Intensity
from fusecli.core.slices import SliceChoice
from fusecli.errors import ImageError, UsageError
from fusecli.formats import raster
from fusecli.formats.raster import decoding

RAMP = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
COLOR = np.stack([RAMP, RAMP[::-1], np.full_like(RAMP, 7)], axis=-1)
SHARED = Path(os.environ.get("FUSECLI_SHARED", Path(__file__).parents[3] / "shared"))


def saved(folder: Path, picture: PIL.Image.Image, name: str = "picture.png", **options) -> Path:
    path = folder / name
    picture.save(path, **options)
    return path


def png_of(pixels: np.ndarray, color_type: int) -> bytes:
    """A 16-bit PNG by hand, because Pillow writes only grey ones. PNG 3rd ed., 5.3 and 11.2."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows, columns = pixels.shape[:2]
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in pixels)
    head = struct.pack(">IIBBBBB", columns, rows, 16, color_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def test_8_bit_grey_is_the_stored_number_by_255(tmp_path):
    image = raster.read(saved(tmp_path, PIL.Image.fromarray(RAMP)))
    assert image.intensity is Intensity.UNIT
    assert image.modality is Modality.OTHER
    assert image.voxels.shape == (1, 3, 4)
    np.testing.assert_array_equal(image.voxels[0], RAMP.astype(np.float32) / np.float32(255))


def test_16_bit_grey_is_the_stored_number_by_65535(tmp_path):
    stored = np.array([[0, 255, 256, 65535]], dtype=np.uint16)
    image = raster.read(saved(tmp_path, PIL.Image.fromarray(stored)))
    np.testing.assert_array_equal(np.rint(image.voxels[0] * 65535), stored)
    assert image.history[0].facts["bits"] == 16
    assert warnings_of(image.history) == ()


@pytest.mark.parametrize(("largest", "is_warned"), [(4095, True), (4096, False)])
def test_16_bits_that_hold_12_bit_data_are_warned_of(tmp_path, largest, is_warned):
    stored = np.array([[0, largest]], dtype=np.uint16)
    image = raster.read(saved(tmp_path, PIL.Image.fromarray(stored)))
    assert image.voxels.max() == pytest.approx(largest / 65535)
    assert any("--window auto" in text for text in warnings_of(image.history)) is is_warned


@pytest.mark.parametrize("compression", [None, "tiff_adobe_deflate"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_16_bit_tiff_reads_the_same_in_both_byte_orders(tmp_path, order, compression):
    stored = np.array([[0, 1, 256, 65535]], dtype=f"{order}u2")
    mode = "I;16" if order == "<" else "I;16B"
    picture = PIL.Image.frombytes(mode, (4, 1), stored.tobytes())
    image = raster.read(saved(tmp_path, picture, "a.tif", compression=compression))
    np.testing.assert_array_equal(np.rint(image.voxels[0] * 65535), [[0, 1, 256, 65535]])


def tiff_of(pixels: np.ndarray, bits: int, photometric: int) -> bytes:
    """A little-endian grey TIFF by hand, for kinds that Pillow reads and does not write. TIFF 6.0, section 2."""
    data = pixels.tobytes()
    tags = [(256, pixels.shape[1]), (257, pixels.shape[0]), (258, bits), (259, 1), (262, photometric)]
    tags += [(273, 8), (277, 1), (278, pixels.shape[0]), (279, len(data))]
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", len(tags)) + directory + bytes(4)


@pytest.mark.parametrize(("photometric", "expected"), [(0, [1, 0.8, 0]), (1, [0, 0.2, 1])])
def test_a_16_bit_tiff_whose_white_is_zero_is_turned_around(tmp_path, photometric, expected):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_of(np.array([[0, 13107, 65535]], dtype="<u2"), 16, photometric))
    np.testing.assert_allclose(raster.read(path).voxels[0, 0], expected, atol=1e-6)


@pytest.mark.parametrize(("photometric", "expected"), [(0, [1, 0.8, 0]), (1, [0, 0.2, 1])])
def test_an_8_bit_tiff_whose_white_is_zero_is_turned_around_once(tmp_path, photometric, expected):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_of(np.array([[0, 51, 255]], dtype=np.uint8), 8, photometric))
    np.testing.assert_allclose(raster.read(path).voxels[0, 0], expected, atol=1e-6)


def test_12_bit_tiff_fills_the_whole_scale(tmp_path):
    path = tmp_path / "a.tif"
    packed = np.frombuffer(b"\xff\xf0\x00", dtype=np.uint8).reshape(1, 3)  # 4095 and 0 in three bytes
    data = tiff_of(packed, 12, 1).replace(struct.pack("<HHII", 256, 4, 1, 3), struct.pack("<HHII", 256, 4, 1, 2))
    path.write_bytes(data)
    np.testing.assert_array_equal(raster.read(path).voxels[0, 0], [1, 0])


@pytest.mark.parametrize(
    ("stored", "mode"),
    [
        (np.array([[-1000.5, 3000.25]], dtype=np.float32), "F"),
        (np.array([[-1000, 70000]], dtype=np.int32), "I"),
    ],
)
def test_floats_and_signed_integers_keep_their_numbers(tmp_path, stored, mode):
    image = raster.read(saved(tmp_path, PIL.Image.fromarray(stored), "a.tif"))
    assert image.intensity is Intensity.ARBITRARY
    assert image.history[0].facts["mode"] == mode
    np.testing.assert_array_equal(image.voxels[0], stored)


def test_a_signed_16_bit_tiff_keeps_negative_numbers(tmp_path):
    stored = np.array([[-1024, 0, 3071]], dtype="<i2")
    data = tiff_of(stored.view(np.uint8), 16, 1)
    data = data.replace(struct.pack("<HHII", 256, 4, 1, 6), struct.pack("<HHII", 256, 4, 1, 3))
    # The tag SampleFormat (339) says that the numbers are signed (2).
    data = data.replace(
        struct.pack("<H", 9) + struct.pack("<HH", 256, 4), struct.pack("<H", 10) + struct.pack("<HH", 256, 4)
    )
    path = tmp_path / "a.tif"
    path.write_bytes(data[:-4] + struct.pack("<HHII", 339, 4, 1, 2) + bytes(4))
    image = raster.read(path)
    assert image.intensity is Intensity.ARBITRARY
    np.testing.assert_array_equal(image.voxels[0], stored)


def test_a_float_picture_with_nan_is_refused(tmp_path):
    stored = np.array([[0, np.nan]], dtype=np.float32)
    with pytest.raises(ImageError, match="not numbers"):
        raster.read(saved(tmp_path, PIL.Image.fromarray(stored), "a.tif"))


def test_color_stays_8_bit_rgb(tmp_path):
    image = raster.read(saved(tmp_path, PIL.Image.fromarray(COLOR)))
    assert image.intensity is Intensity.RGB
    np.testing.assert_array_equal(image.voxels[0], COLOR)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_grey_stored_as_color_is_grey(tmp_path, mode):
    image = raster.read(saved(tmp_path, PIL.Image.fromarray(RAMP).convert(mode)))
    assert image.intensity is Intensity.UNIT
    assert image.history[0].facts["grey_stored_as_color"] is True
    np.testing.assert_array_equal(raster.to_uint8(image.voxels[0]), RAMP)


def test_one_pixel_of_another_color_makes_it_a_color_picture(tmp_path):
    pixels = np.stack([RAMP] * 3, axis=-1)
    pixels[0, 0, 2] += 1
    assert raster.read(saved(tmp_path, PIL.Image.fromarray(pixels))).intensity is Intensity.RGB


def test_opaque_alpha_is_dropped_without_a_word(tmp_path):
    pixels = np.dstack([COLOR, np.full_like(RAMP, 255)])
    image = raster.read(saved(tmp_path, PIL.Image.fromarray(pixels)))
    np.testing.assert_array_equal(image.voxels[0], COLOR)
    assert warnings_of(image.history) == ()


def test_transparent_parts_are_shown_on_black_and_warned_of(tmp_path):
    pixels = np.array([[[200, 100, 50, 0], [200, 100, 50, 255], [200, 100, 50, 51]]], dtype=np.uint8)
    image = raster.read(saved(tmp_path, PIL.Image.fromarray(pixels)))
    np.testing.assert_array_equal(image.voxels[0], [[[0, 0, 0], [200, 100, 50], [40, 20, 10]]])
    assert "transparent" in warnings_of(image.history)[0]


def test_a_palette_is_looked_up(tmp_path):
    picture = PIL.Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8)).convert("P")
    picture.putpalette([255, 0, 0, 0, 255, 0, 9, 9, 9])
    image = raster.read(saved(tmp_path, picture))
    np.testing.assert_array_equal(image.voxels[0], [[[255, 0, 0], [0, 255, 0], [9, 9, 9]]])


def test_a_palette_with_a_transparent_entry_shows_black_there(tmp_path):
    picture = PIL.Image.fromarray(np.array([[0, 1]], dtype=np.uint8)).convert("P")
    picture.putpalette([255, 0, 0, 0, 255, 0])
    image = raster.read(saved(tmp_path, picture, transparency=0))
    np.testing.assert_array_equal(image.voxels[0], [[[0, 0, 0], [0, 255, 0]]])


def test_one_bit_is_black_and_white(tmp_path):
    image = raster.read(saved(tmp_path, PIL.Image.fromarray(np.array([[True, False]]))))
    np.testing.assert_array_equal(image.voxels[0], [[1, 0]])
    assert image.history[0].facts["bits"] == 1


@pytest.mark.parametrize("mode", ["CMYK", "RGB", "L"])
def test_jpeg_of_every_kind_shows_its_color(tmp_path, mode):
    flat = PIL.Image.new("RGB", (16, 16), (180, 180, 180) if mode == "L" else (180, 60, 90)).convert(mode)
    image = raster.read(saved(tmp_path, flat, "a.jpg", quality=100))
    if mode == "L":
        np.testing.assert_array_equal(raster.to_uint8(image.voxels), 180)
    else:
        # One or two grey levels are what JPEG's own color rounding costs.
        np.testing.assert_allclose(image.voxels[0, 8, 8], (180, 60, 90), atol=2)


def test_bmp_is_read(tmp_path):
    np.testing.assert_array_equal(raster.read(saved(tmp_path, PIL.Image.fromarray(COLOR), "a.bmp")).voxels[0], COLOR)


@pytest.mark.parametrize(("color_type", "channels"), [(2, 3), (4, 2)])
def test_16_bit_color_is_read_to_8_bits_and_says_so(tmp_path, color_type, channels):
    stored = np.full((2, 3, channels), 65535, dtype=np.uint16)
    stored[..., 0] = 0x1234
    path = tmp_path / "a.png"
    path.write_bytes(png_of(stored, color_type))
    image = raster.read(path)
    first = image.voxels[..., 0] if image.is_color else raster.to_uint8(image.voxels)
    assert (first == 0x12).all()
    assert any("upper 8 bits" in text for text in warnings_of(image.history))


@pytest.mark.parametrize("name", ["a.jpg", "a.tif", "a.png"])
def test_exif_orientation_is_applied_once(tmp_path, name):
    pixels = np.zeros((16, 24), dtype=np.uint8)
    pixels[:8, :8] = 255
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    image = raster.read(saved(tmp_path, PIL.Image.fromarray(pixels), name, exif=exif))
    np.testing.assert_allclose(image.voxels[0], np.rot90(pixels, -1) / 255, atol=0.02)


def test_tiff_pages_become_slices_and_one_can_be_chosen(tmp_path):
    pages = [PIL.Image.fromarray(RAMP + n) for n in range(3)]
    path = saved(tmp_path, pages[0], "a.tif", save_all=True, append_images=pages[1:])
    volume = raster.read(path)
    assert volume.voxels.shape == (3, 3, 4)
    np.testing.assert_array_equal(raster.to_uint8(volume.voxels[2]), RAMP + 2)
    chosen = raster.read(path, slice_choice=SliceChoice(index=1))
    np.testing.assert_array_equal(chosen.voxels, volume.voxels[1:2])
    assert chosen.voxels[0, 0, 0] != volume.voxels[0, 0, 0]


def test_one_page_in_color_makes_the_whole_volume_color(tmp_path):
    grey = PIL.Image.fromarray(np.stack([RAMP] * 3, axis=-1))
    path = saved(tmp_path, grey, "a.tif", save_all=True, append_images=[PIL.Image.fromarray(COLOR)])
    assert raster.read(path).voxels.shape == (2, 3, 4, 3)


def test_pages_of_two_sizes_are_no_volume_but_each_can_be_read(tmp_path):
    path = saved(
        tmp_path, PIL.Image.fromarray(RAMP), "a.tif", save_all=True, append_images=[PIL.Image.fromarray(RAMP.T.copy())]
    )
    with pytest.raises(ImageError, match="differ in size") as refused:
        raster.read(path)
    assert "--slice" in refused.value.hint
    assert raster.read(path, slice_choice=SliceChoice(index=1)).voxels.shape == (1, 4, 3)


def test_a_single_picture_has_slice_0_and_no_other(tmp_path):
    path = saved(tmp_path, PIL.Image.fromarray(RAMP))
    assert raster.read(path, slice_choice=SliceChoice(index=0)).voxels.shape == (1, 3, 4)
    with pytest.raises(UsageError, match="no slice 1"):
        raster.read(path, slice_choice=SliceChoice(index=1))
    with pytest.raises(UsageError, match="no slice at 4 mm"):
        raster.read(path, slice_choice=SliceChoice(position_mm=4.0))


def test_a_picture_has_no_place_in_the_patient_even_with_a_printing_size(tmp_path):
    image = raster.read(saved(tmp_path, PIL.Image.fromarray(RAMP), dpi=(72, 72)))
    assert not image.geometry.is_patient


def test_the_source_is_the_digest_of_the_file(tmp_path):
    one = raster.read(saved(tmp_path, PIL.Image.fromarray(RAMP), "a.png")).source
    same = raster.read(saved(tmp_path, PIL.Image.fromarray(RAMP), "b.png")).source
    other = raster.read(saved(tmp_path, PIL.Image.fromarray(RAMP + 1), "c.png")).source
    assert one == same
    assert one != other
    assert one is not None
    assert one.format == "PNG"


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.tif"])
def test_a_file_cut_in_half_is_refused(tmp_path, name):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64), dtype=np.uint8)
    path = saved(tmp_path, PIL.Image.fromarray(noise), name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match="damaged"):
        raster.read(path)


def _example(name: str) -> bytes:
    stream = io.BytesIO()
    PIL.Image.fromarray(np.random.default_rng(2).integers(0, 256, (24, 24, 3), dtype=np.uint8)).save(stream, name)
    return stream.getvalue()


EXAMPLES = {name: _example(name) for name in decoding.FORMATS}


@settings(deadline=None)  # the disk decides how long an example takes
@given(st.sampled_from(sorted(EXAMPLES)), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=6))
def test_broken_bytes_give_an_image_or_an_image_error_and_nothing_else(tmp_path_factory, name, damage):
    data = bytearray(EXAMPLES[name])
    for place, value in damage:
        data[place % min(len(data), 400)] = value
    path = tmp_path_factory.getbasetemp() / "broken"
    path.write_bytes(data)
    # Damage to a size makes a huge picture; a low limit keeps the test fast.
    with mock.patch.object(decoding, "MAX_PIXELS", 10**5), contextlib.suppress(ImageError):
        assert raster.read(path).voxels.size > 0


def test_a_picture_beyond_100_megapixels_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "bomb.png"
    head = struct.pack(">IIBBBBB", 20_000, 5_001, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + b"IHDR"
        + head
        + struct.pack(">I", zlib.crc32(b"IHDR" + head))
        + struct.pack(">I", 0)
        + b"IDAT"
        + struct.pack(">I", zlib.crc32(b"IDAT"))
    )
    with pytest.raises(ImageError, match="100 megapixels"):
        raster.read(path)


def test_pillow_does_not_warn_of_a_size_that_we_allow(tmp_path, monkeypatch):
    path = saved(tmp_path, PIL.Image.fromarray(RAMP))
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 10)  # 12 pixels are more, and fewer than twice as many
    assert warnings_of(raster.read(path).history) == ()


def test_what_pillow_warns_of_goes_into_the_history(tmp_path):
    path = saved(tmp_path, PIL.Image.fromarray(RAMP), "a.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01")
    image = raster.read(path)
    assert any(text.startswith("Pillow says:") for text in warnings_of(image.history))


@pytest.mark.parametrize(("unit", "stored"), [(-0.2, 0), (0, 0), (0.5 / 255, 0), (0.51 / 255, 1), (1, 255), (1.2, 255)])
def test_unit_values_are_rounded_and_clipped_to_8_bits(unit, stored):
    assert raster.to_uint8(np.array([unit])) == stored


def test_describe_tells_what_is_stored(tmp_path):
    pages = [PIL.Image.fromarray(np.array([[100, 2000]], dtype=np.uint16))] * 2
    path = saved(tmp_path, pages[0], "a.tif", save_all=True, append_images=pages[1:])
    (info,) = raster.describe(path)
    assert info.as_dict() == {
        "format": "TIFF",
        "width": 2,
        "height": 1,
        "pages": 2,
        "mode": "I;16",
        "bits": 16,
        "dtype": "uint16",
        "grey_stored_as_color": False,
        "value_range": (100.0, 2000.0),
    }


def test_describe_tells_grey_stored_as_color_from_color(tmp_path):
    grey = saved(tmp_path, PIL.Image.fromarray(np.stack([RAMP] * 3, axis=-1)), "a.png")
    color = saved(tmp_path, PIL.Image.fromarray(COLOR), "b.png")
    assert raster.describe(grey)[0].grey_stored_as_color is True
    assert raster.describe(color)[0].grey_stored_as_color is False


@pytest.mark.parametrize(
    ("folder", "pattern", "is_color"),
    [
        ("harvard/test", "*/MRI/*.png", False),
        ("harvard/test", "*/PET/*.png", True),
        ("petct-lung-jpg", "*.jpg", False),
        ("ctmr-paired-2d", "**/*.png", False),
        ("itk-2d-registration", "*.png", False),
    ],
)
def test_real_pictures_are_read_as_what_they_are(folder, pattern, is_color):
    paths = sorted((SHARED / "data" / folder).glob(pattern))[:5]
    if not paths:
        pytest.skip(f"no {folder} beside the checkout (FUSECLI_SHARED)")
    for path in paths:
        image = raster.read(path)
        assert image.is_color is is_color
        assert image.voxels.min() >= 0
        assert image.voxels.max() > 0.3
