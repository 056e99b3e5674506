"""What holds for every image that becomes brightness: its place, its history, its polarity."""

import numpy as np
import pytest

from fusecli.catalog import Modality, Window
from fusecli.core.geometry import same_grid
from fusecli.core.intensity import Intensity
from fusecli.core.luma import luma
from fusecli.normalize import to_unit, window_of


def test_the_result_is_unit_on_the_same_grid_and_keeps_what_made_it(make_image):
    image = make_image(np.arange(24).reshape(2, 3, 4))
    unit = to_unit(image, window="soft")
    assert unit.intensity is Intensity.UNIT
    assert unit.modality is Modality.CT
    assert same_grid(unit.geometry, image.geometry)
    assert (unit.voxels.dtype, unit.voxels.shape) == (np.float32, (2, 3, 4))
    assert unit.source == image.source


def test_the_history_says_which_window_was_used(make_image):
    step = to_unit(make_image([0]), window="bone").history[-1]
    assert step.name == "to_unit"
    assert dict(step.facts) == {
        "kind": "preset",
        "name": "bone",
        "low": -500,
        "high": 1500,
        "unit": "HU",
        "inverted": False,
        "text": "bone W2000 L500 HU (-500 to 1500), chosen: asked for",
    }


def test_numbers_and_windows_of_the_file_say_what_they_are(make_image):
    image = make_image([0], windows=(Window(350, 40),))
    assert window_of(to_unit(image, window="1500/-600")) == "W1500 L-600 HU (-1350 to 150), chosen: asked for"
    assert window_of(to_unit(image, window="dicom")) == "dicom:1 W350 L40 HU (-135 to 214), chosen: asked for"


def test_an_image_that_never_became_unit_has_no_window(make_image):
    assert window_of(make_image([0])) is None


def test_a_picture_stays_as_it_is(make_image):
    unit = to_unit(make_image([0.2, 0.3], Intensity.UNIT, Modality.MRI))
    assert unit.voxels.ravel().tolist() == pytest.approx([0.2, 0.3])
    assert window_of(unit) == "values as they are, chosen: a picture is already 0 to 1"


def test_a_picture_is_stretched_only_when_asked(make_image):
    unit = to_unit(make_image([0.25, 0.5, 0.75], Intensity.UNIT, Modality.MRI), window="auto")
    assert unit.voxels.ravel().tolist() == [0, 0.5, 1]
    assert window_of(unit) == "percentiles 0.5-99.5 (0.25 to 0.75 of 0..1), chosen: asked for"


def test_a_picture_of_a_pet_is_a_picture(make_image):
    unit = to_unit(make_image([0.1, 0.2], Intensity.UNIT, Modality.PET))
    assert unit.voxels.ravel().tolist() == pytest.approx([0.1, 0.2])


def test_color_becomes_its_luma(make_image):
    rgb = np.array([[[255, 0, 0], [0, 255, 0], [7, 7, 7]]], dtype=np.uint8)
    unit = to_unit(make_image(rgb, Intensity.RGB, Modality.PET))
    assert unit.intensity is Intensity.UNIT
    assert np.array_equal(unit.voxels[0], luma(rgb))


@pytest.mark.parametrize(
    ("intensity", "values"), [(Intensity.ARBITRARY, np.arange(5)), (Intensity.UNIT, [0, 0.25, 0.5, 0.75, 1])]
)
def test_monochrome1_inverts_an_image_without_a_unit_and_says_so(make_image, intensity, values):
    plain, dark = (to_unit(make_image(values, intensity, Modality.MRI, dark_is_high=d)) for d in (False, True))
    assert plain.voxels.ravel().tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert dark.voxels.ravel().tolist() == [1, 0.75, 0.5, 0.25, 0]
    assert str(window_of(dark)).endswith("; inverted, as the file asks (MONOCHROME1)")
    assert (dark.history[-1].facts["inverted"], plain.history[-1].facts["inverted"]) == (True, False)


@pytest.mark.parametrize(
    ("intensity", "modality"),
    [
        (Intensity.HU, Modality.CT),
        (Intensity.SUV, Modality.PET),
        (Intensity.BQML, Modality.PET),
        (Intensity.COUNTS, Modality.SPECT),
        (Intensity.ARBITRARY, Modality.PET),
    ],
)
def test_monochrome1_never_makes_dense_dark_or_hot_cold(make_image, intensity, modality):
    unit = to_unit(make_image([0, 1, 2, 3, 4], intensity, modality, dark_is_high=True))
    assert unit.voxels[0, 0, 4] > unit.voxels[0, 0, 0]
    assert unit.history[-1].facts["inverted"] is False


def test_a_ct_without_a_rescale_is_not_taken_for_hounsfield_units(make_image):
    facts = to_unit(make_image(np.arange(1001), Intensity.ARBITRARY)).history[-1].facts
    assert facts["kind"] == "percentiles"
