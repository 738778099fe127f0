"""Between VG-net's encoders and decoder: the multi-modal convolutional RNN, or none."""

from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.blocks import ConvBlock, ResidualBlock
from avfuse.layers.conv_rnn import ConvGRU


class Middle(Protocol):
    """From the features of frames in a row to what the decoder draws from.

    Args of a call: v''_t of eq. 5, (B, T, C, h, w); maps of the landmarks and of the reference's,
    side by side, (B, T, D, h, w); i'_p, the reference's features, (B, E, 4h, 4w); and the state
    that the last chunk left. It returns v'_t, (B, T, E, 4h, 4w), and its own state.
    """

    def __call__(
        self, fused: Tensor, marks: Tensor, still: Tensor, state: Tensor | None
    ) -> tuple[Tensor, Tensor | None]: ...


class MMCRNN(nn.Module):
    """Eq. 6 and 7: memory over time, and an attention by landmarks to what the reference shows.

    Args:
        inputs: C, channels of v''_t.
        marks: channels of the landmarks' maps, both together.
        channels: of the three levels on the way up, fine to coarse; the coarse one is the memory's.
        blocks: residual blocks.
    """

    def __init__(
        self, inputs: int, marks: int, channels: tuple[int, int, int], blocks: int
    ) -> None:
        super().__init__()
        fine, middle, coarse = channels
        self.memory = ConvGRU(inputs, coarse, dilation=2)
        self.rise = _rise(channels, blocks)
        self.attention = nn.Sequential(
            Up(marks, middle), Up(middle, fine), nn.Conv2d(fine, 1, 3, 1, 1), nn.Sigmoid()
        )

    def forward(
        self,
        fused: Float[Tensor, "B T C h w"],
        marks: Float[Tensor, "B T D h w"],
        still: Float[Tensor, "B E H W"],
        state: Float[Tensor, "B F h w"] | None,
    ) -> tuple[Float[Tensor, "B T E H W"], Float[Tensor, "B F h w"]]:
        remembered, state = self.memory(fused, state)
        moving = self.rise(remembered.flatten(0, 1)).unflatten(0, fused.shape[:2])
        attention = self.attention(marks.flatten(0, 1)).unflatten(0, fused.shape[:2])
        return torch.lerp(still.unsqueeze(1), moving, attention), state


class Framewise(nn.Module):
    """The paper's ablation w/o MMCRNN: a plain convolution for the memory, and no attention.

    Args: as of [`MMCRNN`][avfuse.methods.atvgnet.mmcrnn.MMCRNN].
    """

    def __init__(
        self, inputs: int, marks: int, channels: tuple[int, int, int], blocks: int
    ) -> None:
        super().__init__()
        self.rise = nn.Sequential(ConvBlock(inputs, channels[-1]), _rise(channels, blocks))

    def forward(
        self,
        fused: Float[Tensor, "B T C h w"],
        marks: Float[Tensor, "B T D h w"],
        still: Float[Tensor, "B E H W"],
        state: None,
    ) -> tuple[Float[Tensor, "B T E H W"], None]:
        return self.rise(fused.flatten(0, 1)).unflatten(0, fused.shape[:2]), None


class Up(nn.Sequential):
    """Transposed convolution to twice the size, batch norm, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, output_padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.2, inplace=True),
        )


def _rise(channels: tuple[int, int, int], blocks: int) -> nn.Sequential:
    """Residual blocks, then up to four times the size."""
    fine, middle, coarse = channels
    residual = (ResidualBlock(coarse) for _ in range(blocks))
    return nn.Sequential(*residual, Up(coarse, middle), Up(middle, fine))
