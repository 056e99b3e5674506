"""Enhanced multi-frame CT, MR and PET go the same way as the slices that they were made of."""

import json
from dataclasses import dataclass
from pathlib import Path

import highdicom as hd
import nibabel
import numpy as np
import pydicom
import pytest
from pydicom import Dataset

LEGACY = {
    "CT": hd.legacy.LegacyConvertedEnhancedCTImage,
    "PT": hd.legacy.LegacyConvertedEnhancedPETImage,
    "MR": hd.legacy.LegacyConvertedEnhancedMRImage,
}
AS_MR = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4",
    "Modality": "MR",
    "ScanningSequence": "GR",
    "SequenceVariant": "NONE",
    "ScanOptions": "",
    "MRAcquisitionType": "3D",
    "EchoTime": 3.0,
    "EchoTrainLength": 1,
}


@dataclass(frozen=True)
class Converted:
    """The phantom as files of many frames, in the order in which `frames_of` the classic slices were given."""

    ct: Path
    mr: Path
    pet: Path


def slices_of(folder, **changes):
    slices = [pydicom.dcmread(file) for file in sorted(folder.iterdir())]
    for dataset in slices:
        for keyword, value in changes.items():
            setattr(dataset, keyword, value)
    return slices


def enhanced(slices, path, number):
    cls = LEGACY[slices[0].Modality]
    volume = cls(slices, series_instance_uid=f"2.25.{number}", series_number=number, sop_instance_uid=f"2.25.{number}1",
                 instance_number=1)  # fmt: skip
    volume.save_as(path)
    return path


@pytest.fixture(scope="module")
def converted(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("enhanced")
    return Converted(
        enhanced(slices_of(study.ct), folder / "ct.dcm", 11),
        enhanced(slices_of(study.ct, **AS_MR), folder / "mr.dcm", 12),
        enhanced(slices_of(study.pet, SeriesType=["WHOLE BODY", "IMAGE"]), folder / "pet.dcm", 13),
    )


def voxels(path):
    return np.asarray(nibabel.load(path).dataobj)


def test_the_fusion_is_that_of_the_slices_voxel_by_voxel(run, study, converted, tmp_path):
    words = ("--model", "max", "--json")
    by_frames = run("fuse", converted.ct, converted.pet, "-o", tmp_path / "frames.nii.gz", *words)
    by_slices = run("fuse", study.ct, study.pet, "-o", tmp_path / "slices.nii.gz", *words)
    assert by_frames.code == by_slices.code == 0, by_frames.err
    found, expected = json.loads(by_frames.out), json.loads(by_slices.out)
    assert found["windows"] == expected["windows"]
    assert found["geometry"] == expected["geometry"]
    assert np.array_equal(voxels(tmp_path / "frames.nii.gz"), voxels(tmp_path / "slices.nii.gz"))


def test_each_is_written_with_the_numbers_of_its_slices(run, study, converted, tmp_path):
    for name, source, own, units in (("ct", study.ct, converted.ct, "hu"), ("pet", study.pet, converted.pet, "suvbw")):
        for kind, path in (("slices", source), ("frames", own)):
            outcome = run("convert", path, "-o", tmp_path / f"{name}_{kind}.nii.gz", "--units", units)
            assert outcome.code == 0, outcome.err
        assert np.array_equal(voxels(tmp_path / f"{name}_slices.nii.gz"), voxels(tmp_path / f"{name}_frames.nii.gz"))


def test_an_mr_of_many_frames_is_a_fixed_image_too(run, converted, tmp_path):
    outcome = run("fuse", converted.mr, converted.pet, "-o", tmp_path / "f.png", "--model", "max", "--slice", "2")
    assert outcome.code == 0, outcome.err
    assert "MRI" in outcome.err


def test_info_tells_place_unit_and_readiness_of_frames(run, study, converted):
    (found,) = json.loads(run("info", converted.pet, "--json").out)["images"]
    (expected,) = json.loads(run("info", study.pet, "--json").out)["images"]
    for key in ("slices", "spacing_mm", "positions_mm", "orientation", "units", "rescale_slope", "suv"):
        assert found[key] == expected[key], key
    assert found["files"] == 1


@pytest.mark.parametrize("name", ["ct", "mr", "pet"])
def test_each_is_written_as_slices_of_its_class(run, converted, tmp_path, name):
    outcome = run("convert", getattr(converted, name), "-o", tmp_path / "out", "--format", "dicom")
    assert outcome.code == 0, outcome.err
    first = pydicom.dcmread(tmp_path / "out" / "IM0001.dcm")
    assert first.SOPClassUID.name == {"ct": "CT", "mr": "MR", "pet": "Positron Emission Tomography"}[name] + (
        " Image Storage"
    )
    assert first.SourceImageSequence[0].ReferencedFrameNumber is not None


def test_both_may_lie_in_one_study(run, converted, tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    for path in (converted.ct, converted.pet):
        (folder / path.name).write_bytes(path.read_bytes())
    outcome = run("fuse", folder, "-o", tmp_path / "f.nii.gz", "--model", "max")
    assert outcome.code == 0, outcome.err


def changed(path, target, change):
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(target)
    return target


def without_frame_3(dataset):
    groups = list(dataset.PerFrameFunctionalGroupsSequence)
    length = len(dataset.PixelData) // int(dataset.NumberOfFrames)
    dataset.PixelData = dataset.PixelData[: 2 * length] + dataset.PixelData[3 * length :]
    dataset.PerFrameFunctionalGroupsSequence = groups[:2] + groups[3:]
    dataset.NumberOfFrames = len(groups) - 1


def test_a_missing_frame_is_refused_by_the_numbers_of_its_neighbours_and_can_be_filled(run, converted, tmp_path):
    path = changed(converted.ct, tmp_path / "gap.dcm", without_frame_3)
    outcome = run("convert", path, "-o", tmp_path / "x.nii.gz")
    assert outcome.code == 4
    assert "between gap.dcm frame 3 and gap.dcm frame 2" in outcome.err
    assert "--allow-gaps" in outcome.err
    assert run("convert", path, "-o", tmp_path / "x.nii.gz", "--allow-gaps").code == 0
    assert voxels(tmp_path / "x.nii.gz").shape[2] == 6


def in_two_stacks(dataset):
    for number, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        content = group.FrameContentSequence[0] if "FrameContentSequence" in group else Dataset()
        content.StackID, content.InStackPositionNumber = ("1", number + 1) if number < 3 else ("2", number - 2)
        group.FrameContentSequence = [content]


def test_frames_of_two_stacks_are_listed_and_one_is_chosen(run, converted, tmp_path):
    path = changed(converted.ct, tmp_path / "stacks.dcm", in_two_stacks)
    outcome = run("fuse", path, converted.pet, "-o", tmp_path / "f.nii.gz", "--model", "max")
    assert outcome.code == 3
    assert "stack 1" in outcome.err
    assert "stack 2" in outcome.err
    chosen = run("fuse", path, converted.pet, "-o", tmp_path / "f.nii.gz", "--model", "max", "--fixed-series", "11:2")
    assert chosen.code == 0, chosen.err
    assert voxels(tmp_path / "f.nii.gz").shape[2] == 3
