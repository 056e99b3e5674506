"""The window of a CT that nobody chose: by lungs and skull, on shapes of known truth and on real slices."""

import numpy as np
import pydicom
import pytest

from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.normalize import to_unit, window_of


def chosen(image):
    facts = to_unit(image).history[-1].facts
    assert facts["kind"] == "preset"
    return facts["name"]


def test_a_chest_gets_the_mediastinum_and_says_why(make_image, thorax):
    text = window_of(to_unit(make_image(thorax)))
    assert text == "mediastinum W350 L50 HU (-125 to 225), chosen: lungs seen"


def test_a_belly_gets_the_soft_window_and_says_why(make_image, abdomen):
    text = window_of(to_unit(make_image(abdomen)))
    assert text == "soft W400 L40 HU (-160 to 240), chosen: neither lungs nor a brain seen"


def test_a_head_gets_the_brain_window_and_says_why(make_image, head):
    text = window_of(to_unit(make_image(head)))
    assert text == "brain W80 L40 HU (0 to 80), chosen: a skull around brain tissue seen"


def test_a_single_slice_is_enough(make_image, thorax, abdomen, head):
    assert chosen(make_image(thorax[12:13])) == "mediastinum"
    assert chosen(make_image(abdomen[12:13])) == "soft"
    assert chosen(make_image(head[22:23])) == "brain"


def test_nothing_but_air_gets_the_soft_window(make_image):
    text = window_of(to_unit(make_image(np.full((3, 32, 32), -1000.0))))
    assert text == "soft W400 L40 HU (-160 to 240), chosen: no body seen"


def test_one_lung_is_no_chest(make_image, thorax):
    thorax[:, :, 48:][thorax[:, :, 48:] == -820] = 40
    assert chosen(make_image(thorax)) == "soft"


def test_foam_on_both_sides_of_the_body_is_no_lung(make_image, abdomen):
    foam = abdomen == -1000
    foam[:, :, 6:90] = False
    abdomen[foam] = -800
    assert chosen(make_image(abdomen)) == "soft"


def test_a_cushion_in_a_thin_foil_is_no_lung(make_image, abdomen):
    cushion = np.full(abdomen.shape, -1000, dtype=np.float32)
    for foil, foam in ((np.s_[0:10], np.s_[1:9]), (np.s_[86:96], np.s_[87:95])):
        cushion[:, 20:70, foil] = 40
        cushion[:, 21:69, foam] = -800
    assert chosen(make_image(np.where(abdomen == -1000, cushion, abdomen))) == "soft"


def test_a_box_of_foam_beside_the_body_is_no_lung(make_image, abdomen):
    abdomen[:, 78:96, 8:88] = 100
    abdomen[:, 82:92, 12:84] = -800
    assert chosen(make_image(abdomen)) == "soft"


def test_gas_is_no_lung(make_image, thorax):
    thorax[thorax == -820] = -1000
    assert chosen(make_image(thorax)) == "soft"


def test_the_blurred_rim_of_much_gas_is_no_lung(make_image, thorax):
    gas = thorax == -820
    inside = gas & np.roll(gas, 1, 1) & np.roll(gas, -1, 1) & np.roll(gas, 1, 2) & np.roll(gas, -1, 2)
    thorax[gas] = -700
    thorax[inside] = -1000
    assert chosen(make_image(np.concatenate([thorax] * 6))) == "soft"


def test_the_bases_of_the_lungs_do_not_make_a_chest_of_a_belly(make_image, thorax, abdomen):
    abdomen[-2:] = thorax[-2:]
    assert chosen(make_image(abdomen)) == "soft"
    abdomen[-15:] = thorax[-15:]
    assert chosen(make_image(abdomen)) == "mediastinum"


def test_a_chest_in_a_scan_of_the_whole_body_is_found_by_its_volume(make_image, thorax, abdomen):
    body = np.concatenate([abdomen] * 8 + [thorax] + [abdomen] * 2)
    assert chosen(make_image(body)) == "mediastinum"


def test_a_skull_in_a_scan_down_to_the_belly_does_not_get_the_brain_window(make_image, head, abdomen):
    body = np.full((140, 96, 96), -1000, dtype=np.float32)
    body[:100] = np.concatenate([abdomen] * 4)
    body[100:, 13:77, 16:80] = head
    assert chosen(make_image(body)) == "soft"


