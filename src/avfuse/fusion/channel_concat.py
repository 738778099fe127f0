"""Fig. 1a: audio features are further channels of the image's features."""

import torch
from torch import nn

from avfuse.fusion.base import Fusion
from avfuse.fusion.middle import middle_layers
from avfuse.types import Condition, Dims, Fused, Pyramid


class ChannelConcat(Fusion):
    """Concatenation at the bottleneck, as in You Said That? (Chung et al. 2017).

    The audio feature is projected to as many channels as the bottleneck has and stands, the same at
    every position, beside them. The middle layers that follow are the paper's with static kernels,
    so that nothing but the way in differs.

    Args:
        dims: what the encoders publish.
        layers: number of middle layers (paper: 4).
        kernel_size: height and width of their kernels (paper: 1).
    """

    def __init__(self, dims: Dims, layers: int = 4, kernel_size: int = 1) -> None:
        super().__init__(dims)
        width = dims.visual[-1]
        self.project = nn.Sequential(nn.Linear(dims.audio, width), nn.LeakyReLU(0.2))
        self.middle = middle_layers(2 * width, width, layers, kernel_size)

    def prepare(self, condition: Condition) -> Condition:
        """Project (B, T, D) audio features to the bottleneck's channels, (B, T, C)."""
        return condition._replace(audio=self.project(condition.audio))

    def forward(self, features: Pyramid, condition: Condition) -> Fused:
        *skips, y = features
        heard = condition.audio[:, :, None, None].expand_as(y)
        return Fused((*skips, self.middle(torch.cat([y, heard], 1))), {})
