"""Closures of openings put together by hand, and of drawn mouths that are known to close."""

import numpy as np
import pytest
import torch

from avfuse.data.synthetic import synthetic_clip
from avfuse.data.synthetic.speech import random_utterance
from avfuse.geometry.lips import lip_aperture, upright_lips
from avfuse.metrics import ClosureGap, ClosureShare, closure, closure_gaps

TIMES = torch.arange(100, dtype=torch.float64) / 25


def closing(at, to=0.0):
    """Lips that are 3 apart, but for single frames."""
    opening = torch.full((100,), 3.0)
    opening[list(at)] = to
    return opening


def moments(*frames):
    return torch.tensor(frames, dtype=torch.float64) / 25


def test_gap_in_closed_form():
    """One frame in four falls from 3 to 1, so the mean is 2.5."""
    opening = closing(range(0, 100, 4), to=1.0)
    assert closure_gaps(opening, TIMES, moments(8, 40)).tolist() == pytest.approx([0.4, 0.4])


@pytest.mark.parametrize(("late", "closed"), [(0, 1), (2, 1), (-2, 1), (3, 0), (-3, 0)])
def test_two_frames_of_reach(late, closed):
    assert closure(closing([50]), TIMES, moments(50 + late)).share == closed


def test_moments_need_not_be_those_of_frames():
    assert closure(closing([50]), TIMES, moments(51.9)).share == 1
    assert closure(closing([50]), TIMES, moments(52.1)).share == 0


def test_share_is_of_the_closures():
    result = closure(closing([20, 60]), TIMES, moments(20, 40, 60, 80))
    usual = 3 * 98 / 100
    assert result.share == 0.5
    assert result.gap == pytest.approx((0 + 3 / usual) / 2)


def test_unit_and_frame_rate_play_no_part():
    opening = closing([20, 60], to=0.4)
    twice = closure_gaps(7 * opening.repeat_interleave(2), torch.arange(200) / 50, moments(20, 41))
    torch.testing.assert_close(twice, closure_gaps(opening, TIMES, moments(20, 41)))


def test_pressed_lips_touch():
    torch.testing.assert_close(
        closure_gaps(closing([50], to=-1.0), TIMES, moments(50, 10)),
        closure_gaps(closing([50]), TIMES, moments(50, 10)),
    )


def test_lips_shut_half_of_the_time_can_be_judged():
    """A clip that begins and ends in silence."""
    opening = torch.zeros(100)
    opening[35:65] = 3.0
    opening[50] = 0.0
    assert closure(opening, TIMES, moments(50)).share == 1
    assert closure(opening, TIMES, moments(40)).share == 0


def test_what_does_not_exist_is_not_counted():
    opening = closing([50])
    opening[70:80] = torch.nan
    gaps = closure_gaps(opening, TIMES, moments(50, 75, -10, 120))
    assert gaps.isnan().tolist() == [False, True, True, True]
    assert closure(opening, TIMES, moments(50, 75, 120)) == (0, 1)


@pytest.mark.parametrize("opening", [torch.zeros(100), torch.full((100,), -1.0)])
def test_a_mouth_that_never_opens_has_none(opening):
    assert all(value.isnan() for value in closure(opening, TIMES, moments(50)))


def test_no_closures_have_no_mean():
    assert all(value.isnan() for value in closure(closing([50]), TIMES, moments()))


def test_a_still_mouth_closes_nowhere():
    gap, share = closure(torch.full((100,), 0.2), TIMES, moments(20, 50))
    assert gap == pytest.approx(1)
    assert share == 0


def test_metrics_weigh_closures_and_not_clips():
    gap, share = ClosureGap(), ClosureShare()
    for metric in (gap, share):
        metric.update(closing([20, 40, 60]), TIMES, moments(20, 40, 60))
        metric.update(closing([20]), TIMES, moments(50))
    assert share.compute() == 0.75
    assert gap.compute() == pytest.approx(3 / (3 * 0.99) / 4)


@pytest.fixture(scope="module", params=[3, 4, 11])
def drawn(request):
    """A drawn clip's opening by its labels and times, and when its lips touch and are open."""
    seed, seconds = request.param, 4.0
    clip = synthetic_clip(seed, seconds=seconds, size=64)
    aperture = random_utterance(np.random.default_rng([2, seed]), seconds).mouth.aperture
    touching, wide = (np.flatnonzero(aperture < 0.01), np.flatnonzero(aperture > 0.4))
    opening = lip_aperture(torch.from_numpy(upright_lips(clip.landmarks)))
    return opening, torch.from_numpy(clip.times), touching[touching < 790] / 200, wide / 200


def test_drawn_lips_close_when_they_do(drawn):
    opening, times, touching, _ = drawn
    assert closure(opening, times, torch.from_numpy(touching)).share == 1


def test_drawn_lips_that_speak_late_do_not(drawn):
    """Half a second late: then they are open or not, whatever is heard."""
    opening, times, touching, _ = drawn
    late = closure(opening.roll(13), times, torch.from_numpy(touching))
    assert late.share < 0.9
    assert late.gap > 3 * closure(opening, times, torch.from_numpy(touching)).gap + 0.05


def test_open_drawn_lips_are_open(drawn):
    opening, times, _, wide = drawn
    apart = closure(opening, times, torch.from_numpy(wide))
    assert apart.share < 0.5
    assert apart.gap > 0.5
