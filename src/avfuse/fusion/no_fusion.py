"""The audio-blind control: a table without it proves nothing."""

from avfuse.fusion.base import Fusion
from avfuse.fusion.middle import middle_layers
from avfuse.types import Condition, Dims, Fused, Pyramid


class NoFusion(Fusion):
    """Static middle layers that never hear anything.

    Args:
        dims: what the encoders publish.
        layers: number of middle layers.
        kernel_size: height and width of their kernels; odd.
    """

    def __init__(self, dims: Dims, layers: int = 4, kernel_size: int = 1) -> None:
        super().__init__(dims)
        width = dims.visual[-1]
        self.middle = middle_layers(width, width, layers, kernel_size)

    def forward(self, features: Pyramid, condition: Condition) -> Fused:
        *skips, y = features
        return Fused((*skips, self.middle(y)), {})
