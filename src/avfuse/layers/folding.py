"""Networks made lean: norms folded into convolutions, parts that compute in another precision."""

import itertools
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Network = TypeVar("Network", bound=nn.Module)


def folded(network: Network) -> Network:
    """Make every batch norm part of the convolution before it, in place.

    Args:
        network: in evaluation mode; norms that follow a convolution in a `Sequential` are folded.
    """
    for part in network.modules():
        if isinstance(part, nn.Sequential):
            _fold(part)
    return network


def compute_in(part: nn.Module, dtype: torch.dtype) -> None:
    """Let a part compute in another precision, to which what it is given first is converted."""
    part.to(dtype)
    part.register_forward_pre_hook(lambda _, given: (given[0].to(dtype), *given[1:]))


def _fold(parts: nn.Sequential) -> None:
    for index, (conv, norm) in enumerate(itertools.pairwise(parts)):
        if not isinstance(norm, nn.BatchNorm2d):
            continue
        if isinstance(conv, nn.ConvTranspose2d):
            parts[index] = fuse_conv_bn_eval(conv, norm, transpose=True)
        elif isinstance(conv, nn.Conv2d):
            parts[index] = fuse_conv_bn_eval(conv, norm)
        else:
            continue
        parts[index + 1] = nn.Identity()
