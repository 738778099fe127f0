"""Where poses come from: Fig. 7's five."""

import numpy as np
import pytest
import torch

from avfuse import InputError
from avfuse.geometry.camera import rotation_matrix
from avfuse.methods.live_speech_portraits.control import (
    Control,
    Filmed,
    Generated,
    Given,
    Held,
    Mirrored,
    mirrored,
)
from avfuse.methods.live_speech_portraits.person import Person


@pytest.fixture
def person():
    person = Person(32, 5, 0, 0)
    person.poses.copy_(torch.randn(5, 6))
    person.count.fill_(4)
    person.pose_mean.copy_(torch.randn(6))
    return person


@pytest.fixture
def frames():
    return torch.arange(10)


def test_generated_are_as_they_come(person, frames):
    poses = torch.randn(10, 6)
    assert torch.equal(Generated().poses(frames, poses, person), poses)


def test_filmed_go_forth_and_back(person, frames):
    found = Filmed().poses(frames, torch.zeros(10, 6), person)
    assert torch.equal(found, person.poses[[0, 1, 2, 3, 2, 1, 0, 1, 2, 3]])


def test_held_is_the_mean(person, frames):
    found = Held().poses(frames, torch.zeros(10, 6), person)
    assert torch.equal(found, person.pose_mean.expand(10, -1))


def test_mirrored_twice_is_as_before(person):
    poses, mean = torch.randn(10, 6), torch.randn(6)
    torch.testing.assert_close(mirrored(mirrored(poses, mean), mean), poses)


def test_mirrored_is_a_mirrors(person):
    """A rotation seen in a mirror is that of mirrored points, mirrored back."""
    poses, mirror = torch.randn(10, 6) / 2, torch.diag(torch.tensor([-1.0, 1.0, 1.0]))
    found = mirrored(poses, torch.zeros(6))
    wanted = mirror @ rotation_matrix(poses[:, :3]) @ mirror
    torch.testing.assert_close(rotation_matrix(found[:, :3]), wanted, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found[:, 3:], poses[:, 3:] @ mirror)


def test_mirrored_is_of_another(person, frames):
    found = Mirrored(Filmed()).poses(frames, torch.zeros(10, 6), person)
    wanted = mirrored(Filmed().poses(frames, torch.zeros(10, 6), person), person.pose_mean)
    assert torch.equal(found, wanted)


def test_all_are_controls(person):
    for control in (Generated(), Filmed(), Held(), Mirrored(Held()), Given(torch.zeros(1, 6))):
        assert isinstance(control, Control)


class TestFiles:
    @pytest.mark.parametrize("name", ["poses.npy", "poses.txt"])
    def test_are_read(self, tmp_path, person, frames, name):
        table = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)
        (np.save if name.endswith("npy") else np.savetxt)(tmp_path / name, table)
        found = Given.read(tmp_path / name).poses(frames, torch.zeros(10, 6), person)
        np.testing.assert_allclose(found[[0, 1, 2, 3, 4]], table[[0, 1, 2, 1, 0]], rtol=1e-6)

    @pytest.mark.parametrize("table", [np.zeros((3, 5)), np.zeros((0, 6)), np.full((2, 6), np.nan)])
    def test_of_another_shape_are_refused(self, tmp_path, table):
        np.save(tmp_path / "poses.npy", table)
        with pytest.raises(InputError, match="expected six finite numbers"):
            Given.read(tmp_path / "poses.npy")

    def test_of_something_else_are_refused(self, tmp_path):
        (tmp_path / "poses.txt").write_text("a head that nods")
        with pytest.raises(InputError, match="cannot be read as poses"):
            Given.read(tmp_path / "poses.txt")
        with pytest.raises(InputError, match="cannot be read as poses"):
            Given.read(tmp_path / "nowhere.npy")
