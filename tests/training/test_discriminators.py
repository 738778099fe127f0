"""The adversary: a score a patch, any size, one picture at a time."""

import pytest
import torch

from avfuse.training.discriminators import PatchDiscriminator


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("size", [(64, 64), (32, 48)])
@pytest.mark.parametrize("channels", [(4,), (4, 8), (4, 8, 8)])
def test_one_score_a_patch(size, channels):
    scores = PatchDiscriminator(channels)(torch.rand(2, 3, *size))
    factor = 2 ** len(channels)
    assert scores.shape == (2, 1, size[0] // factor, size[1] // factor)


def test_pictures_are_judged_one_by_one():
    discriminator = PatchDiscriminator((4, 8)).eval()
    pictures = torch.rand(3, 3, 32, 32)
    together = discriminator(pictures)
    for i in range(3):
        torch.testing.assert_close(discriminator(pictures[i : i + 1]), together[i : i + 1])


def test_a_far_corner_does_not_change_a_patchs_score():
    discriminator = PatchDiscriminator((4,)).eval()  # no norm, which would see the whole picture
    picture = torch.rand(1, 3, 64, 64)
    other = picture.clone()
    other[..., 48:, 48:] = 0
    before, after = discriminator(picture), discriminator(other)
    assert torch.equal(before[..., :16, :16], after[..., :16, :16])
    assert not torch.equal(before, after)


def test_learns_to_tell_two_kinds_of_pictures_apart():
    discriminator = PatchDiscriminator((8, 16))
    optimizer = torch.optim.Adam(discriminator.parameters(), 1e-2)
    stripes = (torch.arange(16) % 2).float().expand(4, 3, 16, 16)
    flat = torch.full_like(stripes, 0.5)
    for _ in range(150):
        loss = (discriminator(stripes) - 1).square().mean() + discriminator(flat).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert discriminator(stripes).mean() > discriminator(flat).mean() + 0.5
