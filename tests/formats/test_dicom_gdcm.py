"""JPEG frames that would make GDCM end the program are refused before GDCM sees them; sound ones are decoded."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLosslessSV1

from fusecli.errors import ImageError
from fusecli.formats import dicom

# Start of image; then 16 bits, 4 rows, 6 columns, 1 sample.
START, FRAME = b"\xff\xd8", b"\xff\xc3\x00\x0b\x10\x00\x04\x00\x06\x01\x01\x11\x00"


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"no JPEG at all..", "do not begin like a JPEG"),
        (START + b"\x00\x01\x02\x03", "header of the JPEG in the pixel data is broken"),
        (START + FRAME[:6], "cut short"),
        (START + FRAME, "header of the JPEG in the pixel data is broken"),
        (START + FRAME.replace(b"\x00\x06", b"\x00\x07"), "4 x 7 with 1 samples"),
        (START + FRAME.replace(b"\x10", b"\x20"), "32 bits"),
    ],
)
def test_a_broken_jpeg_is_refused_with_its_reason(tmp_path, write, ct_slice, frame, reason):
    dataset = ct_slice()
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    with pytest.raises(ImageError, match="cannot be decoded") as caught:
        dicom.read(write(tmp_path / "one.dcm", dataset, JPEGLosslessSV1))
    assert reason in caught.value.why


def test_a_12_bit_jpeg_is_decoded_without_a_word_on_the_console(capfd):
    path = get_testdata_file("JPGExtended.dcm", download=False)
    if path is None:
        pytest.skip("this pydicom ships no 12-bit JPEG")
    voxels = dicom.read(Path(path)).voxels
    # SimpleITK decodes the same file to 0..264.
    assert (voxels.min(), voxels.max()) == (0, 264)
    assert len(np.unique(voxels)) > 100
    assert capfd.readouterr().err == ""
