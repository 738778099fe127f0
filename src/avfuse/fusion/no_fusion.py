"""The audio-blind control: a table without it proves nothing."""

from jaxtyping import Float
from torch import Tensor, nn

from avfuse.fusion.base import Fusion
from avfuse.layers.blocks import ConvBlock
from avfuse.types import Condition, Dims, Fused


class NoFusion(Fusion):
    """Static middle layers that never hear anything.

    Args:
        dims: what the encoders publish.
        layers: number of middle layers.
    """

    def __init__(self, dims: Dims, layers: int = 4) -> None:
        super().__init__(dims)
        width = dims.visual[-1]
        self.middle = nn.Sequential(*(ConvBlock(width, width) for _ in range(layers)))

    def forward(
        self, features: tuple[Float[Tensor, "N C H W"], ...], condition: Condition
    ) -> Fused:
        *skips, y = features
        return Fused((*skips, self.middle(y)), {})
