"""Series that hold several images of one place: told apart by what the files say, chosen by their part, or refused."""

import numpy as np
import pytest
from pydicom import Dataset

from fusecli.errors import ImageError, InputError
from fusecli.formats import dicom


@pytest.fixture
def repeated(write_series, ct_slice, stored_ramp):
    """Write a series with a slice at each of three places for each of some changes; slices of image k hold ramp + k."""

    def make(*changes, places=(0.0, 5.0, 10.0), **common):
        slices = []
        for k, own in enumerate(changes):
            for z in places:
                of_slice = {key: value(z) if callable(value) else value for key, value in (common | own).items()}
                uid = f"2.25.{900 + 50 * k + int(z)}"
                slices.append(
                    ct_slice(z, stored_ramp + np.int16(k), SOPInstanceUID=uid, RescaleIntercept=0, **of_slice)
                )
        return write_series(slices)

    return make


def listed(folder):
    """What the refusal lists, a line for each part."""
    with pytest.raises(InputError) as caught:
        dicom.read(folder)
    assert caught.value.exit_code == 3
    return caught.value.why.splitlines()[1:]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([{"EchoTime": 12}, {"EchoTime": 4.6}], ["echo time 4.6 ms", "echo time 12 ms"]),
        ([{"TemporalPositionIdentifier": k} for k in (2, 1, 10)], ["time point 1", "time point 2", "time point 10"]),
        ([{"FrameReferenceTime": t} for t in (90000, 30000)], ["frame reference time 30000", "time 90000"]),
        ([{"TriggerTime": t} for t in (40, 0)], ["0 ms after the trigger", "40 ms after the trigger"]),
        ([{"AcquisitionNumber": 2}, {"AcquisitionNumber": 1}], ["acquisition 1", "acquisition 2"]),
        ([{"ImageType": ["ORIGINAL", "PRIMARY", kind]} for kind in ("P", "M")], ["PRIMARY M", "PRIMARY P"]),
        ([{"KVP": 80}, {"KVP": 140}], ["80 kV", "140 kV"]),
    ],
)
def test_images_of_one_place_are_listed_by_what_tells_them_apart(repeated, changes, said):
    lines = listed(repeated(*changes))
    assert len(lines) == len(said)
    for number, (line, words) in enumerate(zip(lines, said, strict=True), start=1):
        assert f"3:{number} " in line
        assert words in line


def test_a_part_is_chosen_by_the_number_or_the_uid_of_its_series(repeated, stored_ramp):
    folder = repeated({"EchoTime": 12}, {"EchoTime": 4.6})
    for wanted, k in (("3:1", 1), ("3:2", 0), ("2.25.1:2", 0)):
        image = dicom.read(folder, series=wanted)
        np.testing.assert_array_equal(image.voxels, np.stack([stored_ramp + k] * 3))
        assert image.history[0].facts["part"] == int(wanted[-1])
    for wanted in ("3:3", "3:0", "3:x"):
        with pytest.raises(InputError, match=f"no image {wanted}"):
            dicom.read(folder, series=wanted)


def test_a_series_with_one_image_of_each_place_is_whole_whatever_varies_in_it(repeated):
    folder = repeated(
        {"EchoTime": lambda z: z, "AcquisitionNumber": int, "AcquisitionTime": lambda z: f"1000{z:02.0f}"}
    )
    assert dicom.read(folder).geometry.shape[0] == 3
    assert dicom.describe(folder)[0].part == 0
    with pytest.raises(InputError, match="no image 3:1"):
        dicom.read(folder, series="3:1")


def test_b_values_with_several_directions_need_both_to_be_told_apart(repeated):
    directions = {0: [[0, 0, 0]], 1000: [[1, 0, 0], [0, 1, 0]]}
    changes = [
        {"DiffusionBValue": b, "DiffusionGradientOrientation": g} for b, found in directions.items() for g in found
    ]
    lines = listed(repeated(*changes))
    assert len(lines) == 3
    assert "b-value 0.0 s/mm2" in lines[0] or "gradient 0" in lines[0]


def test_a_time_that_each_slice_has_of_its_own_orders_the_images_of_each_place(repeated, stored_ramp):
    moments = [{"AcquisitionTime": lambda z, k=k: f"10{k}{int(z):02d}0"} for k in (1, 0)]
    folder = repeated(*moments)
    assert ["time point 1 of 2 by AcquisitionTime" in line for line in listed(folder)] == [True, False]
    np.testing.assert_array_equal(dicom.read(folder, series="3:1").voxels[0], stored_ramp + 1)


