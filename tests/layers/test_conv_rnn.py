"""The convolutional GRU: torch's own where maps are one pixel, and the same in chunks."""

import pytest
import torch
from torch import nn

from avfuse.layers.conv_rnn import ConvGRU


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def test_on_single_pixels_it_is_torchs_gru():
    ours, theirs = ConvGRU(3, 5, kernel_size=1), nn.GRU(3, 5, batch_first=True)
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(ours.given.weight[..., 0, 0])
        theirs.weight_hh_l0.copy_(ours.kept.weight[..., 0, 0])
        theirs.bias_ih_l0.copy_(ours.given.bias)
        theirs.bias_hh_l0.copy_(ours.kept.bias)
    x, state = torch.randn(2, 4, 3), torch.randn(2, 5)
    outputs, last = ours(x[..., None, None], state[..., None, None])
    expected, expected_last = theirs(x, state[None])
    torch.testing.assert_close(outputs[..., 0, 0], expected)
    torch.testing.assert_close(last[..., 0, 0], expected_last[0])


@pytest.mark.parametrize(("kernel_size", "dilation"), [(1, 1), (3, 1), (3, 2), (5, 2)])
def test_maps_keep_their_size(kernel_size, dilation):
    outputs, state = ConvGRU(2, 3, kernel_size=kernel_size, dilation=dilation)(
        torch.randn(2, 3, 2, 6, 5)
    )
    assert outputs.shape == (2, 3, 3, 6, 5)
    assert torch.equal(outputs[:, -1], state)


def test_chunks_are_the_whole():
    layer, clip = ConvGRU(2, 3), torch.randn(2, 5, 2, 4, 4)
    whole, last = layer(clip)
    first, state = layer(clip[:, :2])
    second, end = layer(clip[:, 2:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    torch.testing.assert_close(end, last)


def test_it_runs_over_time_and_not_over_the_batch():
    layer, clip = ConvGRU(2, 3), torch.randn(3, 4, 2, 4, 4)
    outputs, _ = layer(clip)
    torch.testing.assert_close(layer(clip[[2, 0, 1]])[0], outputs[[2, 0, 1]])
    order = [3, 1, 0, 2]
    assert not torch.allclose(layer(clip[:, order])[0], outputs[:, order], atol=1e-3)


def test_later_frames_change_nothing():
    layer, clip = ConvGRU(2, 3), torch.randn(1, 4, 2, 4, 4)
    other = clip.clone()
    other[:, 3] = 0
    assert torch.equal(layer(clip)[0][:, :3], layer(other)[0][:, :3])
    assert not torch.equal(layer(clip)[0][:, 3], layer(other)[0][:, 3])


def test_gradients_reach_the_first_frame():
    clip = torch.randn(1, 4, 2, 4, 4, requires_grad=True)
    ConvGRU(2, 3)(clip)[1].sum().backward()
    assert clip.grad[:, 0].abs().sum() > 0
