"""Eq. 9 and eq. 12 by hand."""

import math

import pytest
import torch

from avfuse.methods.atvgnet.losses import (
    adversarial_discriminator,
    adversarial_generator,
    dynamic_pixel,
    landmark_regression,
)


class TestDynamicPixel:
    @pytest.fixture
    def given(self):
        """Two pixels, off by 0.1 and 0.3 in each colour, with attention 0.5 and 1."""
        target = torch.zeros(1, 1, 3, 1, 2)
        output = torch.tensor([0.1, 0.3]).expand_as(target).clone()
        return output, target, torch.tensor([0.5, 1.0]).view(1, 1, 1, 1, 2)

    def test_by_hand(self, given):
        expected = (0.1 * (0.5 + 0.5) + 0.3 * (1.0 + 0.5)) / 2  # 0.275
        assert float(dynamic_pixel(*given)) == pytest.approx(expected)

    def test_without_attention_it_is_l1(self, given):
        assert float(dynamic_pixel(*given, attention=0.0, base=1.0)) == pytest.approx(0.2)

    def test_the_mask_learns_nothing_from_it(self, given):
        output, target, mask = (x.requires_grad_() for x in given)
        dynamic_pixel(output, target, mask).backward()
        assert mask.grad is None
        weight = torch.tensor([1.0, 1.5]) / 6  # of each of six values
        torch.testing.assert_close(output.grad, weight.expand_as(output))


class TestAdversarial:
    def test_by_hand(self):
        """D(real) = 0.8, D(fake) = 0.25: logits log(4) and log(1/3)."""
        real, fake = torch.tensor([math.log(4)]), torch.tensor([math.log(1 / 3)])
        loss = float(adversarial_discriminator(real, fake))
        assert loss == pytest.approx(-math.log(0.8) - math.log(1 - 0.25))
        assert float(adversarial_generator(fake)) == pytest.approx(-math.log(0.25))


def test_landmark_regression_by_hand():
    """A cheek off by (3, 4) pixels and a lip by (1, 0), in units of 2; lips count a hundred."""
    true = torch.zeros(1, 2, 68, 2)
    found = true.clone()
    found[0, 0, 3] = torch.tensor([3.0, 4.0])
    found[0, 1, 60] = torch.tensor([1.0, 0.0])
    expected = ((9 + 16) / 4 + 100 * 1 / 4) / true.numel()
    assert float(landmark_regression(found, true, unit=2.0)) == pytest.approx(expected)
    expected = ((9 + 16) / 4 + 1 / 4) / true.numel()
    assert float(landmark_regression(found, true, unit=2.0, mouth=1.0)) == pytest.approx(expected)
