"""The neural video rendering network: masked frames and heat maps in, a whole frame out."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.blocks import ConvBlock, ResidualBlock


class Renderer(nn.Module):
    """A U-Net (section 3.3.1); its skips carry what is not masked, and the heat maps' structure.

    The paper gives its input and its number of parameters, 75 million. Here every level is a
    strided convolution and a residual block, and on the way up a convolution over what comes from
    below and from beside, and a residual block.

    Args:
        inputs: channels of the input.
        channels: of each level, fine to coarse; all but the first halve the size.
    """

    def __init__(self, inputs: int, channels: Sequence[int]) -> None:
        super().__init__()
        if len(channels) < 2 or min(channels) < 1:
            raise ValueError(f"channels={tuple(channels)}; expected two levels or more")
        self.first = ConvBlock(inputs, channels[0])
        pairs = [*pairwise(channels)]
        self.down = nn.ModuleList(
            nn.Sequential(ConvBlock(fine, coarse, stride=2), ResidualBlock(coarse))
            for fine, coarse in pairs
        )
        self.up = nn.ModuleList(
            nn.Sequential(ConvBlock(coarse + fine, fine), ResidualBlock(fine))
            for fine, coarse in reversed(pairs)
        )
        self.rise = nn.Upsample(scale_factor=2)
        self.colour = nn.Conv2d(channels[0], 3, 3, 1, 1)

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N 3 H W"]:
        """Draw frames, RGB in [0, 1]."""
        features = [self.first(x)]
        for down in self.down:
            features.append(down(features[-1]))
        y = features.pop()
        for up in self.up:
            y = up(torch.cat([self.rise(y), features.pop()], 1))
        return self.colour(y).sigmoid()
