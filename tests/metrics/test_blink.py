"""Blinks of drawn faces, whose lids are known, and of eyes put together by hand."""

import numpy as np
import pytest
import torch

from avfuse.data.synthetic import synthetic_clip
from avfuse.data.synthetic.motion import random_motion
from avfuse.metrics import BlinkRate, blink_rate, blinks, eye_openness


def eyes(height, count=1):
    """Landmarks whose eyes are 10 wide and so high."""
    points = torch.zeros(count, 68, 2)
    for start in (36, 42):
        outline = torch.tensor([[0, 0], [3, 1], [7, 1], [10, 0], [7, -1], [3, -1.0]])
        points[:, start : start + 6] = outline * torch.tensor([1, height / 2]) + start
    return points


def test_counts_falls_and_not_frames():
    openness = torch.tensor([0.3, 0.31, 0.1, 0.05, 0.3, 0.2, 0.3, 0.1, 0.3, 0.3, 0.3])
    assert blinks(openness) == 2


def test_narrow_eyes_are_not_shut():
    """A fixed threshold of 0.2 would see closed eyes throughout."""
    assert blinks(torch.tensor([0.18, 0.17, 0.18, 0.06, 0.18, 0.19, 0.18])) == 1


def test_lost_frames_are_passed_over():
    openness = torch.tensor([0.3, 0.3, torch.nan, 0.1, torch.nan, 0.1, 0.3, 0.3, 0.3, 0.3])
    assert blinks(openness) == 1
    assert blinks(torch.full((4,), torch.nan)) == 0


def test_rate_is_a_minute_s(landmarks):
    points = torch.cat([eyes(3.0, 20), eyes(0.2, 2), eyes(3.0, 28)])
    times = torch.arange(50) / 25
    assert blink_rate(points, times) == pytest.approx(30)  # one in two seconds
    assert blink_rate(points, times * 2) == pytest.approx(15)
    assert blink_rate(points[:1], times[:1]).isnan()


def test_rate_is_over_all_clips():
    metric = BlinkRate()
    metric.update(torch.cat([eyes(3.0, 20), eyes(0.2, 2), eyes(3.0, 3)]), torch.arange(25) / 25)
    metric.update(eyes(3.0, 75), torch.arange(75) / 25)
    assert metric.compute() == pytest.approx(15)  # one in four seconds


@pytest.mark.usefixtures("unpainted")
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_agrees_with_the_lids_that_were_drawn(seed):
    clip = synthetic_clip(seed, seconds=6.0, size=64)
    _, movement, _ = np.random.default_rng([1, seed]).spawn(3)
    lids = random_motion(movement, clip.times).lids
    shut = lids < 0.5
    drawn = (shut[1:] & ~shut[:-1]).sum()
    assert blinks(eye_openness(torch.from_numpy(clip.landmarks))) == drawn