def test_images_that_nothing_tells_apart_are_refused_by_name(repeated):
    with pytest.raises(ImageError, match="same place") as caught:
        dicom.read(repeated({}, {}))
    assert "no element tells them apart" in caught.value.why
    assert caught.value.why.count(".dcm") == 6


def test_a_time_point_that_lacks_a_slice_is_told_apart_and_misses_it(repeated, write_series, ct_slice):
    repeated({"TemporalPositionIdentifier": 1}, {"TemporalPositionIdentifier": 2})
    folder = write_series(
        [ct_slice(z, TemporalPositionIdentifier=2, SOPInstanceUID=f"2.25.{int(z)}77") for z in (20.0,)]
    )
    assert dicom.read(folder, series="3:1").geometry.shape[0] == 3
    with pytest.raises(ImageError, match="missing"):
        dicom.read(folder, series="3:2")


def test_three_crossed_planes_are_a_part_each(write_series, ct_slice):
    planes = {"axial": [1, 0, 0, 0, 1, 0], "coronal": [1, 0, 0, 0, 0, -1], "sagittal": [0, 1, 0, 0, 0, -1]}
    slices = []
    for k, cosines in enumerate(planes.values()):
        normal = np.cross(cosines[:3], cosines[3:])
        for step in range(2):
            uid = {"SOPInstanceUID": f"2.25.9{k}{step}", "ImagePositionPatient": list(normal * step * 4)}
            slices.append(ct_slice(k, ImageOrientationPatient=cosines, **uid))
    folder = write_series(slices)
    assert [name in line for name, line in zip(planes, listed(folder), strict=True)] == [True] * 3
    assert [dicom.read(folder, series=f"3:{part}").geometry.shape[0] for part in (1, 2, 3)] == [2, 2, 2]


def enhanced(make, groups):
    """An enhanced MR file of a frame for each of `groups`: {sequence: {element: value}}; frame k holds ramp x (k+1)."""
    ramp = np.arange(24, dtype=np.uint16).reshape(4, 6)
    pixels = np.stack([ramp * (k + 1) for k in range(len(groups))]).astype(np.uint16)
    dataset = make(pixels=pixels, Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4.1", EchoTime=None)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope"):
        del dataset[keyword]
    del dataset.RescaleIntercept
    shared = nested({"PixelMeasuresSequence": {"PixelSpacing": [2, 2]}})
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = [nested(group) for group in groups]
    return dataset


def nested(group):
    """A data set in which each sequence has one item of the given elements."""
    dataset = Dataset()
    for sequence, elements in group.items():
        item = Dataset()
        for keyword, value in elements.items():
            setattr(item, keyword, value)
        setattr(dataset, sequence, [item])
    return dataset


def at(position, cosines=(1, 0, 0, 0, 1, 0), **content):
    """The functional groups of one frame."""
    return {
        "PlanePositionSequence": {"ImagePositionPatient": list(position)},
        "PlaneOrientationSequence": {"ImageOrientationPatient": list(cosines)},
        "FrameContentSequence": content,
    }


def test_frames_of_an_enhanced_file_are_told_apart_by_their_temporal_position(tmp_path, write, ct_slice):
    groups = [at((0, 0, 3.0 * z), TemporalPositionIndex=t) for t in (1, 2) for z in range(3)]
    path = write(tmp_path / "one.dcm", enhanced(ct_slice, groups))
    with pytest.raises(InputError, match="2 images"):
        dicom.read(path)
    np.testing.assert_array_equal(dicom.read(path, series="3:2").voxels[:, 0, 1], [4, 5, 6])


@pytest.mark.parametrize(
    ("sequence", "keyword", "values"),
    [
        ("MRDiffusionSequence", "DiffusionBValue", (0.0, 800.0)),
        ("MREchoSequence", "EffectiveEchoTime", (2.3, 4.6)),
        ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime", (0.0, 40.0)),
        ("MRImageFrameTypeSequence", "ComplexImageComponent", ("MAGNITUDE", "PHASE")),
        ("CTXRayDetailsSequence", "KVP", (80, 140)),
    ],
)
def test_frames_of_an_enhanced_file_are_told_apart_by_any_functional_group(
    tmp_path, write, ct_slice, sequence, keyword, values
):
    groups = [at((0, 0, 3.0 * z)) | {sequence: {keyword: value}} for z in range(3) for value in values]
    path = write(tmp_path / "one.dcm", enhanced(ct_slice, groups))
    np.testing.assert_array_equal(dicom.read(path, series="3:1").voxels[:, 0, 1], [1, 3, 5])
    np.testing.assert_array_equal(dicom.read(path, series="3:2").voxels[:, 0, 1], [2, 4, 6])


