"""Φ: over time, by weights that references have made; it learns a rule from a few frames."""

import pytest
import torch

from avfuse.methods.rhythmic_head_motion.losses import following
from avfuse.methods.rhythmic_head_motion.motion import HeadMotion


@pytest.fixture
def phi():
    return HeadMotion(80, 16, pairs=4, layers=3).eval()


@pytest.fixture
def heard():
    return torch.randn(2, 12, 80, 22)


def poses(count, frames):
    return 0.1 * torch.randn(count, frames, 6)


@torch.no_grad()
def test_sound_cut_anywhere_is_heard_the_same(phi, heard):
    whole, _ = phi.hear(heard)
    first, kept = phi.hear(heard[:, :5])
    second, _ = phi.hear(heard[:, 5:], kept)
    torch.testing.assert_close(torch.cat([first, second], 2), whole, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_poses_are_a_linear_layer_of_each_persons_own(phi, heard):
    """The batched product is the loop over people."""
    rhythm = phi.know(poses(2, 9), heard[:, :9])
    sound, _ = phi.hear(heard)
    made = phi.follow(sound, rhythm)
    for person in range(2):
        weight, bias = rhythm.weights.weight[person, :, :, 0, 0], rhythm.weights.bias[person]
        alone = rhythm.mean[person] + phi.spread * (sound[person].T @ weight.T + bias)
        torch.testing.assert_close(made[person], alone, rtol=1e-4, atol=1e-6)


@torch.no_grad()
def test_weights_follow_from_motion_and_from_sound(phi, heard):
    before = poses(2, 12)
    weights = phi.know(before, heard).weights.weight
    assert not torch.allclose(weights, phi.know(-before, heard).weights.weight, atol=1e-4)
    assert not torch.allclose(weights, phi.know(before, heard.flip(1)).weights.weight, atol=1e-4)


@torch.no_grad()
def test_where_the_references_lie_is_where_the_motion_is(phi, heard):
    before, shift = poses(2, 12), torch.tensor([0.1, 0.2, 0, 0.05, 0, -1])
    sound, _ = phi.hear(heard)
    one, other = (phi.follow(sound, phi.know(p, heard)) for p in (before, before + shift))
    torch.testing.assert_close(other, one + shift, rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_of_whom_nothing_was_heard_is_anybody(phi):
    one, other = (phi.know(poses(1, 5), None).weights.weight for _ in range(2))
    assert torch.equal(one, other)


@torch.no_grad()
@pytest.mark.parametrize("frames", [1, 2, 64, 100])
def test_any_number_of_references_will_do(phi, frames):
    rhythm = phi.know(poses(1, frames), torch.randn(1, frames, 80, 22))
    assert all(part.isfinite().all() for part in (*rhythm.weights, rhythm.mean))


def test_learns_to_take_a_rule_from_references():
    """Heads that turn with loudness, half of them the other way: which, only references tell."""
    phi = HeadMotion(80, 16, pairs=4, layers=1)
    optimizer = torch.optim.Adam(phi.parameters(), 5e-3)

    def batch():
        loud = torch.randn(16, 24, 1)
        ways = torch.randn(16, 1, 6).sign() * phi.spread
        heard = (2 * loud - 2)[..., None].expand(-1, -1, 80, 22)
        moved = ways * loud
        return moved[:, :12], heard[:, :12], moved[:, 12:], heard[:, 12:]

    def loss():
        before, said, after, heard = batch()
        return following(phi.follow(phi.hear(heard)[0], phi.know(before, said)), after, phi.spread)

    with torch.no_grad():
        first = sum(float(loss()) for _ in range(4)) / 4
    for _ in range(120):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    with torch.no_grad():
        last = sum(float(loss()) for _ in range(4)) / 4
    assert last < 0.6 * first
