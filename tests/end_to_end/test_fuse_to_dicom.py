"""`fusecli fuse --format dicom` on the phantom: in the same study, at the same millimetre, and nobody named outside."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from fusecli.core.luma import luma
from fusecli.demo import thorax_phantom, write_series
from fusecli.formats import read
from fusecli.formats.dicom import secondary_capture
from fusecli.models.backend import openvino_is_installed


def instances(folder):
    return [pydicom.dcmread(file) for file in sorted(folder.iterdir())]


def corner_of(dataset):
    return np.array(dataset.ImagePositionPatient, dtype=float)


def lesion_mm(study):
    return np.array(max(study.phantom.lesions, key=lambda one: one.radius_mm).centre_mm)


def near(place, image, radius_mm):
    """Which voxels of a SimpleITK image lie within `radius_mm` of a place in mm, (slice, row, column)."""
    offset = np.array(image.GetOrigin()) - place
    axes = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    k, j, i = np.indices(image.GetSize()[::-1])
    distance = np.linalg.norm(np.stack([i, j, k], axis=-1) @ axes.T + offset, axis=-1)
    return distance <= radius_mm


def with_simpleitk(folder):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def centre_of_mass_mm(image, weights):
    k, j, i = (np.average(axis, weights=weights) for axis in np.indices(weights.shape))
    return np.array(image.TransformContinuousIndexToPhysicalPoint((i, j, k)))


def test_a_lesion_lies_at_one_millimetre_in_ct_pet_and_result(run, study, tmp_path):
    outcome = run("fuse", study.ct, study.pet, "-o", tmp_path / "fused", "--format", "dicom", "--model", "max")
    assert outcome.code == 0, outcome.err
    assert outcome.out == f"{tmp_path / 'fused'}\n"
    place, found = lesion_mm(study), {}
    for name, folder in (("ct", study.ct), ("pet", study.pet), ("fused", tmp_path / "fused")):
        image = with_simpleitk(folder)
        values = sitk.GetArrayFromImage(image).astype(float)
        values = luma(values.astype(np.uint8)).astype(float) if values.ndim == 4 else values
        around = near(place, image, 20)
        hot = np.where(around & (values > (values[around].min() + values[around].max()) / 2), 1.0, 0.0)
        found[name] = centre_of_mass_mm(image, hot)
    # Half a CT pixel and half a slice of this small phantom; a left-right swap would be 106 mm away.
    assert np.abs(found["fused"] - found["pet"])[:2].max() < 2.2
    assert np.abs(found["fused"] - place)[:2].max() < 4.3
    assert np.abs(found["ct"] - place)[:2].max() < 4.3


def test_the_series_lies_on_the_grid_of_the_ct(run, study, tmp_path):
    run("fuse", study.ct, study.pet, "-o", tmp_path / "fused", "--format", "dicom", "--model", "max")
    ct, fused = with_simpleitk(study.ct), with_simpleitk(tmp_path / "fused")
    assert fused.GetSize() == ct.GetSize()
    for fact in ("GetSpacing", "GetOrigin", "GetDirection"):
        assert np.allclose(getattr(fused, fact)(), getattr(ct, fact)(), atol=1e-6)
    sources = sorted(instances(study.ct), key=lambda dataset: corner_of(dataset)[2])
    for source, dataset in zip(sources, instances(tmp_path / "fused"), strict=True):
        assert np.allclose(corner_of(dataset), corner_of(source), atol=1e-6)
        assert dataset.FrameOfReferenceUID == source.FrameOfReferenceUID
        assert dataset.StudyInstanceUID == source.StudyInstanceUID
        assert dataset.SeriesInstanceUID != source.SeriesInstanceUID
        assert dataset.PatientID == source.PatientID
        assert dataset.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID


def test_one_multi_frame_file_holds_the_same_pixels_as_the_series(run, study, tmp_path):
    words = ("fuse", study.ct, study.pet, "--model", "max")
    run(*words, "-o", tmp_path / "series", "--format", "dicom")
    outcome = run(*words, "-o", tmp_path / "multi.dcm", "--dicom", "multiframe")
    assert outcome.code == 0, outcome.err
    pixels = np.stack([dataset.pixel_array for dataset in instances(tmp_path / "series")])
    multi = pydicom.dcmread(tmp_path / "multi.dcm")
    assert np.array_equal(multi.pixel_array, pixels)
    assert multi.SeriesInstanceUID != instances(tmp_path / "series")[0].SeriesInstanceUID
    ct, image = with_simpleitk(study.ct), sitk.ReadImage(str(tmp_path / "multi.dcm"))
    assert np.allclose(image.GetOrigin(), ct.GetOrigin(), atol=1e-6)
    assert np.allclose(image.GetSpacing(), ct.GetSpacing(), atol=1e-6)


@pytest.mark.parametrize("is_swapped", [False, True])
def test_the_derivation_names_what_was_given_by_hand_for_the_suv(run, study, tmp_path, is_swapped):
    pair = (study.pet, study.ct) if is_swapped else (study.ct, study.pet)
    words = ("fuse", *pair, "--model", "max", "--slice", f"{lesion_mm(study)[2]}mm")
    for name, given in (("header.dcm", ()), ("hand.dcm", ("--suv-weight", 71))):
        assert run(*words, *given, "-o", tmp_path / name, "--format", "dicom").code == 0
    header, hand = (pydicom.dcmread(tmp_path / name).DerivationDescription for name in ("header.dcm", "hand.dcm"))
    assert "SUV by " in header
    assert "by hand" not in header
    assert "given by hand: PatientWeight (0010,1030)" in hand
    assert "71" not in hand.partition("by hand")[2].partition(";")[0]


def test_the_colors_are_those_of_the_pictures(run, study, tmp_path):
    words = ("fuse", study.ct, study.pet, "--slice", study.lesion_slice)
    run(*words, "-o", tmp_path / "fused.png")
    run(*words, "-o", tmp_path / "fused.dcm", "--format", "dicom")
    pixels = pydicom.dcmread(tmp_path / "fused.dcm").pixel_array
    assert np.array_equal(pixels, read(tmp_path / "fused.png").voxels[0])
    assert (pixels[..., 0] != pixels[..., 2]).any()


def test_the_result_is_read_back_and_measured_like_the_fusion_itself(run, study, tmp_path):
    words = ("--model", "max", "--palette", "none", "--json")
    fused = run("fuse", study.ct, study.pet, "-o", tmp_path / "fused", "--format", "dicom", *words)
    again = run("metrics", study.ct, study.pet, tmp_path / "fused", "--json")
    assert again.code == 0, again.err
    first, second = (json.loads(outcome.out)["metrics"]["QABF"]["value"] for outcome in (fused, again))
    assert second == pytest.approx(first, abs=0.01)  # 8 bits


def test_the_same_command_gives_the_same_files_and_another_window_other_uids(run, study, tmp_path):
    words = ("fuse", study.ct, study.pet, "--format", "dicom", "--model", "max")
    for name, more in (("a", ()), ("b", ()), ("c", ("--window", "lung")), ("d", ("--suv-range", "0-7"))):
        assert run(*words, "-o", tmp_path / name, *more).code == 0
    files = {name: [file.read_bytes() for file in sorted((tmp_path / name).iterdir())] for name in "abcd"}
    assert files["a"] == files["b"]
    uids = {instances(tmp_path / name)[0].SeriesInstanceUID for name in "acd"}
    assert len(uids) == 3


def test_another_alpha_is_another_series(run, study, tmp_path):
    words = ("fuse", study.ct, study.pet, "--format", "dicom", "--model", "alpha", "--slice", 2)
    for alpha in ("0.4", "0.5"):
        run(*words, "--alpha", alpha, "-o", tmp_path / alpha)
    assert len({instances(tmp_path / alpha)[0].SeriesInstanceUID for alpha in ("0.4", "0.5")}) == 2


def test_nobody_is_named_outside_the_dicom_files(run, study, tmp_path):
    words = ("-o", tmp_path / "fused", "--format", "dicom", "--model", "max", "--report", tmp_path / "r.json", "--json")
    outcome = run("fuse", study.ct, study.pet, *words)
    assert outcome.code == 0, outcome.err
    names = " ".join(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    told = outcome.out + outcome.err + names + (tmp_path / "r.json").read_text()
    assert "PHANTOM" not in told
    assert "THORAX" not in told
    assert b"PHANTOM^THORAX" in (tmp_path / "fused" / "IM0001.dcm").read_bytes()


def test_a_command_that_is_ended_in_the_middle_leaves_nothing(run, study, tmp_path, monkeypatch):
    save, count = secondary_capture._save, iter(range(10))

    def interrupted(dataset, path):
        if next(count) == 3:
            signal.raise_signal(signal.SIGTERM)
        save(dataset, path)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(secondary_capture, "_save", interrupted)
    try:
        outcome = run("fuse", study.ct, study.pet, "-o", tmp_path / "fused", "--format", "dicom", "--model", "max")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert outcome.code == 143
    assert not list(tmp_path.iterdir())


def test_what_stands_already_is_kept_unless_overwrite_is_said(run, study, tmp_path):
    words = ("fuse", study.ct, study.pet, "-o", tmp_path / "fused", "--format", "dicom", "--slice", 2)
    assert run(*words, "--model", "max").code == 0
    refused = run(*words, "--model", "average")
    assert refused.code == 7
    assert "--overwrite" in refused.err
    assert "max" in instances(tmp_path / "fused")[0].SeriesDescription
    assert run(*words, "--model", "average", "--overwrite").code == 0
    assert "average" in instances(tmp_path / "fused")[0].SeriesDescription


def test_pictures_cannot_become_dicom(run, pictures, tmp_path):
    outcome = run("fuse", *pictures, "-o", tmp_path / "fused", "--format", "dicom", "--model", "max")
    assert outcome.code == 2
    assert "fused.nii.gz" in outcome.err
    assert not (tmp_path / "fused").exists()


def test_another_patient_is_refused(run, study, tmp_path):
    _, pet = write_series(thorax_phantom(ct_shape=(6, 96, 96)), tmp_path / "other")
    for file in pet.iterdir():
        dataset = pydicom.dcmread(file)
        dataset.PatientID = "SOMEBODY"
        dataset.save_as(file)
    outcome = run("fuse", study.ct, pet, "-o", tmp_path / "fused", "--format", "dicom", "--model", "max")
    assert outcome.code == 5
    assert "SOMEBODY" not in outcome.err
    assert not (tmp_path / "fused").exists()


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("-o", "fused", "--format", "nrrd"), 2, "auto, dicom"),
        (("-o", "fused", "--dicom", "enhanced"), 2, "multiframe"),
        (("-o", "fused.dcm", "--format", "dicom"), 2, "--dicom multiframe"),
        (("-o", "fused"), 2, "--format dicom"),
        (("-o", "nowhere/fused", "--format", "dicom"), 7, "mkdir"),
    ],
)
def test_a_wrong_word_is_refused_with_what_would_work(run, study, tmp_path, monkeypatch, words, code, text):
    monkeypatch.chdir(tmp_path)
    outcome = run("fuse", study.ct, study.pet, *words, "--model", "max")
    assert outcome.code == code, outcome.err
    assert text in outcome.err
    assert not list(tmp_path.iterdir())


def test_a_result_never_lands_among_its_sources(run, study):
    outcome = run("fuse", study.ct, study.pet, "-o", study.ct / "fused", "--format", "dicom", "--model", "max")
    assert outcome.code == 2
    assert not (study.ct / "fused").exists()


@pytest.mark.slow
def test_a_real_thorax_becomes_a_series_of_its_study(run, shared, tmp_path):
    folder = shared / "data" / "petct-thorax"
    words = ("-o", tmp_path / "fused", "--format", "dicom", "--slice", 60, "--model", "max")
    outcome = run("fuse", folder / "CT", folder / "PT_AC", *words)
    assert outcome.code == 0, outcome.err
    (dataset,) = instances(tmp_path / "fused")
    named = [item.ReferencedSOPInstanceUID for item in dataset.SourceImageSequence]
    source = next(one for one in map(header_of, (folder / "CT").iterdir()) if one.SOPInstanceUID == named[0])
    pets = {one.SOPInstanceUID for one in map(header_of, (folder / "PT_AC").iterdir())}
    assert np.allclose(corner_of(dataset), corner_of(source), atol=1e-4)
    assert dataset.StudyInstanceUID == source.StudyInstanceUID
    assert dataset.PatientID == source.PatientID
    assert "ClinicalTrialProtocolID" not in dataset  # the file names no sponsor, and half a module is not allowed
    assert set(named[1:]) <= pets
    assert 1 <= len(named[1:]) <= 2
    assert str(source.PatientID) not in outcome.out + outcome.err


def header_of(file):
    return pydicom.dcmread(file, stop_before_pixels=True)


def test_another_backend_is_another_series(run, study, tmp_path):
    if not openvino_is_installed():
        pytest.skip("the OpenVINO backend is an extra")
    words = ("fuse", study.ct, study.pet, "--format", "dicom", "--model", "lrc-fast", "--device", "cpu", "--slice", 2)
    for backend in ("torch", "openvino"):
        assert run(*words, "--backend", backend, "-o", tmp_path / backend).code == 0
    assert len({instances(tmp_path / backend)[0].SeriesInstanceUID for backend in ("torch", "openvino")}) == 2


def test_a_pet_in_suv_becomes_a_pet_in_suv(run, study, tmp_path):
    outcome = run("convert", study.pet, "-o", tmp_path / "suv", "--format", "dicom", "--units", "suvbw")
    assert outcome.code == 0, outcome.err
    assert outcome.out == f"{tmp_path / 'suv'}\n"
    own, back = read(study.pet), read(tmp_path / "suv")
    step = float(instances(tmp_path / "suv")[0].RescaleSlope)
    assert back.intensity is own.intensity
    assert np.abs(back.voxels - own.voxels).max() <= step / 2 + 1e-6 * own.voxels.max()
    assert back.history[0].facts["suv_route"] == "GML, SUVbw as stored"


def test_a_registered_pet_lies_on_the_ct_and_keeps_its_unit(run, study, tmp_path):
    words = ("register", study.ct, study.pet, "--method", "none")
    outcome = run(*words, "-o", tmp_path / "moved", "--format", "dicom", "--json")
    assert outcome.code == 0, outcome.err
    run(*words, "-o", tmp_path / "moved.nii.gz")
    ct, moved = with_simpleitk(study.ct), with_simpleitk(tmp_path / "moved")
    assert moved.GetSize() == ct.GetSize()
    assert np.allclose(moved.GetOrigin(), ct.GetOrigin(), atol=1e-6)
    back, expected = read(tmp_path / "moved"), read(tmp_path / "moved.nii.gz")
    assert back.intensity is expected.intensity
    step = float(instances(tmp_path / "moved")[0].RescaleSlope)
    assert np.abs(back.voxels - expected.voxels).max() <= step / 2 + 1e-6 * expected.voxels.max()
    pet = instances(study.pet)[0]
    for dataset in instances(tmp_path / "moved"):
        assert dataset.Modality == "PT"
        assert dataset.StudyInstanceUID == pet.StudyInstanceUID


def test_the_grey_series_is_fused_like_its_source(run, study, tmp_path):
    run("convert", study.pet, "-o", tmp_path / "suv", "--format", "dicom", "--units", "suvbw")
    for name, pet in (("own", study.pet), ("again", tmp_path / "suv")):
        assert run("fuse", study.ct, pet, "-o", tmp_path / f"{name}.nii.gz", "--model", "max").code == 0
    own, again = (read(tmp_path / f"{name}.nii.gz").voxels.astype(int) for name in ("own", "again"))
    # One level of brightness is up to two of a channel of hot iron.
    assert np.abs(own - again).max() <= 2


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("-o", "out", "--format", "nrrd"), 2, "auto, dicom"),
        (("-o", "out.nii.gz", "--format", "dicom"), 2, "DICOM was asked for"),
        (("-o", "out.dcm", "--format", "dicom"), 2, "the name of one file"),
        (("-o", "out", "--format", "dicom", "--allow-gaps"), 2, "--allow-gaps cannot be had"),
        (("-o", "out", "--format", "dicom", "--units", "hu"), 4, "only a CT"),
    ],
)
def test_what_cannot_be_converted_to_dicom_is_refused(run, study, tmp_path, monkeypatch, words, code, text):
    monkeypatch.chdir(tmp_path)
    outcome = run("convert", study.pet, *words)
    assert outcome.code == code, outcome.err
    assert text in outcome.err
    assert not list(tmp_path.iterdir())


def test_a_picture_has_no_class_of_its_own(run, pictures, tmp_path):
    outcome = run("convert", pictures[0], "-o", tmp_path / "out", "--format", "dicom")
    assert outcome.code == 2
    assert "is not DICOM" in outcome.err


@pytest.mark.slow
@pytest.mark.parametrize("files", [0, 1, 4])
def test_a_process_that_is_killed_leaves_the_whole_series_or_none(study, tmp_path, files):
    words = ("fuse", study.ct, study.pet, "-o", tmp_path / "fused", "--format", "dicom", "--model", "max")
    process = subprocess.Popen([sys.executable, "-m", "fusecli", *map(str, words)], stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list(tmp_path.glob(".fusecli-*.part/*"))) < files:
        time.sleep(0.001)
    process.kill()
    process.wait(timeout=60)
    assert not (tmp_path / "fused").exists() or len(instances(tmp_path / "fused")) == len(instances(study.ct))
    assert all(path.name == "fused" or path.suffix == ".part" for path in tmp_path.iterdir())
