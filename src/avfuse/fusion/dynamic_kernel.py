"""Fig. 1c: audio features become the convolution kernels of the middle layers."""

from collections.abc import Mapping, Sequence
from typing import cast

from torch import nn

from avfuse.fusion.base import Fusion
from avfuse.fusion.middle import check_middle
from avfuse.layers.dynamic_conv import DynamicConv2d
from avfuse.types import Condition, Dims, Fused, Pyramid


class DynamicKernel(Fusion):
    """The paper's strategy (III-B, eq. 2): the bottleneck's convolutions are inferred from sound.

    `prepare` makes the kernels of all frames in one matrix product a layer; `forward` applies them.

    Args:
        dims: what the encoders publish.
        layers: number of middle layers (paper: 4).
        kernel_size: height and width of their kernels (paper: 1).
        rank: None for the paper's full generator, D x 65,792 numbers a layer at 256 channels; a
            number for one factored through that many values, which a shipped model can afford.
        bottleneck: None, or a number of values that the audio feature is first squeezed to by one
            linear map, which all layers share.
        dynamic: which of the middle layers are dynamic, counted from 0; None is all of them, as in
            the paper. The others are ordinary convolutions of the same shape.
    """

    def __init__(
        self,
        dims: Dims,
        layers: int = 4,
        kernel_size: int = 1,
        rank: int | None = None,
        bottleneck: int | None = None,
        dynamic: Sequence[int] | None = None,
    ) -> None:
        super().__init__(dims)
        check_middle(layers, kernel_size)
        if bottleneck is not None and bottleneck < 1:
            raise ValueError(f"bottleneck={bottleneck}; expected None or at least 1")
        chosen = set(range(layers) if dynamic is None else dynamic)
        if not chosen or not chosen <= set(range(layers)):
            raise ValueError(f"dynamic={dynamic}; expected some of {list(range(layers))}, or None")
        width, padding = dims.visual[-1], kernel_size // 2
        features = dims.audio if bottleneck is None else bottleneck
        self.squeeze = nn.Identity() if bottleneck is None else nn.Linear(dims.audio, bottleneck)
        convs = {
            str(i): DynamicConv2d(
                width, width, kernel_size, features=features, padding=padding, rank=rank
            )
            for i in sorted(chosen)
        }
        # A ModuleDict forgets the type.
        self.dynamic = cast("Mapping[str, DynamicConv2d]", nn.ModuleDict(convs))
        self.static = nn.ModuleDict(
            {
                str(i): nn.Conv2d(width, width, kernel_size, padding=padding)
                for i in range(layers)
                if i not in chosen
            }
        )
        self.combine = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(width), nn.LeakyReLU(0.2)) for _ in range(layers)
        )

    def prepare(self, condition: Condition) -> Condition:
        """Turn (B, T, D) audio features into every dynamic layer's kernels for every frame."""
        code = self.squeeze(condition.audio)
        kernels = tuple(layer.kernels(code) for layer in self.dynamic.values())
        return condition._replace(kernels=kernels)

    def forward(self, features: Pyramid, condition: Condition) -> Fused:
        """Four (or `layers`) convolutions at the bottleneck: y_i = g_i(k_i * y_{i-1})."""
        *skips, y = features
        kernels = dict(zip(self.dynamic, condition.kernels, strict=True))
        for i, g in enumerate(self.combine):
            name = str(i)
            if name in kernels:
                y = g(self.dynamic[name].convolve(y, kernels[name]))
            else:
                y = g(self.static[name](y))
        return Fused((*skips, y), {})
