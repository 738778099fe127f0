"""The audio-blind control: a table without it proves nothing."""

from torch import nn

from avfuse.fusion.base import Fusion
from avfuse.layers.blocks import ConvBlock
from avfuse.types import Condition, Dims, Fused, Pyramid


class NoFusion(Fusion):
    """Static middle layers that never hear anything.

    Args:
        dims: what the encoders publish.
        layers: number of middle layers.
    """

    def __init__(self, dims: Dims, layers: int = 4) -> None:
        super().__init__(dims)
        if layers < 1:
            raise ValueError(f"layers={layers}; expected at least one layer")
        width = dims.visual[-1]
        self.middle = nn.Sequential(*(ConvBlock(width, width) for _ in range(layers)))

    def forward(self, features: Pyramid, condition: Condition) -> Fused:
        *skips, y = features
        return Fused((*skips, self.middle(y)), {})
