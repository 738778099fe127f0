"""Passages that begin elsewhere: how far, how they come home, and that speed is their change."""

import pytest
import torch

from avfuse.methods.live_speech_portraits.astray import HOME, astray, doubted

PACE = torch.tensor([10.0, 20.0, 5.0, 10.0, 40.0, 10.0])


@pytest.fixture
def still():
    """Heads at their mean place, at rest."""
    torch.manual_seed(0)
    return torch.zeros(4000, 181, 12)


def test_they_begin_as_far_away_as_is_said_seven_times_in_ten(still):
    begin = astray(still, PACE, 2.0)[:, 0, :6]
    away = begin.abs().sum(1) > 0
    assert float(away.float().mean()) == pytest.approx(0.7, abs=0.03)
    assert float(begin[away].std()) == pytest.approx(2.0, rel=0.03)


def test_they_come_home(still):
    found = astray(still, PACE, 1.0)[..., :6]
    left = found[:, int(HOME)].norm() / found[:, 0].norm()
    assert float(left) == pytest.approx(1 / torch.e, rel=1e-4)


def test_speed_is_how_they_change(still):
    found = astray(still, PACE, 1.0)
    torch.testing.assert_close(found[:, 1:, 6:], PACE * found[..., :6].diff(dim=1))
    assert not found[:, 0, 6:].any()


def test_what_was_filmed_stays_in_them():
    torch.manual_seed(0)
    filmed = torch.randn(3, 50, 12)
    found = astray(filmed, PACE, 1.0) - filmed
    assert (found[:, 1:, :6].abs() <= found[:, :-1, :6].abs() + 1e-6).all()
    assert torch.equal(astray(filmed, PACE, 0.0), filmed)


def test_most_are_doubted_pose_less_than_speed(still):
    noise = doubted(still)
    doubtful = noise.abs().amax((1, 2)) > 0
    assert float(doubtful.float().mean()) == pytest.approx(0.8, abs=0.03)
    deviation = noise[doubtful].flatten(0, 1).std(0)
    wanted = torch.tensor([0.02, 0.3]).repeat_interleave(6)
    torch.testing.assert_close(deviation, wanted, rtol=0.02, atol=0)
