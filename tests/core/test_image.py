import numpy as np
import pytest

from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.history import Step, warnings_of
from fusecli.core.image import Image, Source
from fusecli.core.intensity import Intensity
from fusecli.errors import ImageError, ShapeError

SHAPE = (2, 3, 4)


def image(voxels, intensity=Intensity.HU, shape=SHAPE):
    return Image(voxels, Geometry(shape), Modality.CT, intensity)


def counting(dtype=np.float32):
    return np.arange(24, dtype=dtype).reshape(SHAPE)


def test_voxels_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        image(counting()).voxels[0, 0, 0] = 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_the_callers_array_is_not_frozen_and_writing_to_it_changes_nothing(dtype):
    own = counting(dtype)
    made = image(own)
    own[0, 0, 0] = 99
    assert made.voxels[0, 0, 0] == 0


def test_a_view_of_another_class_does_not_let_the_caller_write_into_the_image(tmp_path):
    own = np.memmap(tmp_path / "voxels", dtype=np.float32, mode="w+", shape=SHAPE)
    made = image(own)
    own[0, 0, 0] = 99
    assert made.voxels[0, 0, 0] == 0


def test_an_array_that_nobody_can_write_to_is_not_copied():
    own = counting()
    own.setflags(write=False)
    assert image(own).voxels is own


@pytest.mark.parametrize("dtype", [np.int16, np.float64, np.uint16])
def test_grey_voxels_become_float32_with_their_values(dtype):
    made = image(counting(dtype))
    assert made.voxels.dtype == np.float32
    assert np.array_equal(made.voxels, counting())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_voxel_that_is_not_a_number_is_refused_and_counted(bad):
    voxels = counting()
    voxels[1, 2, 3] = bad
    with pytest.raises(ImageError, match="1 of 24") as caught:
        image(voxels)
    assert caught.value.exit_code == 4


def test_a_number_too_large_for_float32_is_refused_without_a_warning_on_the_console():
    voxels = counting(np.float64)
    voxels[0, 0, 0] = 1e300
    with pytest.raises(ImageError, match="1 of 24"):
        image(voxels)


@pytest.mark.parametrize("shape", [(2, 4, 3), (2, 3, 5), (1, 3, 4)])
def test_voxels_and_geometry_of_two_sizes_are_refused(shape):
    with pytest.raises(ShapeError):
        image(counting(), shape=shape)


def test_color_has_three_channels_of_8_bits():
    made = image(np.zeros((*SHAPE, 3), dtype=np.uint8), Intensity.RGB)
    assert made.is_color
    assert made.voxels.dtype == np.uint8
    assert not image(counting()).is_color


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_color_of_any_other_number_of_channels_is_refused(channels):
    with pytest.raises(ShapeError):
        image(np.zeros((*SHAPE, channels), dtype=np.uint8), Intensity.RGB)


def test_grey_voxels_with_a_channel_axis_are_refused():
    with pytest.raises(ShapeError):
        image(np.zeros((*SHAPE, 3)))


def test_an_image_cannot_be_changed():
    with pytest.raises(AttributeError):
        image(counting()).modality = Modality.PET


def test_a_step_makes_a_new_image_and_leaves_the_old_one_alone():
    first = image(counting())
    second = first.stepped(Step("double"), voxels=first.voxels * 2)
    assert [step.name for step in second.history] == ["double"]
    assert first.history == ()
    assert np.array_equal(second.voxels, 2 * first.voxels)
    assert not np.array_equal(second.voxels, first.voxels)


def test_the_facts_of_a_step_cannot_be_changed_later():
    facts = {"window": "bone"}
    step = Step("to_unit", facts)
    facts["window"] = "lung"
    assert step.facts["window"] == "bone"
    with pytest.raises(TypeError):
        step.facts["window"] = "brain"


def test_warnings_come_in_order_and_each_once():
    history = (Step("a", warnings=("late", "early")), Step("b"), Step("c", warnings=("early", "new")))
    assert warnings_of(history) == ("late", "early", "new")
    assert warnings_of((Step("a"), Step("b"))) == ()


def test_a_source_has_no_room_for_a_person():
    assert set(Source.__slots__) == {
        "digest", "format", "series_uid", "windows", "dark_is_high", "laterality", "patient", "tables",
    }  # fmt: skip
