"""The paste's border, on pictures whose jump there is known."""

import pytest
import torch

from avfuse.metrics import seam_contrast


@pytest.fixture
def box():
    pasted = torch.zeros(1, 1, 40, 50, dtype=torch.bool)
    pasted[..., 10:30, 15:40] = True
    return pasted


def test_a_jump_in_closed_form(box):
    """A flat picture with a flat square on it, 8 levels brighter."""
    source = torch.full((1, 3, 40, 50), 0.4)
    result = source + box * 8 / 255
    assert seam_contrast(result, source, box).item() == pytest.approx(8, abs=1e-4)


def test_each_side_counts_by_its_length(box):
    """A ramp across, from the left border's level up: 25 + 25 pixels above and below, 20 + 20."""
    source = torch.full((1, 3, 40, 50), 0.4)
    ramp = torch.arange(50.0).sub(15).clamp(0, 24) / 255
    result = torch.where(box, source + ramp, source)
    want = (2 * sum(range(25)) + 20 * 0 + 20 * 24) / (2 * 25 + 2 * 20)
    assert seam_contrast(result, source, box).item() == pytest.approx(want, abs=1e-4)


def test_an_edge_of_the_source_is_not_the_paste_s(box, pictures):
    source = pictures[:1, :, :40, :50]
    assert seam_contrast(source, source, box).item() == 0


def test_what_happens_inside_does_not_count(box):
    source = torch.rand(1, 3, 40, 50, generator=torch.Generator().manual_seed(0))
    result = source.clone()
    result[..., 11:29, 16:39] = 0
    assert seam_contrast(result, source, box).item() == 0


def test_smoother_than_the_source_is_negative(box):
    source = torch.rand(1, 3, 40, 50, generator=torch.Generator().manual_seed(0))
    assert seam_contrast(torch.full_like(source, 0.5), source, box).item() < -30


def test_no_border_is_unknown():
    picture = torch.rand(2, 3, 8, 8)
    nothing = torch.zeros(2, 1, 8, 8, dtype=torch.bool)
    nothing[1] = True
    assert seam_contrast(picture, picture, nothing).isnan().all()
