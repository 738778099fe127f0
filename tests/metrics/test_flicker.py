"""Flicker of videos of which it is known what moves and what flickers."""

import cv2
import numpy as np
import pytest
import torch

from avfuse.metrics import Flicker, flicker


@pytest.fixture(scope="module")
def texture():
    """A smooth random picture, larger than what is shown of it."""
    noise = np.random.default_rng(0).normal(size=(160, 160, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.clip(127 + smooth / smooth.std() * 35, 40, 215)


def video(frames):
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 255


def panned(texture, step, count=5, side=96):
    """The camera moves over the picture, without a pixel in between."""
    starts = (8 + step * index for index in range(count))
    return video([texture[8 : 8 + side, x : x + side] for x in starts])


def test_a_picture_that_stands_still_has_none(texture):
    still = video([texture.round()] * 3)
    torch.testing.assert_close(flicker(still), torch.zeros(2), atol=0.01, rtol=0)


@pytest.mark.parametrize("step", [1, 2, 4])
def test_motion_is_no_flicker(texture, step):
    """Without the warp, each frame differs from the last by many times as much."""
    moving = panned(texture, step)
    plain = 255 * moving.diff(dim=0).abs().mean((1, 2, 3))
    assert (flicker(moving) < 0.25 * plain).all()
    assert (flicker(moving) < 2).all()


@pytest.mark.parametrize("step", [0, 2])
def test_brightness_that_jumps_is_counted(texture, step):
    """Every second frame brighter by 4 levels: 4 levels, moving or not."""
    frames = panned(texture, step)
    jumping = frames + torch.tensor([0, 4, 0, 4, 0])[:, None, None, None] / 255
    torch.testing.assert_close(
        flicker(jumping), torch.full((4,), 4.0), atol=1.0 if step else 0.1, rtol=0
    )


def test_noise_that_changes_is_counted_in_closed_form(texture):
    """Two draws of σ differ by 2σ/√π on average; the flow may explain a little of that."""
    generator = torch.Generator().manual_seed(0)
    still = video([texture] * 4)
    sigma = 3
    noisy = still + torch.randn(still.shape, generator=generator) * sigma / 255
    want = 2 * sigma / np.sqrt(np.pi)
    got = flicker(noisy).mean().item()
    assert 0.6 * want < got < 1.1 * want


def test_one_frame_has_no_pair(texture):
    metric = Flicker()
    metric.update(video([texture]))
    assert metric.count == 0
    assert metric.compute().isnan()


def test_what_came_into_view_does_not_count(texture):
    """A cut shows another picture: little of it can be traced back."""
    cut = video([texture[:96, :96], texture[64:, 64:]])
    plain = 255 * cut.diff(dim=0).abs().mean()
    value = flicker(cut)[0]
    assert value.isnan() or value < plain
