"""Openings put together of wanted and given lips, so that what is left is known."""

import numpy as np
import pytest
import torch

from avfuse.metrics import Leak, leak


def lips(seed, count=200):
    return torch.from_numpy(np.random.default_rng(seed).gamma(2.0, 1.0, count))


WANTED, GIVEN, NOISE = (lips(seed) for seed in range(3))


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("follows", [0.0, 0.7])
def test_the_share_of_the_given_lips(share, follows):
    assert leak(follows * WANTED + share * GIVEN + 5, WANTED, GIVEN) == pytest.approx(
        share, abs=1e-6
    )


def test_agrees_with_least_squares():
    shown = 0.5 * WANTED + 0.2 * GIVEN + NOISE
    columns = np.stack([WANTED, GIVEN, np.ones(len(WANTED))], 1)
    expected = np.linalg.lstsq(columns, shown.numpy(), rcond=None)[0][1]
    assert leak(shown, WANTED, GIVEN) == pytest.approx(expected, abs=1e-6)


def test_a_reader_that_trembles_adds_little():
    """What it trembles by would count as motion that is left."""
    shown = 0.8 * WANTED + NOISE
    assert shown.std() > WANTED.std()
    assert abs(leak(shown, WANTED, GIVEN)) < 0.15


def test_lips_that_are_given_at_the_right_time_are_no_leak():
    """Wanted and given alike in part: only what is of the given alone counts."""
    mixed = 0.8 * WANTED + 0.2 * GIVEN
    assert leak(WANTED, WANTED, mixed) == pytest.approx(0, abs=1e-6)
    assert leak(mixed, WANTED, mixed) == pytest.approx(1)
    assert leak(WANTED, WANTED, WANTED).isnan()


def test_where_the_wanted_lips_stand_still():
    assert leak(0.4 * GIVEN, torch.zeros_like(GIVEN), GIVEN) == pytest.approx(0.4)
    assert leak(GIVEN, WANTED, torch.zeros_like(GIVEN)).isnan()


def test_frames_without_a_face_do_not_count():
    shown = 0.5 * WANTED + 0.2 * GIVEN
    shown[::3] = torch.nan
    assert leak(shown, WANTED, GIVEN) == pytest.approx(0.2, abs=1e-6)
    assert leak(torch.full_like(GIVEN, torch.nan), WANTED, GIVEN).isnan()


def test_metric_is_one_fit_whoever_speaks():
    """Clips may differ in what their lips are at rest."""
    metric = Leak()
    for start in (0, 100):
        part = slice(start, start + 100)
        metric.update(0.3 * GIVEN[part] + start, WANTED[part], GIVEN[part])
    assert metric.compute() == pytest.approx(0.3, abs=1e-6)
