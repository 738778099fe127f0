"""Eyes put together by hand."""

import pytest
import torch

from avfuse.geometry.eyes import eye_openness


@pytest.mark.parametrize("height", [0.0, 1.0, 3.0])
def test_openness_in_closed_form(height):
    """The lids' distance over the eyes' width, which is 10."""
    outline = torch.tensor([[0, 0], [3, 1], [7, 1], [10, 0], [7, -1], [3, -1.0]])
    points = torch.zeros(1, 68, 2)
    for start in (36, 42):
        points[0, start : start + 6] = outline * torch.tensor([1, height / 2]) + start
    assert eye_openness(points).item() == pytest.approx(height / 10, abs=1e-6)
    assert eye_openness(torch.full((1, 68, 2), torch.nan)).isnan()
