"""The multi-scale discriminator, and the losses that are taken from it."""

import pytest
import torch
import torch.nn.functional as F

from avfuse.training import multi_scale as losses
from avfuse.training.multi_scale import MultiScaleCritic


@pytest.fixture
def critic():
    return MultiScaleCritic(4, (4, 6), scales=2)


@pytest.fixture
def pictures():
    return torch.rand(2, 1, 32, 32), torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)


def test_judges_each_scale_by_every_layer(critic, pictures):
    condition, real, _ = pictures
    found = critic(condition, real)
    assert len(found) == 2
    assert [len(scale) for scale in found] == [3, 3]
    assert found[0][-1].shape[1] == 1
    assert found[0][-1].shape[2] > found[1][-1].shape[2]


def test_condition_counts(critic, pictures):
    condition, real, _ = pictures
    assert not torch.equal(critic(condition, real)[0][-1], critic(1 - condition, real)[0][-1])


def test_the_second_scale_sees_half_the_picture(critic, pictures):
    condition, real, _ = pictures
    half = F.avg_pool2d(torch.cat([condition, real * 2 - 1], 1), 3, 2, 1, count_include_pad=False)
    y = half
    for layer in critic.scales[1]:
        y = layer(y)
    torch.testing.assert_close(critic(condition, real)[1][-1], y)


class TestLosses:
    def scores(self, *values):
        return [[torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), v)] for v in values]

    def test_critical_wants_1_for_real_and_0_for_made(self):
        assert losses.critical(self.scores(1.0, 1.0), self.scores(0.0, 0.0)) == 0
        worse = losses.critical(self.scores(0.5, 1.0), self.scores(0.0, 1.0))
        assert worse == pytest.approx((0.25 / 2 + 1 / 2) / 2)

    def test_fooling_wants_1(self):
        assert losses.fooling(self.scores(1.0, 1.0)) == 0
        assert losses.fooling(self.scores(0.0, 1.0)) == pytest.approx(0.5)

    def test_matching_compares_features_and_no_scores(self):
        real = [[torch.ones(1, 2, 2, 2), torch.zeros(1, 1, 2, 2)]]
        made = [[torch.full((1, 2, 2, 2), 0.25), torch.ones(1, 1, 2, 2)]]
        assert losses.matching(real, made) == pytest.approx(0.75)

    def test_matching_teaches_only_what_was_made(self, critic, pictures):
        condition, real, made = pictures
        made.requires_grad_()
        real.requires_grad_()
        losses.matching(critic(condition, real), critic(condition, made)).backward()
        assert made.grad.any()
        assert real.grad is None