def test_a_gap_in_the_skull_does_not_hide_the_brain(make_image, head):
    head[:, 30:34, 10:20][head[:, 30:34, 10:20] == 900] = 40
    assert chosen(make_image(head)) == "brain"


def test_a_gap_of_a_few_millimetres_is_closed_on_a_fine_grid_too(make_image, head):
    fine = head[20:24].repeat(4, axis=1).repeat(4, axis=2)
    fine[:, 124:132, :80][fine[:, 124:132, :80] == 900] = 40
    assert chosen(make_image(fine, spacing_mm=(4, 1, 1))) == "brain"


def test_a_ring_of_bone_around_fat_is_no_head(make_image, head):
    head[(head == 33) | (head == 8)] = -90
    assert chosen(make_image(head)) == "soft"


def test_padding_outside_the_circle_of_the_scanner_is_air(make_image, thorax):
    corners = np.hypot(*(np.indices((96, 96)) - 47.5)) > 47
    thorax[:, corners] = -3024
    assert chosen(make_image(thorax)) == "mediastinum"


def test_noise_of_a_low_dose_ct_does_not_hide_the_lungs(make_image, thorax):
    fine = thorax.repeat(4, axis=1).repeat(4, axis=2)[:6]
    fine += np.random.default_rng(1).normal(0, 80, fine.shape).astype(np.float32)
    assert chosen(make_image(fine, spacing_mm=(4, 1, 1))) == "mediastinum"


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1)], ids=["axial", "coronal", "sagittal"])
def test_the_choice_does_not_depend_on_the_orientation_of_the_slices(thorax, head, order):
    for hu, name in ((thorax, "mediastinum"), (head, "brain")):
        assert chosen(sliced_along(hu, order)) == name


def sliced_along(hu, order):
    """The same patient, stored with the axes (z, y, x) in another order."""
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for axis, patient in enumerate(order):
        affine[2 - patient, axis] = -4.0
    voxels = hu.transpose(order)
    return Image(voxels, Geometry(voxels.shape, affine), Modality.CT, Intensity.HU)


def test_a_ct_without_a_place_in_the_patient_is_still_recognized(make_image, thorax, head, abdomen):
    assert chosen(make_image(thorax, spacing_mm=None)) == "mediastinum"
    assert chosen(make_image(head, spacing_mm=None)) == "brain"
    assert chosen(make_image(abdomen, spacing_mm=None)) == "soft"


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 2, 2), (2, 1, 3)])
def test_a_ct_of_a_few_voxels_is_no_reason_to_fail(make_image, shape):
    assert chosen(make_image(np.zeros(shape), spacing_mm=(1, 1, 1))) == "soft"


@pytest.mark.parametrize(
    ("name", "window"),
    [
        ("693_J2KR.dcm", "brain"),
        ("J2K_pixelrep_mismatch.dcm", "brain"),
        ("CT1_RLE", "mediastinum"),
        ("bad_sequence.dcm", "soft"),
    ],
    ids=["head", "base of the skull", "chest", "lumbar spine"],
)
def test_real_slices_get_the_window_of_what_they_show(make_image, shared, name, window):
    assert chosen(real_slice(make_image, shared / "data" / "odd-dicom" / "single" / name)) == window


@pytest.mark.parametrize(("number", "window"), [(10, "soft"), (60, "mediastinum"), (125, "soft")])
def test_slices_of_a_real_pet_ct_get_the_window_of_what_they_show(make_image, shared, number, window):
    path = shared / "data" / "petct-thorax" / "CT" / f"{number:04}.dcm"
    assert chosen(real_slice(make_image, path)) == window


def test_a_real_pet_ct_from_neck_to_belly_gets_the_mediastinum(make_image, shared):
    paths = sorted((shared / "data" / "petct-thorax" / "CT").glob("*.dcm"))[::9]
    slices = [real_slice(make_image, path).voxels[0] for path in paths]
    assert chosen(make_image(slices, spacing_mm=(9 * 3.27, 0.977, 0.977))) == "mediastinum"


def real_slice(make_image, path):
    dataset = pydicom.dcmread(path)
    hu = dataset.pixel_array * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))
    rows, columns = (float(number) for number in dataset.PixelSpacing)
    return make_image(hu, spacing_mm=(3.0, rows, columns))
