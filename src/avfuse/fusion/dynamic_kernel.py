"""Fig. 1c: audio features become the convolution kernels of the middle layers."""

from collections.abc import Sequence
from typing import cast

from torch import nn

from avfuse.fusion.base import Fusion
from avfuse.layers.dynamic_conv import DynamicConv2d
from avfuse.types import Condition, Dims, Fused, Pyramid


class DynamicKernel(Fusion):
    """The paper's strategy (III-B, eq. 2): the bottleneck's convolutions are inferred from sound.

    `prepare` makes the kernels of all frames in one matrix product a layer; `forward` applies them.

    Args:
        dims: what the encoders publish.
        layers: number of dynamic middle layers (paper: 4).
        kernel_size: height and width of the dynamic kernels (paper: 1).
        rank: None for the paper's full generator, D x 65,792 numbers a layer at 256 channels; a
            number for one factored through that many values, which a shipped model can afford.
    """

    def __init__(
        self, dims: Dims, layers: int = 4, kernel_size: int = 1, rank: int | None = None
    ) -> None:
        super().__init__(dims)
        if layers < 1 or kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(
                f"layers={layers}, kernel_size={kernel_size}; expected at least one layer and an "
                f"odd kernel size, which keeps the bottleneck's shape"
            )
        width = dims.visual[-1]
        dynamic = nn.ModuleList(
            DynamicConv2d(
                width, width, kernel_size, features=dims.audio, padding=kernel_size // 2, rank=rank
            )
            for _ in range(layers)
        )
        self.dynamic = cast("Sequence[DynamicConv2d]", dynamic)  # a ModuleList forgets the type
        self.combine = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(width), nn.LeakyReLU(0.2)) for _ in range(layers)
        )

    def prepare(self, condition: Condition) -> Condition:
        """Turn (B, T, D) audio features into every layer's kernels for every frame."""
        kernels = tuple(layer.kernels(condition.audio) for layer in self.dynamic)
        return condition._replace(kernels=kernels)

    def forward(self, features: Pyramid, condition: Condition) -> Fused:
        """Four (or `layers`) dynamic convolutions at the bottleneck: y_i = g_i(k_i * y_{i-1})."""
        *skips, y = features
        for layer, g, kernel in zip(self.dynamic, self.combine, condition.kernels, strict=True):
            y = g(layer.convolve(y, kernel))
        return Fused((*skips, y), {})
