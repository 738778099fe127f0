"""Mouths that rest, flap and drift, put together by hand."""

import math

import numpy as np
import pytest
import torch

from avfuse.metrics import Rest, rest

TIMES = torch.arange(101, dtype=torch.float64) / 25
SPEECH = torch.sin(2 * math.pi * 5 * TIMES)


def test_a_still_mouth_rests():
    assert rest(torch.full((101,), 0.3), SPEECH) == 0


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0, 2.0])
def test_motion_is_a_share_of_that_of_speech(share):
    assert rest(share * SPEECH.flip(0) + 4, SPEECH) == pytest.approx(share)


def test_agrees_with_total_variation():
    quiet, speech = np.random.default_rng(0).normal(size=(2, 50))
    expected = np.abs(np.diff(quiet)).mean() / np.abs(np.diff(speech)).mean()
    assert rest(torch.from_numpy(quiet), torch.from_numpy(speech)) == pytest.approx(expected)


def test_lips_that_close_slowly_rest_more_than_ones_that_flap():
    closing, flapping = torch.linspace(1, 0, 101), torch.arange(101) % 2 * 1.0
    assert rest(closing, SPEECH) < 0.05
    assert rest(flapping, SPEECH) > 1


def test_frames_without_a_face_count_in_neither():
    quiet, speech = 0.5 * SPEECH, SPEECH.clone()
    quiet[10], speech[60:] = torch.nan, torch.nan
    assert rest(quiet, speech) == pytest.approx(0.5)


def test_a_mouth_that_never_moves_cannot_rest():
    assert rest(SPEECH, torch.zeros(101)).isnan()


def test_metric_weighs_motion_and_not_clips():
    metric = Rest()
    metric.update(SPEECH, 2 * SPEECH)
    metric.update(torch.zeros(101), 2 * SPEECH)
    assert metric.compute() == pytest.approx(0.25)
