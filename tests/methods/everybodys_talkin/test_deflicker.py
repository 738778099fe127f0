"""Eq. 7: its closed form, flicker that goes, light and motion that stay."""

import math

import numpy as np
import torch

from avfuse.methods.everybodys_talkin.deflicker import Trail, deflickered, mixed
from avfuse.types import Planes


def picture(seed=0, size=64):
    """Something with structure for the flow to follow, in levels."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.uniform(60, 200, (1, 3, 8, 8)).astype(np.float32))
    smooth = torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic")
    return smooth[0].movedim(0, -1).contiguous()


def round_mask(size=64):
    axis = torch.linspace(-2, 2, size)
    return torch.exp(-(axis[:, None] ** 2 + axis**2) * 2)


def test_is_equation_7_for_a_wave():
    """A wave has one frequency: its share is what the equation says."""
    x = torch.arange(32) / 32
    wave = torch.cos(2 * math.pi * 4 * x).expand(32, 32)[..., None].repeat(1, 1, 3)
    share = 4 * math.pi**2 * (4 / 32) ** 2
    found = mixed(3 * wave, wave, 0.7)
    expected = (share * 3 + 0.7 * 1) / (share + 0.7) * wave
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def flickering(mask):
    """A still picture whose mouth is lighter in every second frame."""
    base = picture()
    return [base + (10 * (t % 2)) * mask[..., None] for t in range(6)]


def test_flicker_goes_where_nothing_moves():
    mask = round_mask()
    frames = torch.stack(flickering(mask))
    planes, _ = deflickered(Planes(frames, mask.expand(6, -1, -1)), None, 1.0)
    middle = (slice(None), slice(28, 36), slice(28, 36))
    levels = (x[middle].mean((1, 2, 3)) for x in (frames, planes.colour))
    before, after = (level.diff().abs().mean() for level in levels)
    assert after < 0.3 * before


def test_the_light_of_the_footage_is_followed():
    mask = round_mask()
    frames = torch.stack([picture() + 4.0 * t for t in range(6)])
    planes, _ = deflickered(Planes(frames, mask.expand(6, -1, -1)), None, 1.0)
    found, true = (x.mean((1, 2, 3)) for x in (planes.colour, frames))
    torch.testing.assert_close(found, true, atol=0.5, rtol=0)


def test_less_where_the_mouth_moves():
    """λ = exp(-d): a shift of six pixels leaves hardly anything of the frame before."""
    mask, base = round_mask(), picture()
    trail, centre = Trail(base, base), (slice(24, 40),) * 2

    def changed(now):
        now = now + 20 * mask[..., None]
        shown = deflickered(Planes(now[None], mask[None]), trail, 1.0)[0].colour[0]
        return (shown - now)[centre].abs().mean()

    assert changed(base) > 3 * changed(torch.roll(base, 6, 0))


def test_cut_anywhere_it_is_the_same():
    mask = round_mask()
    frames, masks = torch.stack(flickering(mask)), mask.expand(6, -1, -1)
    whole, _ = deflickered(Planes(frames, masks), None, 1.0)
    first, trail = deflickered(Planes(frames[:2], masks[:2]), None, 1.0)
    second, _ = deflickered(Planes(frames[2:], masks[2:]), trail, 1.0)
    assert torch.equal(torch.cat([first.colour, second.colour]), whole.colour)


def test_of_no_frames_nothing_is_kept_or_lost():
    trail = Trail(picture(), picture())
    none = Planes(torch.zeros(0, 64, 64, 3), torch.zeros(0, 64, 64))
    planes, after = deflickered(none, trail, 1.0)
    assert len(planes.colour) == 0
    assert after is trail
