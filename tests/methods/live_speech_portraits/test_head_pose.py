"""Head motion: against the whole convolution, by the receptive field, by torch's distributions."""

import pytest
import torch
from torch import nn

from avfuse.methods.live_speech_portraits.head_pose import Gaussian, HeadPose


@pytest.fixture
def small():
    torch.manual_seed(0)
    return HeadPose(4, 8, layers=4).eval()


@pytest.fixture
def heard():
    return torch.randn(1, 80, 8, generator=torch.Generator().manual_seed(1))


def test_is_as_large_as_the_papers():
    """Which counts the last layer's way on too."""
    net = HeadPose(512)
    assert round((sum(p.numel() for p in net.parameters()) + 128 * 128) / 1e6, 3) == 4.267
    assert net.receptive == 255


def test_a_pose_depends_on_as_many_before_it_as_it_says():
    net = HeadPose(2, 4).double().eval()
    for part in net.modules():  # let everything through
        if isinstance(part, nn.Conv1d):
            nn.init.constant_(part.weight, 0.1)
            if part.bias is not None:
                nn.init.constant_(part.bias, 0.1)
    before = torch.zeros(1, 300, 12, dtype=torch.float64, requires_grad=True)
    gaussian, _ = net(before, torch.zeros(1, 300, 4, dtype=torch.float64))
    gaussian.mean[0, -1].sum().backward()
    (seen,) = before.grad[0].abs().sum(1).nonzero(as_tuple=True)
    assert (int(seen.min()), int(seen.max())) == (300 - 255, 299)


class TestGenerating:
    def test_equals_the_whole_convolution(self, small, heard):
        """Each pose, with nothing but the kept inputs, is that of all poses at once."""
        noise = torch.randn(80, 12, generator=torch.Generator().manual_seed(2))
        first = torch.randn(12)
        found, _ = small.generate(heard, noise, first, None)
        before = torch.cat([first[None], found[:-1]])[None]
        gaussian, _ = small(before, heard)
        torch.testing.assert_close(gaussian.sample(noise[None])[0], found, rtol=1e-5, atol=1e-5)

    def test_equals_the_whole_at_full_size(self):
        torch.manual_seed(0)
        net, heard = HeadPose(16).eval(), torch.randn(1, 300, 32)
        noise, first = torch.randn(300, 12), torch.zeros(12)
        with torch.no_grad():
            found, _ = net.generate(heard, noise, first, None)
            gaussian, _ = net(torch.cat([first[None], found[:-1]])[None], heard)
        torch.testing.assert_close(gaussian.sample(noise[None])[0], found, rtol=1e-4, atol=1e-4)

    def test_pieces_are_the_whole(self, small, heard):
        noise, last, kept = torch.randn(80, 12), torch.zeros(12), None
        whole, _ = small.generate(heard, noise, last, None)
        found = []
        for a, b in ((0, 1), (1, 30), (30, 80)):
            piece, kept = small.generate(heard[:, a:b], noise[a:b], last, kept)
            last = piece[-1]
            found.append(piece)
        torch.testing.assert_close(torch.cat(found), whole, rtol=1e-5, atol=1e-5)

    def test_keeps_as_much_however_long(self, small, heard):
        noise = torch.randn(80, 12)
        short = small.generate(heard[:, :5], noise[:5], noise[0], None)[1]
        long = small.generate(heard, noise, noise[0], None)[1]
        assert [k.shape for k in short] == [k.shape for k in long]
        assert sum(k.shape[2] for k in long) == small.receptive - 1

    def test_goes_no_farther_than_heads_have_been(self, small, heard):
        with torch.no_grad():
            small.decode[-1].bias[:6] = torch.tensor([20.0, -20.0] * 3)
        found, _ = small.generate(heard, torch.zeros(80, 12), torch.zeros(12), None)
        assert found[-1, :6].tolist() == [2.5, -2.5] * 3

    def test_depends_on_sound_and_on_what_was(self, small, heard):
        noise, first = torch.zeros(80, 12), torch.zeros(12)
        found, _ = small.generate(heard, noise, first, None)
        assert (small.generate(heard + 1, noise, first, None)[0] - found).abs().max() > 1e-3
        assert (small.generate(heard, noise, first + 1, None)[0][0] - found[0]).abs().max() > 1e-3


class TestGaussian:
    def test_surprise_is_torchs(self):
        torch.manual_seed(0)
        mean, precision, x = torch.randn(3, 2, 5, 12)
        normal = torch.distributions.Normal(mean, (-precision).exp())
        wanted = -normal.log_prob(x).sum(2).mean()
        torch.testing.assert_close(Gaussian(mean, precision).surprise(x), wanted)

    def test_samples_have_its_mean_and_deviation(self):
        torch.manual_seed(0)
        gaussian = Gaussian(torch.full((1, 1, 12), 3.0), torch.full((1, 1, 12), -0.5))
        drawn = gaussian.sample(torch.randn(20_000, 1, 12))
        torch.testing.assert_close(drawn.mean((0, 1)), torch.full((12,), 3.0), atol=0.05, rtol=0)
        wanted = torch.full((12,), 0.5).exp()
        torch.testing.assert_close(drawn.std((0, 1)), wanted, atol=0.05, rtol=0)

    def test_no_deviation_is_below_the_least(self, small, heard):
        with torch.no_grad():
            small.decode[-1].bias[12:] = 50.0
        gaussian, _ = small(torch.zeros(1, 80, 12), heard)
        least = torch.tensor([0.01, 0.03]).repeat_interleave(6).expand(1, 80, 12)
        torch.testing.assert_close((-gaussian.log_precision).exp(), least)

    def test_of_the_frame_before_a_network_that_says_nothing_keeps_the_pose(self):
        before = torch.randn(2, 5, 12)
        gaussian = Gaussian.after(before, torch.zeros(2, 5, 24))
        torch.testing.assert_close(gaussian.mean[..., :6], before[..., :6])
        assert not gaussian.mean[..., 6:].any()  # and stands still
        deviation = (-gaussian.log_precision).exp()
        wanted = torch.tensor([0.03, 1.0]).repeat_interleave(6).expand_as(deviation)
        torch.testing.assert_close(deviation, wanted)


@pytest.mark.slow
def test_learns_a_nod():
    """Poses that swing: what comes next is known from what was, to the noise that they have."""
    torch.manual_seed(0)
    time = torch.arange(600) / 60
    swing = torch.stack([torch.sin(5 * time + k) for k in range(12)], 1)
    swing = swing + 0.1 * torch.randn(600, 12)
    net = HeadPose(2, 16, layers=5)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    silence = torch.zeros(1, 599, 4)
    for _ in range(300):
        gaussian, _ = net(swing[None, :-1], silence)
        loss = gaussian.surprise(swing[None, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    error = (gaussian.mean - swing[None, 1:]).square().mean().sqrt()
    assert error < 0.15
    assert 0.03 < (-gaussian.log_precision).exp().mean() < 0.2
