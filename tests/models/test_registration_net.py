"""The parts of the network that registers, each against what it should do to a field that is known."""

import numpy as np
import pytest
import torch

from fusecli import models
from fusecli.errors import ModelError
from fusecli.models.registering import TrainedRegistration, load_registration
from fusecli.models.registration import REACH, RegistrationNet, correlation, enlarged, integrated, warped


@pytest.fixture
def network():
    torch.manual_seed(1)
    return RegistrationNet().eval()


def picture(rows=8, columns=10):
    return torch.arange(rows * columns, dtype=torch.float32).reshape(1, 1, rows, columns)


def everywhere(down, right, rows=8, columns=10):
    return torch.tensor([down, right], dtype=torch.float32)[None, :, None, None].expand(1, 2, rows, columns)


def test_a_picture_is_taken_from_where_the_displacement_points():
    image = picture()
    assert torch.allclose(warped(image, everywhere(0, 0)), image, atol=1e-4)
    assert torch.allclose(warped(image, everywhere(1, 0))[..., :-1, :], image[..., 1:, :], atol=1e-4)
    assert torch.allclose(warped(image, everywhere(0, 2))[..., :-2], image[..., 2:], atol=1e-4)
    assert torch.allclose(warped(image, everywhere(1, 0))[..., -1, :], image[..., -1, :], atol=1e-4)  # the rim goes on


def test_features_correlate_best_with_their_own_shift():
    torch.manual_seed(2)
    features = torch.randn(1, 6, 12, 12)
    moved = torch.roll(features, (1, -2), dims=(2, 3))
    inside = correlation(features, moved)[..., 3:-3, 3:-3]
    side = 2 * REACH + 1
    assert inside.shape[1] == side**2
    assert (inside.argmax(dim=1) == (1 + REACH) * side + (-2 + REACH)).all()
    assert inside.max() == pytest.approx(1, abs=1e-3)


def test_an_even_velocity_is_an_even_displacement_and_a_wild_one_folds_nothing():
    assert torch.allclose(integrated(everywhere(1.5, -0.5)), everywhere(1.5, -0.5), atol=1e-5)
    torch.manual_seed(3)
    coarse = torch.randn(1, 2, 5, 5)
    velocity = 6 * torch.nn.functional.interpolate(coarse, (32, 32), mode="bicubic", align_corners=True)
    assert jacobian(velocity).min() < 0  # as a displacement it folds
    assert jacobian(integrated(velocity)).min() > 0


def jacobian(displacement):
    (dd, dr), (rd, rr) = (torch.gradient(part, dim=(0, 1)) for part in displacement[0])
    return (1 + dd) * (1 + rr) - dr * rd


def test_twice_the_cells_show_the_same_at_the_same_place():
    ramp = torch.arange(8.0)[None, None, None, :].expand(1, 1, 4, 8)
    twice = enlarged(ramp)
    assert twice.shape == (1, 1, 8, 16)
    # The middle of a small cell lies a quarter of a large one beside that of the large one.
    assert torch.allclose(twice[0, 0, 0, 1:-1], (torch.arange(1.0, 15.0) - 0.5) / 2, atol=1e-5)


def test_a_fresh_network_hardly_moves_and_a_changed_one_does(network):
    torch.manual_seed(4)
    fixed, moving = torch.rand(2, 1, 1, 64, 96)
    with torch.inference_mode():
        still = network(fixed, moving)
        network.coarse.velocity.bias.fill_(0.7)
        pushed = network(fixed, moving)
    assert still.shape == (1, 2, 32, 48)
    assert still.abs().max() < 0.2
    # 0.7 cells of the coarse grid are 1.4 of the fine one.
    assert pushed.mean() == pytest.approx(1.4, abs=0.2)


def test_what_the_second_step_finds_is_added_to_the_first_where_it_leads(network):
    torch.manual_seed(6)
    fixed, moving = torch.rand(2, 1, 1, 64, 64)
    rest = everywhere(0, 4, 32, 32)

    def stepped(seen):
        ramp = torch.arange(16.0)[None, None, None, :].expand(1, 1, 16, 16) / 40
        return torch.cat([ramp, torch.zeros_like(ramp)], dim=1)

    network.coarse.forward, network.fine.forward = stepped, lambda seen: rest
    with torch.inference_mode():
        found = network.motion(fixed, moving)
    # Four columns on, the first step's downward push is larger by as much as it grows over four columns.
    middle = np.s_[0, 0, 16, 8:20]
    grown = found.guess[0, 0, 16, 12:24]
    assert torch.allclose(found.fine[middle], grown, atol=1e-3)
    assert not torch.allclose(found.fine[middle], found.guess[middle], atol=1e-2)
    assert torch.allclose(found.fine[0, 1, 16, 8:20], torch.full((12,), 4.0), atol=1e-3)


def test_a_field_in_cells_becomes_one_in_pixels():
    class Even(torch.nn.Module):
        def forward(self, fixed, moving):
            pushes = [everywhere(1, 2, 32, 48), everywhere(3, -4, 32, 48)]  # the second for the mirror image
            return torch.cat(pushes)

    field = TrainedRegistration("even", "0" * 64, Even())(*np.zeros((2, 40, 70), dtype=np.float32))
    assert field.shape == (40, 70, 2)
    assert np.allclose(field, (4, 6))


def test_the_mirror_image_of_a_pair_has_the_mirror_image_of_its_field():
    class Reads(torch.nn.Module):
        """Pushes down by what FIXED shows and to the right by what MOVING shows."""

        def forward(self, fixed, moving):
            return torch.nn.functional.avg_pool2d(torch.cat([fixed, moving], dim=1), 2)

    random = np.random.default_rng(7)
    fixed, moving = random.random((2, 40, 70), dtype=np.float32)
    run = TrainedRegistration("reads", "0" * 64, Reads())
    field, mirrored = run(fixed, moving), run(fixed[:, ::-1], moving[:, ::-1])
    assert np.allclose(mirrored[:, ::-1] * (1, -1), field, atol=1e-6)
    assert np.abs(mirrored[:, ::-1] - field).max() > 0.1
    assert np.abs(mirrored - field).max() > 0.1
    # Down is down in both.
    assert np.allclose(field[..., 0].mean(), 2 * fixed.mean(), atol=0.05)


def test_pictures_of_any_size_are_taken_and_give_the_same_field_each_time(network):
    random = np.random.default_rng(5)
    fixed, moving = random.random((2, 50, 71), dtype=np.float32)
    run = TrainedRegistration("made here", "0" * 64, network)
    field, threads = run(fixed, moving), torch.get_num_threads()
    assert field.shape == (50, 71, 2)
    assert np.array_equal(field, run(fixed, moving))
    assert not np.array_equal(field, run(moving, fixed))
    assert torch.get_num_threads() == threads


def test_the_shipped_network_says_what_it_is_and_others_are_no_registration():
    network = models.load_registration()
    assert network.name == "registration-head"
    assert len(network.weights_sha256) == 64
    with pytest.raises(ModelError, match="registration network"):
        load_registration("lrc-fast")


def test_without_its_weights_the_way_out_is_named(tmp_path, monkeypatch):
    (tmp_path / "manifest.toml").write_text("")
    monkeypatch.setenv("FUSECLI_WEIGHTS", str(tmp_path))
    with pytest.raises(ModelError) as caught:
        models.load_registration()
    assert "--register demons" in caught.value.hint
    assert "--model" not in caught.value.hint
