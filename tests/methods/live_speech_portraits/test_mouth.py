"""Audio to mouth: its size, and that it goes in pieces and knows no future but what it is given."""

import torch

from avfuse.methods.live_speech_portraits.mouth import AudioToMouth
from avfuse.runtime.nest import tensors_of


def test_is_as_large_as_the_papers():
    assert round(sum(p.numel() for p in AudioToMouth(512).parameters()) / 1e6, 3) == 3.064


def test_pieces_are_the_whole():
    torch.manual_seed(0)
    net, heard = AudioToMouth(4, 12).eval(), torch.randn(1, 9, 8)
    whole, after = net(heard)
    first, state = net(heard[:, :2])
    rest, end = net(heard[:, 2:], state)
    assert whole.shape == (1, 9, 75)
    torch.testing.assert_close(torch.cat([first, rest], 1), whole)
    torch.testing.assert_close(tensors_of(end), tensors_of(after))


def test_what_comes_later_changes_nothing():
    torch.manual_seed(0)
    net, heard = AudioToMouth(4, 12).eval(), torch.randn(1, 9, 8)
    later = heard.clone()
    later[:, 6:] += 1
    torch.testing.assert_close(net(later)[0][:, :6], net(heard)[0][:, :6])
