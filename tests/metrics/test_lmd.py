"""LMD against distances worked out by hand."""

import math

import numpy as np
import pytest
import torch

from avfuse.metrics import LMD, LegacyLMD, lmd, lmd_legacy_summed


def test_agrees_with_numpy(landmarks, moved):
    a, b = (p[:, 48:68].double().numpy() for p in (moved, landmarks))
    offset = (a - a.mean(1, keepdims=True)) - (b - b.mean(1, keepdims=True))
    want = np.sqrt((offset**2).sum(2))
    np.testing.assert_allclose(lmd(moved, landmarks), want.mean(1), rtol=1e-4)
    np.testing.assert_allclose(lmd_legacy_summed(moved, landmarks), want.sum(1), rtol=1e-4)


def test_moving_the_head_costs_nothing(landmarks):
    shifted = landmarks + torch.tensor([7.0, -3.0])
    torch.testing.assert_close(
        lmd(shifted, landmarks), torch.zeros(len(landmarks)), atol=1e-4, rtol=0
    )


def test_opening_the_mouth_in_closed_form(landmarks):
    """Ten points up and ten down by 2 pixels: the centre stays, each is 2 pixels off."""
    opened = landmarks.clone()
    opened[:, 48:68, 1] += torch.tensor([2.0, -2.0]).repeat_interleave(10)
    torch.testing.assert_close(lmd(opened, landmarks), torch.full((len(landmarks),), 2.0))


def test_one_point_in_closed_form(landmarks):
    """One point by 10: it is 9.5 off and the 19 others 0.5, since the centre goes along."""
    off = landmarks.clone()
    off[:, 50, 0] += 10
    want = torch.full((len(landmarks),), (9.5 + 19 * 0.5) / 20)
    torch.testing.assert_close(lmd(off, landmarks), want)


def test_is_in_pixels_of_128(landmarks, moved):
    """The same face filmed twice as large has the same LMD."""
    torch.testing.assert_close(
        lmd(moved * 2, landmarks * 2, size=256), lmd(moved, landmarks, size=128)
    )
    metric = LMD(size=256)
    metric.update(moved * 2, landmarks * 2)
    assert metric.compute() == pytest.approx(lmd(moved, landmarks).mean().item(), rel=1e-5)


def test_legacy_is_twenty_times_as_much(landmarks, moved):
    mean, summed = LMD(), LegacyLMD()
    mean.update(moved, landmarks)
    summed.update(moved, landmarks)
    assert summed.compute() == pytest.approx(20 * mean.compute().item(), rel=1e-5)


def test_a_lost_face_is_unknown(landmarks, moved):
    lost = moved.clone()
    lost[2, 60] = torch.nan
    assert math.isnan(lmd(lost, landmarks)[2])
    assert lmd(lost, landmarks).isnan().sum() == 1
