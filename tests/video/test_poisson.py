"""Poisson blending: edges stay, light is the frame's, nothing moves."""

import numpy as np
import pytest
import torch

from avfuse.geometry.box import Box
from avfuse.types import Planes
from avfuse.video.paste import paste
from avfuse.video.poisson import cloned


@pytest.fixture
def frame():
    """Smooth colours, and texture."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:64, :80]
    base = np.stack([80 + x, 120 + y / 2, 150 - x / 2], -1)
    return np.clip(base + rng.normal(0, 8, base.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def alpha():
    y, x = np.mgrid[:64, :80]
    return (np.hypot(x - 41, (y - 30) * 1.3) < 17).astype(np.float32)


def test_itself_laid_into_itself_is_itself(frame, alpha):
    assert np.abs(cloned(frame, frame, alpha).astype(int) - frame).max() <= 2


def test_another_light_is_taken_off(frame, alpha):
    """A constant has no gradients: what is left of a lighter copy is the frame."""
    lighter = np.clip(frame.astype(int) + 25, 0, 255).astype(np.uint8)
    assert np.abs(cloned(lighter, frame, alpha).astype(int) - frame).max() <= 3


def test_edges_stay(frame, alpha):
    drawn = frame.copy()
    drawn[26:34, 36:46] = 20
    solved = cloned(drawn, frame, alpha).astype(int)
    assert solved[28:32, 38:44].mean() < frame[28:32, 38:44].mean() - 60
    assert np.abs(solved - frame)[alpha == 0].max() <= 1  # α is 0: paste keeps the frame


@pytest.mark.parametrize("covered", [np.zeros((64, 80)), np.pad([[1.0]], ((9, 54), (9, 70)))])
def test_hardly_a_mask_is_no_blending(frame, covered):
    drawn = 255 - frame
    assert np.array_equal(cloned(drawn, frame, covered.astype(np.float32)), drawn)


def test_a_mask_up_to_the_border_is_no_error(frame):
    assert cloned(255 - frame, frame, np.ones((64, 80), np.float32)).shape == frame.shape


def test_paste_takes_the_light_off(frame):
    """A lighter mouth leaves less of itself where it is cloned."""
    box = Box(20.0, 10.0, 60.0, 50.0)
    crop = torch.from_numpy(frame[10:50, 20:60].astype(np.float32)) + 30
    axis = torch.linspace(-1, 1, 40)
    mask = ((axis[:, None] ** 2 + axis**2).sqrt() < 0.6).float()
    direct, poisson = (
        paste(frame, box, Planes(crop, mask), blending).astype(int)
        for blending in ("direct", "poisson")
    )
    assert np.abs(direct - frame).max() > 20
    assert np.abs(poisson - frame).max() < 8
