"""Smoothing: by scipy's Gaussian, and in pieces."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from avfuse.methods.live_speech_portraits.smoothing import smoothed


def randn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize(("sigma", "ahead"), [(2.0, 6), (1.0, 3), (2.0, 10)])
def test_is_scipys(sigma, ahead):
    values = randn(40, 3)
    shown, _ = smoothed(values, None, sigma, ahead)
    wanted = gaussian_filter1d(values.numpy(), sigma, 0, radius=round(3 * sigma), mode="nearest")
    np.testing.assert_allclose(shown.numpy(), wanted[: 40 - ahead], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("sigma", "ahead"), [(2.0, 6), (8.0, 4), (0.0, 5), (0.0, 0)])
def test_pieces_are_the_whole(sigma, ahead):
    values, kept, parts = randn(40, 3), None, []
    whole, _ = smoothed(values, None, sigma, ahead)
    for a, b in pairwise((0, ahead + 1, ahead + 2, 30, 40)):
        part, kept = smoothed(values[a:b], kept, sigma, ahead)
        assert len(part) == b - a - (ahead if a == 0 else 0)
        parts.append(part)
    torch.testing.assert_close(torch.cat(parts), whole)


def test_none_only_waits():
    values = randn(9, 2)
    shown, _ = smoothed(values, None, 0.0, 4)
    assert torch.equal(shown, values[:5])


def test_what_is_still_stays():
    shown, _ = smoothed(torch.ones(20, 2), None, 3.0, 6)
    torch.testing.assert_close(shown, torch.ones(14, 2))
