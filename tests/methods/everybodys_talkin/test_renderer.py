"""The renderer: the paper's size, its smaller ones, what it sees."""

from inspect import signature

import pytest
import torch

from avfuse.methods.everybodys_talkin import EverybodysTalkin
from avfuse.methods.everybodys_talkin.renderer import Renderer


def test_has_the_papers_size():
    """75 million parameters (Table 3)."""
    usual = signature(EverybodysTalkin).parameters["channels"].default
    with torch.device("meta"):
        renderer = Renderer(28, usual)
    assert sum(p.numel() for p in renderer.parameters()) / 1e6 == pytest.approx(75, abs=1)


def test_every_frame_of_the_window_matters():
    renderer = Renderer(28, (4, 4, 8)).eval()
    x = torch.rand(1, 28, 16, 16, requires_grad=True)
    renderer(x).sum().backward()
    assert (x.grad.abs().sum((0, 2, 3)) > 0).all()


def test_colours_are_colours():
    drawn = Renderer(4, (4, 8)).eval()(torch.randn(2, 4, 16, 16) * 50)
    assert drawn.shape == (2, 3, 16, 16)
    assert 0 <= drawn.min() <= drawn.max() <= 1


def test_one_level_is_none():
    with pytest.raises(ValueError, match="two levels"):
        Renderer(4, (8,))
