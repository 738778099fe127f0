"""One norm over all weights, by torch's own definition."""

import pytest
import torch

from avfuse.training.clipping import clip


@pytest.mark.parametrize(("largest", "scale"), [(2.5, 0.5), (50.0, 1.0)])
def test_all_weights_shrink_alike_and_none_grows(largest, scale):
    weights = [torch.zeros(1, requires_grad=True) for _ in range(2)]
    for weight, slope in zip(weights, (3.0, 4.0), strict=True):
        weight.grad = torch.tensor([slope])
    groups = [{"params": [weight]} for weight in weights]
    clip(torch.optim.Adam(groups, fused=True), largest)
    assert [w.grad.item() for w in weights] == pytest.approx([3 * scale, 4 * scale], rel=1e-5)
