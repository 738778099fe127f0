"""The layers of its face encoder and decoder, under the names of the published weights."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.audio_encoder import ConvLayer

# Outputs and residual layers of each halving of the face, and of each doubling back.
_DOWN = ((32, 2), (64, 3), (128, 2), (256, 2), (512, 1))
_UP = ((512, 2), (384, 2), (256, 2), (128, 2), (64, 2))
_FIRST = 16  # channels at full size


class UpLayer(nn.Module):
    """Transposed convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int, padding: int) -> None:
        super().__init__()
        # The output padding makes a stride of 2 double the size exactly.
        up = nn.ConvTranspose2d(inputs, outputs, 3, stride, padding, output_padding=stride - 1)
        self.conv_block = nn.Sequential(up, nn.BatchNorm2d(outputs))

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C2 H2 W2"]:
        return torch.relu(self.conv_block(x))


def encoder() -> Iterator[nn.Sequential]:
    """96, 48, 24, 12, 6 and 3 pixels, then one."""
    yield nn.Sequential(ConvLayer(6, _FIRST, 7, 1, 3, False))
    inputs = _FIRST
    for outputs, count in _DOWN:
        yield nn.Sequential(ConvLayer(inputs, outputs, 3, 2, 1, False), *_residual(outputs, count))
        inputs = outputs
    yield nn.Sequential(
        ConvLayer(inputs, inputs, 3, 1, 0, False), ConvLayer(inputs, inputs, 1, 1, 0, False)
    )


def decoder() -> Iterator[nn.Sequential]:
    """One pixel, 3, then 6, 12, 24, 48 and 96; each block also sees the encoder's features."""
    yield nn.Sequential(ConvLayer(512, 512, 1, 1, 0, False))
    yield nn.Sequential(UpLayer(1024, 512, 1, 0), *_residual(512, 1))
    inputs, skips = 512, [outputs for outputs, _ in reversed(_DOWN)]
    for skip, (outputs, count) in zip(skips, _UP, strict=True):
        yield nn.Sequential(UpLayer(inputs + skip, outputs, 2, 1), *_residual(outputs, count))
        inputs = outputs


def head() -> nn.Sequential:
    """From the last features to colours in [0, 1]."""
    inputs = _UP[-1][0] + _FIRST
    return nn.Sequential(ConvLayer(inputs, 32, 3, 1, 1, False), nn.Conv2d(32, 3, 1), nn.Sigmoid())


def _residual(channels: int, count: int) -> Iterator[ConvLayer]:
    return (ConvLayer(channels, channels, 3, 1, 1, True) for _ in range(count))
