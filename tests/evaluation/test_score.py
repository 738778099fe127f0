"""Scores tell a moving mouth from a still one, sharp from blurred, and late from on time."""

import math

import cv2
import numpy as np
import pytest
import torch
from torchmetrics.functional.image import peak_signal_noise_ratio

from avfuse.evaluation.score import TRUTH
from avfuse.metrics.mouth import mouth_region


@pytest.fixture(scope="module")
def score(judge, target):
    return lambda video: judge.scores(target, {"made": video})["made"]


def test_truth_is_read_and_not_compared_with_itself(judge, target):
    scores = judge.scores(target, {TRUTH: target.truth})[TRUTH]
    assert scores.aperture > 0.9
    assert scores.opening == pytest.approx(1, abs=0.35)
    assert scores.flicker > 0
    assert all(math.isnan(v) for v in (scores.psnr, scores.ssim, scores.lmd, scores.over_copy))


def test_the_same_frames_score_best(score, target):
    scores = score(target.truth.copy())
    assert (scores.psnr, scores.mouth_psnr, scores.psnr_legacy_uint8) == (100, 100, 100)
    assert (scores.lmd, scores.landmark_velocity) == (0, 0)
    assert scores.ssim == pytest.approx(1)
    assert scores.sharpness == pytest.approx(1)


def test_a_photo_does_not_speak(score, target):
    scores = score(target.copy)
    assert math.isnan(scores.aperture)
    assert scores.opening == pytest.approx(0, abs=1e-4)
    assert scores.eyes == scores.flicker == scores.over_copy == 0
    assert scores.mouth_psnr < 40


def test_half_the_error_is_six_decibels_over_the_copy(score, target):
    """The squared error over all frames falls to a quarter."""
    half = (target.truth.astype(np.float32) + target.copy) / 2
    assert score(half.round().astype(np.uint8)).over_copy == pytest.approx(6.02, abs=0.1)


def test_blur_costs_sharpness(score, target):
    blurred = np.stack([cv2.GaussianBlur(frame, (0, 0), 2) for frame in target.truth])
    scores = score(blurred)
    assert scores.sharpness < 0.7
    assert scores.eyes > 0.5


def test_late_lips_correlate_less(score, target):
    on_time, late = score(target.truth.copy()), score(np.roll(target.truth, 4, 0))
    assert late.aperture < on_time.aperture - 0.2
    assert late.lmd > on_time.lmd + 0.1


def test_flashing_flickers(score, target):
    flashing = target.truth.copy()
    flashing[::2] = flashing[::2] * 0.9
    assert score(flashing).flicker > 2 * score(target.truth.copy()).flicker


def test_psnr_agrees_with_torchmetrics(score, target):
    """Over the mouth's square, the mean of what an outside library gives for each frame."""
    region = mouth_region(torch.from_numpy(target.landmarks).float(), 128, 128)[0, 0].numpy()
    (y, x) = (np.flatnonzero(region.any(axis)) for axis in (1, 0))
    square = (slice(None), slice(y[0], y[-1] + 1), slice(x[0], x[-1] + 1))
    made, true = (torch.from_numpy(v[square]).float() for v in (target.copy, target.truth))
    frames = zip(made, true, strict=True)
    outside = [min(100.0, float(peak_signal_noise_ratio(*f, data_range=255.0))) for f in frames]
    assert score(target.copy).mouth_psnr == pytest.approx(np.mean(outside), abs=1e-3)


def test_frames_alike_are_read_once_and_come_out_alike(judge, target):
    video = np.concatenate([target.truth[:2], target.truth[1:2], target.truth[2:3]])
    points = judge.landmarks(video)
    np.testing.assert_array_equal(points[1], points[2])
    np.testing.assert_allclose(points[[0, 1, 3]], judge.landmarks(target.truth[:3]), atol=1e-3)


def test_sync_prefers_the_true_sound(judge, twins, target):
    if judge.expert is None:
        pytest.skip("comes without the sync expert's weights")
    own = judge.scores(target, {TRUTH: target.truth})[TRUTH]
    other = judge.scores(target._replace(mel=twins[1].mel), {TRUTH: target.truth})[TRUTH]
    assert own.sync > other.sync


def test_without_sound_there_is_no_sync(judge, target):
    scores = judge.scores(target._replace(mel=None), {TRUTH: target.truth})[TRUTH]
    assert all(math.isnan(v) for v in (scores.sync, scores.sync_confidence, scores.sync_offset))
