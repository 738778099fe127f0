"""The losses of motion."""

import torch

from avfuse.methods.live_speech_portraits import losses


def test_predictive_is_equation_9():
    mel, predicted = torch.randn(2, 9, 4), torch.randn(2, 9, 4)
    wanted = sum((mel[:, i + 3] - predicted[:, i]).abs() for i in range(6)).mean() / 6
    torch.testing.assert_close(losses.predictive(predicted, mel, 3), wanted)
    perfect = torch.cat([mel[:, 3:], torch.zeros(2, 3, 4)], 1)
    assert losses.predictive(perfect, mel, 3) == 0


def test_displacement_is_equation_10():
    one, other = torch.randn(2, 5, 75), torch.randn(2, 5, 75)
    points = (one - other).unflatten(2, (25, 3)).norm(dim=3).square().mean() / 3
    torch.testing.assert_close(losses.displacement(one, other), points)