def test_stacks_of_an_enhanced_file_are_a_part_each_even_where_they_are_parallel(tmp_path, write, ct_slice):
    groups = [at((0, 0, 100.0 * s + 3 * z), StackID=str(s)) for s in (1, 2) for z in range(3)]
    path = write(tmp_path / "one.dcm", enhanced(ct_slice, groups))
    infos = dicom.describe(path)
    assert [(info.part, info.part_label, info.slices) for info in infos] == [(1, "stack 1", 3), (2, "stack 2", 3)]
    assert dicom.read(path, series="3:2").geometry.matrix[2, 3] == 200


def test_one_stack_of_frames_in_any_order_is_one_image(tmp_path, write, ct_slice):
    groups = [at((0, 0, 3.0 * z), StackID="1", TemporalPositionIndex=1) for z in (2, 0, 1)]
    image = dicom.read(write(tmp_path / "one.dcm", enhanced(ct_slice, groups)))
    np.testing.assert_array_equal(image.voxels[:, 0, 1], [2, 3, 1])


def test_info_describes_each_part(repeated):
    found = dicom.describe(repeated({"EchoTime": 12}, {"EchoTime": 4.6}))
    assert [(info.part, info.part_label) for info in found] == [(1, "echo time 4.6 ms"), (2, "echo time 12 ms")]
    assert [info.slices for info in found] == [3, 3]
    assert {info.files for info in found} == {6}


NUCLEAR = {"Modality": "NM", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.20", "RescaleIntercept": 0}


def test_gates_of_a_nuclear_volume_are_told_apart_by_the_vectors_of_its_frames(tmp_path, write, ct_slice):
    pixels = np.stack([np.full((4, 6), k, dtype=np.uint16) for k in range(6)])
    dataset = ct_slice(pixels=pixels, **NUCLEAR)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "RECON GATED TOMO", "EMISSION"]
    dataset.SpacingBetweenSlices = 4
    dataset.TimeSlotVector, dataset.SliceVector = [1, 1, 1, 2, 2, 2], [1, 2, 3, 1, 2, 3]
    path = write(tmp_path / "gated.dcm", dataset)
    with pytest.raises(InputError, match="2 images") as caught:
        dicom.read(path)
    assert "gate 1" in caught.value.why
    second = dicom.read(path, series="3:2")
    np.testing.assert_array_equal(second.voxels[:, 0, 0], [3, 4, 5])
    assert second.geometry.spacing_mm[0] == 4
    del dataset.SliceVector
    assert not dicom.read(write(tmp_path / "unsaid.dcm", dataset)).geometry.is_patient


def test_energy_windows_of_a_volume_are_stacked_each_for_itself(tmp_path, write, ct_slice):
    pixels = np.stack([np.full((4, 6), k, dtype=np.uint16) for k in range(6)])
    dataset = ct_slice(pixels=pixels, **NUCLEAR)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    dataset.SpacingBetweenSlices, dataset.EnergyWindowVector = 4, [1, 2, 1, 2, 1, 2]
    path = write(tmp_path / "windows.dcm", dataset)
    with pytest.raises(InputError, match="2 images") as caught:
        dicom.read(path)
    assert "energy window 2" in caught.value.why
    second = dicom.read(path, series="3:2")
    np.testing.assert_array_equal(second.voxels[:, 0, 0], [1, 3, 5])
    assert second.geometry.spacing_mm[0] == 4


def test_the_views_of_a_planar_nuclear_image_are_never_one_volume(tmp_path, write, ct_slice):
    pixels = np.stack([np.full((4, 6), k, dtype=np.uint16) for k in range(4)])
    dataset = ct_slice(pixels=pixels, **NUCLEAR)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "WHOLE BODY", "EMISSION"]
    dataset.EnergyWindowVector, dataset.DetectorVector = [1, 1, 2, 2], [1, 2, 1, 2]
    path = write(tmp_path / "views.dcm", dataset)
    with pytest.raises(InputError, match="4 images") as caught:
        dicom.read(path)
    assert "energy window 1, detector 2" in caught.value.why
    assert (dicom.read(path, series="3:2").voxels == 1).all()
    dataset.EnergyWindowVector = dataset.DetectorVector = [1, 1, 1, 1]
    assert dicom.read(write(tmp_path / "one.dcm", dataset)).geometry.shape[0] == 4


def test_images_of_another_modality_in_a_series_are_a_part_of_their_own(write_series, ct_slice, pet_slice):
    folder = write_series([ct_slice(0), ct_slice(5), pet_slice(10)])
    assert ["modality CT" in line for line in listed(folder)] == [True, False]
    assert [dicom.read(folder, series=name).modality.value for name in ("3:1", "3:2")] == ["CT", "PET"]
    assert [info.modality for info in dicom.describe(folder)] == ["CT", "PT"]
