"""The paper's w/o-DCK ablation (VI-D): audio as maps, let in by spatial attention."""

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.fusion.base import Fusion
from avfuse.fusion.middle import middle_layers
from avfuse.layers.blocks import ConvBlock
from avfuse.types import Condition, Dims, Fused, Pyramid

Place = Literal["bottleneck", "image"]
"""At which resolution sound meets the image."""

_MAPS = 16  # channels that the paper reshapes the audio feature to
_GRID = 8  # positions a side: the bottleneck of a 256 x 256 crop, five levels down


class SpatialAttention(Fusion):
    """Audio reshaped to 16 x H x W, fused by spatial attention (VI-D, after DAVD-Net).

    The paper names the module and does not describe it, nor how a feature of 512 numbers becomes
    16 x H x W of them. Here a linear map makes 16 maps of 8 x 8 out of it, which are interpolated
    to height and width; image and maps together give an attention in (0, 1) for each position, and
    so much of the maps, brought to the features' width, is added there. The static middle layers
    follow.

    In the paper H x W is the image's own resolution: `image`. There the finest features, doubled to
    it, meet the sound, and what comes of it goes down the pyramid beside the encoder's features, by
    one strided convolution a level. `bottleneck` is the same at the coarsest level, at a fraction
    of the work.

    Unlike the other strategies it ties sound to places in the picture, which is what the paper's
    Fig. 8 holds against it: train it on whole crops (`data.window: null`), not on windows.

    Args:
        dims: what the encoders publish.
        layers: number of middle layers (paper: 4).
        kernel_size: height and width of their kernels (paper: 1).
        place: at which resolution sound meets the image, `bottleneck` or `image` (the paper's).
    """

    def __init__(
        self, dims: Dims, layers: int = 4, kernel_size: int = 1, place: Place = "bottleneck"
    ) -> None:
        super().__init__(dims)
        if place not in get_args(Place):
            raise ValueError(f"place={place!r}; expected {', '.join(get_args(Place))}")
        down = dims.visual if place == "image" else ()
        width = dims.visual[0] if place == "image" else dims.visual[-1]
        self.project = nn.Linear(dims.audio, _MAPS * _GRID * _GRID)
        self.attend = nn.Sequential(
            ConvBlock(width + _MAPS, width), nn.Conv2d(width, 1, 3, 1, 1), nn.Sigmoid()
        )
        self.widen = nn.Conv2d(_MAPS, width, 1)
        self.down = nn.ModuleList(
            ConvBlock(inputs, outputs, stride=2)
            for inputs, outputs in zip((width, *down[:-1]), down, strict=False)
        )
        self.middle = middle_layers(dims.visual[-1], dims.visual[-1], layers, kernel_size)

    def prepare(self, condition: Condition) -> Condition:
        """Turn (B, T, D) audio features into flat maps, (B, T, 16·8·8)."""
        return condition._replace(audio=self.project(condition.audio))

    def forward(self, features: Pyramid, condition: Condition) -> Fused:
        maps = condition.audio.reshape(-1, _MAPS, _GRID, _GRID)
        if not self.down:
            *skips, y = features
            return Fused((*skips, self.middle(self._let_in(y, maps))), {})
        # Sound's own precision, which a fast runner lowers: the finest features stay in float32.
        finest = features[0].to(maps.dtype)
        y = self._let_in(F.interpolate(finest, scale_factor=2.0, mode="nearest"), maps)
        heard = []
        for down, x in zip(self.down, features, strict=True):
            y = x.to(maps.dtype) + down(y)
            heard.append(y.to(x.dtype))
        return Fused((*heard[:-1], self.middle(y)), {})

    def _let_in(
        self, y: Float[Tensor, "N C H W"], maps: Float[Tensor, "N M h w"]
    ) -> Float[Tensor, "N C H W"]:
        """Add the maps to features, where the attention is open."""
        maps = F.interpolate(maps, y.shape[-2:], mode="bilinear", align_corners=False)
        attention = self.attend(torch.cat([y, maps], 1))
        return y + attention * self.widen(maps)
