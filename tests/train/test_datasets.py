"""Pairs from folders, and patches that are random, repeatable and really augmented."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusecli.errors import ImageError, InputError
from fusecli.settings.training import AugmentSettings, TrainSettings
from fusecli.train.datasets import TrainingPair, load_tasks, patches


def ramp(rows=6, columns=8, start=0):
    return start + np.arange(rows * columns).reshape(rows, columns)


@pytest.fixture
def folder(tmp_path, save_picture):
    """Two tasks: PET-MRI with two pairs and a file too many on either side, CT-MRI with one pair."""
    for name in ("a", "b", "only mri"):
        save_picture(tmp_path / f"PET-MRI/MRI/{name}.png", ramp())
    for name in ("b", "a", "only pet"):
        save_picture(tmp_path / f"PET-MRI/PET/{name}.png", ramp(start=100 if name == "a" else 150))
    save_picture(tmp_path / "CT-MRI/CT/x.png", ramp())
    save_picture(tmp_path / "CT-MRI/MRI/x.png", ramp(start=7))
    return tmp_path


def test_pairs_are_found_by_task_and_matched_by_name(folder):
    tasks, _ = load_tasks(folder)
    assert {name: [pair.name for pair in pairs] for name, pairs in tasks.items()} == {
        "CT-MRI": ["CT-MRI/x"],
        "PET-MRI": ["PET-MRI/a", "PET-MRI/b"],
    }


def test_a_file_without_a_partner_is_listed_and_never_paired_with_another(folder):
    tasks, alone = load_tasks(folder)
    assert sorted(alone) == ["PET-MRI/only mri", "PET-MRI/only pet"]
    starts = {pair.name: round(float(pair.moving[0, 0]) * 255) for pair in tasks["PET-MRI"]}
    assert starts == {"PET-MRI/a": 100, "PET-MRI/b": 150}


def test_the_mri_is_fixed_in_a_ct_mri_pair_and_grey_levels_are_kept(folder):
    pair = load_tasks(folder)[0]["CT-MRI"][0]
    assert pair.fixed == pytest.approx(ramp(start=7) / 255, abs=1e-6)
    assert pair.moving == pytest.approx(ramp() / 255, abs=1e-6)


def test_the_ct_is_fixed_where_there_is_no_mri(tmp_path, save_picture):
    save_picture(tmp_path / "PET-CT/CT/x.png", ramp())
    save_picture(tmp_path / "PET-CT/PET/x.png", ramp(start=99))
    assert load_tasks(tmp_path)[0]["PET-CT"][0].fixed[0, 0] == 0


def test_a_color_pet_becomes_its_brightness(tmp_path, save_picture):
    save_picture(tmp_path / "PET-MRI/MRI/x.png", ramp())
    save_picture(tmp_path / "PET-MRI/PET/x.png", np.full((6, 8, 3), (255, 0, 0)))
    assert load_tasks(tmp_path)[0]["PET-MRI"][0].moving == pytest.approx(76 / 255, abs=1e-6)


def test_a_pair_of_two_sizes_is_refused_by_name(tmp_path, save_picture):
    save_picture(tmp_path / "PET-MRI/MRI/x.png", ramp(6, 8))
    save_picture(tmp_path / "PET-MRI/PET/x.png", ramp(8, 6))
    with pytest.raises(ImageError, match="PET-MRI/x"):
        load_tasks(tmp_path)


def test_two_files_of_one_name_on_one_side_are_refused_and_not_one_of_them_dropped(folder, save_picture):
    save_picture(folder / "PET-MRI/MRI/a.bmp", ramp())
    with pytest.raises(InputError, match="PET-MRI/MRI") as caught:
        load_tasks(folder)
    assert "a.bmp" in str(caught.value)


def test_hidden_files_are_not_images(folder):
    (folder / "PET-MRI/MRI/.DS_Store").write_bytes(b"x")
    assert ".DS_Store" not in str(load_tasks(folder))


@pytest.mark.parametrize("path", ["nothing", "empty"])
def test_a_folder_without_pairs_is_an_input_error(tmp_path, path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        load_tasks(tmp_path / path)
    assert caught.value.exit_code == 3


def test_tasks_whose_files_never_match_are_an_input_error(tmp_path, save_picture):
    save_picture(tmp_path / "PET-MRI/MRI/x.png", ramp())
    save_picture(tmp_path / "PET-MRI/PET/y.png", ramp())
    with pytest.raises(InputError, match="no pairs"):
        load_tasks(tmp_path)


@pytest.mark.parametrize("names", [("MRI", "PET", "labels"), ("PET", "SPECT"), ("MRI",)])
def test_a_folder_that_is_no_task_is_listed_and_not_silently_left_out(folder, save_picture, names):
    for name in names:
        save_picture(folder / "odd" / name / "x.png", ramp())
    tasks, alone = load_tasks(folder)
    assert set(tasks) == {"PET-MRI", "CT-MRI"}
    assert "odd" in alone


def noise_pair(name="noise", side=48, seed=0):
    random = np.random.default_rng(seed)
    return TrainingPair(name, *(random.random((side, side), dtype=np.float32) for _ in range(2)))


NOISE = {"PET-MRI": [noise_pair(seed=i) for i in range(3)]}


def batch(tasks=NOISE, count=4, side=16, seed=1, step=0, **more):
    return patches(tasks, TrainSettings(batch=count, crop=side, seed=seed, **more), step)


def test_a_batch_has_one_channel_and_the_side_that_was_asked_for():
    for part in batch():
        assert part.shape == (4, 1, 16, 16)
        assert part.dtype == np.float32
        assert part.flags.c_contiguous


def test_one_seed_and_step_give_one_batch():
    for first, second in zip(batch(), batch(), strict=True):
        assert np.array_equal(first, second)


@pytest.mark.parametrize("other", [{"step": 1}, {"seed": 2}], ids=["another step", "another seed"])
def test_another_step_or_seed_gives_another_batch(other):
    for first, second in zip(batch(), batch(**other), strict=True):
        assert not np.array_equal(first, second)


@given(seed=st.integers(0, 2**32), step=st.integers(0, 10**6))
@settings(max_examples=30)
def test_patches_stay_in_0_to_1(seed, step):
    for part in batch(seed=seed, step=step):
        assert part.min() >= 0
        assert part.max() <= 1


def test_the_sources_are_not_changed_by_augmentation():
    before = [pair.fixed.copy() for pair in NOISE["PET-MRI"]]
    batch(count=32)
    assert all(np.array_equal(pair.fixed, copy) for pair, copy in zip(NOISE["PET-MRI"], before, strict=True))


def flat_pair():
    return TrainingPair("flat", *np.full((2, 48, 48), 0.5, dtype=np.float32))


@pytest.mark.parametrize(
    ("count", "step", "flat"),
    [(4, 0, [True, False, True, False]), (3, 0, [True, False, True]), (3, 1, [False, True, False])],
)
def test_the_tasks_take_turns_however_many_pairs_they_have(count, step, flat):
    tasks = {"a flat": [flat_pair()], "b noise": [noise_pair(seed=i) for i in range(9)]}
    fixed, _ = batch(tasks, count=count, step=step)
    # A flat image stays flat under every change of contrast, and noise stays noise.
    assert [bool(patch.std() < 1e-6) for patch in fixed] == flat


def marked_pair(side=16):
    image = np.zeros((side, side), dtype=np.float32)
    image[2, 5] = 1
    return TrainingPair("marked", image, image.copy())


def marks(part):
    """Where each patch differs from its background, in whatever contrast."""
    away = [np.abs(patch - np.median(patch)) for patch in part[:, 0]]
    return [tuple(int(i) for i in np.unravel_index(image.argmax(), image.shape)) for image in away]


def test_augmentation_turns_and_mirrors_into_all_eight_poses():
    fixed, _ = batch({"t": [marked_pair()]}, count=64)
    poses = {(2, 5), (2, 10), (13, 5), (13, 10), (5, 2), (10, 2), (5, 13), (10, 13)}
    assert set(marks(fixed)) == poses


def test_both_images_of_a_pair_are_turned_alike():
    fixed, moving = batch({"t": [marked_pair()]}, count=64)
    assert marks(fixed) == marks(moving)


def test_both_images_of_a_pair_are_cut_at_one_place():
    pair = noise_pair()
    fixed, moving = batch({"t": [TrainingPair("same", pair.fixed, pair.fixed)]}, count=32)
    for a, b in zip(fixed, moving, strict=True):
        # Noise cut at another place correlates by 0.06 or so; a narrow window and a negative leave 0.8 and more.
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) > 0.6


def test_contrast_is_changed_apart_in_each_image_and_sometimes_lifted_or_inverted():
    fixed, moving = batch({"t": [marked_pair()]}, count=200)
    backgrounds = np.median(fixed, axis=(1, 2, 3))
    inverted = np.mean(backgrounds == 1)
    lifted = np.mean((backgrounds > 0) & (backgrounds < 1))
    assert 0.01 < inverted < 0.12
    assert 0.08 < lifted < 0.25
    assert not np.array_equal(backgrounds, np.median(moving, axis=(1, 2, 3)))


def test_grey_levels_are_bent_by_a_gamma_of_so_many_octaves():
    grey = TrainingPair("grey", *np.full((2, 16, 16), 0.25, dtype=np.float32))
    levels = np.unique(batch({"t": [grey]}, count=200, augment=AugmentSettings(gamma_octaves=0.5))[0])
    bent = levels[(levels >= 0.25 ** (2**0.5)) & (levels <= 0.25 ** (2**-0.5))]
    assert len(bent) > 90  # half of the patches see a gamma and nothing else
    assert min(bent) < 0.16
    assert max(bent) > 0.34


def test_now_and_then_a_narrow_window_saturates_an_image():
    bright = np.linspace(0.5, 1, 256, dtype=np.float32).reshape(16, 16)
    tasks = {"t": [TrainingPair("bright", bright, bright)]}
    shares = []
    for odds in (0.3, 0.0):
        fixed, _ = batch(tasks, count=200, augment=AugmentSettings(window_odds=odds))
        shares.append(np.mean([(patch == patch.max()).mean() > 0.05 for patch in fixed]))
    assert 0.15 < shares[0] < 0.4
    assert shares[1] == 0


def test_an_image_smaller_than_the_patch_is_padded_and_keeps_all_its_pixels():
    small = TrainingPair("small", *np.ones((2, 10, 12), dtype=np.float32))
    fixed, _ = batch({"t": [small]}, count=32, side=16)
    dark = [patch for patch in fixed if patch.min() == 0 and patch[0].max() == 1 and patch.mean() < 0.5]
    assert len(dark) > 20  # neither lifted nor inverted
    assert all(patch.sum() == 10 * 12 for patch in dark)


def test_patches_of_nothing_but_background_are_avoided():
    image = np.zeros((128, 128), dtype=np.float32)
    image[:40, :40] = 1
    fixed, _ = batch({"t": [TrainingPair("corner", image, image)]}, count=100, side=32)
    # One look would find the corner in at most (40 / 97)^2 = 17 of 100; four looks in about half.
    assert sum(patch.std() > 0 for patch in fixed) > 35


def test_more_looks_find_more_of_the_image_and_a_lower_background_ends_them_sooner():
    image = np.zeros((128, 128), dtype=np.float32)
    image[:40, :40] = 1
    tasks = {"t": [TrainingPair("corner", image, image)]}
    found = {
        (looks, background): sum(
            patch.std() > 0 for patch in batch(tasks, 100, 32, looks=looks, background=background)[0]
        )
        for looks, background in ((1, 0.05), (4, 0.05), (20, 0.05), (20, -1.0))
    }
    assert found[1, 0.05] < found[4, 0.05] < found[20, 0.05]
    assert found[20, -1.0] == found[1, 0.05]


PLAIN = {"gamma_octaves": 0.0, "window_odds": 0.0, "lift_odds": 0.0, "negative_odds": 0.0}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, [0.0, 0.25, 0.5]),
        ({"negative_odds": 1.0}, [0.5, 0.75, 1.0]),
        ({"lift_odds": 1.0, "lift": (0.5, 0.5)}, [0.5, 0.625, 0.75]),
        ({"window_odds": 1.0, "window_low": (0.25, 0.25), "window_width": (0.125, 0.125)}, [0.0, 1.0]),
    ],
    ids=["nothing", "negative", "lift", "window"],
)
def test_each_change_of_contrast_does_what_its_settings_say(change, expected):
    image = np.full((16, 16), 0.5, dtype=np.float32)
    image[0], image[1] = 0, 0.25
    augment = AugmentSettings(**(PLAIN | change))
    fixed, moving = batch({"t": [TrainingPair("grey", image, image)]}, augment=augment)
    assert np.unique(fixed).tolist() == np.unique(moving).tolist() == expected


def test_without_gamma_grey_is_kept_and_with_an_octave_it_is_squared_at_most():
    grey = {"t": [TrainingPair("grey", *np.full((2, 16, 16), 0.25, dtype=np.float32))]}
    levels = batch(grey, 200, augment=AugmentSettings(**(PLAIN | {"gamma_octaves": 1.0})))[0]
    assert 0.25**2 <= levels.min() < 0.075
    assert 0.4 < levels.max() <= 0.5
