"""Between VG-net's encoders and decoder: the multi-modal convolutional RNN, or none."""

from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.blocks import ConvBlock, ResidualBlock
from avfuse.layers.conv_rnn import ConvGRU


class Middle(Protocol):
    """From the features of frames in a row to what the decoder draws from.

    `remember` is what goes on over time: v''_t of eq. 5, (B, T, C, h, w), and the state that the
    frames before left, to features of each frame, (B, T, F, h, w), and the state for those that
    follow. A call is what is left for each frame by itself: these features, folded, (N, F, h, w);
    maps of the landmarks and of the reference's, side by side, (N, D, h, w); and i'_p, the
    reference's features, (N, E, 4h, 4w). It returns v'_t, likewise.
    """

    def remember(self, fused: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor | None]: ...

    def __call__(self, features: Tensor, marks: Tensor, still: Tensor) -> Tensor: ...


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

    def remember(
        self, fused: Float[Tensor, "B T C h w"], state: Float[Tensor, "B F h w"] | None
    ) -> tuple[Float[Tensor, "B T F h w"], Float[Tensor, "B F h w"]]:
        """The convolutional memory, from `state` or from nothing."""
        return self.memory(fused, state)

    def forward(
        self,
        features: Float[Tensor, "N F h w"],
        marks: Float[Tensor, "N D h w"],
        still: Float[Tensor, "N E H W"],
    ) -> Float[Tensor, "N E H W"]:
        """The rest of the CRNN, and eq. 7."""
        return torch.lerp(still, self.rise(features), self.attention(marks))


class Framewise(nn.Module):
    """The paper's ablation w/o MMCRNN: a plain convolution for the memory, and no attention.

    Args: as of [`MMCRNN`][avfuse.methods.atvgnet.mmcrnn.MMCRNN].
    """

    def __init__(
        self, inputs: int, marks: int, channels: tuple[int, int, int], blocks: int
    ) -> None:
        super().__init__()
        self.rise = nn.Sequential(ConvBlock(inputs, channels[-1]), _rise(channels, blocks))

    def remember(
        self, fused: Float[Tensor, "B T C h w"], state: Tensor | None
    ) -> tuple[Float[Tensor, "B T C h w"], None]:
        """Nothing."""
        return fused, None

    def forward(
        self,
        features: Float[Tensor, "N C h w"],
        marks: Float[Tensor, "N D h w"],
        still: Float[Tensor, "N E H W"],
    ) -> Float[Tensor, "N E H W"]:
        return self.rise(features)


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
