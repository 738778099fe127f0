"""AT-net: the paper's size, memory over time."""

import pytest
import torch

from avfuse.methods.atvgnet.at_net import ATNet


def test_has_the_papers_size():
    count = sum(p.numel() for p in ATNet().parameters()) / 1e6
    assert count == pytest.approx(30.07, abs=0.005)


class TestOverTime:
    @pytest.fixture
    def net(self):
        return ATNet(mel_steps=8, components=4, width=2).eval()

    @pytest.fixture
    def given(self):
        return torch.randn(3, 5, 80, 8), torch.randn(3, 4)

    def test_chunks_are_the_whole(self, net, given):
        mel, shape = given
        whole, _ = net(mel, shape)
        first, state = net(mel[:, :2], shape)
        second, _ = net(mel[:, 2:], shape, state)
        torch.testing.assert_close(torch.cat([first, second], 1), whole)

    def test_order_matters_in_a_clip_and_not_in_a_batch(self, net, given):
        mel, shape = given
        order, people = [4, 2, 0, 1, 3], [2, 0, 1]
        whole, _ = net(mel, shape)
        torch.testing.assert_close(net(mel[people], shape[people])[0], whole[people])
        assert not torch.allclose(net(mel[:, order], shape)[0], whole[:, order], atol=1e-5)

    def test_both_sound_and_shape_count(self, net, given):
        mel, shape = given
        whole, _ = net(mel, shape)
        assert not torch.equal(net(mel, shape + 1)[0], whole)
        assert not torch.equal(net(mel.flip(2), shape)[0], whole)


@pytest.mark.parametrize("options", [{"mel_steps": 4}, {"width": 0}])
def test_sizes_that_make_no_network(options):
    with pytest.raises(ValueError, match="expected at least 5 steps"):
        ATNet(**options)


def test_the_shortest_window():
    assert ATNet(mel_steps=5, width=1).eval()(torch.randn(1, 2, 80, 5), torch.randn(1, 6))[
        0
    ].shape == (1, 2, 6)
