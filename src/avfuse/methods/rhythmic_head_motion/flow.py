"""The flow network (section 4.3, after Wang et al. 2018): from some landmarks to others.

It moves a picture whose landmarks lie elsewhere to where they are to be, and says where the result
is to be trusted.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.blocks import ConvBlock, ResidualBlock
from avfuse.layers.warp import warp

_REACH = 20 / 256  # of a flow of 1, in sides of the picture

_DOWNS = 3


class Guide(NamedTuple):
    """A picture that a frame may be made of.

    Attributes:
        image: RGB in [0, 1].
        marks: its landmarks, drawn.
    """

    image: Float[Tensor, "N 3 H W"]
    marks: Float[Tensor, "N 1 H W"]


class Warped(NamedTuple):
    """A guide where it is to be.

    Attributes:
        image: y', RGB in [0, 1].
        attention: α in [0, 1].
        flow: where each pixel comes from, relative to itself, in pixels.
    """

    image: Float[Tensor, "N 3 H W"]
    attention: Float[Tensor, "N 1 H W"]
    flow: Float[Tensor, "N 2 H W"]


class FlowNetwork(nn.Module):
    """Three levels down, residual blocks, three up; flow and attention.

    Args:
        width: channels of the finest level; each level has twice as many.
        residuals: blocks.
    """

    def __init__(self, width: int, residuals: int) -> None:
        super().__init__()
        sizes = [width * 2**level for level in range(_DOWNS + 1)]
        self.body = nn.Sequential(
            ConvBlock(5, width),
            *(ConvBlock(a, b, stride=2) for a, b in pairwise(sizes)),
            *(ResidualBlock(sizes[-1]) for _ in range(residuals)),
            *(
                nn.Sequential(nn.Upsample(scale_factor=2), ConvBlock(b, a))
                for a, b in reversed([*pairwise(sizes)])
            ),
        )
        self.flow, self.attention = nn.Conv2d(width, 2, 3, 1, 1), nn.Conv2d(width, 1, 3, 1, 1)

    def forward(self, guide: Guide, marks: Float[Tensor, "N 1 H W"]) -> Warped:
        """Move a guide to landmarks that are drawn."""
        seen = torch.cat([marks, guide.marks, guide.image * 2 - 1], 1)
        features = self.body(seen)
        flow = _REACH * marks.shape[-1] * self.flow(features)
        return Warped(warp(guide.image, flow), self.attention(features).sigmoid(), flow)
