"""The renderer: as large as the paper's three, and what reaches what."""

import pytest
import torch

from avfuse.methods.live_speech_portraits.renderer import Renderer

PAPER = (64, 128, 256, 512, 512, 512, 512, 512)


@pytest.mark.parametrize(("residuals", "millions"), [(1, 76.204), (2, 121.790)])
def test_is_as_large_as_the_papers(residuals, millions):
    with torch.device("meta"):
        renderer = Renderer(13, PAPER, residuals)
    assert round(sum(p.numel() for p in renderer.parameters()) / 1e6, 3) == millions


def test_needs_the_work_that_the_papers_does():
    """166 GFLOP a frame (multiplications and additions count one each)."""
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        Renderer(13, PAPER).eval()(torch.empty(1, 13, 512, 512))
    assert round(counter.get_total_flops() / 1e9) == 166


@pytest.mark.parametrize("residuals", [0, 1, 2])
def test_draws_frames_each_by_itself(residuals):
    net, x = Renderer(3, (4, 4, 8), residuals).eval(), torch.randn(3, 3, 16, 24)
    made = net(x)
    assert made.shape == (3, 3, 16, 24)
    assert 0 <= made.min() <= made.max() <= 1
    torch.testing.assert_close(net(x[1:2]), made[1:2])


def test_everything_learns():
    net = Renderer(3, (4, 4, 8), 1)
    net(torch.randn(2, 3, 16, 16)).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters())


def test_too_few_levels_are_refused():
    with pytest.raises(ValueError, match="two levels"):
        Renderer(3, (4,))
