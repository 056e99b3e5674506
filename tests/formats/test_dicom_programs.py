"""What other programs make of derived DICOM: dciodvfy (dicom3tools), dcmtk, and an Orthanc server on this machine.

On Debian: apt-get install dicom3tools dcmtk orthanc. A test whose program is not there is skipped.
"""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image as Picture

from fusecli import pipeline
from fusecli.demo import thorax_phantom, write_series
from fusecli.settings import FuseSettings

PATHS = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))

# dciodvfy of 2022 does not know yet that an SC Image may have a place in the patient: PS3.3 A.8.1.3.
KNOWN_WARNINGS = (
    "Slice Thickness",
    "Spacing Between Slices",
    "Image Position (Patient)",
    "Image Orientation (Patient)",
    "Frame of Reference UID",
    "Position Reference Indicator",
    "this is a Standard Extended SOP Class",
)


def needs(program, package):
    found = shutil.which(program, path=PATHS)
    return pytest.mark.skipif(found is None, reason=f"{program} is not installed (Debian: {package})")


def called(program, *words):
    path = shutil.which(program, path=PATHS)
    done = subprocess.run([path, *map(str, words)], capture_output=True, timeout=60)
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", errors="replace")


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """The phantom fused: a series of six files and a multi-frame file."""
    folder = tmp_path_factory.mktemp("programs")
    ct, pet = write_series(thorax_phantom(ct_shape=(6, 96, 96)), folder / "study")
    pipeline.fuse_files(ct, pet, folder / "series", FuseSettings(model="max", dicom="series"))
    pipeline.fuse_files(ct, pet, folder / "multi.dcm", FuseSettings(model="max", dicom="multiframe"))
    return [*sorted((folder / "series").iterdir()), folder / "multi.dcm"]


@needs("dciodvfy", "dicom3tools")
def test_dciodvfy_finds_no_error_and_no_new_warning(outputs):
    for file in outputs:
        _, said = called("dciodvfy", file)
        lines = [line for line in said.splitlines() if line.startswith(("Error", "Warning"))]
        assert [line for line in lines if not any(known in line for known in KNOWN_WARNINGS)] == []
        assert not [line for line in lines if line.startswith("Error")]


@needs("dciodvfy", "dicom3tools")
def test_dciodvfy_would_find_an_error(outputs, tmp_path):
    dataset = pydicom.dcmread(outputs[0])
    del dataset.ConversionType
    dataset.save_as(tmp_path / "broken.dcm")
    assert "Error" in called("dciodvfy", tmp_path / "broken.dcm")[1]


@needs("dcmdump", "dcmtk")
def test_dcmdump_reads_every_file(outputs):
    for file in outputs:
        code, said = called("dcmdump", file)
        assert code == 0
        assert "E: " not in said
        assert "W: " not in said


@needs("dcmj2pnm", "dcmtk")
def test_dcmtk_shows_the_pixels_that_were_written(outputs, tmp_path):
    for file in (outputs[3], outputs[-1]):
        code, said = called("dcmj2pnm", "--write-png", file, tmp_path / "shown.png")
        assert code == 0, said
        pixels = pydicom.dcmread(file).pixel_array
        with Picture.open(tmp_path / "shown.png") as shown:
            assert np.array_equal(np.asarray(shown), pixels if pixels.ndim == 3 else pixels[0])


@pytest.fixture
def orthanc(tmp_path):
    """An Orthanc that listens on the loopback interface only; its HTTP and its DICOM port."""
    http, dicom = _free_port(), _free_port()
    settings = {
        "StorageDirectory": str(tmp_path / "orthanc"),
        "IndexDirectory": str(tmp_path / "orthanc"),
        "HttpPort": http,
        "DicomPort": dicom,
        "RemoteAccessAllowed": False,
        "DicomCheckCalledAet": False,
        "Plugins": [],
    }
    (tmp_path / "orthanc.json").write_text(json.dumps(settings))
    program = shutil.which("Orthanc", path=PATHS)
    with (tmp_path / "orthanc.log").open("wb") as log:
        server = subprocess.Popen([program, str(tmp_path / "orthanc.json")], stdout=log, stderr=log)
    try:
        _wait_for(http)
        yield http, dicom
    finally:
        server.terminate()
        server.wait(timeout=30)


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _wait_for(port):
    for _ in range(120):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/system", timeout=5):
                return
        except OSError:
            time.sleep(0.25)
    pytest.fail("Orthanc did not answer within half a minute")


def asked(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=30) as answer:
        return answer.read()


@pytest.mark.slow
@needs("Orthanc", "orthanc")
@needs("storescu", "dcmtk")
def test_orthanc_takes_the_files_by_c_store_and_gives_them_back_unchanged(outputs, orthanc, tmp_path):
    http, dicom = orthanc
    code, said = called("storescu", "127.0.0.1", dicom, *outputs)
    assert code == 0, said
    back = {}
    for name in json.loads(asked(http, "instances")):
        file = Path(tmp_path / f"{name}.dcm")
        file.write_bytes(asked(http, f"instances/{name}/file"))
        dataset = pydicom.dcmread(file)
        back[dataset.SOPInstanceUID] = dataset
    sent = [pydicom.dcmread(file) for file in outputs]
    assert set(back) == {dataset.SOPInstanceUID for dataset in sent}
    assert all(back[dataset.SOPInstanceUID] == dataset for dataset in sent)
    assert len(json.loads(asked(http, "patients"))) == 1
    assert len(json.loads(asked(http, "studies"))) == 1
    assert len(json.loads(asked(http, "series"))) == 2
