import numpy as np
import pytest

from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.history import last_step, warnings_of
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.errors import PairError
from fusecli.pipeline.overlap import overlap_of
from fusecli.pipeline.pair_check import check_pair
from fusecli.settings import RegisterSettings


def grid(z=0.0, slices=10, spacing_mm=5.0, reference="2.25.1", flipped=False):
    """Slices of 20 x 20 pixels of 2 mm, from `z` up, or stored from the head down over the same place."""
    affine = np.array([[0, 0, 2.0, -19], [0, 2.0, 0, -19], [spacing_mm, 0, 0, z], [0, 0, 0, 1]])
    if flipped:
        affine[2] = [-spacing_mm, 0, 0, z + spacing_mm * (slices - 1)]
    return Geometry((slices, 20, 20), affine, reference)


def image(geometry, modality=Modality.CT):
    return Image(np.zeros(geometry.shape, dtype=np.float32), geometry, modality, Intensity.ARBITRARY)


@pytest.mark.parametrize("flipped", [False, True])
def test_the_overlap_is_what_both_fields_of_view_reach_edges_included(flipped):
    found = overlap_of(grid(0, slices=10, flipped=flipped), grid(40, slices=20))
    # 0 - 2.5 to 45 + 2.5 mm, and 40 - 2.5 to 135 + 2.5 mm.
    assert found.shared_mm == pytest.approx((40, 40, 10))
    assert found.fixed_mm == pytest.approx((40, 40, 50))
    assert found.moving_mm == pytest.approx((40, 40, 100))
    assert found.share == pytest.approx(10 / 50)


def test_fields_of_view_that_do_not_meet_are_a_negative_distance_apart():
    found = overlap_of(grid(0), grid(100))
    assert found.shared_mm[2] == pytest.approx(-50)
    assert found.share == 0
    assert "From feet to head they are 50.0 mm apart" in found.said()


def test_a_small_field_of_view_inside_of_a_large_one_is_shared_wholly():
    assert overlap_of(grid(0, slices=40), grid(60, slices=4)).share == pytest.approx(1)


def test_without_a_place_there_is_no_overlap_to_speak_of():
    assert overlap_of(grid(), Geometry((10, 20, 20))) is None


def test_the_history_of_moving_has_the_overlap_in_mm_for_each_axis():
    step = last_step(check_pair(image(grid(0)), image(grid(10))).history, "overlap")
    assert dict(step.facts) == {"overlap_x_mm": 40.0, "overlap_y_mm": 40.0, "overlap_z_mm": 40.0}
    assert step.warnings == ()


@pytest.mark.parametrize(("z", "is_warned"), [(24.9, False), (25.1, True), (47, True)])
def test_less_than_half_of_the_smaller_field_of_view_is_warned_of(z, is_warned):
    checked = check_pair(image(grid(0)), image(grid(z)))
    assert any("overlap little" in text for text in warnings_of(checked.history)) is is_warned


@pytest.mark.parametrize(("z", "how"), [(47.6, "hardly"), (49.9, "hardly"), (50.1, "do not"), (500, "do not")])
def test_a_pair_of_two_places_is_refused_with_the_millimetres(z, how):
    with pytest.raises(PairError, match=f"{how} overlap") as refused:
        check_pair(image(grid(0)), image(grid(z)))
    assert "mm" in refused.value.why
    assert "--force-pair" in refused.value.hint


def test_force_goes_on_with_a_warning_that_has_the_millimetres():
    checked = check_pair(image(grid(0)), image(grid(48)), force=True)
    assert any("they share 2.0 mm" in text and "--force-pair" in text for text in warnings_of(checked.history))


@pytest.mark.parametrize("method", ["rigid", "affine", "deformable"])
def test_positions_that_a_search_will_correct_are_no_reason_to_refuse(method):
    searching = RegisterSettings(method=method)
    checked = check_pair(image(grid(0)), image(grid(500)), registration=searching)
    assert last_step(checked.history, "overlap").facts["overlap_z_mm"] == -450


@pytest.mark.parametrize(("reference", "is_refused"), [("2.25.1", True), ("2.25.2", False), (None, False)])
def test_positions_of_unlike_frames_of_reference_decide_only_where_nothing_is_searched(reference, is_refused):
    fixed, moving = image(grid(0)), image(grid(500, reference=reference))
    with pytest.raises(PairError):
        check_pair(fixed, moving, registration=RegisterSettings(method="none"))
    if is_refused:
        with pytest.raises(PairError):
            check_pair(fixed, moving)
    else:
        check_pair(fixed, moving)
