"""VG-net: the paper's size, recurrence over time and not over the batch, eq. 8."""

import pytest
import torch

from avfuse.methods.atvgnet.vg_net import VGNet

SIZE = 32


def small(**options):
    return VGNet((4, 4, 6, 6, 8), blocks=1, size=SIZE, **options).eval()


@pytest.fixture
def given():
    """Reference, its landmarks, and the landmarks of five frames, three times."""
    return torch.rand(3, 3, SIZE, SIZE), *(torch.rand(3, *n, 68, 2) * SIZE for n in ((), (5,)))


def test_has_the_papers_size():
    count = sum(p.numel() for p in VGNet().parameters()) / 1e6
    assert count == pytest.approx(58.36, abs=0.005)


@pytest.mark.parametrize("options", [{}, {"recurrent": False}, {"background": "previous"}])
def test_shapes_and_ranges(given, options):
    painted = small(**options)(*given)
    assert painted.image.shape == painted.motion.shape == (3, 5, 3, SIZE, SIZE)
    assert painted.mask.shape == (3, 5, 1, SIZE, SIZE)
    assert all(x.min() >= 0 and x.max() <= 1 for x in painted[:3])


class TestOverTime:
    ORDER = (4, 2, 0, 1, 3)

    def test_order_in_a_clip_matters(self, given):
        net, (image, still, landmarks) = small(), given
        whole = net(*given).image
        other = net(image, still, landmarks[:, self.ORDER]).image
        assert not torch.allclose(other, whole[:, self.ORDER], atol=1e-5)

    def test_order_in_a_batch_does_not(self, given):
        net, people = small(), [2, 0, 1]
        whole = net(*given)
        other = net(*(x[people] for x in given))
        for ours, theirs in zip(other, whole, strict=True):
            torch.testing.assert_close(ours, theirs[people])

    def test_frames_stand_alone_without_mmcrnn(self, given):
        net, (image, still, landmarks) = small(recurrent=False), given
        whole = net(*given)
        other = net(image, still, landmarks[:, self.ORDER])
        torch.testing.assert_close(other.image, whole.image[:, self.ORDER])


class TestBlend:
    def test_is_eq_8(self, given):
        painted = small()(*given)
        alpha, motion, reference = painted.mask, painted.motion, given[0].unsqueeze(1)
        torch.testing.assert_close(painted.image, alpha * motion + (1 - alpha) * reference)

    def test_with_the_previous_frame(self, given):
        painted = small(background="previous")(*given)
        last = given[0]
        for t in range(5):
            alpha = painted.mask[:, t]
            last = alpha * painted.motion[:, t] + (1 - alpha) * last
            torch.testing.assert_close(painted.image[:, t], last)

    def test_none(self, given):
        painted = small(blend=False)(*given)
        assert torch.equal(painted.image, painted.motion)
        assert torch.equal(painted.mask, torch.ones_like(painted.mask))


def test_attention_by_landmarks_lets_the_reference_through(given):
    """Eq. 7: where the attention is 0, what is decoded is the reference's own features."""
    net = small()
    head = net.middle.attention[-2]
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.constant_(head.bias, -50)
    motion = net(*given).motion
    expected = (net.decode(net.shallow(given[0]))[:, :3].tanh() + 1) / 2
    torch.testing.assert_close(motion, expected.unsqueeze(1).expand_as(motion))


@pytest.mark.parametrize(
    "options", [{"size": 40}, {"blocks": -1}, {"channels": (4, 4)}, {"channels": (1, 4, 4, 4, 4)}]
)
def test_sizes_that_make_no_network(options):
    with pytest.raises(ValueError, match="expected five channels"):
        VGNet(**options)
