"""What every mean shares: NaN is left out, nothing is broadcast, half precision is widened."""

import pytest
import torch

from avfuse.metrics import LMD, PSNR
from avfuse.metrics.base import Mean, comparable


class Plain(Mean):
    def update(self, values: torch.Tensor) -> None:
        self.add(values)


def test_unknown_frames_are_left_out():
    metric = Plain()
    metric.update(torch.tensor([1.0, torch.nan, 3.0]))
    metric.update(torch.tensor([torch.nan]))
    assert metric.count == 2
    assert metric.compute() == 2


def test_a_mean_of_nothing_known_is_unknown():
    metric = Plain()
    metric.update(torch.tensor([torch.nan]))
    assert metric.compute().isnan()


def test_a_million_small_values_do_not_drown():
    """In float32 the sum would stop growing at 2^24."""
    metric = Plain()
    metric.update(torch.full([1], 2.0**24))
    for _ in range(100):
        metric.update(torch.ones(1))
    assert metric.total == 2**24 + 100


def test_one_target_for_many_predictions_is_an_error(pictures):
    """Broadcasting would give a number as well."""
    with pytest.raises(ValueError, match=r"prediction \(4, 3, .* target \(1, 3, .* differ"):
        comparable(pictures[:4], pictures[:1])


def test_half_precision_is_widened(pictures, noisy):
    """What a network gives under mixed precision."""
    metric, wide = PSNR(), PSNR()
    metric.update(noisy.bfloat16(), pictures)
    wide.update(noisy.bfloat16().float(), pictures)
    assert metric.compute() == wide.compute()


def test_a_lost_face_does_not_count(landmarks, moved):
    lost = moved.clone()
    lost[3] = torch.nan
    metric, rest = LMD(), LMD()
    metric.update(lost, landmarks)
    keep = [i for i in range(len(moved)) if i != 3]
    rest.update(moved[keep], landmarks[keep])
    assert metric.compute() == rest.compute()
