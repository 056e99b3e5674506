"""`fusecli fuse --deidentify`: DICOM without its patient, and nothing of the patient in any other output."""

import json

import numpy as np
import pydicom
import pytest

from fusecli import formats

IDENTITY = {
    "PatientName": "Rossi^Giulia",
    "PatientID": "MRN-90210",
    "PatientBirthDate": "19620417",
    "AccessionNumber": "ACC-5531",
    "ReferringPhysicianName": "Bianchi^Paolo",
    "InstitutionName": "Ospedale Civile",
    "StationName": "ROOM-7",
    "StudyDescription": "staging of Giulia",
    "SeriesDescription": "Rossi thorax",
    "StudyID": "S-778",
    "OtherPatientNames": "Verdi^Giulia",
    "PatientComments": "neighbour of Anna",
    "DeviceSerialNumber": "SN-4242",
    "OperatorsName": "Neri^Luca",
}
DATES = ("20250307", "101112")
SECRETS = [part.encode() for value in IDENTITY.values() for part in value.split("^")] + [b"Giulia", b"Anna"]
MODEL = ("--model", "max")


@pytest.fixture(scope="module")
def person(tmp_path_factory, study):
    """The phantom's series in the name of somebody who has every kind of identity that a header can hold."""
    folder = tmp_path_factory.mktemp("person")
    for name, source in (("ct", study.ct), ("pet", study.pet)):
        (folder / name).mkdir()
        for file in sorted(source.iterdir()):
            dataset = pydicom.dcmread(file)
            for keyword, value in IDENTITY.items():
                setattr(dataset, keyword, value)
            dataset.save_as(folder / name / file.name)
    return folder / "ct", folder / "pet"


def read(folder):
    return [pydicom.dcmread(file) for file in sorted(folder.iterdir())]


def content(*paths):
    files = [file for path in paths for file in ([path] if path.is_file() else sorted(path.iterdir()))]
    return b"".join(file.name.encode() + file.read_bytes() for file in files)


def uids(dataset):
    found = set()
    dataset.walk(lambda _, element: found.add(str(element.value)) if element.VR == "UI" and element.VM == 1 else None)
    return {uid for uid in found if not uid.startswith("1.2.840.10008.")}


@pytest.mark.parametrize("layout", ["series", "multiframe"])
def test_nothing_of_the_patient_is_in_the_files(run, person, tmp_path, layout):
    for name, options in (("plain", ()), ("clean", ("--deidentify",))):
        outcome = run("fuse", *person, "-o", tmp_path / name, "--dicom", layout, *options, *MODEL)
        assert outcome.code == 0, outcome.err
    assert any(secret in content(tmp_path / "plain") for secret in SECRETS)
    assert [secret for secret in SECRETS if secret in content(tmp_path / "clean")] == []
    dates = {str(element.value) for element in read(tmp_path / "clean")[0].iterall() if element.VR in ("DA", "DT")}
    assert dates <= {"", "None", "19000101"}


def test_no_uid_of_the_sources_is_left_and_the_slices_still_belong_together(run, person, tmp_path):
    run("fuse", *person, "-o", tmp_path / "clean", "--dicom", "series", "--deidentify", *MODEL)
    sources = set().union(*(uids(dataset) for folder in person for dataset in read(folder)))
    clean = read(tmp_path / "clean")
    assert sources & set().union(*(uids(dataset) for dataset in clean)) == set()
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientID"):
        assert len({getattr(dataset, keyword) for dataset in clean}) == 1
    assert len({dataset.SOPInstanceUID for dataset in clean}) == len(clean)
    assert all(dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID for dataset in clean)


def test_the_pixels_and_their_place_stay(run, person, tmp_path):
    for name, options in (("plain", ()), ("clean", ("--deidentify",))):
        run("fuse", *person, "-o", tmp_path / name, "--dicom", "series", *options, *MODEL)
    plain, clean = formats.read(tmp_path / "plain"), formats.read(tmp_path / "clean")
    assert np.array_equal(plain.voxels, clean.voxels)
    assert np.allclose(plain.geometry.matrix, clean.geometry.matrix)


def test_the_file_says_how_it_was_done_and_another_run_gives_another_pseudonym(run, person, tmp_path):
    first, second = (_first(run, person, tmp_path / name) for name in "ab")
    assert first.PatientIdentityRemoved == "YES"
    assert first.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
    assert first.BurnedInAnnotation == "NO"
    assert first.PatientID != second.PatientID
    assert first.StudyInstanceUID != second.StudyInstanceUID


def _first(run, person, target):
    run("fuse", *person, "-o", target, "--dicom", "series", "--deidentify", *MODEL)
    return read(target)[0]


def test_text_in_the_pixels_cannot_be_taken_back(run, person, tmp_path):
    ct = tmp_path / "ct"
    ct.mkdir()
    for file in sorted(person[0].iterdir()):
        dataset = pydicom.dcmread(file)
        dataset.BurnedInAnnotation = "YES"
        dataset.save_as(ct / file.name)
    outcome = run("fuse", ct, person[1], "-o", tmp_path / "clean", "--dicom", "series", "--deidentify", *MODEL)
    assert outcome.code == 4
    assert "cannot be de-identified" in outcome.err
    assert not (tmp_path / "clean").exists()


def test_other_outputs_have_nothing_to_take_out(run, person, tmp_path):
    outcome = run("fuse", *person, "-o", tmp_path / "f.png", "--deidentify", *MODEL)
    assert outcome.code == 2
    assert "--deidentify has no effect" in outcome.err


@pytest.mark.parametrize("name", ["f.png", "f.jpg", "f.tif", "f.nii.gz"])
def test_no_other_output_and_no_message_names_the_patient(run, person, tmp_path, name):
    report, mip = tmp_path / "r.json", tmp_path / "mip.png"
    outcome = run("fuse", *person, "-o", tmp_path / name, "--report", report, "--mip", mip, "--json", *MODEL)
    assert outcome.code == 0, outcome.err
    said = (outcome.out + outcome.err).encode()
    found = [secret for secret in SECRETS if secret in said + content(*tmp_path.iterdir())]
    assert found == []


def test_the_report_beside_a_deidentified_result_leads_to_no_source(run, person, tmp_path):
    sources = set().union(*(uids(dataset) for folder in person for dataset in read(folder)))
    for name, options in (("plain", ()), ("clean", ("--deidentify",))):
        report = tmp_path / f"{name}.json"
        words = ("--dicom", "series", "--report", report, "--json", *options, *MODEL)
        outcome = run("fuse", *person, "-o", tmp_path / name, *words)
        said = outcome.out + report.read_text()
        digests = {facts["sha256"] for facts in json.loads(report.read_text())["inputs"].values()} - {None}
        assert any(uid in said for uid in sources) == (name == "plain")
        assert json.loads(report.read_text())["output"] == (str(tmp_path / name) if name == "plain" else name)
        assert bool(digests) == (name == "plain")


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_no_folder_that_bears_a_name_is_in_the_report_beside_a_deidentified_result(run, person, tmp_path, suffix):
    folder = tmp_path / "Doe_Jane_19500101"
    folder.mkdir()
    report = tmp_path / f"r.{suffix}"
    words = ("--dicom", "series", "--deidentify", "--report", report, *MODEL)
    outcome = run("fuse", *person, "-o", folder / "fused", *words)
    assert outcome.out.strip() == str(folder / "fused")  # who typed it still reads where the result is
    assert "Doe_Jane" not in report.read_text()
    assert "fused" in report.read_text()
