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

from fusecli import conversion, pipeline, registering
from fusecli.demo import thorax_phantom, write_series
from fusecli.settings import ConvertSettings, FuseSettings, RegisterSettings

PATHS = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))

# dciodvfy of 2022 does not know yet that an SC Image may have a place in the patient: PS3.3 A.8.1.3.
NOT_KNOWN_YET = (
    "Slice Thickness",
    "Spacing Between Slices",
    "Image Position (Patient)",
    "Image Orientation (Patient)",
    "Frame of Reference UID",
    "Position Reference Indicator",
    "this is a Standard Extended SOP Class",
)
# What stands empty where the source has nothing, or where it was taken out: type 2, which is allowed.
UNDATED = ("needed to build DICOMDIR - Study Date", "needed to build DICOMDIR - Study Time")
TAKEN_OUT = (*UNDATED, "needed to build DICOMDIR - Study ID")
# Nor that an MR or an NM Image may say how its numbers are scaled, as most scanners do.
SCALED = ("Rescale Intercept", "Rescale Slope", "Rescale Type", "this is a Standard Extended SOP Class")
KNOWN_WARNINGS = {
    "series": NOT_KNOWN_YET,
    "multiframe": (),
    "series without a date": (*NOT_KNOWN_YET, *UNDATED),
    "series, de-identified": (*NOT_KNOWN_YET, *TAKEN_OUT),
    "multiframe, de-identified": TAKEN_OUT,
    "PET in SUV": (),
    "PET in Bq/ml": (),
    "PET on the CT": (),
    "CT": (),
    "MR": SCALED,
    "NM": SCALED,
    "NM on the CT": SCALED,
}
NAMES = list(KNOWN_WARNINGS)


def needs(program, package):
    found = shutil.which(program, path=PATHS)
    return pytest.mark.skipif(found is None, reason=f"{program} is not installed (Debian: {package})")


def called(program, *words):
    path = shutil.which(program, path=PATHS)
    done = subprocess.run([path, *map(str, words)], capture_output=True, timeout=60)
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", errors="replace")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The phantom as CT, PET, SPECT, as a CT without any date, and as an MR that the CT's numbers are taken for."""
    folder = tmp_path_factory.mktemp("phantom")
    ct, pet = write_series(thorax_phantom(ct_shape=(6, 96, 96)), folder / "study")
    undated = dict.fromkeys(f"{what}{kind}" for what in DATED for kind in ("Date", "Time"))
    changed_copy(ct, folder / "undated", undated)
    changed_copy(ct, folder / "MR", AS_MR)
    spect = as_nuclear(pet, folder / "spect.dcm")
    return {"ct": ct, "pet": pet, "undated": folder / "undated", "mr": folder / "MR", "spect": spect}


DATED = ("Study", "Series", "Acquisition", "Content")
AS_MR = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4",
    "Modality": "MR",
    "ScanningSequence": "GR",
    "SequenceVariant": "NONE",
    "ImageType": ["ORIGINAL", "PRIMARY", "OTHER"],
    "KVP": None,
}


def changed_copy(source, target, changes):
    target.mkdir()
    for file in source.iterdir():
        dataset = pydicom.dcmread(file)
        for keyword, value in changes.items():
            if value is not None:
                setattr(dataset, keyword, value)
            elif keyword in dataset:
                delattr(dataset, keyword)
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.save_as(target / file.name)


def as_nuclear(pet, target):
    """The slices of a PET as the frames of one reconstructed NM volume, without what only a PET says."""
    slices = sorted(map(pydicom.dcmread, pet.iterdir()), key=lambda one: one.ImagePositionPatient[2])
    first, detector, volume = slices[0], pydicom.Dataset(), pydicom.Dataset()
    detector.ImagePositionPatient, detector.ImageOrientationPatient = (
        first.ImagePositionPatient,
        first.ImageOrientationPatient,
    )
    for keyword in KEPT_IN_NM:
        volume[keyword] = first[keyword]
    volume.SOPClassUID, volume.SOPInstanceUID = pydicom.uid.NuclearMedicineImageStorage, "2.25.31"
    volume.SeriesInstanceUID, volume.SeriesNumber, volume.Modality = "2.25.32", 7, "NM"
    volume.ImageType = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    volume.SliceVector = list(range(1, len(slices) + 1))
    volume.NumberOfFrames = volume.NumberOfSlices = len(slices)
    volume.SpacingBetweenSlices = round(slices[1].ImagePositionPatient[2] - first.ImagePositionPatient[2], 4)
    volume.DetectorInformationSequence = [detector]
    volume.PixelData = b"".join(one.PixelData for one in slices)
    volume.file_meta = first.file_meta
    volume.file_meta.MediaStorageSOPClassUID = volume.SOPClassUID
    volume.file_meta.MediaStorageSOPInstanceUID = volume.SOPInstanceUID
    volume.save_as(target, enforce_file_format=True)
    return target


KEPT_IN_NM = (
    "PatientName", "PatientID", "StudyInstanceUID", "StudyID", "StudyDate", "StudyTime", "SeriesDate", "SeriesTime",
    "AcquisitionDate", "AcquisitionTime", "BodyPartExamined", "FrameOfReferenceUID", "PixelSpacing", "Rows", "Columns",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel", "PhotometricInterpretation",
)  # fmt: skip


