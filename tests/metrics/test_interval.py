"""Intervals of means, against closed forms."""

import math

import numpy as np
import pytest

from avfuse.metrics.interval import interval


def test_is_the_normal_one_for_many_values():
    """The mean of n normal numbers lies within 1.96 σ / √n of the truth 19 times in 20."""
    values = np.random.default_rng(1).normal(30, 2, 400)
    low, high = interval(values)
    assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.02)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / math.sqrt(400), rel=0.05)


def test_covers_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    ends = [interval(rng.normal(size=40)) for _ in range(200)]
    assert 0.88 < np.mean([low < 0 < high for low, high in ends]) < 0.99


def test_is_the_same_every_time():
    values = np.array([1.0, 2.0, 4.0])
    assert interval(values) == interval(values)


def test_one_clip_has_none():
    assert interval(np.array([3.0])) is None


def test_of_equal_values_is_a_point():
    assert interval(np.full(5, 2.5)) == [2.5, 2.5]
