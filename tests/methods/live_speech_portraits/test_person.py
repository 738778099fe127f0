"""What is kept of a person."""

import pytest
import torch

from avfuse.geometry.face_model import face_model
from avfuse.methods.live_speech_portraits.person import Person
from avfuse.methods.live_speech_portraits.points import DENSE, MOUTH, REST


@pytest.fixture
def person():
    return Person(100, 6, 18, 4)


def test_nobody_is_the_mean_face_in_the_picture(person):
    camera = person.camera(person.pose_mean[None])
    seen = camera.project(person.spoken(torch.zeros(1, 75), torch.zeros(1, dtype=torch.long)))[0]
    assert (seen > 5).all()
    assert (seen < 95).all()
    assert seen[15:27, 1].mean() < seen[55:73, 1].mean()  # brows above lips
    torch.testing.assert_close(person.face, face_model().mean[DENSE])


def test_speech_moves_lips_and_chin_alone(person):
    frames = torch.zeros(1, dtype=torch.long)
    moved = person.spoken(torch.ones(1, 75), frames) - person.face
    torch.testing.assert_close(moved[0, MOUTH], torch.full((25, 3), float(person.mouth_unit)))
    assert not moved[0, REST].any()


def test_the_rest_moves_as_it_was_filmed(person):
    person.upper.copy_(torch.randn_like(person.upper))
    person.count.fill_(6)
    frames = torch.tensor([2, 5, 6])
    moved = person.spoken(torch.zeros(3, 75), frames) - person.face
    torch.testing.assert_close(moved[:, REST], person.upper[[2, 5, 4]])
    assert not moved[:, MOUTH].any()


def test_numbers_are_pose_and_speed(person):
    poses = torch.randn(20, 6)
    numbers = person.numbers(poses)
    assert numbers.shape == (20, 12)
    torch.testing.assert_close(person.posed(numbers), poses)
    speed = numbers[1:, 6:] * person.speed_spread
    torch.testing.assert_close(speed, poses.diff(dim=0))
    assert not numbers[0, 6:].any()