@pytest.fixture(scope="module")
def outputs(study, tmp_path_factory):
    """The files of every kind of DICOM that is written, by name."""
    folder = tmp_path_factory.mktemp("programs")
    fused = {
        "series": (study["ct"], FuseSettings(model="max", dicom="series")),
        "multiframe": (study["ct"], FuseSettings(model="max", dicom="multiframe")),
        "series without a date": (study["undated"], FuseSettings(model="max", dicom="series")),
        "series, de-identified": (study["ct"], FuseSettings(model="max", dicom="series", deidentify=True)),
        "multiframe, de-identified": (study["ct"], FuseSettings(model="max", dicom="multiframe", deidentify=True)),
    }
    for name, (fixed, settings) in fused.items():
        pipeline.fuse_files(fixed, study["pet"], folder / name, settings)
    converted = {
        "PET in SUV": ("pet", "suvbw"),
        "PET in Bq/ml": ("pet", "bqml"),
        "CT": ("ct", "hu"),
        "MR": ("mr", "native"),
        "NM": ("spect", "native"),
    }
    for name, (source, units) in converted.items():
        conversion.convert_file(study[source], folder / name.replace("/", ""), ConvertSettings(units=units, dicom=True))
    for name, moving in (("PET on the CT", "pet"), ("NM on the CT", "spect")):
        as_stated = FuseSettings(registration=RegisterSettings(method="none", dicom=True))
        registering.register_files(study["ct"], study[moving], folder / name, as_stated)
    return {name: sorted((folder / name.replace("/", "")).iterdir()) for name in NAMES}


@pytest.fixture(params=NAMES)
def kind(request):
    return request.param


@needs("dciodvfy", "dicom3tools")
def test_dciodvfy_finds_no_error_and_no_new_warning(outputs, kind):
    for file in outputs[kind]:
        _, said = called("dciodvfy", file)
        lines = [line for line in said.splitlines() if line.startswith(("Error", "Warning"))]
        assert [line for line in lines if not any(known in line for known in KNOWN_WARNINGS[kind])] == []
        assert not [line for line in lines if line.startswith("Error")]


@needs("dciodvfy", "dicom3tools")
def test_dciodvfy_would_find_an_error(outputs, tmp_path):
    dataset = pydicom.dcmread(outputs["series"][0])
    del dataset.ConversionType
    dataset.save_as(tmp_path / "broken.dcm")
    assert "Error" in called("dciodvfy", tmp_path / "broken.dcm")[1]


@needs("dcmdump", "dcmtk")
def test_dcmdump_reads_every_file(outputs, kind):
    for file in outputs[kind]:
        code, said = called("dcmdump", file)
        assert code == 0
        assert "E: " not in said
        assert "W: " not in said


@needs("dcmj2pnm", "dcmtk")
@pytest.mark.parametrize("kind", [name for name in NAMES if "series" in name or "multiframe" in name], indirect=True)
def test_dcmtk_shows_the_colors_that_were_written(outputs, kind, tmp_path):
    file = outputs[kind][len(outputs[kind]) // 2]
    code, said = called("dcmj2pnm", "--write-png", file, tmp_path / "shown.png")
    assert code == 0, said
    pixels = pydicom.dcmread(file).pixel_array
    with Picture.open(tmp_path / "shown.png") as shown:
        assert np.array_equal(np.asarray(shown), pixels if pixels.ndim == 3 else pixels[0])


@needs("dcm2pnm", "dcmtk")
@pytest.mark.parametrize(
    "kind", [name for name in NAMES if "PET" in name or "NM" in name or name in ("CT", "MR")], indirect=True
)
def test_dcmtk_shows_the_numbers_that_were_written(outputs, kind, tmp_path):
    file = outputs[kind][len(outputs[kind]) // 2]
    dataset = pydicom.dcmread(file)
    pixels = dataset.pixel_array
    pixels = pixels if pixels.ndim == 2 else pixels[0]  # the frame that is shown
    values = pixels * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    low, high = float(values.min()), float(values.max())
    words = ("+Ww", (low + high) / 2, high - low, "--write-png", file, tmp_path / "shown.png")
    code, said = called("dcm2pnm", *words)
    assert code == 0, said
    with Picture.open(tmp_path / "shown.png") as shown:
        # Two grey levels of 256 for another program's rounding; and dcmtk counts in whole HU, Bq/ml or SUV.
        levels = 2 + 255 / (high - low)
        assert np.abs(np.asarray(shown) - (values - low) / (high - low) * 255).max() < levels


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
    files = [file for kind in outputs.values() for file in kind]
    code, said = called("storescu", "127.0.0.1", dicom, *files)
    assert code == 0, said
    back = {}
    for name in json.loads(asked(http, "instances")):
        file = Path(tmp_path / f"{name}.dcm")
        file.write_bytes(asked(http, f"instances/{name}/file"))
        dataset = pydicom.dcmread(file)
        back[dataset.SOPInstanceUID] = dataset
    sent = [pydicom.dcmread(file) for file in files]
    assert set(back) == {dataset.SOPInstanceUID for dataset in sent}
    assert all(back[dataset.SOPInstanceUID] == dataset for dataset in sent)
    assert len(json.loads(asked(http, "patients"))) == 3  # the phantom, and two that are nobody any more
    assert len(json.loads(asked(http, "studies"))) == 3
    assert len(json.loads(asked(http, "series"))) == len(outputs)
