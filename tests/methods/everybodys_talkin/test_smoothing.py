"""Algorithm 1, line by line."""

import math

import torch

from avfuse.methods.everybodys_talkin.face import MOUTH_AND_JAW
from avfuse.methods.everybodys_talkin.smoothing import smoothed


def along(*ys):
    """A face that moves down."""
    face = torch.rand(68, 2)
    return torch.stack([face + torch.tensor([0.0, y]) for y in ys])


def test_a_mouth_that_jumps_is_left_alone():
    points = along(0.0, 5.0)
    assert torch.equal(smoothed(points, None, MOUTH_AND_JAW, 1.0, 2.0), points)


def test_a_mouth_that_trembles_is_held():
    points = along(0.0, 0.5)
    now = smoothed(points, None, MOUTH_AND_JAW, 1.0, 2.0)[1]
    share = math.exp(-2.0 * 0.5)
    expected = share * points[0] + (1 - share) * points[1]
    torch.testing.assert_close(now[MOUTH_AND_JAW], expected[MOUTH_AND_JAW])
    rest = [i for i in range(68) if i not in MOUTH_AND_JAW]
    assert torch.equal(now[rest], points[1][rest])


def test_a_mouth_that_drifts_is_followed():
    """Distances are from where it is held: in the end it is let go."""
    points = along(*(0.02 * t for t in range(400)))
    found = smoothed(points, None, MOUTH_AND_JAW, 1.0, 2.0)
    assert (found[-1] - points[-1]).norm(dim=-1).max() < 1.0


def test_goes_on_from_what_was_before():
    points = along(0.0, 0.3, 0.1, 0.4)
    whole = smoothed(points, None, MOUTH_AND_JAW, 1.0, 2.0)
    rest = smoothed(points[2:], whole[1], MOUTH_AND_JAW, 1.0, 2.0)
    torch.testing.assert_close(rest, whole[2:])
