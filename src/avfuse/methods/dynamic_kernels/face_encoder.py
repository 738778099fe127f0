"""The down-sampling half of the adapted U-Net: a frame in, a pyramid of features out."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.blocks import ConvBlock, ResidualBlock
from avfuse.types import Pyramid


class FaceEncoder(nn.Module):
    """One strided convolution a level (paper, VI-A: 5 down-sampling layers).

    Args:
        channels: of each level, fine to coarse; each level has half the size of the one before.
        blocks: residual blocks a level, after its convolution.
    """

    def __init__(self, channels: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__()
        levels = []
        for inputs, outputs, count in zip((3, *channels[:-1]), channels, blocks, strict=True):
            residual = (ResidualBlock(outputs) for _ in range(count))
            levels.append(nn.Sequential(ConvBlock(inputs, outputs, stride=2), *residual))
        self.levels = nn.ModuleList(levels)
        self.channels = tuple(channels)

    def forward(self, image: Float[Tensor, "N 3 H W"]) -> Pyramid:
        """Encode images; features come fine to coarse."""
        features = []
        y = image
        for level in self.levels:
            y = level(y)
            features.append(y)
        return tuple(features)
