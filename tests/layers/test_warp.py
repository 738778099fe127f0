"""Warp: a flow says where every pixel comes from."""

import cv2
import numpy as np
import pytest
import torch

from avfuse.layers.warp import warp


def test_no_flow_is_no_change():
    image = torch.rand(2, 3, 7, 9)
    torch.testing.assert_close(warp(image, torch.zeros(2, 2, 7, 9)), image)


@pytest.mark.parametrize(("x", "y"), [(1, 0), (0, -2), (3, 2)])
def test_whole_pixels_move_as_they_are(x, y):
    image = torch.rand(1, 3, 12, 16)
    flow = torch.tensor([x, y]).view(1, 2, 1, 1).expand(1, 2, 12, 16).float()
    moved = warp(image, flow)[..., 3:9, 3:12]
    torch.testing.assert_close(moved, image[..., 3 + y : 9 + y, 3 + x : 12 + x])


def test_agrees_with_opencv():
    rng = np.random.default_rng(0)
    image = rng.random((20, 30), np.float32)
    flow = rng.normal(0, 3, (20, 30, 2)).astype(np.float32)
    rows, columns = np.mgrid[:20, :30].astype(np.float32)
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    wanted = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    got = warp(torch.from_numpy(image)[None, None], torch.from_numpy(flow).permute(2, 0, 1)[None])
    # OpenCV rounds places to 1/32 pixel.
    np.testing.assert_allclose(got[0, 0], wanted, atol=1 / 32)


def test_gradients():
    image = torch.rand(1, 1, 4, 5, dtype=torch.double, requires_grad=True)
    flow = torch.rand(1, 2, 4, 5, dtype=torch.double) * 0.8 + 0.1
    assert torch.autograd.gradcheck(warp, (image, flow.requires_grad_()))
