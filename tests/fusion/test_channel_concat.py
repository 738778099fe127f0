"""Concatenation of a feature that is the same everywhere, against its closed form."""

import torch
import torch.nn.functional as F

from avfuse import ChannelConcat, Condition, Dims


def test_sound_is_a_bias_of_each_frames_own():
    """W·[y, a] = W_y·y + W_a·a: what a 1x1 convolution makes of channels without a place."""
    torch.manual_seed(0)
    fusion = ChannelConcat(Dims(visual=(4, 8), audio=12), layers=1).eval()
    features = torch.randn(3, 4, 8, 8), torch.randn(3, 8, 4, 6)
    condition = fusion.prepare(Condition(torch.rand(1, 3, 12))).fold()
    conv, norm, activation = fusion.middle[0]
    image, sound = conv.weight.split(8, 1)
    assert (conv.weight.shape, conv.bias) == ((8, 16, 1, 1), None)
    y = F.conv2d(features[-1], image) + (condition.audio @ sound[..., 0, 0].T)[:, :, None, None]
    torch.testing.assert_close(fusion(features, condition).features[-1], activation(norm(y)))
