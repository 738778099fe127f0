"""Landmarks as lines."""

import torch

from avfuse.methods.rhythmic_head_motion.marks import LINES, marks


def test_every_landmark_lies_on_a_line(points):
    assert {point for line in LINES for point in line} == set(range(68))
    drawn = marks(points[:1], 64)[0, 0]
    for x, y in points[0].round().long().clamp(1, 62):
        assert drawn[y - 1 : y + 2, x - 1 : x + 2].max() > 0.3


def test_frames_are_drawn_each_by_itself(points):
    assert torch.equal(marks(points[:3], 64)[2:], marks(points[2:3], 64))
