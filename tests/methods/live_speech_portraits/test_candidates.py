"""The choice of candidates."""

import pytest
import torch

from avfuse.methods.live_speech_portraits.candidates import choose_candidates, mouth_areas
from avfuse.methods.live_speech_portraits.points import INNER_LIPS


@pytest.fixture
def footage():
    """3000 frames: areas that are their number's place in a shuffle, and rotations."""
    order = torch.randperm(3000)
    areas = torch.empty(3000).scatter_(0, order, torch.arange(3000.0))
    rotations = torch.rand(3000, 3) * torch.tensor([0.2, 1.0, 0.1]) - torch.tensor([0.1, 0.5, 0.05])
    return areas, rotations


def test_the_hundredth_smallest_and_largest_mouth(footage):
    areas, rotations = footage
    first, second = choose_candidates(areas, rotations, 2)
    assert (areas[first], areas[second]) == (99, 2900)


def test_rotations_at_even_intervals(footage):
    areas, rotations = footage
    chosen = choose_candidates(areas, rotations, 8)
    assert len(chosen) == 8
    x, y = rotations[chosen[2:5], 0], rotations[chosen[5:], 1]
    torch.testing.assert_close(x, torch.tensor([-0.05, 0.0, 0.05]), atol=0.01, rtol=0)
    torch.testing.assert_close(y, torch.tensor([-0.25, 0.0, 0.25]), atol=0.03, rtol=0)


def test_of_few_frames_a_tenth_is_passed_over():
    areas = torch.arange(30.0)
    assert choose_candidates(areas, torch.zeros(30, 3), 2) == [3, 26]
    assert len(choose_candidates(areas[:3], torch.zeros(3, 3), 4)) == 4


def test_none_and_odd_numbers():
    assert choose_candidates(torch.arange(9.0), torch.zeros(9, 3), 0) == []
    with pytest.raises(ValueError, match="even"):
        choose_candidates(torch.arange(9.0), torch.zeros(9, 3), 3)


def test_area_of_an_octagon():
    angle = torch.arange(8) / 8 * 2 * torch.pi
    face = torch.zeros(1, 73, 3)
    face[0, INNER_LIPS, :2] = torch.stack([angle.cos(), angle.sin()], 1)
    octagon = torch.tensor([2 * 2**0.5])  # in a circle of radius 1
    torch.testing.assert_close(mouth_areas(face), octagon)
