"""PET and SPECT: from zero, in SUV where there is one, and said plainly where there is none."""

import numpy as np
import pytest

from fusecli.catalog import Modality
from fusecli.core.history import warnings_of
from fusecli.core.intensity import Intensity
from fusecli.errors import UsageError
from fusecli.normalize import to_unit, window_of


@pytest.fixture
def suv(make_image):
    return make_image([-1, 0, 1, 2.5, 5, 10], Intensity.SUV, Modality.PET)


def test_suv_goes_from_zero_to_five(suv):
    unit = to_unit(suv)
    assert unit.voxels.ravel().tolist() == pytest.approx([0, 0, 0.2, 0.5, 1, 1])
    assert window_of(unit) == "SUV 0 to 5, chosen: the default for PET"
    assert unit.history[-1].warnings == ()


def test_an_suv_range_that_is_asked_for_replaces_the_default(suv):
    unit = to_unit(suv, suv_range=(1, 11))
    assert unit.voxels.ravel().tolist() == pytest.approx([0, 0, 0, 0.15, 0.4, 0.9])
    assert window_of(unit) == "SUV 1 to 11, chosen: asked for"


def test_the_brightness_of_one_suv_does_not_depend_on_the_rest_of_the_image(make_image):
    cold, hot = ([2.0, 2.1, 1.0], [2.0, 40.0, 90.0])
    first = [to_unit(make_image(values, Intensity.SUV, Modality.PET)).voxels[0, 0, 0] for values in (cold, hot)]
    assert first[0] == first[1] == pytest.approx(0.4)


@pytest.mark.parametrize("suv_range", [(5, 0), (3, 3), (-1, 5), (0, float("nan")), (0, float("inf"))])
def test_a_range_that_is_none_is_refused(suv, suv_range):
    with pytest.raises(UsageError, match="not a range of SUV"):
        to_unit(suv, suv_range=suv_range)


@pytest.mark.parametrize(
    ("intensity", "modality"),
    [(Intensity.BQML, Modality.PET), (Intensity.COUNTS, Modality.SPECT), (Intensity.HU, Modality.CT)],
)
def test_an_suv_range_is_refused_where_there_is_no_suv(make_image, intensity, modality):
    with pytest.raises(UsageError, match="no SUV"):
        to_unit(make_image([0, 1], intensity, modality), suv_range=(0, 5))


def test_an_suv_range_and_a_window_exclude_each_other(suv):
    with pytest.raises(UsageError, match="cannot both hold"):
        to_unit(suv, suv_range=(0, 5), window="5/2.5")


def test_a_window_in_numbers_holds_for_suv(suv):
    assert to_unit(suv, window="10/5").voxels.ravel().tolist() == pytest.approx([0, 0, 0.1, 0.25, 0.5, 1])


@pytest.mark.parametrize(
    ("intensity", "modality", "unit_name"),
    [
        (Intensity.BQML, Modality.PET, "Bq/ml"),
        (Intensity.COUNTS, Modality.SPECT, "counts"),
        (Intensity.ARBITRARY, Modality.PET, "arbitrary units"),
        (Intensity.ARBITRARY, Modality.SPECT, "arbitrary units"),
    ],
)
@pytest.mark.parametrize("window", [None, "auto"])
def test_uptake_without_suv_goes_from_zero_to_a_percentile_of_its_positive_voxels(
    make_image, intensity, modality, unit_name, window
):
    values = np.concatenate([-np.arange(500.0), np.arange(1.0, 1002.0)])
    unit = to_unit(make_image(values, intensity, modality), window=window)
    assert unit.voxels.ravel()[:500].max() == 0
    assert unit.voxels.ravel()[500 + 497] == pytest.approx(498 / 996)
    assert window_of(unit) == (
        f"0 to 996 {unit_name} (99.5th percentile of the positive voxels), "
        "chosen: no SUV: robust percentile; brightness is not comparable between patients"
    )


def test_auto_stretches_suv_and_says_that_it_is_not_comparable(make_image):
    unit = to_unit(make_image(np.arange(-1.0, 1001.0), Intensity.SUV, Modality.PET), window="Auto")
    assert window_of(unit) == (
        "0 to 995 SUV (99.5th percentile of the positive voxels), "
        "chosen: asked for; brightness is not comparable between patients"
    )
    assert unit.history[-1].warnings == ()


def test_a_pet_without_suv_is_warned_of_and_a_spect_is_not(make_image):
    pet = to_unit(make_image([0, 1, 2], Intensity.BQML, Modality.PET))
    spect = to_unit(make_image([0, 1, 2], Intensity.COUNTS, Modality.SPECT))
    assert "not comparable between patients" in warnings_of(pet.history)[0]
    assert warnings_of(spect.history) == ()


@pytest.mark.parametrize("value", [0.0, -4.0])
def test_a_pet_without_any_uptake_is_black_with_a_warning(make_image, value):
    unit = to_unit(make_image(np.full(8, value), Intensity.BQML, Modality.PET))
    assert not unit.voxels.any()
    assert "No voxel shows any uptake" in unit.history[-1].warnings[0]


def test_even_uptake_is_white_and_not_divided_by_zero(make_image):
    assert (to_unit(make_image(np.full(8, 3.0), Intensity.BQML, Modality.PET)).voxels == 1).all()
