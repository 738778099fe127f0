"""Causal convolutions: against a loop over the definition, and in pieces."""

from itertools import pairwise

import pytest
import torch

from avfuse.layers.causal import CausalConv

CASES = [(1, 1), (2, 1), (2, 4), (3, 5)]


@pytest.mark.parametrize(("kernel", "dilation"), CASES)
def test_is_the_sum_over_what_was(kernel, dilation):
    torch.manual_seed(0)
    conv, x = CausalConv(3, 4, kernel, dilation=dilation), torch.randn(2, 3, 13)
    made, _ = conv(x)
    for t in range(13):
        wanted = conv.bias.expand(2, -1).clone()
        for k in range(kernel):
            at = t - (kernel - 1 - k) * dilation
            if at >= 0:
                wanted += x[:, :, at] @ conv.weight[:, :, k].mT
        torch.testing.assert_close(made[:, :, t], wanted)


@pytest.mark.parametrize(("kernel", "dilation"), CASES)
@pytest.mark.parametrize("cuts", [(0, 5, 13), (0, 1, 2, 3, 13), tuple(range(14))])
def test_pieces_are_the_whole(kernel, dilation, cuts):
    torch.manual_seed(0)
    conv, x = CausalConv(3, 4, kernel, dilation=dilation), torch.randn(2, 3, 13)
    kept, pieces = None, []
    for a, b in pairwise(cuts):
        made, kept = conv(x[..., a:b], kept)
        assert kept.shape[2] == conv.reach
        pieces.append(made)
    torch.testing.assert_close(torch.cat(pieces, 2), conv(x)[0])
