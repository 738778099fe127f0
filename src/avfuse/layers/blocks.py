"""Building blocks of the static part: convolution, batch norm, activation."""

from jaxtyping import Float
from torch import Tensor, nn


class ConvBlock(nn.Sequential):
    """Convolution, batch norm, leaky ReLU: one `g_i(k_i * y)` of eq. 1.

    Batch norm rather than instance norm, because it folds into the convolution for inference.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, kernel_size: int = 3, stride: int = 1
    ) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.LeakyReLU(0.2, inplace=True),
        )


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut; shapes stay."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            ConvBlock(channels, channels),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.activation = nn.LeakyReLU(0.2, inplace=True)

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
        return self.activation(x + self.body(x))
