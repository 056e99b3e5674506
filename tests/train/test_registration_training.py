"""Training of the registration network: deformations that are known, losses that know them, a session that learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fusecli.errors import ImageError, ModelError, UsageError
from fusecli.models.registration import REACH, Motion, RegistrationNet, enlarged, warped
from fusecli.settings.training import LOSSES, AugmentSettings, TrainSettings
from fusecli.train import start
from fusecli.train.datasets import TrainingPair, patches
from fusecli.train.deformations import affine, coarser, drawn, inverse, least_jacobian, unfolded
from fusecli.train.registration import LENGTH, SMOOTHNESS, Registration, deformed, motion_loss, partner_loss, reshaped

SETTINGS = TrainSettings(epochs=2, batch=2, crop=64, ema=0.0, stage="registration", learning_rate=1e-3)
SIZE = (128, 128)


def seeded(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture
def head():
    """A blurred picture with something everywhere, (1, 1, 128, 128)."""
    return torch.sigmoid(4 * drawn(seeded(7), SIZE, 8, 1.0)[:, :1])


def test_a_drawn_displacement_has_its_length_and_smoothness_and_comes_again_with_its_seed():
    rough, smooth = (drawn(seeded(), SIZE, smoothness, 3.0) for smoothness in (8, 32))
    for field in (rough, smooth):
        assert field.shape == (1, 2, *SIZE)
        assert field.norm(dim=1).mean() == pytest.approx(3.0, rel=1e-4)
    steepness = [torch.diff(field, dim=-1).abs().mean() for field in (rough, smooth)]
    assert steepness[0] > 2 * steepness[1]
    assert torch.equal(rough, drawn(seeded(), SIZE, 8, 3.0))
    assert not torch.equal(rough, drawn(seeded(1), SIZE, 8, 3.0))


def test_an_affine_motion_is_about_the_middle():
    field = affine(seeded(), SIZE, 0.05, 2.0)
    assert torch.diff(field, n=2, dim=-1).abs().max() < 1e-4
    assert torch.diff(field, n=2, dim=-2).abs().max() < 1e-4
    assert torch.diff(field, dim=-1).abs().max() > 1e-3
    assert affine(seeded(), SIZE, 0.05, 0.0).mean() == pytest.approx(0, abs=1e-4)


def test_nothing_that_is_shown_folds_and_all_of_it_has_an_inverse():
    wild = drawn(seeded(0), SIZE, 11, 8.0)
    assert least_jacobian(wild) < 0
    assert least_jacobian(unfolded(wild)) >= 0.15
    calm = drawn(seeded(0), SIZE, 26, 1.0)
    assert unfolded(calm) is calm
    for seed in range(12):
        random = seeded(seed)
        field = coarser(unfolded(drawn(random, (256, 256), random.uniform(*SMOOTHNESS), random.uniform(*LENGTH))), 4)
        back = inverse(field)
        assert (back + warped(field, back))[..., 2:-2, 2:-2].abs().max() < 0.5


def test_the_inverse_leads_back():
    field = drawn(seeded(3), SIZE, 20, 3.0)
    back = inverse(field)
    rest = (back + warped(field, back))[..., 8:-8, 8:-8]
    assert rest.abs().max() < 0.02
    assert (2 * field)[..., 8:-8, 8:-8].abs().max() > 1


def test_means_of_blocks_count_in_blocks():
    assert torch.equal(coarser(torch.full((1, 2, 8, 8), 4.0), 4), torch.ones(1, 2, 2, 2))


def test_the_known_displacement_restores_what_was_deformed(head):
    given = deformed(head, head, drawn(seeded(2), SIZE, 20, 4.0))
    restored = warped(given.moving, 2 * enlarged(given.displacement))
    inside = np.s_[..., 6:-6, 6:-6]
    missing = [(image - given.truth)[inside].abs().mean() for image in (given.moving, restored)]
    assert missing[1] < 0.2 * missing[0]
    assert torch.equal(given.fixed, given.truth)


def test_a_pair_is_reshaped_alike(head):
    fixed, moving = reshaped(head, 0.5 * head, seeded(4))
    assert torch.allclose(moving, 0.5 * fixed, atol=1e-6)
    assert not torch.allclose(fixed, head, atol=0.05)


def test_the_right_motion_costs_less_than_none(head):
    given = deformed(head, head, drawn(seeded(2), SIZE, 20, 4.0))
    fine, coarse = given.displacement, coarser(given.displacement, 2)
    sides = [torch.zeros(1, (2 * REACH + 1) ** 2, *field.shape[-2:]) for field in (coarse, fine)]
    right = Motion(coarse, 2 * enlarged(coarse), fine, *sides)
    none = Motion(0 * coarse, 0 * fine, 0 * fine, *sides)
    assert motion_loss(right, given) < 0.5 * motion_loss(none, given)


def test_the_partners_of_the_fine_grid_are_looked_for_from_the_guess(head):
    given = deformed(head, head, torch.full((1, 2, *SIZE), -8.0))  # two cells of the fine grid back, so two on
    fine = given.displacement
    guess = fine - torch.tensor([1.0, 0.0])[None, :, None, None]

    def loss(down):
        sides = [torch.zeros(1, (2 * REACH + 1) ** 2, *size) for size in ((16, 16), (32, 32))]
        sides[1][:, (down + REACH) * (2 * REACH + 1) + REACH] = 5
        return motion_loss(Motion(coarser(fine, 2), guess, fine, *sides), given)

    assert min(range(-REACH, REACH + 1), key=loss) == 1


def test_the_right_partner_costs_least_also_between_cells_and_out_of_reach():
    def cost(named, down, right):
        similarity = torch.zeros(1, (2 * REACH + 1) ** 2, 4, 4)
        similarity[:, (named[0] + REACH) * (2 * REACH + 1) + named[1] + REACH] = 5
        displacement = torch.tensor([down, right])[None, :, None, None].expand(1, 2, 4, 4)
        return float(partner_loss(similarity, displacement, torch.ones(1, 1, 4, 4)))

    assert cost((1, -2), 1.0, -2.0) < cost((1, -1), 1.0, -2.0)
    assert cost((0, 1), 0.0, 1.5) == pytest.approx(cost((0, 2), 0.0, 1.5), rel=1e-3)
    assert cost((2, 0), 7.0, 0.0) < cost((0, 0), 7.0, 0.0)


@pytest.fixture
def data(tmp_path, monkeypatch, save_picture, make_pairs):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for pair in make_pairs(3, side=64):
        save_picture(tmp_path / f"data/PET-MRI/MRI/{pair.name}.png", 255 * pair.fixed)
        save_picture(tmp_path / f"data/PET-MRI/PET/{pair.name}.png", 255 * pair.moving)
    return tmp_path / "data"


def test_a_session_trains_the_network_and_saves_it(data, tmp_path):
    path = tmp_path / "r.safetensors"
    session = start(data, data, path, "registration", SETTINGS)
    reports = list(session.epochs)
    assert session.measure == "NCC with the undeformed"
    assert all(-1 <= report.score <= 1 for report in reports)
    network = RegistrationNet()
    network.load_state_dict(load_file(path))
    torch.manual_seed(SETTINGS.seed)
    assert not torch.equal(network.fine.velocity.weight, RegistrationNet().fine.velocity.weight)


def test_the_same_step_has_the_same_loss_and_steps_lower_it(make_pairs):
    torch.manual_seed(0)
    network, objective = RegistrationNet(), Registration(SETTINGS)
    images = [
        torch.from_numpy(np.stack([getattr(p, role) for p in make_pairs(2, side=64)]))[:, None]
        for role in ("fixed", "moving")
    ]
    first = objective.loss(network, *images, 5)
    assert torch.equal(first, objective.loss(network, *images, 5))
    assert not torch.equal(first, objective.loss(network, *images, 6))
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(15):
        optimizer.zero_grad()
        loss = objective.loss(network, *images, 5)
        loss.backward()
        optimizer.step()
    assert loss < first


@pytest.mark.parametrize(
    ("config", "changed", "said"),
    [
        ("registration", {"stage": "fusion"}, "cannot be trained in the fusion stage"),
        ("lrc-fast", {}, "cannot be trained in the registration stage"),
        ("registration", {"loss": LOSSES["max"]}, "loss of its own"),
        ("registration", {"crop": 80}, "multiples of 64"),
        ("registration", {"noise_schedule": "linear"}, "noise schedule"),
    ],
)
def test_options_that_do_not_belong_are_refused(data, tmp_path, config, changed, said):
    with pytest.raises(UsageError) as caught:
        start(data, data, tmp_path / "r.safetensors", config, replace(SETTINGS, **changed))
    assert said in f"{caught.value.what} {caught.value.why}"
    assert caught.value.exit_code == 2
    assert not (tmp_path / "r.safetensors").exists()


def test_an_unknown_network_is_told_as_such(data, tmp_path):
    with pytest.raises(ModelError, match="no-such"):
        start(data, data, tmp_path / "r.safetensors", "no-such", SETTINGS)


def test_a_validation_picture_that_shows_nothing_is_named_before_the_first_epoch(data, tmp_path, save_picture):
    save_picture(tmp_path / "val/PET-MRI/MRI/1.png", np.full((64, 64), 9))
    save_picture(tmp_path / "val/PET-MRI/PET/1.png", np.zeros((64, 64)))
    with pytest.raises(ImageError, match="PET-MRI/1"):
        start(data, tmp_path / "val", tmp_path / "r.safetensors", "registration", SETTINGS)


def test_heads_stay_upright_where_that_is_asked_for():
    tasks = {"PET-MRI": [TrainingPair("wide", np.zeros((64, 64), np.float32), gradient())]}
    plain = AugmentSettings(gamma_octaves=0, window_odds=0, lift_odds=0, negative_odds=0)
    slopes = {
        turns: {
            slope_of(patches(tasks, replace(SETTINGS, augment=replace(plain, quarter_turns=turns)), step)[1])
            for step in range(12)
        }
        for turns in (True, False)
    }
    assert slopes[False] == {"down"}
    assert {"down", "right"} <= slopes[True]


def gradient():
    """Brighter from the top to the bottom."""
    return np.repeat(np.linspace(0.2, 1, 64, dtype=np.float32)[:, None], 64, axis=1)


def slope_of(images):
    picture = images[0, 0]
    down, right = picture[-1].mean() - picture[0].mean(), picture[:, -1].mean() - picture[:, 0].mean()
    if abs(down) > abs(right):
        return "down" if down > 0 else "up"
    return "right" if right > 0 else "left"
