"""fuse(): two rules that hold for every model, and a contract that is checked."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry, same_grid
from fusecli.core.history import Step, warnings_of
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.pair import Pair
from fusecli.errors import ImageError
from fusecli.fusion import fuse
from fusecli.models.baselines import baseline

AFFINE = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1.0]])


@dataclass
class Formula:
    """A model of one line."""

    formula: object
    notes: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    name: str = "formula"
    weights_sha256: str = "ab" * 32
    device: str = "cpu"
    backend: str = "formula 1"

    def __call__(self, fixed, moving):
        self.calls.append((fixed, moving))
        return self.formula(fixed, moving)


def half(fixed, moving):
    return np.full_like(fixed, 0.5)


def unit(voxels, modality=Modality.CT, history=()):
    voxels = np.asarray(voxels, dtype=np.float32)
    return Image(voxels, Geometry(voxels.shape, AFFINE), modality, Intensity.UNIT, history=history)


@pytest.fixture
def noise():
    random = np.random.default_rng(0)
    return [random.uniform(0.1, 1, (3, 32, 40)).astype(np.float32) for _ in range(2)]


def pair_of(fixed, moving, coverage=None):
    return Pair(unit(fixed), unit(moving, Modality.PET), coverage)


def test_where_both_are_black_the_result_is_black_whatever_the_model_says(noise):
    fixed, moving = noise
    fixed[:, :10], moving[:, :10] = 0, 0
    fused = fuse(pair_of(fixed, moving), Formula(half)).voxels
    assert np.all(fused[:, :10] == 0)
    assert np.all(fused[:, 10:] == 0.5)


def test_where_only_one_is_black_the_model_decides(noise):
    fixed, moving = noise
    fixed[:, :10], moving[:, 20:] = 0, 0
    assert np.all(fuse(pair_of(fixed, moving), Formula(half)).voxels == 0.5)


def test_nearly_black_is_not_black(noise):
    fixed, moving = noise
    fixed[:, :10], moving[:, :10] = 0, np.float32(1e-6)
    assert np.all(fuse(pair_of(fixed, moving), Formula(half)).voxels == 0.5)


def test_where_moving_has_no_data_the_result_is_fixed_alone(noise):
    fixed, moving = noise
    coverage = np.zeros(fixed.shape, dtype=bool)
    coverage[:, :, 15:] = True
    fused = fuse(pair_of(fixed, moving, coverage), Formula(half)).voxels
    assert np.array_equal(fused[:, :, :15], fixed[:, :, :15])
    assert np.all(fused[:, :, 15:] == 0.5)


def test_a_slice_outside_moving_is_fixed_and_the_model_never_sees_it(noise):
    fixed, moving = noise
    coverage = np.ones(fixed.shape, dtype=bool)
    coverage[1] = False
    model = Formula(half)
    fused = fuse(pair_of(fixed, moving, coverage), model).voxels
    assert np.array_equal(fused[1], fixed[1])
    assert np.all(fused[[0, 2]] == 0.5)
    assert len(model.calls) == 2


def test_an_all_black_slice_is_black(noise):
    fixed, moving = noise
    fixed[2], moving[2] = 0, 0
    fused = fuse(pair_of(fixed, moving), Formula(half)).voxels
    assert np.all(fused[2] == 0)
    assert np.all(fused[:2] == 0.5)


def test_the_model_sees_each_slice_of_both_images_once_fixed_first(noise):
    fixed, moving = noise
    model = Formula(lambda a, b: a)
    fused = fuse(pair_of(fixed, moving), model)
    assert np.array_equal(fused.voxels, fixed)
    assert not np.array_equal(fused.voxels, moving)
    assert len(model.calls) == 3
    for k, (a, b) in enumerate(model.calls):
        assert np.array_equal(a, fixed[k])
        assert np.array_equal(b, moving[k])


def test_the_result_is_a_unit_image_called_fused_on_the_grid_of_fixed(noise):
    pair = pair_of(*noise)
    fused = fuse(pair, baseline("max"))
    assert (fused.modality, fused.intensity) == (Modality.FUSED, Intensity.UNIT)
    assert same_grid(fused.geometry, pair.fixed.geometry)
    assert fused.voxels.dtype == np.float32


def test_the_result_is_never_rescaled(noise):
    fixed, moving = (0.2 + 0.1 * image for image in noise)
    fused = fuse(pair_of(fixed, moving), baseline("max")).voxels
    assert np.array_equal(fused, np.maximum(fixed, moving))
    assert fused.max() <= 0.3
    assert fused.min() >= 0.2


def test_the_sources_are_untouched(noise):
    pair = pair_of(*noise)
    before = pair.fixed.voxels.copy(), pair.moving.voxels.copy()
    fuse(pair, baseline("laplacian"))
    assert np.array_equal(pair.fixed.voxels, before[0])
    assert np.array_equal(pair.moving.voxels, before[1])


@pytest.mark.parametrize(("rows", "columns"), [(31, 40), (40, 31), (1, 1)])
def test_slices_under_32_pixels_a_side_are_refused_with_exit_code_4(rows, columns):
    with pytest.raises(ImageError, match=f"{columns} x {rows}") as caught:
        fuse(pair_of(np.ones((1, rows, columns)), np.ones((1, rows, columns))), baseline("max"))
    assert caught.value.exit_code == 4


def test_slices_of_32_pixels_a_side_are_fused():
    assert np.all(fuse(pair_of(np.ones((1, 32, 32)), np.zeros((1, 32, 32))), baseline("max")).voxels == 1)


BREACHES = {
    "NaN": lambda a, b: np.where(np.arange(a.shape[1]) == 3, np.nan, a),
    "infinity": lambda a, b: np.full_like(a, np.inf),
    "above 1": lambda a, b: a + 1,
    "below 0": lambda a, b: a - 1.5,
    "another shape": lambda a, b: a[:-1],
    "a turned image": lambda a, b: a.T,
    "an extra axis": lambda a, b: a[None],
}


@pytest.mark.parametrize("formula", BREACHES.values(), ids=BREACHES)
def test_a_model_that_breaks_its_contract_is_our_own_mistake(noise, formula):
    with pytest.raises(ValueError, match="formula broke its contract"):
        fuse(pair_of(*noise), Formula(formula))


def test_progress_is_told_after_each_slice(noise):
    told = []
    fuse(pair_of(*noise), baseline("max"), progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_progress_counts_slices_that_needed_no_model(noise):
    fixed, moving = noise
    fixed[0], moving[0] = 0, 0
    told = []
    fuse(pair_of(fixed, moving), Formula(half), progress=lambda *state: told.append(state))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_the_step_says_which_model_with_which_weights(noise):
    step = fuse(pair_of(*noise), Formula(half)).history[-1]
    assert step.name == "fuse"
    assert step.facts == {"model": "formula", "weights_sha256": "ab" * 32}
    assert step.warnings == ()


def test_what_the_model_notes_while_it_runs_is_a_warning_of_the_result(noise):
    model = Formula(half)
    model.formula = lambda a, b: model.notes.append(f"slice {len(model.calls)}") or a
    assert warnings_of(fuse(pair_of(*noise), model).history) == ("slice 1", "slice 2", "slice 3")


def test_warnings_of_the_sources_stay_with_the_sources(noise):
    history = (Step("read", warnings=("one slice is missing",)),)
    fused = fuse(Pair(unit(noise[0], history=history), unit(noise[1])), baseline("max"))
    assert warnings_of(fused.history) == ()


@dataclass
class Stack(Formula):
    """The same, of up to `at_once` slices."""

    at_once: int = 2
    depths: list = field(default_factory=list)

    def slices_at_once(self, rows, columns):
        return self.at_once

    def fuse_slices(self, fixed, moving):
        self.depths.append(len(fixed))
        return self.formula(fixed, moving)


def mean(fixed, moving):
    return (fixed + moving) / 2


def test_a_model_that_takes_several_slices_gets_them_and_the_image_is_the_same():
    random = np.random.default_rng(1)
    pair = pair_of(*(random.uniform(0.1, 1, (5, 32, 40)).astype(np.float32) for _ in range(2)))
    model, told = Stack(mean), []
    together = fuse(pair, model, progress=lambda *state: told.append(state))
    assert np.array_equal(together.voxels, fuse(pair, Formula(mean)).voxels)
    assert model.depths == [2, 2]
    assert len(model.calls) == 1  # the fifth slice alone
    assert told == [(done, 5) for done in range(1, 6)]


def test_of_several_slices_the_model_sees_those_that_need_it(noise):
    fixed, moving = noise
    fixed[1], moving[1] = 0, 0
    model = Stack(half, at_once=3)
    fused = fuse(pair_of(fixed, moving), model).voxels
    assert model.depths == [2]
    assert np.all(fused[1] == 0)
    assert np.all(fused[[0, 2]] == 0.5)


def test_the_rules_hold_within_several_slices_too(noise):
    fixed, moving = noise
    fixed[0, :10], moving[0, :10] = 0, 0
    coverage = np.ones(fixed.shape, dtype=bool)
    coverage[1, :, 15:], coverage[2] = False, False
    fused = fuse(pair_of(fixed, moving, coverage), Stack(half, at_once=3)).voxels
    assert np.all(fused[0, :10] == 0)
    assert np.array_equal(fused[1, :, 15:], fixed[1, :, 15:])
    assert np.array_equal(fused[2], fixed[2])
    assert np.all(fused[1, :, :15] == 0.5)


def test_a_model_that_breaks_its_contract_on_several_slices_is_our_own_mistake(noise):
    with pytest.raises(ValueError, match="formula broke its contract"):
        fuse(pair_of(*noise), Stack(lambda a, b: a + 1))
