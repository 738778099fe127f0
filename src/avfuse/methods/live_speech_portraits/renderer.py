"""The image-to-image translation network (section 3.4): condition map and candidates to a frame."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.blocks import ResidualBlock


class Renderer(nn.Module):
    """A U-Net of as many levels as there are channels, each half as large as the one before.

    On the way down a level is a convolution of stride 2 and its residual blocks; on the way up an
    enlargement to the nearest, a convolution, and as many. As in pix2pix, from which it comes,
    neither the first convolution nor the innermost one has a norm. With that its parameters are
    those that the paper counts.

    Args:
        inputs: channels of the input.
        channels: of each level, fine to coarse.
        residuals: blocks a level: 1 is the paper's own, 2 its large one, 0 the plain U-Net
            (Table 3).
    """

    def __init__(self, inputs: int, channels: Sequence[int], residuals: int = 1) -> None:
        super().__init__()
        if len(channels) < 2 or min(channels) < 1 or residuals < 0:
            raise ValueError(
                f"channels={tuple(channels)}, residuals={residuals}; expected two levels or more, "
                f"and no fewer blocks than 0"
            )
        deepest = len(channels) - 1
        self.down = nn.ModuleList(
            _level(a, b, residuals, stride=2, norm=0 < number < deepest)
            for number, (a, b) in enumerate(pairwise((inputs, *channels)))
        )
        above = [channels[-1], *(2 * c for c in channels[-2::-1])]
        self.up = nn.ModuleList(
            _level(a, b, residuals) for a, b in zip(above, channels[-2::-1], strict=False)
        )
        self.rise = nn.Upsample(scale_factor=2)
        self.colour = nn.Conv2d(2 * channels[0], 3, 3, 1, 1)

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N 3 H W"]:
        """Draw frames, RGB in [0, 1]; H and W are divisible by 2 once a level."""
        features = []
        for down in self.down:
            x = down(x)
            features.append(x)
        y = features.pop()
        for up in self.up:
            y = torch.cat([up(self.rise(y)), features.pop()], 1)
        return self.colour(self.rise(y)).sigmoid()


def _level(
    inputs: int, outputs: int, residuals: int, *, stride: int = 1, norm: bool = True
) -> nn.Sequential:
    first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    norms = [nn.BatchNorm2d(outputs)] if norm else []
    blocks = (ResidualBlock(outputs) for _ in range(residuals))
    return nn.Sequential(first, *norms, nn.LeakyReLU(0.2, inplace=True), *blocks)
