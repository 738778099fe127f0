"""The paper's w/o-DCK ablation (VI-D): audio as maps, let in by spatial attention."""

import torch
import torch.nn.functional as F
from torch import nn

from avfuse.fusion.base import Fusion
from avfuse.fusion.middle import middle_layers
from avfuse.layers.blocks import ConvBlock
from avfuse.types import Condition, Dims, Fused, Pyramid

_MAPS = 16  # channels that the paper reshapes the audio feature to
_GRID = 8  # positions a side: the bottleneck of a 256 x 256 crop, five levels down


class SpatialAttention(Fusion):
    """Audio reshaped to 16 x H x W, fused by spatial attention (VI-D, after DAVD-Net).

    The paper names the module and does not describe it. Here a linear map makes 16 maps of 8 x 8
    out of the audio feature, which are interpolated to the bottleneck's height and width; image and
    maps together give an attention in (0, 1) for each position, and so much of the maps, brought to
    the bottleneck's width, is added there. The static middle layers follow.

    Unlike the other strategies it ties sound to places in the picture, which is what the paper's
    Fig. 8 holds against it: train it on whole crops (`data.window: null`), not on windows.

    Args:
        dims: what the encoders publish.
        layers: number of middle layers (paper: 4).
        kernel_size: height and width of their kernels (paper: 1).
    """

    def __init__(self, dims: Dims, layers: int = 4, kernel_size: int = 1) -> None:
        super().__init__(dims)
        width = dims.visual[-1]
        self.project = nn.Linear(dims.audio, _MAPS * _GRID * _GRID)
        self.attend = nn.Sequential(
            ConvBlock(width + _MAPS, width), nn.Conv2d(width, 1, 3, 1, 1), nn.Sigmoid()
        )
        self.widen = nn.Conv2d(_MAPS, width, 1)
        self.middle = middle_layers(width, width, layers, kernel_size)

    def prepare(self, condition: Condition) -> Condition:
        """Turn (B, T, D) audio features into flat maps, (B, T, 16·8·8)."""
        return condition._replace(audio=self.project(condition.audio))

    def forward(self, features: Pyramid, condition: Condition) -> Fused:
        *skips, y = features
        maps = condition.audio.reshape(-1, _MAPS, _GRID, _GRID)
        maps = F.interpolate(maps, y.shape[-2:], mode="bilinear", align_corners=False)
        attention = self.attend(torch.cat([y, maps], 1))
        return Fused((*skips, self.middle(y + attention * self.widen(maps))), {})
