"""D_s and D_p: eq. 10 and 11, and what they can learn."""

import pytest
import torch

from avfuse.methods.atvgnet.discriminator import RegressionDiscriminator

SIZE = 32


def small(size=SIZE):
    return RegressionDiscriminator((4, 4, 8), width=8, size=size).eval()


@pytest.fixture
def given():
    return torch.rand(3, 4, 3, SIZE, SIZE), torch.rand(3, 68, 2) * SIZE


def test_landmarks_are_counted_from_the_example(given):
    """Eq. 10: p_p plus what the LSTM says, here a pixel to the right and two down."""
    net = small()
    torch.nn.init.zeros_(net.move.weight)
    with torch.no_grad():
        net.move.bias.copy_(torch.tensor([1.0, 2.0]).repeat(68) / (SIZE / 2))
    expected = given[1].unsqueeze(1).expand(3, 4, 68, 2) + torch.tensor([1.0, 2.0])
    torch.testing.assert_close(net(*given).landmarks, expected)


def test_the_score_is_the_mean_over_time(given):
    """Eq. 11, and what each frame adds depends on no later one."""
    net, steps = small(), []
    net.score.register_forward_hook(lambda *call: steps.append(call[-1].squeeze(2)))
    video, still = given
    whole, half = net(video, still).score, net(video[:, :2], still).score
    assert steps[0].shape == (3, 4)
    torch.testing.assert_close(whole, steps[0].mean(1))
    torch.testing.assert_close(half, steps[0][:, :2].mean(1))


def test_order_matters_in_a_clip_and_not_in_a_batch(given):
    net, (video, still), people, order = small(), given, [2, 0, 1], [3, 1, 0, 2]
    judged = net(video, still)
    for ours, theirs in zip(net(video[people], still[people]), judged, strict=True):
        torch.testing.assert_close(ours, theirs[people])
    other = net(video[:, order], still)
    assert not torch.allclose(other.landmarks, judged.landmarks[:, order], atol=1e-4)


@pytest.mark.parametrize("size", [16, 20, 33])
def test_any_size(size):
    judged = small(size)(torch.rand(1, 2, 3, size, size), torch.rand(1, 68, 2))
    assert judged.score.shape == (1,)
    assert judged.landmarks.shape == (1, 2, 68, 2)


def test_learns_where_a_square_is():
    """D_p reads a place off the picture: a bright square is where all landmarks are."""
    net = RegressionDiscriminator((8, 8, 8), width=16, size=SIZE)
    optimizer = torch.optim.Adam(net.parameters(), 5e-3)
    still = torch.full((1, 68, 2), 15.5)

    def clips(count):
        corner = torch.randint(0, SIZE - 8, (count, 3, 2))
        video = torch.zeros(count, 3, 3, SIZE, SIZE)
        for b in range(count):
            for t in range(3):
                x, y = corner[b, t]
                video[b, t, :, y : y + 8, x : x + 8] = 1
        return video, (corner + 3.5).unsqueeze(2).expand(-1, -1, 68, -1)

    for _ in range(150):
        video, true = clips(16)
        loss = (net(video, still.expand(16, -1, -1)).landmarks - true).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    video, true = clips(32)
    error = (net.eval()(video, still.expand(32, -1, -1)).landmarks - true).abs().mean()
    guess = (still - true).abs().mean()
    assert error < guess / 2
